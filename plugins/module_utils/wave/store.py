# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Table ``wave.member`` of the estate's database: every step is one transaction with its locks and its ledger entry.

Steps go through the ledger's own lock (``ledger.client.writing``), one writer at a time over all hosts: of two
operators at the same instant, the second finds the first one's lock.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, LiteralString

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import (
    InputError,
    Problem,
    Refused,
    Unreachable,
)
from ansible_collections.erpops.odoo.plugins.module_utils.ledger import client as ledger
from ansible_collections.erpops.odoo.plugins.module_utils.ledger.model import Lock, Pending
from ansible_collections.erpops.odoo.plugins.module_utils.ledger.record import SECRET_WORDS
from ansible_collections.erpops.odoo.plugins.module_utils.postgres import client as postgres
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import Row, Server
from ansible_collections.erpops.odoo.plugins.module_utils.wave import plan, states
from ansible_collections.erpops.odoo.plugins.module_utils.wave.model import (
    LOCK_PREFIX,
    Change,
    Member,
    Run,
    Step,
    lock_name,
)

if TYPE_CHECKING:
    import psycopg

EVENT = "wave"  # of every entry that a step leaves in the ledger

SCHEMA: LiteralString = """
    CREATE SCHEMA wave;
    CREATE TABLE wave.member (
        name text PRIMARY KEY,
        host text NOT NULL,
        database text NOT NULL,
        state text NOT NULL,
        origin text NOT NULL,
        wave int CHECK (wave > 0),
        facts jsonb NOT NULL DEFAULT '{}',
        operation text NOT NULL,
        since timestamptz NOT NULL DEFAULT now(),
        UNIQUE (host, database)
    );
    COMMENT ON TABLE wave.member IS 'Legacy databases on their way; every change has its entry in the ledger';
"""
EXISTS: LiteralString = """
    SELECT 1 FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = 'wave' AND c.relname = 'member'
"""
COLUMNS: LiteralString = """
    name, host, database, state, origin, wave, facts, operation,
    to_char(since AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS since
"""
WRITE: LiteralString = """
    INSERT INTO wave.member (name, host, database, state, origin, wave, facts, operation)
    VALUES (%(name)s, %(host)s, %(database)s, %(state)s, %(origin)s, %(wave)s, %(facts)s, %(operation)s)
    ON CONFLICT (name) DO UPDATE
    SET host = excluded.host, database = excluded.database, state = excluded.state, origin = excluded.origin,
        wave = excluded.wave, facts = excluded.facts, operation = excluded.operation,
        since = CASE WHEN member.state = excluded.state THEN member.since ELSE now() END
"""


@contextmanager
def opened(server: Server) -> Iterator[psycopg.Connection[Row]]:
    """A connection to the store, made where it is not there."""
    with ledger.opened(server) as connection, postgres.translated("Writing the members of waves"):
        if not _exists(connection):
            with ledger.writing(connection):
                if not _exists(connection):  # another host may have been first
                    connection.execute(SCHEMA)
        yield connection


@contextmanager
def reading(server: Server, *, absent: bool = False) -> Iterator[psycopg.Connection[Row] | None]:
    """A connection that makes nothing; None where the estate has no store yet, which is a fact and no failure.

    absent: it is proved that PostgreSQL was never there, so that its silence is the same fact.
    """
    try:
        connection, there = postgres.connect_estate(server)
    except Unreachable:
        if not absent:
            raise
        yield None
        return
    with connection, postgres.translated("Reading the members of waves"):
        yield connection if there and _exists(connection) else None


def _exists(connection: psycopg.Connection[Row]) -> bool:
    return connection.execute(EXISTS).fetchone() is not None


def members(connection: psycopg.Connection[Row] | None, names: Sequence[str] | None = None) -> dict[str, Member]:
    """Members by name, in the order of names; all of them, or those that are asked for and there."""
    if connection is None:
        return {}
    query = f"SELECT {COLUMNS} FROM wave.member WHERE %(all)s OR name = ANY(%(names)s) ORDER BY name"
    rows = connection.execute(query, {"all": names is None, "names": list(names or ())}).fetchall()
    return {row["name"]: Member(**row) for row in rows}


def locks(connection: psycopg.Connection[Row] | None, names: Sequence[str] | None = None) -> dict[str, Lock]:
    """The locks of members that are held, by the member's name."""
    if connection is None:
        return {}
    if names is None:
        found = connection.execute(
            "SELECT name FROM ledger.lock WHERE starts_with(name, %s) ORDER BY name", [LOCK_PREFIX]
        ).fetchall()
        names = [row["name"].removeprefix(LOCK_PREFIX) for row in found]
    held = {name: ledger.lock_of(connection, lock_name(name)) for name in names}
    return {name: lock for name, lock in held.items() if lock is not None}


def history(connection: psycopg.Connection[Row] | None, count: int) -> list[dict[str, Any]]:
    """The last steps of members, as the ledger holds them, latest first."""
    if connection is None:
        return []
    query: LiteralString = "SELECT body FROM ledger.entry WHERE event = %s ORDER BY position DESC LIMIT %s"
    return [json.loads(row["body"]) for row in connection.execute(query, [EVENT, count]).fetchall()]


def predicted(
    connection: psycopg.Connection[Row] | None, run: Run, steps: Sequence[Step], break_locks: Sequence[str] = ()
) -> tuple[Change, ...]:
    """What ``applied`` would do now. Raises Refused with every reason against it."""
    names = sorted({step.name for step in steps})
    _no_secrets(steps)
    changes, problems = plan.planned(steps, members(connection, names), locks(connection, names), run, break_locks)
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise Refused(f"The members cannot take this step, for {count}; nothing was changed.", problems)
    return changes


def applied(
    connection: psycopg.Connection[Row], run: Run, steps: Sequence[Step], break_locks: Sequence[str] = ()
) -> tuple[Change, ...]:
    """Take all steps or none, in one transaction with their locks and entries. Raises Refused."""
    with ledger.writing(connection):
        held = locks(connection, sorted({step.name for step in steps}))
        changes = predicted(connection, run, steps, break_locks)
        for change in changes:
            _write(connection, run, change)
        ledger.append(connection, [_entry(run, change, held.get(change.step.name)) for change in changes])
    return changes


def _write(connection: psycopg.Connection[Row], run: Run, change: Change) -> None:
    from psycopg.types.json import Jsonb

    after = change.after
    if change.before != after:
        row = {key: value for key, value in asdict(after).items() if key != "since"}
        connection.execute(WRITE, {**row, "facts": Jsonb(dict(after.facts))})
    if change.takes_lock:
        ledger.take_lock(connection, after.lock, run.operation, run.owner, run.playbook)
    if change.releases_lock:
        ledger.release_lock(connection, after.lock)


def _entry(run: Run, change: Change, held: Lock | None) -> Pending:
    broken = held is not None and held.operation != run.operation
    content: dict[str, Any] = {
        "member": change.after.name,
        "host": change.after.host,
        "database": change.after.database,
        "step": change.step.kind,
        "verb": change.step.verb,
        "from": change.before.state if change.before else states.NONE,
        "to": change.after.state,
        "wave": change.after.wave,
        "facts": dict(change.step.facts),
        "owner": run.owner,
        "playbook": run.playbook,
        **({"broken": asdict(held)} if held and broken else {}),
    }
    return Pending(
        id=str(uuid.uuid4()),
        operation=run.operation,
        event=EVENT,
        at=datetime.now(UTC).isoformat(timespec="microseconds"),
        content=content,
    )


def _no_secrets(steps: Sequence[Step]) -> None:
    """Facts go into the ledger, which is for ever."""
    problems = [
        Problem(f"member {step.name}", f"facts.{path}", "", "Its name says that it is secret; leave it out.")
        for step in steps
        for path in _paths(step.facts)
        if SECRET_WORDS.search(path)
    ]
    if problems:
        raise InputError("The store of members takes no secrets.", problems)


def _paths(value: Any, prefix: str = "") -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield f"{prefix}{key}"
            yield from _paths(item, f"{prefix}{key}.")
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _paths(item, prefix)
