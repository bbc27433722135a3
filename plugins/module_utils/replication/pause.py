# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One moment of a database, held as a snapshot; and the short rest of its writers that the target catches up in.

Nothing of it can harm the source for long: waiting for the locks is shorter than its ``deadlock_timeout``, so that no
writer is ever ended for it, and the source itself ends the rest after some seconds, whatever becomes of this process.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, LiteralString

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError, Problem, Refused
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import translated
from ansible_collections.erpops.odoo.plugins.module_utils.replication import client, statements
from ansible_collections.erpops.odoo.plugins.module_utils.replication.client import Row, Sides, execute, one, rows
from ansible_collections.erpops.odoo.plugins.module_utils.replication.compare import Side
from ansible_collections.erpops.odoo.plugins.module_utils.replication.model import Table

with suppress(ImportError):  # the client reports it
    import psycopg
    from psycopg import sql

if TYPE_CHECKING:
    from ansible_collections.erpops.odoo.plugins.module_utils.replication.client import Connection

TRIES_APART_SECONDS = 1.0
BELOW_DEADLOCK = 0.8
DEADLOCK_TIMEOUT: LiteralString = "SELECT setting::int AS ms FROM pg_settings WHERE name = 'deadlock_timeout'"
# Whose locks keep tables from being locked against writers.
HOLDERS: LiteralString = """
    SELECT a.pid, coalesce(a.usename::text, '') AS role, a.backend_type AS kind,
           coalesce(extract(epoch FROM clock_timestamp() - a.xact_start), 0)::int AS seconds,
           string_agg(DISTINCT l.relation::regclass::text, ', ') AS tables
    FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid
    WHERE l.locktype = 'relation' AND l.granted AND l.pid <> pg_backend_pid() AND l.relation >= 16384
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND l.mode IN ('RowExclusiveLock', 'ShareUpdateExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock',
                     'AccessExclusiveLock')
    GROUP BY 1, 2, 3, 4 ORDER BY 4 DESC LIMIT 10
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """lock_seconds: how long one try waits for running writers; also cut to less than ``deadlock_timeout``.

    longest_seconds: after which the source goes on by itself.
    """

    lock_seconds: float
    tries: int
    longest_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A database as it was: the snapshot's name, a connection inside it and further ones, and the sequences."""

    name: str
    side: Side
    sequences: Sequence[Row]


def wait_ms(rest: Rest, deadlock_ms: int) -> int:
    return max(int(min(rest.lock_seconds * 1000, deadlock_ms * BELOW_DEADLOCK)), 1)


@contextmanager
def resting(sides: Sides, rest: Rest, side: Connection, connect: Callable[[], Connection]) -> Iterator[float]:
    """Within it no row of a side changes. Yields since when, as ``time.monotonic`` has it. connect: to its database.

    Raises Refused where writers do not let go, or where they went on before the end.
    """
    tables = [facts.table for facts, persistence in client.tables(side) if persistence == "p"]
    with connect() as locker:
        yield _lock(sides, rest, locker, tables)
        try:
            locker.execute("COMMIT")
        except psycopg.Error as error:
            cure = "Raise rest_seconds, or look why the last changes arrive so slowly."
            problem = Problem(f"member {sides.member.name}", "rest_seconds", f"{rest.longest_seconds}", cure)
            raise Refused("The writers went on before the moment was held.", [problem]) from error


def _lock(sides: Sides, rest: Rest, locker: Connection, tables: Sequence[Table]) -> float:
    row = one(locker, DEADLOCK_TIMEOUT)
    wait = wait_ms(rest, row["ms"] if row else 1000)
    for attempt in range(rest.tries):
        if attempt:
            time.sleep(TRIES_APART_SECONDS)
        begun = time.monotonic()
        try:
            with translated("Resting the writers"):
                execute(locker, *begin(wait, rest.longest_seconds), lock_tables(tables))
            return begun
        except ErpopsError as error:
            if not isinstance(error.__cause__, _waited()):
                raise
            locker.execute("ROLLBACK")
    found = rows(locker, HOLDERS)
    raise Refused(f"The writers of member {sides.member.name} did not let go within {rest.tries} tries.", [
        Problem(f"session {row['pid']} of {row['role'] or row['kind']}", "transaction", f"{row['seconds']} seconds old",
                f"It holds {row['tables']}. Wait for its end, end it, or rehearse with pause_writers=false.")
        for row in found
    ])  # fmt: skip


def _waited() -> tuple[type[psycopg.Error], ...]:
    errors = psycopg.errors
    return errors.LockNotAvailable, errors.QueryCanceled, errors.DeadlockDetected


def begin(wait: int, longest_seconds: int) -> list[str]:
    return [
        "BEGIN",
        f"SET LOCAL lock_timeout = '{wait}ms'",
        f"SET LOCAL statement_timeout = '{wait}ms'",  # all locks together
        "SET LOCAL deadlock_timeout = '100ms'",  # ours gives way, and an automatic vacuum to us
        f"SET LOCAL idle_in_transaction_session_timeout = '{longest_seconds}s'",
    ]


def lock_tables(tables: Sequence[Table]) -> sql.Composed:
    """Against writers, not against readers."""
    names = sql.SQL(", ").join(sql.SQL("ONLY {}").format(statements.name_of(table)) for table in tables)
    return sql.SQL("LOCK TABLE {} IN SHARE MODE").format(names)


@contextmanager
def held(connect: Callable[[], Connection], seconds: int) -> Iterator[Moment]:
    """This moment of a database, for as long as the context lasts. seconds: the longest that one statement may take."""
    with connect() as keeper:
        with translated("Holding a snapshot"):
            execute(keeper, f"SET statement_timeout = '{seconds}s'", "SET idle_in_transaction_session_timeout = 0",
                    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")  # fmt: skip
            row = one(keeper, "SELECT pg_export_snapshot() AS name")
            sequences = client.sequences(keeper)
        name = str(row["name"]) if row else ""

        def another() -> Connection:
            opened = connect()
            with translated("Reading the held snapshot"):
                execute(opened, f"SET statement_timeout = '{seconds}s'",
                        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
                        sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(name)))  # fmt: skip
            return opened

        yield Moment(name=name, side=Side(connection=keeper, connect=another), sequences=sequences)
