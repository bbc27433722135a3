# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows are compared before the window, as of one moment, while users work; in the window only what changed since.

A slot of the source remembers what changed, from before that moment on. It stands only between the two, since it holds
back the source's log. Whatever keeps this from being done is said, and then all rows are compared in the window; and so
they are where another of the target's hosts has taken over since, which may lack what the source was told to be there.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError, Unreachable
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import translated
from ansible_collections.erpops.odoo.plugins.module_utils.replication import (
    changes,
    client,
    compare,
    pause,
    plan,
    source,
    statements,
)
from ansible_collections.erpops.odoo.plugins.module_utils.replication.client import Sides, execute, one, rows
from ansible_collections.erpops.odoo.plugins.module_utils.replication.model import Facts, Record, Table

REST = pause.Rest(lock_seconds=2.0, tries=5, longest_seconds=30)
DRAIN_SECONDS = 20
SLOT_SECONDS = 60  # a slot waits for the end of every transaction that is under way
MOST_CHANGES = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """seconds: the longest that one statement may take."""

    jobs: int
    seconds: int


def compared(sides: Sides, wanted: Wanted, facts: Facts) -> dict[str, Any]:
    """Compare, and remember it in the source's record. Raises Refused where rows differ. Returns how much was compared,
    or ``reason`` why it was not.
    """
    record = facts.source.record or Record()
    if record.compared:  # of a run before: the new slot does not know what changed since
        record = replace(record, compared=())
        client.in_transaction(sides.source, "Recording that nothing is compared", [source.save_record(sides, record)])
    forget(sides)
    try:
        compared_with = timeline(sides)
        _remember(sides)
        with ExitStack() as stack:
            ours, theirs = _moment(sides, wanted, stack)
            found, counted = compare.differences(
                sides, ours.side, theirs.side, min(facts.source.version, facts.target.version), wanted.jobs,
                tables=_replicated(sides),
            )  # fmt: skip
    except ErpopsError as error:
        forget(sides)
        return {"reason": error.message}
    if found:
        forget(sides)
        raise noted(sides, compare.Unequal(sides.member, found))
    text = source.save_record(sides, replace(
        record, compared=(counted["tables"], counted["rows"]), timeline=compared_with,
    ))  # fmt: skip
    client.in_transaction(sides.source, "Recording what was compared", [text])
    return counted


def timeline(sides: Sides) -> str:
    """Of the target's primary; another one after every failover."""
    with translated("Reading the target's timeline"):
        return str((one(sides.maintenance, statements.TIMELINE) or {"timeline": ""})["timeline"])


def _remember(sides: Sides) -> None:
    with translated("Remembering what changes from here on"), sides.connect_source(sides.member.database) as connection:
        execute(connection, f"SET statement_timeout = '{SLOT_SECONDS}s'")
        rows(connection, "SELECT pg_create_logical_replication_slot(%s, 'test_decoding')", [sides.member.changes])


def _moment(sides: Sides, wanted: Wanted, stack: ExitStack) -> tuple[pause.Moment, pause.Moment]:
    """The same moment of both sides, held until the stack ends. Writers rest until the target has caught up."""
    member = sides.member
    _drained(sides)  # what is far behind is not waited for by writers
    with pause.resting(sides, REST):
        _drained(sides)
        ours = stack.enter_context(pause.held(lambda: sides.connect_source(member.database), wanted.seconds))
        theirs = stack.enter_context(pause.held(lambda: sides.connect_target(member.name), wanted.seconds))
    return ours, theirs


def _drained(sides: Sides) -> None:
    with translated("Reading where the source's log ends"):
        until = source.position(sides.source)
    source.drained(sides, sides.source, sides.member.forward, until, DRAIN_SECONDS)


def _replicated(sides: Sides) -> list[Table]:
    with translated("Listing tables"):
        return [facts.table for facts, persistence in client.tables(sides.source) if persistence == "p"]


def forget(sides: Sides) -> None:
    with translated("Forgetting what changed since it was compared"):
        source.drop_slot(sides.source, sides.member.changes)


def since(sides: Sides, record: Record) -> dict[Table, frozenset[int] | None] | None:
    """What changed since it was compared. None where it was not, not with this primary, where too much has changed,
    or nobody knows what."""
    name = sides.member.changes
    if not record.compared or record.timeline != timeline(sides):
        return None
    try:
        with translated("Reading what changed since it was compared"):
            if not one(sides.source, "SELECT 1 FROM pg_replication_slots WHERE slot_name = %s", [name]):
                return None
            lines = [
                row["data"] for row in rows(sides.source, statements.CHANGES, {"slot": name, "most": MOST_CHANGES})
            ]
    except Unreachable:
        raise
    except ErpopsError:  # the slot was lost; all rows are compared then
        return None
    return None if len(lines) >= MOST_CHANGES else changes.changed(lines)


def rest_compared(sides: Sides, record: Record, facts: Facts, jobs: int) -> dict[str, int]:
    """In the window: the rows that are left, sequences and large objects. Raises Refused with every difference."""
    try:
        return _rest_compared(sides, record, facts, jobs)
    except compare.Unequal as error:
        raise noted(sides, error) from error


def noted(sides: Sides, error: compare.Unequal) -> compare.Unequal:
    """The same, with what differs in the source's record: the member has diverged."""
    source.note_unequal(sides, error.found)
    error.values["state"] = plan.DIVERGED
    return error


def _rest_compared(sides: Sides, record: Record, facts: Facts, jobs: int) -> dict[str, int]:
    changed = since(sides, record)
    if changed is None:
        return compare.compare(sides, facts, jobs)
    replicated = set(_replicated(sides))
    whole = [facts.table for facts, _persistence in client.tables(sides.source)
             if facts.table not in replicated or changed.get(facts.table, frozenset()) is None]  # fmt: skip
    by_id = {table: ids for table, ids in changed.items() if ids is not None and table in replicated}
    again = compare.compare_some(sides, facts, whole, by_id, jobs)
    tables, counted = record.compared
    return {"tables": tables, "rows": counted, "again": again["rows"]}
