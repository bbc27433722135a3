# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SQL of following, fencing and comparing. Every identifier and literal goes through ``psycopg.sql``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import LiteralString

from ansible_collections.erpops.odoo.plugins.module_utils.replication.model import (
    PUBLIC,
    Function,
    Grant,
    Identity,
    Table,
)

with suppress(ImportError):  # the client reports it
    from psycopg import sql

OWN_SCHEMAS: LiteralString = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
NOT_OF_EXTENSION: LiteralString = (
    "NOT EXISTS (SELECT FROM pg_depend AS e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid"
    " AND e.deptype = 'e')"
)

VERSION: LiteralString = "SELECT current_setting('server_version_num')::int AS version"
SOURCE_RECORD: LiteralString = """
    SELECT obj_description(oid, 'pg_publication') AS record FROM pg_publication WHERE pubname = %s
"""
SUBSCRIPTION: LiteralString = """
    SELECT d.datname AS database, s.subenabled AS enabled, s.subslotname AS slot
    FROM pg_subscription AS s JOIN pg_database AS d ON d.oid = s.subdbid WHERE s.subname = %s
"""
# wal_status is there since 13, conflicts and invalidation are later; a row's JSON has what the version has.
SLOT: LiteralString = """
    SELECT active, pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::bigint AS lag_bytes,
           coalesce(to_jsonb(s) ->> 'wal_status', '') IN ('lost', 'unreserved')
           OR restart_lsn IS NULL OR to_jsonb(s) ->> 'invalidation_reason' IS NOT NULL AS lost
    FROM pg_replication_slots AS s WHERE slot_name = %s
"""
APPLY_ERRORS: LiteralString = "SELECT apply_error_count AS errors FROM pg_stat_subscription_stats WHERE subname = %s"
KEPT_SLOT: LiteralString = """
    SELECT pg_is_in_recovery() AS standby, s.slot_name IS NOT NULL AS there,
           coalesce(s.synced AND NOT s.temporary AND s.invalidation_reason IS NULL, false) AS kept
    FROM (SELECT %s AS name) AS wanted LEFT JOIN pg_replication_slots AS s ON s.slot_name = wanted.name
"""
ADVANCE_SLOT: LiteralString = """
    SELECT end_lsn::text AS position FROM pg_replication_slot_advance(%s, pg_current_wal_lsn())
"""
# A subscription's origin has a name made of its oid.
ADVANCE_ORIGIN: LiteralString = """
    SELECT pg_replication_origin_advance('pg_' || oid, %(position)s::pg_lsn) FROM pg_subscription
    WHERE subname = %(name)s AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
# In a transaction: its commit waits for the server's own disk, and so has everything before it there.
FLUSH: tuple[LiteralString, ...] = (
    "SET LOCAL synchronous_commit = 'local'",
    "SELECT pg_logical_emit_message(true, 'erpops', '')",
)
TIMELINE: LiteralString = "SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8) AS timeline"
CHANGES: LiteralString = """
    SELECT data
    FROM pg_logical_slot_peek_changes(%(slot)s, NULL, %(most)s, 'include-xids', '0', 'skip-empty-xacts', '1')
    LIMIT %(most)s -- the function itself stops only between transactions, and one may be huge
"""
CONFIRMED: LiteralString = """
    SELECT confirmed_flush_lsn >= %s::pg_lsn AS done FROM pg_replication_slots WHERE slot_name = %s
"""
DATABASES: LiteralString = "SELECT datname FROM pg_database WHERE datname = ANY(%s)"
GRANTS: LiteralString = """
    SELECT coalesce(r.rolname, '') AS grantee, x.is_grantable AS grantable
    FROM pg_database AS d
    CROSS JOIN LATERAL aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) AS x
    LEFT JOIN pg_roles AS r ON r.oid = x.grantee
    WHERE d.datname = %s AND x.privilege_type = 'CONNECT' AND (r.rolname IS NULL OR r.rolname <> %s)
    ORDER BY 1
"""
# A superuser passes every grant. The administrator's own role and postgres stay; sessions of both are ended as well.
SUPERUSERS: LiteralString = """
    SELECT r.rolname AS name,
           ARRAY(SELECT o.datname::text FROM pg_database AS o
                 WHERE o.datdba = r.oid AND o.datname <> %(database)s ORDER BY 1) AS others
    FROM pg_roles AS r
    WHERE r.rolsuper AND r.rolcanlogin AND r.rolname NOT IN (session_user, 'postgres')
      AND (r.oid = (SELECT datdba FROM pg_database WHERE datname = %(database)s)
           OR EXISTS (SELECT FROM pg_stat_activity AS a
                      WHERE a.datname = %(database)s AND a.usesysid = r.oid
                        AND coalesce(to_jsonb(a) ->> 'backend_type', 'client backend') = 'client backend'))
"""
END_SESSIONS: LiteralString = """
    SELECT pid, CASE WHEN %(all)s OR xact_start IS NULL THEN pg_terminate_backend(pid) END AS ended
    FROM pg_stat_activity AS a WHERE datname = %(database)s AND pid <> ALL(%(own)s)
      AND coalesce(to_jsonb(a) ->> 'backend_type', 'client backend') = 'client backend'
"""  # the column is there since 10
END_PREPARED: LiteralString = "SELECT gid FROM pg_prepared_xacts WHERE database = %s"

TABLES: LiteralString = f"""
    SELECT n.nspname AS schema, c.relname AS name, c.relreplident AS identity, c.relpersistence AS persistence,
           EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indisvalid) AS has_key,
           coalesce((SELECT x.relname::text FROM pg_index AS i JOIN pg_class AS x ON x.oid = i.indexrelid
                     WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indimmediate
                       AND i.indpred IS NULL AND i.indexprs IS NULL
                       AND NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid
                                       AND a.attnum = ANY(i.indkey) AND NOT a.attnotnull)
                     ORDER BY i.indnatts, x.relname LIMIT 1), '') AS index,
           pg_table_size(c.oid) AS bytes
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND {OWN_SCHEMAS} AND {NOT_OF_EXTENSION}
    ORDER BY bytes DESC, 1, 2
"""
# What both sides show alike. Expressions are left out: each version writes the same one in its own way. So are
# sequences: Odoo makes and drops them with its own, and they are carried.
CATALOGUE: LiteralString = f"""
    SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
                          WHEN 'f' THEN 'foreign table' ELSE 'table' END AS kind,
           c.oid::regclass::text AS object, c.relpersistence::text AS definition
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't'
      AND {OWN_SCHEMAS} AND {NOT_OF_EXTENSION}
    UNION ALL
    SELECT 'column', c.oid::regclass::text || '.' || a.attname,
           format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't' AND {OWN_SCHEMAS} AND {NOT_OF_EXTENSION}
    UNION ALL
    SELECT 'index', i.indexrelid::regclass::text, CASE WHEN i.indisunique THEN 'unique ' ELSE '' END || i.indkey::text
    FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relpersistence <> 't' AND c.relkind <> 't' AND {OWN_SCHEMAS} AND {NOT_OF_EXTENSION}
    UNION ALL
    SELECT 'constraint', c.oid::regclass::text || '.' || k.conname, k.contype::text
    FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE k.contype IN ('p', 'u', 'f', 'c', 'x') AND c.relpersistence <> 't' AND {OWN_SCHEMAS} AND {NOT_OF_EXTENSION}
    UNION ALL
    SELECT 'trigger', c.oid::regclass::text || '.' || t.tgname, t.tgtype::text
    FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE NOT t.tgisinternal AND {OWN_SCHEMAS} AND {NOT_OF_EXTENSION}
    UNION ALL
    SELECT 'function', p.oid::regprocedure::text, md5(p.prosrc)
    FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
    WHERE {OWN_SCHEMAS} AND NOT EXISTS (SELECT FROM pg_depend AS e
        WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e')
"""
# What is written with expressions, as one sum a kind, to be compared with what the same server said before.
DIGESTS: LiteralString = f"""
    SELECT kind, md5(string_agg(name || ' ' || text, ' ' ORDER BY name, text)) AS digest FROM (
        SELECT 'views' AS kind, c.oid::regclass::text AS name, pg_get_viewdef(c.oid) AS text
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('v', 'm') AND {OWN_SCHEMAS} AND {NOT_OF_EXTENSION}
        UNION ALL
        SELECT 'indexes', '', pg_get_indexdef(i.indexrelid)
        FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.relpersistence <> 't' AND {OWN_SCHEMAS} AND {NOT_OF_EXTENSION}
        UNION ALL
        SELECT 'constraints', c.oid::regclass::text || k.conname, pg_get_constraintdef(k.oid)
        FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid
        JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.relpersistence <> 't' AND {OWN_SCHEMAS} AND {NOT_OF_EXTENSION}
        UNION ALL
        SELECT 'defaults', c.oid::regclass::text || d.adnum, pg_get_expr(d.adbin, d.adrelid)
        FROM pg_attrdef AS d JOIN pg_class AS c ON c.oid = d.adrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.relpersistence <> 't' AND {OWN_SCHEMAS} AND {NOT_OF_EXTENSION}
        UNION ALL
        SELECT 'triggers', '', pg_get_triggerdef(t.oid)
        FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE NOT t.tgisinternal AND {OWN_SCHEMAS} AND {NOT_OF_EXTENSION}
    ) AS found GROUP BY kind
"""
SEQUENCES: LiteralString = f"""
    SELECT s.schemaname AS schema, s.sequencename AS name, s.data_type::text AS type, s.start_value AS start,
           s.min_value AS min, s.max_value AS max, s.increment_by AS increment, s.cache_size AS cache, s.cycle,
           s.last_value AS last
    FROM pg_sequences AS s JOIN pg_namespace AS n ON n.nspname = s.schemaname WHERE {OWN_SCHEMAS} ORDER BY 1, 2
"""
# The same before there was such a view: a sequence is a relation that shows its values, and only a query made of its
# name can read it.
SEQUENCES_BEFORE_10: LiteralString = f"""
    SELECT schema, name, 'bigint' AS type, (xpath('/row/start_value/text()', seen))[1]::text::bigint AS start,
           (xpath('/row/min_value/text()', seen))[1]::text::bigint AS min,
           (xpath('/row/max_value/text()', seen))[1]::text::bigint AS max,
           (xpath('/row/increment_by/text()', seen))[1]::text::bigint AS increment,
           (xpath('/row/cache_value/text()', seen))[1]::text::bigint AS cache,
           (xpath('/row/is_cycled/text()', seen))[1]::text::boolean AS cycle,
           CASE WHEN (xpath('/row/is_called/text()', seen))[1]::text::boolean
                THEN (xpath('/row/last_value/text()', seen))[1]::text::bigint END AS last
    FROM (SELECT n.nspname::text AS schema, c.relname::text AS name,
                 query_to_xml(format('SELECT * FROM %I.%I', n.nspname, c.relname), false, true, '') AS seen
          FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
          WHERE c.relkind = 'S' AND {OWN_SCHEMAS}) AS found ORDER BY 1, 2
"""
# A sequence and the integer column that it belongs to.
OWNED_SEQUENCES: LiteralString = f"""
    SELECT n.nspname AS schema, c.relname AS name, o.nspname AS table_schema, t.relname AS table_name,
           a.attname AS column_name
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_depend AS d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
    JOIN pg_class AS t ON d.refclassid = 'pg_class'::regclass AND t.oid = d.refobjid
    JOIN pg_namespace AS o ON o.oid = t.relnamespace
    JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
    WHERE c.relkind = 'S' AND {OWN_SCHEMAS}
      AND a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) ORDER BY 1, 2
"""
# Where Odoo notes when a row was written, in UTC.
WRITTEN: LiteralString = f"""
    SELECT n.nspname AS schema, c.relname AS name
    FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE a.attname = 'write_date' AND a.atttypid = 'timestamp'::regtype AND c.relkind = 'r' AND {OWN_SCHEMAS}
"""
HEARD: LiteralString = """
    SELECT to_char(max(latest_end_time) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS heard
    FROM pg_stat_subscription WHERE subname = %s
"""
LARGE_OBJECTS: LiteralString = "SELECT oid::bigint AS oid, md5(lo_get(oid)) AS sum FROM pg_largeobject_metadata"
MATERIALIZED: LiteralString = f"""
    SELECT n.nspname AS schema, c.relname AS name FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind = 'm' AND c.relispopulated AND {OWN_SCHEMAS} AND {NOT_OF_EXTENSION} ORDER BY c.oid
"""
# Odoo's attachments that lie in the filestore.
ATTACHMENTS: LiteralString = """
    SELECT DISTINCT store_fname AS name FROM public.ir_attachment WHERE store_fname IS NOT NULL
"""
HAS_ATTACHMENTS: LiteralString = "SELECT to_regclass('public.ir_attachment') IS NOT NULL AS there"
EXTENSIONS: LiteralString = """
    SELECT e.extname AS name, n.nspname AS schema
    FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace
    WHERE e.extname <> 'plpgsql' ORDER BY e.oid
"""
DATABASE: LiteralString = """
    SELECT pg_encoding_to_char(d.encoding) AS encoding, d.datcollate AS collate, d.datctype AS ctype,
           d.datconnlimit AS connection_limit, shobj_description(d.oid, 'pg_database') AS comment,
           pg_get_userbyid(d.datdba) AS owner
    FROM pg_database AS d WHERE d.datname = %s
"""
SETTINGS: LiteralString = """
    SELECT coalesce(r.rolname, '') AS role, split_part(entry, '=', 1) AS name,
           substr(entry, strpos(entry, '=') + 1) AS value
    FROM pg_db_role_setting AS s JOIN pg_database AS d ON d.oid = s.setdatabase
    LEFT JOIN pg_roles AS r ON r.oid = s.setrole, unnest(s.setconfig) AS entry
    WHERE d.datname = %s ORDER BY 1, 2
"""
# Functions that an index, a check or a generated column calls, written without a search_path of their own: while a
# dump is restored the path is empty, and they fail.
UNSAFE_FUNCTIONS: LiteralString = f"""
    SELECT DISTINCT n.nspname AS schema, p.proname AS name, pg_get_function_identity_arguments(p.oid) AS arguments
    FROM pg_depend AS d JOIN pg_proc AS p ON d.refclassid = 'pg_proc'::regclass AND p.oid = d.refobjid
    JOIN pg_namespace AS n ON n.oid = p.pronamespace JOIN pg_language AS l ON l.oid = p.prolang
    WHERE d.classid IN ('pg_class'::regclass, 'pg_constraint'::regclass, 'pg_attrdef'::regclass)
      AND l.lanname NOT IN ('c', 'internal') AND {OWN_SCHEMAS}
      AND NOT EXISTS (SELECT FROM unnest(p.proconfig) AS entry WHERE entry LIKE 'search_path=%%')
"""


def name_of(table: Table) -> sql.Identifier:
    return sql.Identifier(table.schema, table.name)


def grantee(grant: Grant) -> sql.Composable:
    return sql.SQL("PUBLIC") if grant.grantee == PUBLIC else sql.Identifier(grant.grantee)


def revoke_connect(database: str, grants: Iterable[Grant]) -> list[sql.Composed]:
    form = sql.SQL("REVOKE CONNECT ON DATABASE {} FROM {} CASCADE")
    return [form.format(sql.Identifier(database), grantee(grant)) for grant in grants]


def grant_connect(database: str, grants: Iterable[Grant]) -> list[sql.Composed]:
    statements = []
    for grant in grants:
        option = sql.SQL(" WITH GRANT OPTION" if grant.grantable else "")
        form = sql.SQL("GRANT CONNECT ON DATABASE {} TO {}{}")
        statements.append(form.format(sql.Identifier(database), grantee(grant), option))
    return statements


def set_login(roles: Iterable[str], allowed: bool) -> list[sql.Composed]:
    form = sql.SQL("ALTER ROLE {} LOGIN" if allowed else "ALTER ROLE {} NOLOGIN")
    return [form.format(sql.Identifier(role)) for role in roles]


def set_identity(schema: str, table: str, index: str) -> sql.Composed:
    how = sql.SQL("USING INDEX {}").format(sql.Identifier(index)) if index else sql.SQL("FULL")
    return sql.SQL("ALTER TABLE {} REPLICA IDENTITY {}").format(sql.Identifier(schema, table), how)


def restore_identity(identity: Identity) -> sql.Composed:
    how = sql.SQL("NOTHING" if identity.was == "n" else "DEFAULT")
    name = sql.Identifier(identity.schema, identity.table)
    return sql.SQL("ALTER TABLE IF EXISTS {} REPLICA IDENTITY {}").format(name, how)


def pin_function(function: Function) -> sql.Composed:
    """What restores and applies runs with an empty search_path, and the function must find what it calls."""
    path = sql.SQL(", ").join([sql.Identifier(function.schema), sql.SQL("public"), sql.SQL("pg_temp")])
    return sql.SQL("ALTER FUNCTION {} SET search_path = {}").format(_signature(function), path)


def unpin_function(function: Function) -> sql.Composed:
    return sql.SQL("ALTER FUNCTION {} RESET search_path").format(_signature(function))


def _signature(function: Function) -> sql.Composed:
    # the types are the server's own rendering, quoted where they must be; no Identifier can carry them
    return sql.Identifier(function.schema, function.name) + sql.SQL(f"({function.arguments})")


def create_publication(name: str, tables: Sequence[Table]) -> sql.Composed:
    """Of the tables that are there, not FOR ALL TABLES: a table without a key that the application makes later would
    refuse its updates from then on."""
    create = sql.SQL("CREATE PUBLICATION {}").format(sql.Identifier(name))
    if not tables:
        return create
    names = sql.SQL(", ").join(sql.SQL("ONLY {}").format(name_of(table)) for table in tables)
    return create + sql.SQL(" FOR TABLE ") + names


def drop_publication(name: str) -> sql.Composed:
    return sql.SQL("DROP PUBLICATION IF EXISTS {}").format(sql.Identifier(name))


def comment_publication(name: str, text: str) -> sql.Composed:
    return sql.SQL("COMMENT ON PUBLICATION {} IS {}").format(sql.Identifier(name), sql.Literal(text))


def comment_subscription(name: str, text: str) -> sql.Composed:
    return sql.SQL("COMMENT ON SUBSCRIPTION {} IS {}").format(sql.Identifier(name), sql.Literal(text))


def comment_database(name: str, text: str | None) -> sql.Composed:
    return sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(name), sql.Literal(text))


def last_written(tables: Sequence[Table]) -> sql.Composed:
    each = [sql.SQL("SELECT max(write_date) AS at FROM ONLY {}").format(name_of(table)) for table in tables]
    form = 'SELECT to_char(max(at), \'YYYY-MM-DD"T"HH24:MI:SS"Z"\') AS written FROM ({}) AS found'
    return sql.SQL(form).format(sql.SQL(" UNION ALL ").join(each))


def raise_sequence(name: sql.Identifier, table: Table, column: str, least: int, most: int) -> sql.Composed:
    """To the greatest value of its column, where that is above what it has given. Returns a row where it was raised."""
    form = "SELECT setval({}::regclass, max({})) FROM {} HAVING max({}) BETWEEN {} AND {}"
    whole, of = sql.Literal(name.as_string(None)), sql.Identifier(column)
    return sql.SQL(form).format(whole, of, name_of(table), of, sql.Literal(least), sql.Literal(most))


def rename_database(name: str, new: str) -> sql.Composed:
    return sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(name), sql.Identifier(new))


def create_subscription(name: str, conninfo: str, options: Sequence[str]) -> sql.Composed:
    """Makes no slot and copies nothing. options: ``name = value``, of our own making."""
    given = ["create_slot = false", "copy_data = false", "enabled = false", "synchronous_commit = on", *options]
    words = sql.SQL(", ").join(sql.SQL(option) for option in given)
    form = sql.SQL("CREATE SUBSCRIPTION {name} CONNECTION {how} PUBLICATION {name} WITH (slot_name = {name}, {words})")
    return form.format(name=sql.Identifier(name), how=sql.Literal(conninfo), words=words)


def forget_subscription(name: str) -> list[sql.Composed]:
    """Drops it without asking the other side, so that it may stand in a transaction; the slot is dropped there."""
    forms: list[LiteralString] = [
        "ALTER SUBSCRIPTION {} DISABLE",
        "ALTER SUBSCRIPTION {} SET (slot_name = NONE)",
        "DROP SUBSCRIPTION {}",
    ]
    return [sql.SQL(form).format(sql.Identifier(name)) for form in forms]


def enable_subscription(name: str, enabled: bool) -> sql.Composed:
    return sql.SQL("ALTER SUBSCRIPTION {} " + ("ENABLE" if enabled else "DISABLE")).format(sql.Identifier(name))


def create_database(name: str, owner: str, encoding: str, collate: str, ctype: str) -> sql.Composed:
    """Made closed: only superusers may connect until the member opens."""
    form = "CREATE DATABASE {} TEMPLATE template0 OWNER {} ENCODING {} LC_COLLATE {} LC_CTYPE {} LOCALE_PROVIDER libc"
    values = [sql.Literal(value) for value in (encoding, collate, ctype)]
    return sql.SQL(form).format(sql.Identifier(name), sql.Identifier(owner), *values)


def drop_database(name: str) -> sql.Composed:
    return sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))


def row_sums(table: Table, *, by_id: bool = False) -> sql.Composed:
    """Rows, and two sums of halves of each row's hash: the same in any order, on any version. by_id: of the ids that
    are the one parameter.
    """
    chosen = sql.SQL(" WHERE id = ANY(%s)") if by_id else sql.SQL("")
    return sql.SQL(
        "SELECT count(*) AS rows, coalesce(sum(('x' || left(hash, 16))::bit(64)::bigint::numeric), 0) || ' ' || "
        "coalesce(sum(('x' || right(hash, 16))::bit(64)::bigint::numeric), 0) AS sum "
        "FROM (SELECT md5(erpops_row::text) AS hash FROM ONLY {} AS erpops_row{}) AS hashed"
    ).format(name_of(table), chosen)
