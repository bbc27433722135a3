# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares every row of every table, every sequence and every large object of both sides, many tables at once."""

from __future__ import annotations

import queue
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import translated
from ansible_collections.erpops.odoo.plugins.module_utils.replication import client, plan, statements
from ansible_collections.erpops.odoo.plugins.module_utils.replication.client import Row, Sides, execute, one, rows
from ansible_collections.erpops.odoo.plugins.module_utils.replication.model import Facts, Table

if TYPE_CHECKING:
    from ansible_collections.erpops.odoo.plugins.module_utils.replication.client import Connection

Sum = tuple[int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A connection that is at hand, and what opens further ones that see the same."""

    connection: Connection
    connect: Callable[[], Connection]


def compare(sides: Sides, facts: Facts, jobs: int) -> dict[str, int]:
    """Raises Refused with every difference. Returns how much was compared. Nobody may be writing on either side."""
    member = sides.member
    source = Side(connection=sides.source, connect=lambda: sides.connect_source(member.database))
    target = Side(connection=sides.target, connect=lambda: sides.connect_target(member.name))
    return equal(sides, facts, source, target, rows(sides.source, statements.SEQUENCES), jobs)


def equal(
    sides: Sides, facts: Facts, source: Side, target: Side, sequences: Sequence[Row], jobs: int
) -> dict[str, int]:
    """``sequences``: those of the source, which no snapshot holds."""
    found, compared = differences(sides, source, target, min(facts.source.version, facts.target.version), jobs)
    found += _unequal_sequences(sequences, target.connection)
    cure = "The other side must not open with it; look at what wrote there."
    plan.refuse_differences(sides.member, "The two sides are not equal.", found, cure)
    return compared


def differences(sides: Sides, source: Side, target: Side, oldest: int, jobs: int) -> tuple[list[str], dict[str, int]]:
    """Of all rows and large objects, each as a sentence; and how much was compared. oldest: of both versions."""
    with ThreadPoolExecutor(2) as pool:
        ours = pool.submit(_sums, sides, source, oldest, jobs)
        theirs = pool.submit(_sums, sides, target, oldest, jobs)
        sums, others = ours.result(), theirs.result()
    found = [*plan.unequal(sums, others), *_unequal_objects(source.connection, target.connection)]
    return found, {"tables": len(sums), "rows": sum(count for count, _sum in sums.values())}


def _sums(sides: Sides, side: Side, oldest: int, jobs: int) -> dict[str, Sum]:
    """Of every table, largest first, over connections of their own."""
    waiting: queue.SimpleQueue[Table] = queue.SimpleQueue()
    with translated("Listing tables"):
        found = [facts.table for facts, _persistence in client.tables(side.connection)]
    for table in found:
        waiting.put(table)

    def work() -> dict[str, Sum]:
        sums: dict[str, Sum] = {}
        with side.connect() as connection, translated("Comparing rows"):
            client.same_text(connection, oldest)
            left = sides.steps.remaining()
            if left is not None:
                execute(connection, f"SET statement_timeout = '{max(int(left * 1000), 1)}ms'")
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


def _sum(connection: Connection, table: Table) -> Sum:
    row = one(connection, statements.row_sums(table))
    if row is None:
        raise ErpopsError(f"Table {table} gave no sum.")
    return row["rows"], row["sum"]


def _unequal_sequences(sequences: Sequence[Row], taker: Connection) -> list[str]:
    with translated("Comparing sequences"):
        source, target = (
            {f"{row['schema']}.{row['name']}": row["last"] for row in found}
            for found in (sequences, rows(taker, statements.SEQUENCES))
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
