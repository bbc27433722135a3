# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares every row of every table, every sequence and every large object of both sides, many tables at once."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError, Problem, Refused
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import translated
from ansible_collections.erpops.odoo.plugins.module_utils.replication import client, plan, statements
from ansible_collections.erpops.odoo.plugins.module_utils.replication.client import Row, Sides, execute, one, rows
from ansible_collections.erpops.odoo.plugins.module_utils.replication.model import Facts, Member, Table

if TYPE_CHECKING:
    from ansible_collections.erpops.odoo.plugins.module_utils.replication.client import Connection

Sum = tuple[int, str]


class Unequal(Refused):
    """The two sides are not equal. found: every difference, as a sentence."""

    def __init__(self, member: Member, found: Sequence[str]) -> None:
        cure = "The other side must not open with it; look at what wrote there."
        problems = [Problem(f"member {member.name}", "", "", f"{one}. {cure}") for one in found]
        super().__init__("The two sides are not equal.", problems)
        self.found = tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A connection that is at hand, and what opens further ones that see the same."""

    connection: Connection
    connect: Callable[[], Connection]


def _both(sides: Sides) -> tuple[Side, Side]:
    member = sides.member
    return (
        Side(connection=sides.source, connect=lambda: sides.connect_source(member.database)),
        Side(connection=sides.target, connect=lambda: sides.connect_target(member.name)),
    )


def compare(sides: Sides, facts: Facts, jobs: int) -> dict[str, int]:
    """Raises Refused with every difference. Returns how much was compared. Nobody may be writing on either side."""
    source, target = _both(sides)
    return equal(sides, facts, source, target, client.sequences(sides.source), jobs)


def compare_some(
    sides: Sides, facts: Facts, whole: Sequence[Table], by_id: Mapping[Table, frozenset[int]], jobs: int
) -> dict[str, int]:
    """Of some tables all rows, of others those with these ids; all sequences and large objects."""
    source, target = _both(sides)
    found, compared = some_differences(sides, facts, source, target, whole, by_id, jobs)
    found += _unequal_objects(source.connection, target.connection)
    found += _unequal_sequences(client.sequences(source.connection), target.connection)
    if found:
        raise Unequal(sides.member, found)
    return compared


def some_differences(
    sides: Sides, facts: Facts, source: Side, target: Side,
    whole: Sequence[Table], by_id: Mapping[Table, frozenset[int]], jobs: int,
) -> tuple[list[str], dict[str, int]]:  # fmt: skip
    """Of some tables all rows, of others those with these ids, each as a sentence; and how much was compared."""
    oldest = min(facts.source.version, facts.target.version)
    found, compared = differences(sides, source, target, oldest, jobs, tables=whole)
    with ThreadPoolExecutor(2) as pool:
        parts = [pool.submit(_sums_by_id, sides, side, oldest, by_id) for side in (source, target)]
        ours, theirs = (part.result() for part in parts)
    found += plan.unequal(ours, theirs)
    counted = sum(count for count, _sum in ours.values())
    return found, {"tables": len(whole) + len(by_id), "rows": compared["rows"] + counted}


def _sums_by_id(sides: Sides, side: Side, oldest: int, by_id: Mapping[Table, frozenset[int]]) -> dict[str, Sum]:
    if not by_id:
        return {}
    with side.connect() as connection, translated("Comparing rows that changed"):
        client.same_text(connection, oldest)
        _within_window(sides, connection)
        return {str(table): _sum(connection, table, ids) for table, ids in by_id.items()}


def _within_window(sides: Sides, connection: Connection) -> None:
    """Further connections, too, are not to outlive the window."""
    left = sides.steps.remaining()
    if left is not None:
        execute(connection, f"SET statement_timeout = '{max(int(left * 1000), 1)}ms'")


def equal(
    sides: Sides, facts: Facts, source: Side, target: Side, sequences: Sequence[Row], jobs: int
) -> dict[str, int]:
    """``sequences``: those of the source, which no snapshot holds."""
    found, compared = differences(sides, source, target, min(facts.source.version, facts.target.version), jobs)
    found += _unequal_sequences(sequences, target.connection)
    if found:
        raise Unequal(sides.member, found)
    return compared


def differences(
    sides: Sides, source: Side, target: Side, oldest: int, jobs: int, tables: Sequence[Table] | None = None
) -> tuple[list[str], dict[str, int]]:
    """Of all rows and large objects, or of the rows of these tables, each as a sentence; and how much was compared.

    oldest: of both versions.
    """
    if tables is not None and not tables:
        return [], {"tables": 0, "rows": 0}
    with ThreadPoolExecutor(2) as pool:
        ours = pool.submit(_sums, sides, source, oldest, jobs, tables)
        theirs = pool.submit(_sums, sides, target, oldest, jobs, tables)
        sums, others = ours.result(), theirs.result()
    found = plan.unequal(sums, others)
    if tables is None:
        found += _unequal_objects(source.connection, target.connection)
    return found, {"tables": len(sums), "rows": sum(count for count, _sum in sums.values())}


def unequal_tables(sides: Sides, facts: Facts, source: Side, target: Side, jobs: int) -> list[Table]:
    """Tables of both sides whose rows differ."""
    oldest = min(facts.source.version, facts.target.version)
    with translated("Listing tables"):
        tables = [facts.table for facts, _persistence in client.tables(source.connection)]
    ours, theirs = (_sums(sides, side, oldest, jobs) for side in (source, target))
    return [table for table in tables if ours.get(str(table)) != theirs.get(str(table))]


def _sums(sides: Sides, side: Side, oldest: int, jobs: int, tables: Sequence[Table] | None = None) -> dict[str, Sum]:
    """Of every table, or of these, largest first, over connections of their own."""
    waiting: queue.SimpleQueue[Table] = queue.SimpleQueue()
    with translated("Listing tables"):
        found = [facts.table for facts, _persistence in client.tables(side.connection)]
    if tables is not None:
        found = [table for table in found if table in set(tables)]
    for table in found:
        waiting.put(table)

    def work() -> dict[str, Sum]:
        sums: dict[str, Sum] = {}
        with side.connect() as connection, translated("Comparing rows"):
            client.same_text(connection, oldest)
            _within_window(sides, connection)
            while True:
                try:
                    table = waiting.get_nowait()
                except queue.Empty:
                    return sums
                sides.steps.remaining()
                sums[str(table)] = _sum(connection, table)

    with ThreadPoolExecutor(jobs) as pool:
        parts = [pool.submit(work) for _job in range(min(jobs, len(found) or 1))]
        return {name: value for part in parts for name, value in part.result().items()}


def _sum(connection: Connection, table: Table, ids: Iterable[int] | None = None) -> Sum:
    if ids is None:
        row = one(connection, statements.row_sums(table))
    else:
        row = one(connection, statements.row_sums(table, by_id=True), [list(ids)])
    if row is None:
        raise ErpopsError(f"Table {table} gave no sum.")
    return row["rows"], row["sum"]


def _unequal_sequences(sequences: Sequence[Row], taker: Connection) -> list[str]:
    with translated("Comparing sequences"):
        source, target = (
            {f"{row['schema']}.{row['name']}": row["last"] for row in found}
            for found in (sequences, client.sequences(taker))
        )
    return [
        f"sequence {name} is at {source.get(name)} on the source and {target.get(name)} on the target"
        for name in sorted(source.keys() | target.keys())
        if source.get(name, -1) != target.get(name, -1)
    ]


def _unequal_objects(giver: Connection, taker: Connection) -> list[str]:
    with translated("Comparing large objects"):
        source, target = (
            {row["oid"]: row["sum"] for row in rows(side, statements.LARGE_OBJECTS)} for side in (giver, taker)
        )
    return [
        f"large object {oid} differs"
        for oid in sorted(source.keys() | target.keys())
        if source.get(oid) != target.get(oid)
    ]
