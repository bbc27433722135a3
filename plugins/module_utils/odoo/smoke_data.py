# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What probes read of a database beside Odoo: as the tenant's role, in transactions that only read and end soon."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, LiteralString

from ansible_collections.erpops.odoo.plugins.module_utils.odoo import database
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.database import Login
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.smoke import Attachment, Facts

with suppress(ImportError):  # ``postgres.client`` keeps the reason; modules report it
    import psycopg
    from psycopg import sql

SECONDS = 30  # for one statement
FILES = 20  # of each end of the filestore
AT_ONCE = 100  # sequences in one statement

NEUTRALIZED: LiteralString = """
    SELECT 1 FROM ir_config_parameter WHERE key = 'database.is_neutralized' AND lower(value) = 'true'
"""
CRONS: LiteralString = "SELECT count(*) FILTER (WHERE active), count(*) FROM ir_cron"
MAILS: LiteralString = "SELECT state, count(*) FROM mail_mail GROUP BY state"
PENDING: LiteralString = """
    SELECT name FROM ir_module_module WHERE state IN ('to install', 'to upgrade', 'to remove') ORDER BY 1
"""
# By probe: a column, and whether there is a row to look at where the database has that column.
ROWS: tuple[tuple[str, str, str, LiteralString], ...] = (
    ("projects", "project_project", "active", "SELECT EXISTS (SELECT FROM project_project WHERE active)"),
    (
        "timesheets",
        "account_analytic_line",
        "project_id",
        "SELECT EXISTS (SELECT FROM account_analytic_line WHERE project_id IS NOT NULL)",
    ),
    (
        "attachments",
        "ir_attachment",
        "store_fname",
        "SELECT EXISTS (SELECT FROM ir_attachment WHERE type = 'binary' AND store_fname > '' AND checksum > '')",
    ),
    (
        "invoice",
        "account_move",
        "move_type",
        "SELECT EXISTS (SELECT FROM account_move WHERE move_type = 'out_invoice')",
    ),
    ("invoice", "account_move", "type", "SELECT EXISTS (SELECT FROM account_move WHERE type = 'out_invoice')"),  # of 13
    (
        "sequence",
        "ir_sequence",
        "implementation",
        "SELECT EXISTS (SELECT FROM ir_sequence WHERE active AND implementation = 'standard')",
    ),
)
HAS: LiteralString = """
    SELECT EXISTS (SELECT FROM pg_attribute
                   WHERE attrelid = to_regclass(%s) AND attname = %s AND attnum > 0 AND NOT attisdropped)
"""
ATTACHMENTS: LiteralString = """
    SELECT store_fname, checksum FROM (
        (SELECT id, store_fname, checksum FROM ir_attachment
         WHERE type = 'binary' AND store_fname > '' AND checksum > '' ORDER BY id LIMIT %(files)s)
        UNION
        (SELECT id, store_fname, checksum FROM ir_attachment
         WHERE type = 'binary' AND store_fname > '' AND checksum > '' ORDER BY id DESC LIMIT %(files)s)
    ) AS sampled ORDER BY id
"""
# Sequences that fill a column by which an index finds the highest value at once.
OWNED: LiteralString = """
    SELECT n.nspname, c.relname, a.attname, s.oid::regclass::text, m.nspname, s.relname
    FROM pg_depend AS d
    JOIN pg_class AS s ON s.oid = d.objid AND s.relkind = 'S'
    JOIN pg_namespace AS m ON m.oid = s.relnamespace
    JOIN pg_sequence AS q ON q.seqrelid = s.oid AND q.seqincrement > 0
    JOIN pg_class AS c ON c.oid = d.refobjid AND c.relkind = 'r'
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
      AND EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = c.oid AND i.indkey[0] = a.attnum)
      AND has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(s.oid, 'SELECT')
    ORDER BY 4
"""


@contextmanager
def reading(login: Login) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    with database.connection(login) as opened, opened.transaction():
        opened.execute("SET TRANSACTION READ ONLY")
        opened.execute(f"SET LOCAL statement_timeout = '{SECONDS}s'")
        yield opened


def facts(login: Login) -> Facts:
    with reading(login) as opened:
        marked = opened.execute(NEUTRALIZED).fetchone()
        crons = opened.execute(CRONS).fetchone() or (0, 0)
        mails = opened.execute(MAILS).fetchall() if _has(opened, "mail_mail", "state") else []
        waiting = opened.execute(PENDING).fetchall()
        there = [
            name
            for name, table, column, query in ROWS
            if _has(opened, table, column) and opened.execute(query).fetchone() == (True,)
        ]
    return Facts(
        neutralized=marked is not None,
        installed=database.installed_modules(login),
        pending=[str(name) for (name,) in waiting],
        crons=int(crons[0]),
        all_crons=int(crons[1]),
        mails={str(state): int(count) for state, count in mails},
        there=there,
    )


def pending(login: Login) -> list[str]:
    """Modules with an installation, an update or a removal that somebody began."""
    with reading(login) as opened:
        return [str(name) for (name,) in opened.execute(PENDING).fetchall()]


def _has(opened: psycopg.Connection[tuple[Any, ...]], table: str, column: str) -> bool:
    return opened.execute(HAS, [f"public.{table}", column]).fetchone() == (True,)


def attachments(login: Login) -> list[Attachment]:
    """The first and the last of those whose content lies in the filestore."""
    with reading(login) as opened:
        rows = opened.execute(ATTACHMENTS, {"files": FILES}).fetchall()
    return [Attachment(name=str(name), checksum=str(checksum)) for name, checksum in rows]


def behind(login: Login) -> tuple[int, list[str]]:
    """How many sequences there are that fill a column, and those whose next number the column has already, or passed.

    A sequence moves before the row that it numbers is there, so that nobody who writes meanwhile makes it seem behind.
    """
    with reading(login) as opened:
        owned = opened.execute(OWNED).fetchall()
        found: list[tuple[Any, ...]] = []
        for start in range(0, len(owned), AT_ONCE):
            found += opened.execute(_highest(owned[start : start + AT_ONCE])).fetchall()
    late = [f"{name}: next {after}, highest {highest}" for name, highest, after in found if (highest or 0) >= after]
    return len(owned), sorted(late)


def _highest(owned: Sequence[tuple[Any, ...]]) -> sql.Composed:
    form = sql.SQL(
        "SELECT {name}::text, (SELECT max({column})::bigint FROM {table}),"
        " (SELECT last_value + is_called::int FROM {sequence})"
    )
    return sql.SQL(" UNION ALL ").join(
        form.format(
            name=sql.Literal(shown),
            column=sql.Identifier(column),
            table=sql.Identifier(schema, table),
            sequence=sql.Identifier(own_schema, own),
        )
        for schema, table, column, shown, own_schema, own in owned
    )
