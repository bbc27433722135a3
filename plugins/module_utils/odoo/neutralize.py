# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a copy of an Odoo database harmless, and reads back that it is; for every version from 13 to 19. Pure.

It is run before Odoo first starts on the copy. What a database does not have is left out, so that one list serves all.
No statement trusts the tenant: triggers do not fire, and every name is written with its schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, LiteralString

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import Problem
from ansible_collections.erpops.odoo.plugins.module_utils.odoo import mail_sink
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.neutralize_rules import (
    CHECKS,
    CREDENTIALS,
    DELETED_PARAMETERS,
    KEPT,
    KEPT_PARAMETERS,
    RULES,
    SECRET_PARAMETER,
    TESTING,
    Rule,
)

with suppress(ImportError):  # ``postgres.client`` keeps the reason; modules report it
    from psycopg import sql

REPORT_URL = "http://127.0.0.1:8069"  # where a rehearsing server finds itself, to print
MARK = " [REHEARSAL]"
NEEDED = ("ir_config_parameter", "ir_cron", "ir_mail_server", "ir_model_data", "res_users")

SAFELY = ("SET LOCAL session_replication_role = replica", "SET LOCAL search_path = pg_catalog")
COLUMNS: LiteralString = """
    SELECT c.relname AS table, a.attname AS column,
           a.atttypid IN ('text'::regtype, 'varchar'::regtype) AND NOT a.attnotnull AS erasable,
           a.atttypid = 'bool'::regtype AS boolean
    FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relkind IN ('r', 'p') AND c.relnamespace = to_regnamespace('public')
"""
UUID: LiteralString = "SELECT value FROM public.ir_config_parameter WHERE key = 'database.uuid'"
# Internal users, by turns one without all rights and one with them, each kind by who was here last: some of what a copy
# is asked only the latter may see, and the former are who works with it.
SAMPLE: LiteralString = """
    WITH known AS (
        SELECT u.id, u.login,
               (SELECT max(l.create_date) FROM public.res_users_log AS l WHERE l.create_uid = u.id) AS seen,
               EXISTS (SELECT FROM public.res_groups_users_rel AS r
                       JOIN public.ir_model_data AS d ON d.model = 'res.groups' AND d.res_id = r.gid
                       WHERE d.module = 'base' AND d.name = 'group_system' AND r.uid = u.id) AS all_rights
        FROM public.res_users AS u
        WHERE u.active AND u.share IS NOT TRUE AND u.id > 1 AND u.login IS NOT NULL
    )
    SELECT id, login FROM known
    ORDER BY row_number() OVER (PARTITION BY all_rights ORDER BY seen DESC NULLS LAST, id), all_rights LIMIT %s
"""
SET_PASSWORD: LiteralString = "UPDATE public.res_users SET password = %s WHERE id = ANY(%s)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    erasable: bool
    boolean: bool


Columns = Mapping[str, Mapping[str, Column]]  # table -> column


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    what: str
    text: sql.Composed | LiteralString
    values: tuple[Any, ...] = ()


def columns(found: Iterable[Mapping[str, Any]]) -> Columns:
    """Of the rows that ``COLUMNS`` gives."""
    known: dict[str, dict[str, Column]] = {}
    for row in found:
        known.setdefault(row["table"], {})[row["column"]] = Column(erasable=row["erasable"], boolean=row["boolean"])
    return known


def missing(known: Columns) -> list[str]:
    """Tables without which it is no Odoo database, so that nobody can say what is to be made harmless."""
    return [name for name in NEEDED if name not in known]


def applying(rules: Sequence[Rule], known: Columns) -> list[Rule]:
    return [each for each in rules if set(each.columns) <= set(known.get(each.table, ()))]


def statements(known: Columns, base_url: str) -> list[Statement]:
    found = [Statement(what=each.what, text=each.text) for each in applying(RULES, known)]
    found += _erased(known)
    found += _tested(known)
    found.append(_sink(known))
    found += _parameters(base_url)
    if "name" in known.get("res_company", ()):
        text: LiteralString = "UPDATE public.res_company SET name = name || %s"
        found.append(Statement(what="marked companies", text=text, values=(MARK,)))
    return found


def erased(known: Columns) -> list[tuple[str, str]]:
    """Columns of credentials, which are emptied."""
    return [
        (table, name)
        for table, pattern in CREDENTIALS.items()
        for name, column in sorted(known.get(table, {}).items())
        if column.erasable and re.search(pattern, name) and not name.startswith(KEPT)
    ]


def _erased(known: Columns) -> list[Statement]:
    form = sql.SQL("UPDATE {table} SET {column} = NULL WHERE {column} IS NOT NULL")
    return [
        Statement(
            what="credentials",
            text=form.format(table=sql.Identifier("public", table), column=sql.Identifier(name)),
        )
        for table, name in erased(known)
    ]


def _tested(known: Columns) -> list[Statement]:
    form = sql.SQL("UPDATE {table} SET {column} = true WHERE {column} IS NOT TRUE")
    return [
        Statement(
            what="payment terminals",
            text=form.format(table=sql.Identifier("public", table), column=sql.Identifier(name)),
        )
        for table, pattern in TESTING.items()
        for name, column in sorted(known.get(table, {}).items())
        if column.boolean and re.search(pattern, name)
    ]


def _sink(known: Columns) -> Statement:
    """A mail server that nothing leaves by; where no sink listens there, Odoo notes each mail as not sent."""
    wanted = {
        "name": "neutralization: nothing is sent",
        "smtp_host": mail_sink.HOST,
        "smtp_port": mail_sink.PORT,
        "smtp_encryption": "none",
        "smtp_authentication": "login",
        "active": True,
        "sequence": 0,
    }
    given = {name: value for name, value in wanted.items() if name in known.get("ir_mail_server", ())}
    text = sql.SQL("INSERT INTO public.ir_mail_server ({}) VALUES ({})").format(
        sql.SQL(", ").join(map(sql.Identifier, given)), sql.SQL(", ").join(sql.Placeholder() * len(given))
    )
    return Statement(what="mail sinks", text=text, values=tuple(given.values()))


def _parameters(base_url: str) -> list[Statement]:
    """A new identity, an address of its own that logins do not change, and no secret of anybody."""
    delete: LiteralString = (
        "DELETE FROM public.ir_config_parameter WHERE (key = ANY(%s) OR key ~* %s) AND NOT key = ANY(%s)"
    )
    insert: LiteralString = (
        "INSERT INTO public.ir_config_parameter (key, value) VALUES ('database.uuid', gen_random_uuid()::text),"
        " ('database.secret', gen_random_uuid()::text), ('web.base.url', %s), ('web.base.url.freeze', 'True'),"
        " ('report.url', %s), ('database.is_neutralized', 'true')"
        " ON CONFLICT (key) DO UPDATE SET value = excluded.value"
    )
    gone = (list(DELETED_PARAMETERS), SECRET_PARAMETER, list(KEPT_PARAMETERS))
    return [
        Statement(what="parameters", text=delete, values=gone),
        Statement(what="parameters", text=insert, values=(base_url, REPORT_URL)),
    ]


def checks(known: Columns, original_uuid: str) -> list[Statement]:
    """Each counts, as ``found``, what must not be there."""
    found = [Statement(what=each.what, text=each.text) for each in applying(CHECKS, known)]
    marks: LiteralString = (
        "SELECT 3 - count(*) AS found FROM public.ir_config_parameter"
        " WHERE (key = 'database.is_neutralized' AND value = 'true')"
        " OR (key = 'web.base.url.freeze' AND value = 'True') OR (key = 'database.uuid' AND value <> %s)"
    )
    found.append(Statement(what="parameters of a copy that are not set", text=marks, values=(original_uuid,)))
    return found


def problems(database: str, found: Iterable[tuple[str, int]]) -> list[Problem]:
    """Of what the checks counted."""
    cure = "Something put it back, such as a rule of the database itself; look for triggers and rules there."
    return [Problem(f"database {database}", what, str(count), cure) for what, count in found if count]
