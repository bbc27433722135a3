# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The path by dumps, for a source that cannot be followed: the same states, and a window as long as dump and restore.

A seed makes a first copy, which shows that it can be done and how long it takes. Nothing follows: the cutover fences
the source and copies it anew; a rollback writes the rows that differ back into the source, in one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import translated
from ansible_collections.erpops.odoo.plugins.module_utils.replication import (
    beside,
    carry,
    client,
    compare,
    dump,
    pause,
    plan,
    seed,
    source,
    statements,
)
from ansible_collections.erpops.odoo.plugins.module_utils.replication.client import Sides, execute, one
from ansible_collections.erpops.odoo.plugins.module_utils.replication.model import Facts, Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Copying:
    """roles: of the source -> of the target."""

    tools: dump.Tools
    roles: Mapping[str, str]


def seeded(sides: Sides, copying: Copying, password: str, facts: Facts) -> dict[str, Any]:
    """A first copy, closed, from where it may begin; a member that has one is left alone. Returns what was left."""
    if plan.check("wave_seed", sides.member, facts) == plan.FOLLOWING:
        return {"left": beside.left(sides, copying.roles)}
    member, record = sides.member, facts.source.record or Record()
    with sides.steps.step("clear"):
        seed.clear(sides)
    with sides.steps.step("database"):
        seed.make_role(sides, password)
        seed.make_database(sides, member.passing)
    with pause.held(lambda: sides.connect_source(member.database), int(copying.tools.seconds)) as moment:
        left = copied(sides, copying, member.passing, moment.name)
    with sides.steps.step("rename"):
        seed.rename(sides)
    text = source.save_record(sides, replace(record, copied=True))
    client.in_transaction(sides.source, "Recording the copy", [text])
    return {"copied": True, "left": left}


def copied(sides: Sides, copying: Copying, database: str, snapshot: str = "") -> list[str]:
    """Everything of the source into an empty database, as of a snapshot that somebody holds, or of now where nobody
    writes. Returns the rights that were left."""
    member, steps = sides.member, sides.steps
    remaining = steps.remaining()
    seconds = copying.tools.seconds if remaining is None else min(remaining, copying.tools.seconds)
    tools = replace(copying.tools, seconds=seconds)
    with ExitStack() as stack:
        with steps.step("dump"):
            place = stack.enter_context(dump.dumped(tools, member.name, sides.source_login, member.database, snapshot))
        seed.restored(sides, tools, place, database)
    with steps.step("carry"), sides.connect_target(database) as connection:
        execute(connection, f"SET statement_timeout = '{max(int(seconds), 1)}s'")
        left = beside.carry(sides, copying.roles, beside.End(connection=connection, database=database))
        execute(connection, "ANALYZE")
    return left


def taken(sides: Sides, copying: Copying, facts: Facts, files: Any, jobs: int) -> dict[str, Any]:
    """Within a cutover's window: a copy of the fenced source that is equal to it, in the place of the first one."""
    member, steps = sides.member, sides.steps
    with steps.step("database"):
        _emptied(sides, member.passing)
    left = copied(sides, copying, member.passing)
    with steps.step("files"):
        filestore = files()
    with steps.step("compare"):
        ours = compare.Side(connection=sides.source, connect=lambda: sides.connect_source(member.database))
        theirs = compare.Side(connection=sides.passing, connect=lambda: sides.connect_target(member.passing))
        compared = compare.equal(sides, facts, ours, theirs, client.sequences(sides.source), jobs)
    with steps.step("swap"), translated("Putting the copy in its place"):
        # Nothing is published; the publication bears the mark by which ``outside`` knows when the target was opened.
        execute(sides.passing, statements.drop_publication(member.back), statements.create_publication(member.back, []))
        sides.leave(member.name)
        execute(sides.maintenance, statements.drop_database(member.name))
        seed.rename(sides)
    return {"compared": compared, "files": filestore, "left": left}


def _emptied(sides: Sides, database: str) -> None:
    sides.leave(database)
    with translated(f"Dropping database {database}"):
        execute(sides.maintenance, statements.drop_database(database))
    seed.make_database(sides, database)


def rehearsed(sides: Sides, copying: Copying, stack: ExitStack) -> tuple[pause.Moment, dict[str, int]]:
    """The member's rehearsal as of one moment of the source, which is held until the stack ends; nobody rests.

    Returns how much was carried, too: no snapshot holds sequences, so the dump has later values of them.
    """
    member = sides.member
    with sides.steps.step("database"):
        _emptied(sides, member.rehearsal)
    moment = stack.enter_context(pause.held(lambda: sides.connect_source(member.database), int(copying.tools.seconds)))
    copied(sides, copying, member.rehearsal, moment.name)
    return moment, {"sequences": carry.set_sequences(moment.sequences, sides.rehearsal, member.name)}


def say_returning(sides: Sides, record: Record) -> None:
    """Before the target is fenced: one that is closed, and nothing else, would be taken for a cutover under way."""
    text = source.save_record(sides, replace(record, returning=True))
    client.in_transaction(sides.source, "Recording that the member returns", [text])


def written_back(sides: Sides, facts: Facts, jobs: int) -> None:
    """The rows of every table that differs, from the fenced target into the fenced source, all or nothing."""
    member = sides.member
    ours = compare.Side(connection=sides.source, connect=lambda: sides.connect_source(member.database))
    theirs = compare.Side(connection=sides.target, connect=lambda: sides.connect_target(member.name))
    tables = compare.unequal_tables(sides, facts, ours, theirs, jobs)
    with translated("Writing rows back"), sides.source.transaction():
        execute(sides.source, "SET LOCAL session_replication_role = replica")  # no triggers, no foreign keys
        for table in tables:
            sides.steps.remaining()
            carry.copy_rows(sides.target, sides.source, table)


def returned(sides: Sides, record: Record) -> Record:
    """After a rollback: no copy is the source's any more, and the database's own comment is as it is on the target."""
    found = one(sides.target, statements.DATABASE, [sides.member.name]) if record.by_dump else None
    return replace(record, copied=False, comment=client.own_comment(found["comment"]) if found else record.comment)


def stays_closed(sides: Sides, facts: Facts) -> None:
    """After a cutover that failed: what it had copied so far goes; the first copy stays."""
    if facts.target.database:
        sides.leave(sides.member.passing)
        with translated("Dropping what was copied"):
            execute(sides.maintenance, statements.drop_database(sides.member.passing))
