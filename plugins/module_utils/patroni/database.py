# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only SQL tells and does: settings of each member, roles, privileges, the pooler's function."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError, Problem, Unreachable
from ansible_collections.erpops.odoo.plugins.module_utils.patroni.access import (
    POOL_BODY,
    POOL_FUNCTION,
    POOL_ROLE,
    POOL_SCHEMA,
    PUBLIC_MAY,
    Found,
    FunctionFound,
    Role,
    RoleFound,
    Step,
)
from ansible_collections.erpops.odoo.plugins.module_utils.patroni.settings import Setting
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import PSYCOPG_ERROR, Server, translated
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.scram import verifier

with suppress(ImportError):  # ``postgres.client`` keeps the reason; modules report it
    import psycopg
    from psycopg import sql
    from psycopg.rows import dict_row

CONNECT_SECONDS = 5
STATEMENT_SECONDS = 60
AUTO_CONF = "postgresql.auto.conf"

SETTINGS = """
SELECT name, setting, coalesce(unit, '') AS unit, vartype, context, source, coalesce(sourcefile, '') AS sourcefile,
       pending_restart, coalesce(enumvals, '{}') AS enumvals, coalesce(min_val, '') AS lowest,
       coalesce(max_val, '') AS highest
FROM pg_settings
"""
ROLES = """
SELECT rolname, coalesce(rolpassword, '') AS verifier, rolcanlogin AS "LOGIN", rolsuper AS "SUPERUSER",
       rolcreatedb AS "CREATEDB", rolcreaterole AS "CREATEROLE", rolreplication AS "REPLICATION",
       rolbypassrls AS "BYPASSRLS"
FROM pg_authid WHERE rolname = ANY(%s)
"""
PUBLIC = """
SELECT datname, coalesce(array_agg(acl.privilege_type) FILTER (WHERE acl.grantee = 0), '{}') AS privileges
FROM pg_database LEFT JOIN LATERAL aclexplode(coalesce(datacl, acldefault('d', datdba))) AS acl ON true
WHERE datname = ANY(%s) GROUP BY datname
"""
FUNCTION = """
SELECT p.prosrc, p.prosecdef, coalesce(p.proconfig, '{}') AS settings, p.proowner::regrole::text AS owner,
       (SELECT array_agg(CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END)
        FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner)))) AS executors,
       (SELECT array_agg(DISTINCT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END)
        FROM aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner)))) AS users
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = %s AND p.proname = %s
"""


def connect(server: Server, *, primary: bool) -> psycopg.Connection[dict[str, Any]]:
    """The primary of a cluster, or the one member that ``server`` names, whatever its role. Raises Unreachable."""
    if PSYCOPG_ERROR is not None:
        cure = "Converge the role postgres there (its packages bring it) or run on another host of the group."
        raise ErpopsError("psycopg 3 is missing.", [Problem("this host", "python3-psycopg", "", cure)])
    try:
        return psycopg.connect(
            host=",".join(server.hosts),
            port=server.port,
            user=server.user,
            password=server.password,
            dbname="postgres",
            sslmode="verify-full",
            sslrootcert=server.ca_file,
            target_session_attrs="read-write" if primary else "any",
            connect_timeout=CONNECT_SECONDS,
            tcp_user_timeout=30000,
            application_name="erpops",
            options=f"-c statement_timeout={STATEMENT_SECONDS}s -c lock_timeout=10s -c client_min_messages=warning",
            autocommit=True,
            row_factory=dict_row,
        )
    except psycopg.OperationalError as error:
        raise Unreachable(f"PostgreSQL at {server}: {' '.join(str(error).split())}") from error


def settings(server: Server) -> dict[str, Setting]:
    """All parameters of one member."""
    with connect(server, primary=False) as connection, translated(f"Reading the settings of {server.hosts[0]}"):
        return {row["name"]: _setting(row) for row in connection.execute(SETTINGS)}


def _setting(row: dict[str, Any]) -> Setting:
    return Setting(
        name=row["name"],
        setting=row["setting"] or "",
        unit=row["unit"],
        vartype=row["vartype"],
        context=row["context"],
        source=row["source"],
        from_alter_system=row["sourcefile"].endswith(AUTO_CONF),
        pending_restart=row["pending_restart"],
        enumvals=tuple(row["enumvals"]),
        lowest=row["lowest"],
        highest=row["highest"],
    )


def reset(server: Server, parameters: list[str]) -> None:
    """Take back what ALTER SYSTEM set on one member."""
    with connect(server, primary=False) as connection, translated(f"Resetting parameters of {server.hosts[0]}"):
        for name in parameters:
            connection.execute(sql.SQL("ALTER SYSTEM RESET {}").format(sql.Identifier(name)))
        connection.execute("SELECT pg_reload_conf()")


def access(connection: psycopg.Connection[dict[str, Any]], names: list[str]) -> Found:
    """The actual roles, privileges and extensions, from the primary."""
    with translated("Reading roles and privileges"):
        roles = {row["rolname"]: _role(row) for row in connection.execute(ROLES, [names])}
        public = {
            row["datname"]: frozenset(row["privileges"]) for row in connection.execute(PUBLIC, [list(PUBLIC_MAY)])
        }
        function = connection.execute(FUNCTION, [POOL_SCHEMA, POOL_FUNCTION]).fetchone()
        extensions = connection.execute("SELECT name, installed_version FROM pg_available_extensions").fetchall()
    return Found(
        roles=roles,
        public=public,
        function=_function(function),
        extensions=frozenset(
            row["name"] for row in extensions if row["installed_version"] and row["name"] != "plpgsql"
        ),
        available=frozenset(row["name"] for row in extensions),
    )


def _role(row: dict[str, Any]) -> RoleFound:
    attributes = {name: bool(value) for name, value in row.items() if name.isupper()}
    return RoleFound(attributes=attributes, verifier=row["verifier"])


def _function(row: dict[str, Any] | None) -> FunctionFound | None:
    if row is None:
        return None
    return FunctionFound(
        body=row["prosrc"],
        security_definer=row["prosecdef"],
        settings=tuple(row["settings"]),
        owner=row["owner"],
        executors=frozenset(row["executors"] or ()),
        users=frozenset(row["users"] or ()),
    )


def apply(connection: psycopg.Connection[dict[str, Any]], step: Step) -> None:
    with translated(f"{step.action.verb} {step.action.subject}"), connection.transaction():
        for statement in statements(step):
            connection.execute(statement)


def statements(step: Step) -> list[sql.Composed]:
    if step.kind in ("create_role", "alter_role") and step.role is not None:
        return [_role_statement(step, step.role)]
    if step.kind == "function":
        return _function_statements()
    if step.kind == "public":
        name = sql.Identifier(step.name)
        revoke = sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name)
        allowed = [sql.SQL(word) for word in sorted(PUBLIC_MAY[step.name])]
        grant = sql.SQL("GRANT {} ON DATABASE {} TO PUBLIC").format(sql.SQL(", ").join(allowed), name)
        return [revoke, grant] if allowed else [revoke]
    return [sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(step.name))]


def _role_statement(step: Step, role: Role) -> sql.Composed:
    verb = sql.SQL("CREATE ROLE" if step.kind == "create_role" else "ALTER ROLE")
    attributes = () if step.password_only else role.attributes
    words = [sql.SQL(word if value else f"NO{word}") for word, value in attributes]
    secret = sql.SQL("PASSWORD {}").format(sql.Literal(verifier(role.password)))
    return sql.SQL(" ").join([verb, sql.Identifier(role.name), *words, secret])


def _function_statements() -> list[sql.Composed]:
    schema, role = sql.Identifier(POOL_SCHEMA), sql.Identifier(POOL_ROLE)
    function = sql.SQL("{}(text)").format(sql.Identifier(POOL_SCHEMA, POOL_FUNCTION))
    return [
        sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(schema),
        sql.SQL("CREATE SCHEMA {}").format(schema),
        sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, role),
        sql.SQL(
            "CREATE FUNCTION {}(wanted text) RETURNS TABLE (name text, verifier text) LANGUAGE sql STABLE"
            " SECURITY DEFINER SET search_path = pg_catalog AS {}"
        ).format(sql.Identifier(POOL_SCHEMA, POOL_FUNCTION), sql.Literal(POOL_BODY)),
        sql.SQL("REVOKE ALL ON FUNCTION {} FROM PUBLIC").format(function),
        sql.SQL("GRANT EXECUTE ON FUNCTION {} TO {}").format(function, role),
    ]
