# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows are compared before the window, as of one moment, while users work; in the window only what changed since.

The same on both ways: of a cutover the source gives and the target follows it, of a rollback the target gives. A slot
of the giver remembers what changed, from before that moment on. It stands only between the two, since it holds back the
giver's log. Whatever keeps this from being done is said, and then all rows are compared in the window; and so they are
where another of the target's hosts has taken over since, which may lack what the source was told to be there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from ansible_collections.erpops.odoo.plugins.module_utils.replication.client import Connection

REST = pause.Rest(lock_seconds=2.0, tries=5, longest_seconds=30)
DRAIN_SECONDS = 20
SLOT_SECONDS = 60  # a slot waits for the end of every transaction that is under way
MOST_CHANGES = 100_000
MOVING_SLOTS = 110_000  # server_version_num since which a slot can be moved on


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """seconds: the longest that one statement may take."""

    jobs: int
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """back: of a rollback."""

    sides: Sides
    back: bool = False

    @property
    def giver(self) -> Connection:
        return self.sides.target if self.back else self.sides.source

    def connect(self) -> Connection:
        sides, member = self.sides, self.sides.member
        return sides.connect_target(member.name) if self.back else sides.connect_source(member.database)

    @property
    def slot(self) -> str:
        """By which the other side follows."""
        return self.sides.member.back if self.back else self.sides.member.forward


def compared(way: Way, wanted: Wanted, facts: Facts) -> dict[str, Any]:
    """Compare all rows, then those that changed meanwhile. From here on a slot holds back the giver's log.

    Raises Refused where rows differ. Returns how much was compared, or ``reason`` why it was not.
    """
    with way.sides.steps.step("compare"):
        done = _all_compared(way, wanted, facts)
    if "reason" not in done:
        with way.sides.steps.step("compare_changed"):
            _changed_compared(way, wanted, facts)
    return done


def _all_compared(way: Way, wanted: Wanted, facts: Facts) -> dict[str, Any]:
    """And remember it in the source's record."""
    sides = way.sides
    record = facts.source.record or Record()
    if record.compared:  # of a run before: the new slot does not know what changed since
        record = replace(record, compared=())
        client.in_transaction(sides.source, "Recording that nothing is compared", [source.save_record(sides, record)])
    forget(way)
    try:
        compared_with = timeline(sides)
        _remember(way)
        with ExitStack() as stack:
            ours, theirs, _until = _moment(way, wanted, stack)
            found, counted = compare.differences(
                sides, ours.side, theirs.side, min(facts.source.version, facts.target.version), wanted.jobs,
                tables=_replicated(sides),
            )  # fmt: skip
    except ErpopsError as error:
        forget(way)
        return {"reason": error.message}
    _refuse(way, found)
    text = source.save_record(sides, replace(
        record, compared=(counted["tables"], counted["rows"]), timeline=compared_with,
    ))  # fmt: skip
    client.in_transaction(sides.source, "Recording what was compared", [text])
    return counted


def _changed_compared(way: Way, wanted: Wanted, facts: Facts) -> None:
    """As of a later moment: all of a big database takes minutes, in which much changes, and the window is to be left
    with what changed since, however big the database is. Whatever keeps this from being done leaves more to it."""
    found = list[str]()
    with suppress(ErpopsError):
        found = _changed_differences(way, wanted, facts)
    _refuse(way, found)


def _refuse(way: Way, found: Sequence[str]) -> None:
    """What differs, if anything does; then nothing needs to be remembered."""
    if found:
        forget(way)
        raise noted(way, compare.Unequal(way.sides.member, found))


def _changed_differences(way: Way, wanted: Wanted, facts: Facts) -> list[str]:
    if way.giver.info.server_version < MOVING_SLOTS:
        return []
    with ExitStack() as stack:
        ours, theirs, until = _moment(way, wanted, stack)
        changed = since(way, client.read(way.sides).source.record or Record())
        if changed is None:
            return []
        left = _left(way.sides, changed, unreplicated=False)
        found, _counted = compare.some_differences(way.sides, facts, ours.side, theirs.side, *left, wanted.jobs)
    if not found:
        with translated("Moving on what is remembered"):
            rows(way.giver, "SELECT pg_replication_slot_advance(%s, %s)", [way.sides.member.changes, until])
    return found


def timeline(sides: Sides) -> str:
    """Of the target's primary; another one after every failover."""
    with translated("Reading the target's timeline"):
        return str((one(sides.maintenance, statements.TIMELINE) or {"timeline": ""})["timeline"])


def _remember(way: Way) -> None:
    with translated("Remembering what changes from here on"), way.connect() as connection:
        execute(connection, f"SET statement_timeout = '{SLOT_SECONDS}s'")
        rows(connection, "SELECT pg_create_logical_replication_slot(%s, 'test_decoding')", [way.sides.member.changes])


def _moment(way: Way, wanted: Wanted, stack: ExitStack) -> tuple[pause.Moment, pause.Moment, str]:
    """The same moment of the source and the target, held until the stack ends, and where the giver's log ended in it.
    Writers rest until the one that follows has caught up."""
    sides, member = way.sides, way.sides.member
    _drained(way)  # what is far behind is not waited for by writers
    with pause.resting(sides, REST, way.giver, way.connect):
        until = _drained(way)
        ours = stack.enter_context(pause.held(lambda: sides.connect_source(member.database), wanted.seconds))
        theirs = stack.enter_context(pause.held(lambda: sides.connect_target(member.name), wanted.seconds))
    return ours, theirs, until


def _drained(way: Way) -> str:
    with translated("Reading where the log ends"):
        until = source.position(way.giver)
    source.drained(way.sides, way.giver, way.slot, until, DRAIN_SECONDS)
    return until


def _replicated(sides: Sides) -> list[Table]:
    with translated("Listing tables"):
        return [facts.table for facts, persistence in client.tables(sides.source) if persistence == "p"]


def forget(way: Way) -> None:
    with translated("Forgetting what changed since it was compared"):
        source.drop_slot(way.giver, way.sides.member.changes)


def remembered(way: Way) -> bool:
    """Whether a slot remembers what changes."""
    with translated("Reading whether rows were compared"):
        name = way.sides.member.changes
        return one(way.giver, "SELECT 1 FROM pg_replication_slots WHERE slot_name = %s", [name]) is not None


def since(way: Way, record: Record) -> dict[Table, frozenset[int] | None] | None:
    """What changed since it was compared. None where it was not, not with this primary, where too much has changed,
    or nobody knows what."""
    if not record.compared or record.timeline != timeline(way.sides):
        return None
    try:
        if not remembered(way):
            return None
        with translated("Reading what changed since it was compared"):
            values = {"slot": way.sides.member.changes, "most": MOST_CHANGES}
            lines = [row["data"] for row in rows(way.giver, statements.CHANGES, values)]
    except Unreachable:
        raise
    except ErpopsError:  # the slot was lost; all rows are compared then
        return None
    return None if len(lines) >= MOST_CHANGES else changes.changed(lines)


def rest_compared(way: Way, record: Record, facts: Facts, jobs: int) -> dict[str, int]:
    """In the window: the rows that are left, sequences and large objects. Raises Refused with every difference."""
    try:
        return _rest_compared(way, record, facts, jobs)
    except compare.Unequal as error:
        raise noted(way, error) from error


def noted(way: Way, error: compare.Unequal) -> compare.Unequal:
    """The same, with what differs in the source's record: the member has diverged. On the way back it has not."""
    if way.back:
        return error
    source.note_unequal(way.sides, error.found)
    error.values["state"] = plan.DIVERGED
    return error


def _rest_compared(way: Way, record: Record, facts: Facts, jobs: int) -> dict[str, int]:
    sides, changed = way.sides, since(way, record)
    if changed is None:
        return compare.compare(sides, facts, jobs)
    again = compare.compare_some(sides, facts, *_left(sides, changed, unreplicated=True), jobs)
    tables, counted = record.compared
    return {"tables": tables, "rows": counted, "again": again["rows"]}


def _left(
    sides: Sides, changed: Mapping[Table, frozenset[int] | None], *, unreplicated: bool
) -> tuple[list[Table], dict[Table, frozenset[int]]]:
    """Tables of which all rows are to be compared, and those of which rows with these ids are.

    unreplicated: with the tables of which no slot remembers anything.
    """
    with translated("Listing tables"):
        found = [(facts.table, persistence == "p") for facts, persistence in client.tables(sides.source)]
    whole = [table for table, replicated in found
             if (changed.get(table, frozenset()) is None if replicated else unreplicated)]  # fmt: skip
    replicated = {table for table, replicated in found if replicated}
    return whole, {table: ids for table, ids in changed.items() if ids is not None and table in replicated}
