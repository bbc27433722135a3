# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SQL of the registry, of roles and of databases: every identifier and literal through ``psycopg.sql``."""

from __future__ import annotations

from contextlib import suppress
from typing import LiteralString

from ansible_collections.erpops.odoo.plugins.module_utils.postgres import scram
from ansible_collections.erpops.odoo.plugins.module_utils.tenant.model import READER, Registered, SetRole

with suppress(ImportError):  # the client reports it
    from psycopg import sql

# A row is never deleted: its number, and all that follows from it, stays taken.
CREATE_REGISTRY: LiteralString = """
    CREATE SCHEMA IF NOT EXISTS registry;
    CREATE TABLE IF NOT EXISTS registry.tenant (
        number integer PRIMARY KEY CHECK (number > 0),
        name text NOT NULL,
        app_host text NOT NULL,
        image text NOT NULL,
        state text NOT NULL CHECK (state IN ('present', 'suspended', 'absent')),
        instance text NOT NULL,
        cluster text NOT NULL,
        hostnames text[] NOT NULL,
        base_url text NOT NULL DEFAULT '',
        extensions text[] NOT NULL DEFAULT '{}',
        created_at timestamptz NOT NULL DEFAULT now(),
        born_at timestamptz,
        removed_at timestamptz
    );
    CREATE UNIQUE INDEX IF NOT EXISTS tenant_name ON registry.tenant (name) WHERE state <> 'absent';
    COMMENT ON TABLE registry.tenant IS 'Who has which number, where it lives, and what its database was told';
"""

READ_FOUNDATION: LiteralString = """
    SELECT t.oid IS NOT NULL AS there,
           coalesce(
               has_schema_privilege(r.oid, t.relnamespace, 'USAGE')
               AND has_table_privilege(r.oid, t.oid, 'SELECT')
               AND has_database_privilege(r.oid, current_database(), 'CONNECT'), false) AS reader_allowed
    FROM (SELECT to_regclass('registry.tenant') AS oid) AS wanted
    LEFT JOIN pg_class AS t ON t.oid = wanted.oid
    LEFT JOIN pg_roles AS r ON r.rolname = %s
"""

READ_REGISTRY: LiteralString = """
    SELECT number, name, app_host, image, state, instance, cluster, hostnames, base_url, extensions,
           born_at IS NOT NULL AS born
    FROM registry.tenant ORDER BY number
"""

READ_ROLES: LiteralString = """
    SELECT a.rolname AS name, a.rolcanlogin AS login, a.rolcreatedb AS createdb, a.rolconnlimit AS connection_limit,
           a.rolpassword AS verifier,
           array_remove(ARRAY[
               CASE WHEN a.rolsuper THEN 'superuser' END,
               CASE WHEN a.rolcreaterole THEN 'createrole' END,
               CASE WHEN a.rolreplication THEN 'replication' END,
               CASE WHEN a.rolbypassrls THEN 'bypassrls' END], NULL) AS powers,
           ARRAY(SELECT g.rolname::text FROM pg_auth_members AS m JOIN pg_authid AS g ON g.oid = m.roleid
                 WHERE m.member = a.oid ORDER BY 1) AS memberships,
           (SELECT substr(entry, 19) FROM pg_db_role_setting AS s, unnest(s.setconfig) AS entry
            WHERE s.setrole = a.oid AND s.setdatabase = 0 AND entry LIKE 'statement_timeout=%%') AS statement_timeout
    FROM pg_authid AS a WHERE a.rolname = ANY(%s)
"""

READ_DATABASES: LiteralString = """
    SELECT d.datname AS name, pg_get_userbyid(d.datdba) AS owner, d.datallowconn AS allows_connections,
           d.datistemplate AS is_template,
           EXISTS (SELECT FROM aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) AS x
                   WHERE x.grantee = 0) AS public,
           CASE WHEN d.datname = ANY(%(measured)s) THEN pg_database_size(d.oid) ELSE 0 END AS size
    FROM pg_database AS d WHERE d.datname = ANY(%(names)s)
"""

READ_PARAMETERS: LiteralString = """
    SELECT key, value FROM ir_config_parameter WHERE key IN ('web.base.url', 'web.base.url.freeze')
"""
READ_TABLES: LiteralString = """
    SELECT relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relname = ANY(%s)
"""
READ_EXTENSIONS: LiteralString = "SELECT extname FROM pg_extension"
READ_BUILDERS_DATABASES: LiteralString = """
    SELECT datname FROM pg_database JOIN pg_roles ON pg_roles.oid = datdba WHERE rolname = %s ORDER BY 1
"""

BORN: LiteralString = """
    UPDATE registry.tenant SET born_at = coalesce(born_at, now()), base_url = %s, extensions = %s WHERE number = %s
"""
EXTENDED: LiteralString = """
    UPDATE registry.tenant SET born_at = coalesce(born_at, now()), extensions = extensions || %s WHERE number = %s
"""
REBASED: LiteralString = "UPDATE registry.tenant SET base_url = %s WHERE number = %s"
FORGOTTEN: LiteralString = """
    UPDATE registry.tenant SET born_at = NULL, base_url = '', extensions = '{}' WHERE number = %s
"""
REMOVED: LiteralString = "UPDATE registry.tenant SET state = 'absent', removed_at = now() WHERE number = %s"


def allow_reader(database: str) -> sql.Composed:
    return sql.SQL(
        "GRANT CONNECT ON DATABASE {database} TO {reader}; GRANT USAGE ON SCHEMA registry TO {reader}; "
        "GRANT SELECT ON registry.tenant TO {reader}"
    ).format(database=sql.Identifier(database), reader=sql.Identifier(READER))


def register(row: Registered, create: bool) -> sql.Composed:
    values = {
        "number": row.number,
        "name": row.name,
        "app_host": row.app_host,
        "image": row.image,
        "state": row.state,
        "instance": row.instance,
        "cluster": row.cluster,
        "hostnames": list(row.hostnames),
    }
    names = sql.SQL(", ").join(map(sql.Identifier, values))
    literals = sql.SQL(", ").join(map(sql.Literal, values.values()))
    if create:
        return sql.SQL("INSERT INTO registry.tenant ({}) VALUES ({})").format(names, literals)
    return sql.SQL("UPDATE registry.tenant SET ({}) = ROW({}) WHERE number = {}").format(
        names, literals, sql.Literal(row.number)
    )


def set_role(step: SetRole, password: str) -> sql.Composed:
    """One statement with every attribute; the password goes as a verifier."""
    name = sql.Identifier(step.spec.name)
    parts = [
        sql.SQL("CREATE ROLE {}" if step.create else "ALTER ROLE {}").format(name),
        sql.SQL("LOGIN INHERIT NOSUPERUSER NOCREATEROLE NOREPLICATION NOBYPASSRLS"),
        sql.SQL("CREATEDB" if step.spec.createdb else "NOCREATEDB"),
        sql.SQL("CONNECTION LIMIT {}").format(sql.Literal(step.spec.connection_limit)),
    ]
    if step.set_password:
        parts.append(sql.SQL("PASSWORD {}").format(sql.Literal(scram.verifier(password))))
    statements = [sql.SQL(" ").join(parts)]
    if step.spec.statement_timeout is not None:
        timeout = sql.Literal(step.spec.statement_timeout)
        statements.append(sql.SQL("ALTER ROLE {} SET statement_timeout = {}").format(name, timeout))
    elif not step.create:
        statements.append(sql.SQL("ALTER ROLE {} RESET statement_timeout").format(name))
    statements += [sql.SQL("REVOKE {} FROM {} CASCADE").format(sql.Identifier(group), name) for group in step.leave]
    return sql.SQL("; ").join(statements)


def close_database(name: str) -> sql.Composed:
    return sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name))


def own_database(name: str, owner: str) -> sql.Composed:
    return sql.SQL("ALTER DATABASE {} OWNER TO {}").format(sql.Identifier(name), sql.Identifier(owner))


def open_database(name: str, allowed: bool) -> sql.Composed:
    return sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}").format(sql.Identifier(name), sql.Literal(allowed))


def adopt_template(name: str, owner: str) -> sql.Composed:
    flags = sql.SQL("ALTER DATABASE {} IS_TEMPLATE true ALLOW_CONNECTIONS false").format(sql.Identifier(name))
    return sql.SQL("; ").join([own_database(name, owner), close_database(name), flags])


def drop_database(name: str) -> sql.Composed:
    return sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))


def drop_role(name: str) -> sql.Composed:
    return sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name))


def clone_database(name: str, template: str, owner: str) -> sql.Composed:
    """Closed to all until PUBLIC's privileges are gone. WAL_LOG spares the whole cluster two checkpoints."""
    return sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {} STRATEGY wal_log ALLOW_CONNECTIONS false").format(
        sql.Identifier(name), sql.Identifier(template), sql.Identifier(owner)
    )


def rename_database(old: str, new: str) -> sql.Composed:
    return sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(old), sql.Identifier(new))


def hand_over(builder: str, owner: str) -> sql.Composed:
    """Everything in the current database, from the builder to its tenant; schema public for the tenant alone."""
    return sql.SQL(
        "REASSIGN OWNED BY {builder} TO {owner}; ALTER SCHEMA public OWNER TO {owner}; "
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC"
    ).format(builder=sql.Identifier(builder), owner=sql.Identifier(owner))


def create_extension(name: str) -> sql.Composed:
    return sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(name))
