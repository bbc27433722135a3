# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rights, rights by default, settings and comments, from one side to the other: whatever differs, also what is gone.

A sum of what a side had when both were equal is the comment of the subscription that follows it. So nothing is carried
in a window where nothing changed since: a database of Odoo's has thousands of comments.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, LiteralString

from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import translated
from ansible_collections.erpops.odoo.plugins.module_utils.replication import client, rights, statements
from ansible_collections.erpops.odoo.plugins.module_utils.replication.client import Sides, execute, one, rows
from ansible_collections.erpops.odoo.plugins.module_utils.replication.model import PUBLIC, ROLE, Facts
from ansible_collections.erpops.odoo.plugins.module_utils.replication.rights import Beside, Right, Roles
from ansible_collections.erpops.odoo.plugins.module_utils.replication.statements import NOT_OF_EXTENSION, OWN_SCHEMAS

with suppress(ImportError):  # the client reports it
    import psycopg
    from psycopg import sql

if TYPE_CHECKING:
    from ansible_collections.erpops.odoo.plugins.module_utils.replication.client import Connection

NOT_AN_EXTENSIONS_FUNCTION: LiteralString = (
    "NOT EXISTS (SELECT FROM pg_depend AS e WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid"
    " AND e.deptype = 'e')"
)
KIND_OF_FUNCTION: LiteralString = (
    "CASE to_jsonb(p) ->> 'prokind' WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END"  # the column is there since 11
)
# Rights of others than the owner: on tables, views, sequences, their columns, schemas and functions. What PUBLIC may in
# a schema is each server's own affair.
RIGHTS: LiteralString = f"""
    SELECT kind, object, privilege, coalesce(r.rolname::text, '') AS grantee, '' AS creator,
           bool_or(grantable) AS grantable
    FROM (
        SELECT CASE WHEN c.relkind = 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind, c.oid::regclass::text AS object,
               x.privilege_type AS privilege, x.is_grantable AS grantable, x.grantee AS id, c.relowner AS owner
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace, aclexplode(c.relacl) AS x
        WHERE {OWN_SCHEMAS} AND {NOT_OF_EXTENSION}
        UNION ALL
        SELECT 'TABLE', c.oid::regclass::text, x.privilege_type || ' (' || quote_ident(a.attname) || ')',
               x.is_grantable, x.grantee, c.relowner
        FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
        JOIN pg_namespace AS n ON n.oid = c.relnamespace, aclexplode(a.attacl) AS x
        WHERE {OWN_SCHEMAS} AND {NOT_OF_EXTENSION} AND NOT a.attisdropped
        UNION ALL
        SELECT 'SCHEMA', quote_ident(n.nspname), x.privilege_type, x.is_grantable, x.grantee, n.nspowner
        FROM pg_namespace AS n, aclexplode(n.nspacl) AS x WHERE {OWN_SCHEMAS} AND x.grantee <> 0
        UNION ALL
        SELECT {KIND_OF_FUNCTION}, p.oid::regprocedure::text, x.privilege_type, x.is_grantable, x.grantee, p.proowner
        FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace,
             aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS x
        WHERE {OWN_SCHEMAS} AND {NOT_AN_EXTENSIONS_FUNCTION}
    ) AS found LEFT JOIN pg_roles AS r ON r.oid = found.id
    WHERE found.id <> found.owner AND r.rolname IS DISTINCT FROM 'postgres' AND (found.id = 0 OR r.oid IS NOT NULL)
    GROUP BY 1, 2, 3, 4
"""
# Rights by default, of roles that were given any, and of these: PUBLIC's own are there until somebody takes them.
DEFAULTS: LiteralString = f"""
    SELECT kind, object, privilege, coalesce(r.rolname::text, '') AS grantee, creator,
           bool_or(grantable) AS grantable
    FROM (
        SELECT k.kind, '' AS object, x.privilege_type AS privilege, x.grantee AS id, c.oid AS owner,
               c.rolname::text AS creator, x.is_grantable AS grantable
        FROM pg_roles AS c
        CROSS JOIN (VALUES ('r', 'r', 'TABLES'), ('S', 's', 'SEQUENCES'), ('f', 'f', 'FUNCTIONS'),
                           ('T', 'T', 'TYPES'), ('n', 'n', 'SCHEMAS')) AS k (type, letter, kind)
        LEFT JOIN pg_default_acl AS d
            ON d.defaclrole = c.oid AND d.defaclnamespace = 0 AND d.defaclobjtype = k.type::"char",
        aclexplode(coalesce(d.defaclacl, acldefault(k.letter::"char", c.oid))) AS x
        WHERE d.oid IS NOT NULL OR c.rolname = ANY(%(roles)s)
        UNION ALL
        SELECT CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS'
                                    WHEN 'T' THEN 'TYPES' END,
               quote_ident(n.nspname), x.privilege_type, x.grantee, c.oid, c.rolname::text, x.is_grantable
        FROM pg_default_acl AS d JOIN pg_roles AS c ON c.oid = d.defaclrole
        JOIN pg_namespace AS n ON n.oid = d.defaclnamespace, aclexplode(d.defaclacl) AS x
        WHERE {OWN_SCHEMAS}
    ) AS found LEFT JOIN pg_roles AS r ON r.oid = found.id
    WHERE found.id <> found.owner AND r.rolname IS DISTINCT FROM 'postgres' AND creator <> 'postgres'
      AND (found.id = 0 OR r.oid IS NOT NULL) AND kind IS NOT NULL
    GROUP BY 1, 2, 3, 4, 5
"""
COMMENTS: LiteralString = f"""
    SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
                          WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'i' THEN 'INDEX' WHEN 'I' THEN 'INDEX'
                          ELSE 'TABLE' END AS kind,
           c.oid::regclass::text AS object, d.description AS text
    FROM pg_description AS d JOIN pg_class AS c ON d.classoid = 'pg_class'::regclass AND c.oid = d.objoid
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE d.objsubid = 0 AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'i', 'I')
      AND {OWN_SCHEMAS} AND {NOT_OF_EXTENSION}
    UNION ALL
    SELECT 'COLUMN', c.oid::regclass::text || '.' || quote_ident(a.attname), d.description
    FROM pg_description AS d JOIN pg_class AS c ON d.classoid = 'pg_class'::regclass AND c.oid = d.objoid
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = d.objsubid
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND {OWN_SCHEMAS} AND {NOT_OF_EXTENSION}
    UNION ALL
    SELECT {KIND_OF_FUNCTION}, p.oid::regprocedure::text, d.description
    FROM pg_description AS d JOIN pg_proc AS p ON d.classoid = 'pg_proc'::regclass AND p.oid = d.objoid
    JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE {OWN_SCHEMAS} AND {NOT_AN_EXTENSIONS_FUNCTION}
    UNION ALL
    SELECT 'CONSTRAINT', quote_ident(k.conname) || ' ON ' || c.oid::regclass::text, d.description
    FROM pg_description AS d JOIN pg_constraint AS k ON d.classoid = 'pg_constraint'::regclass AND k.oid = d.objoid
    JOIN pg_class AS c ON c.oid = k.conrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE {OWN_SCHEMAS} AND {NOT_OF_EXTENSION}
    UNION ALL
    SELECT 'TRIGGER', quote_ident(t.tgname) || ' ON ' || c.oid::regclass::text, d.description
    FROM pg_description AS d JOIN pg_trigger AS t ON d.classoid = 'pg_trigger'::regclass AND t.oid = d.objoid
    JOIN pg_class AS c ON c.oid = t.tgrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE {OWN_SCHEMAS} AND {NOT_OF_EXTENSION}
    UNION ALL
    SELECT 'SCHEMA', quote_ident(n.nspname), d.description
    FROM pg_description AS d JOIN pg_namespace AS n ON d.classoid = 'pg_namespace'::regclass AND n.oid = d.objoid
    WHERE {OWN_SCHEMAS}
"""
# Of what the catalogues hold, as they hold it: cheap, since it is asked for while nobody serves.
SUM: LiteralString = """
    SELECT md5(coalesce(string_agg(line, ' ' ORDER BY line COLLATE "C"), '')) AS sum FROM (
        SELECT classoid || ' ' || objoid || ' ' || objsubid || ' ' || description AS line
        FROM pg_description -- what the server brings is below, and what we write is on these two
        WHERE objoid >= 16384 AND classoid NOT IN ('pg_subscription'::regclass, 'pg_publication'::regclass)
        UNION ALL
        SELECT 'relation ' || oid || relacl::text FROM pg_class WHERE oid >= 16384 AND relacl IS NOT NULL
        UNION ALL
        SELECT 'column ' || attrelid || ' ' || attnum || attacl::text FROM pg_attribute WHERE attacl IS NOT NULL
        UNION ALL
        SELECT 'function ' || oid || proacl::text FROM pg_proc WHERE oid >= 16384 AND proacl IS NOT NULL
        UNION ALL
        SELECT 'schema ' || nspname || nspacl::text FROM pg_namespace WHERE nspacl IS NOT NULL AND nspname !~ '^pg_'
        UNION ALL
        SELECT 'default ' || defaclrole || ' ' || defaclnamespace || defaclobjtype::text || defaclacl::text
        FROM pg_default_acl
        UNION ALL
        SELECT 'settings ' || s.setrole || s.setconfig::text FROM pg_db_role_setting AS s
        JOIN pg_database AS d ON d.oid = s.setdatabase WHERE d.datname = current_database()
        UNION ALL
        SELECT 'database ' || datconnlimit || coalesce(shobj_description(oid, 'pg_database'), '')
        FROM pg_database WHERE datname = current_database()
    ) AS found
"""
NOTE: LiteralString = """
    SELECT obj_description(oid, 'pg_subscription') AS note FROM pg_subscription
    WHERE subname = %s AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
# A sequence may be new, and comes later; a schema that holds no table is looked for by nobody else.
ABSENT: LiteralString = """
    SELECT object FROM unnest(%s::text[], %s::text[]) AS wanted (kind, object)
    WHERE CASE WHEN kind = 'SCHEMA' THEN to_regnamespace(object) IS NULL
               WHEN kind = 'SEQUENCE' THEN to_regclass(object) IS NULL END
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """A connection to the database, and its name there."""

    connection: Connection
    database: str


def carry(sides: Sides, roles: Mapping[str, str], taker: End | None = None) -> list[str]:
    """From the source to the target, or to this database of the target's. Returns what was left."""
    return _carried(_source(sides), taker or _target(sides), _there(sides, roles))


def carry_noted(sides: Sides, roles: Mapping[str, str]) -> list[str]:
    """The same, remembered on both sides, while nobody but us may connect to the target."""
    ours = total(sides.source)  # before it is read: what changes meanwhile is carried once more
    left = carry(sides, roles)
    known = sorted({PUBLIC, *_there(sides, roles).known.values()})
    for taker, name, found in (
        (sides.target, sides.member.forward, ours),
        (sides.source, sides.member.back, total(sides.target)),
    ):
        _remember(taker, name, {"sum": found, "roles": known})
    return left


def carry_back(sides: Sides, roles: Mapping[str, str], facts: Facts) -> list[str]:
    """From the target to the source. By dumps the comment of the source's database is our record.

    What was taken away on the target is taken away there, of roles that had their rights there when it was opened.
    """
    note, ours = _note(sides.source, sides.member.back), total(sides.target)
    there = _back(sides, roles, note.get("roles", []))
    left = _carried(_target(sides), _source(sides), there, comment=not facts.by_dump)
    if note:
        _remember(sides.source, sides.member.back, {**note, "sum": ours})
    return left


def changed(sides: Sides, *, back: bool = False) -> bool:
    """Whether the giver has others than when both sides were equal, or nobody knows when that was. A way back that was
    made since does not know it yet."""
    member, known = sides.member, _note(sides.source, sides.member.back)
    if back:
        return known.get("sum") != total(sides.target)
    if not known and client.subscription(sides.source, member.back):
        return True
    return _note(sides.target, member.forward).get("sum") != total(sides.source)


def left(sides: Sides, roles: Mapping[str, str]) -> list[str]:
    """What nobody takes over of the source."""
    there = _there(sides, roles)
    with translated("Reading rights and settings"):
        return rights.translated(_read(_source(sides), sorted(there.known)), there)[1]


def total(connection: Connection) -> str:
    """A sum of all of it, to be compared with what the same server says of the same database at another time."""
    with translated("Summing up rights and settings"):
        found = one(connection, SUM)
    return found["sum"] if found else ""


def _source(sides: Sides) -> End:
    return End(connection=sides.source, database=sides.member.database)


def _target(sides: Sides) -> End:
    return End(connection=sides.target, database=sides.member.name)


def _note(connection: Connection, subscription: str) -> dict[str, Any]:
    if not client.subscription(connection, subscription):  # by dumps, and before 10, there is none
        return {}
    with translated("Reading when rights and settings were carried"):
        found = one(connection, NOTE, [subscription])
    try:
        value = json.loads(found["note"]) if found and found["note"] else {}
    except ValueError:
        value = {}
    return value if isinstance(value, dict) else {}


def _remember(connection: Connection, subscription: str, note: Mapping[str, Any]) -> None:
    text = statements.comment_subscription(subscription, json.dumps(note, sort_keys=True))
    client.in_transaction(connection, "Recording rights and settings", [text])


def _carried(giver: End, taker: End, roles: Roles, *, comment: bool = True) -> list[str]:
    with translated("Reading rights and settings"):
        wanted, without = rights.translated(_read(giver, sorted(roles.known)), roles)
        there = rights.within(_read(taker, sorted(roles.known.values())), roles)
        absent = _absent(taker.connection, wanted)
    granted = {right: value for right, value in wanted.rights.items() if right.object not in absent}
    comments = {key: text for key, text in wanted.comments.items() if key[1] not in absent}
    with translated("Carrying rights and settings"), taker.connection.transaction():
        execute(taker.connection, "SET LOCAL search_path = ''")
        execute(taker.connection, *rights.granting(granted, there.rights, roles.exact))
        execute(taker.connection, *rights.commented(comments, there.comments))
        _database(taker, wanted, there, comment)
        return without + _settings(taker, wanted, there, roles)


def _read(end: End, roles: list[str]) -> Beside:
    connection = end.connection
    database = one(connection, statements.DATABASE, [end.database]) or {"comment": None, "connection_limit": -1}
    with connection.transaction():
        execute(connection, "SET LOCAL search_path = ''")  # so that names are written in full
        granted = [*rows(connection, RIGHTS), *rows(connection, DEFAULTS, {"roles": roles})]
        comments = rows(connection, COMMENTS)
    settings = rows(connection, statements.SETTINGS, [end.database])
    return Beside(
        rights={Right(**{key: row[key] for key in row if key != "grantable"}): row["grantable"] for row in granted},
        settings={(row["role"], row["name"]): row["value"] for row in settings},
        comments={(row["kind"], row["object"]): row["text"] for row in comments},
        comment=client.own_comment(database["comment"]),
        connection_limit=database["connection_limit"],
    )


def _absent(connection: Connection, wanted: Beside) -> set[str]:
    named = {(right.kind, right.object) for right in wanted.rights if not right.creator} | wanted.comments.keys()
    named |= {("SCHEMA", right.object) for right in wanted.rights if right.creator and right.object}
    kinds, objects = [kind for kind, _name in named], [name for _kind, name in named]
    return {row["object"] for row in rows(connection, ABSENT, [kinds, objects])}


def _database(taker: End, wanted: Beside, there: Beside, comment: bool) -> None:
    if wanted.connection_limit != there.connection_limit:
        form = sql.SQL("ALTER DATABASE {} CONNECTION LIMIT {}")
        limit = sql.Literal(wanted.connection_limit)
        execute(taker.connection, form.format(sql.Identifier(taker.database), limit))
    if comment and wanted.comment != there.comment:
        execute(taker.connection, statements.comment_database(taker.database, wanted.comment))


def _settings(taker: End, wanted: Beside, there: Beside, roles: Roles) -> list[str]:
    """Returns those that the taker's server does not know, or not with such a value."""
    without, errors = list[str](), psycopg.errors
    for role, name, value in rights.set_anew(wanted, there, roles.exact):
        try:
            with taker.connection.transaction():
                execute(taker.connection, rights.setting(sql.Identifier(taker.database), role, name, value))
        except (errors.UndefinedObject, errors.InvalidParameterValue, errors.CantChangeRuntimeParam) as error:
            reason = str(error).strip().splitlines()[0]
            whose = f" of role {role}" if role else ""
            without.append(f"setting {name} = {value}{whose}: {roles.where} says {reason}")
    return without


def _there(sides: Sides, roles: Mapping[str, str]) -> Roles:
    known = _known(sides, roles)
    version = sides.maintenance.info.server_version
    exact = frozenset({PUBLIC, *known.values()})
    return Roles(known=known, owner=sides.member.name, where="the target", version=version, exact=exact)


def _back(sides: Sides, roles: Mapping[str, str], given: Iterable[str]) -> Roles:
    """given: roles of the target that had their rights when it was opened."""
    known, owner = _known(sides, roles), _owner(sides)
    names = list(known.values())
    shared = frozenset(name for name in names if names.count(name) > 1 and name != sides.member.name)
    back = {theirs: ours for ours, theirs in known.items() if theirs not in shared}
    back[sides.member.name] = owner
    return Roles(
        known=back, owner=owner, where="the source", version=sides.source.info.server_version, shared=shared,
        exact=frozenset(back.get(name, name) for name in given if name == PUBLIC or name in back),
    )  # fmt: skip


def _known(sides: Sides, roles: Mapping[str, str]) -> dict[str, str]:
    """Roles of the source -> roles of the target, where both are there. The owner becomes the tenant's role."""
    names = "SELECT rolname::text AS name FROM pg_roles"
    with translated("Reading roles"):
        ours, theirs = ({row["name"] for row in rows(side, names)} for side in (sides.source, sides.maintenance))
        wanted = {**roles, ROLE: ROLE, _owner(sides): sides.member.name}
    return {name: other for name, other in wanted.items() if name in ours and other in theirs}


def _owner(sides: Sides) -> str:
    like = one(sides.source, statements.DATABASE, [sides.member.database])
    return str(like["owner"]) if like else "postgres"
