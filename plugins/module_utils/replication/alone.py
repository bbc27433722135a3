# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is left to do for a member whose source is gone for good. The source is not asked; the target alone decides."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import Problem, Refused
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import (
    CONNECT_SECONDS,
    MAINTENANCE_DATABASE,
    translated,
)
from ansible_collections.erpops.odoo.plugins.module_utils.replication import (
    carry,
    client,
    ending,
    outside,
    plan,
    proof,
    seed,
    source,
    statements,
)
from ansible_collections.erpops.odoo.plugins.module_utils.replication import cutover as switching
from ansible_collections.erpops.odoo.plugins.module_utils.replication.client import Sides, execute, one, rows
from ansible_collections.erpops.odoo.plugins.module_utils.replication.model import Table, TargetFacts

with suppress(ImportError):  # the client reports it
    from psycopg.conninfo import make_conninfo
    from psycopg.pq import PGconn, Ping

GONE_SECONDS = 6  # longer than a tunnel needs to come up again
ASK_SECONDS = 2


def check_gone(sides: Sides) -> None:
    """Raises Refused where the source answers after all: nothing is given up that can be asked."""
    end = time.monotonic() + GONE_SECONDS
    while not _answers(sides):
        if time.monotonic() > end:
            return
        time.sleep(ASK_SECONDS)
    cure = "Leave it out (wave_move_source_gone=false), so that nothing is given up that the source can be asked for."
    problem = Problem(f"member {sides.member.name}", "source_gone", "true", cure)
    raise Refused(f"The source of member {sides.member.name} answers.", [problem])


def _answers(sides: Sides) -> bool:
    """A server that refuses us is there, too. One that has lost the member's database is not its source any more."""
    login = sides.source_login
    where = make_conninfo(
        "", **login.parameters(), dbname=MAINTENANCE_DATABASE, connect_timeout=CONNECT_SECONDS
    )  # fmt: skip
    if PGconn.ping(where.encode()) == Ping.NO_RESPONSE:
        return False
    try:
        with client.connect(login, MAINTENANCE_DATABASE) as connection, translated("Asking the source"):
            return bool(rows(connection, statements.DATABASES, [[sides.member.database]]))
    except client.SourceUnreachable:
        return True


def read(sides: Sides) -> TargetFacts:
    """With the mark of the target's opening, which is what the source would be asked for otherwise."""
    target = client.read_target(sides)
    if not target.database:
        return target
    with translated("Reading when the target was opened"):
        mark = one(sides.target, outside.MARK, [sides.member.back])
    return replace(target, opened=(mark and mark["since"]) or "")


def check_followed(sides: Sides, target: TargetFacts) -> str:
    """Where it stands. Raises Refused for a copy that did not follow: it is as old as its seed."""
    state, member = plan.check_alone("wave_cutover", sides.member, target), sides.member
    if state == plan.FOLLOWING and target.subscribed != member.name:
        cure = "It is moved by dumps, and its copy is as old as its seed. Restore a backup of the source instead."
        problem = Problem(f"member {member.name}", "subscription", "", f"The target did not follow the source. {cure}")
        raise Refused(f"wave_cutover of member {member.name} is refused.", [problem], values={"state": state})
    return state


def cutover(sides: Sides, files: Callable[[], Sequence[str]]) -> dict[str, Any]:
    """The copy that followed opens as it is, without a way back. Killed anywhere and run again, it goes on.

    files: names of the filestore that are missing.
    """
    member, steps = sides.member, sides.steps
    with steps.step("look"):
        arrived = arrived_until(sides)
    with steps.step("stop"), translated("Following no longer"):
        execute(sides.target, statements.enable_subscription(member.forward, False))
    with steps.step("carry"):
        raised, free = carry.raise_owned(sides.target)
        carried = {"sequences": raised, "materialized_views": carry.materialized_views(sides.target)}
    with steps.step("files"):
        missing = files()
    with steps.step("no_way_back"):
        no_way_back(sides)
        with translated("Preparing the mark of the opening"):
            execute(sides.target, statements.create_publication(member.back, []))
    client.still_locked(sides)
    with steps.step("open"):
        switching.open_target(sides, followed=True)
    behind = plan.behind(free, missing)
    return {"carried": carried, "arrived_until": arrived, "behind": behind, "statistics": switching.counted(sides)}


def arrived_until(sides: Sides) -> dict[str, str | None]:
    """written: the last time that a row of the copy says it was written. heard: when the source was last heard of,
    which the server forgets with its worker."""
    with translated("Reading until when changes had arrived"):
        tables = [Table(**row) for row in rows(sides.target, statements.WRITTEN)]
        written = one(sides.target, statements.last_written(tables)) if tables else None
        heard = one(sides.target, statements.HEARD, [sides.member.forward])
    return {"written": written["written"] if written else None, "heard": heard["heard"] if heard else None}


def no_way_back(sides: Sides) -> None:
    """The target keeps nothing for the source any more."""
    source.drop_slot(sides.maintenance, sides.member.back)
    with translated("Closing the way back on the target"):
        execute(sides.target, statements.drop_publication(sides.member.back))


def commit(sides: Sides, wanted: proof.Dumping | None, target: TargetFacts) -> dict[str, Any]:
    """The target keeps nothing for the source any more. Returns what is known of the dump."""
    found = ending.dumped(sides, wanted, plan.check_alone("wave_commit", sides.member, target), target.version)
    with sides.steps.step("commit"):
        no_way_back(sides)
    return found


def open_again(sides: Sides, target: TargetFacts) -> None:
    """A target that was fenced for a rollback serves again."""
    if plan.check_alone("wave_rollback", sides.member, target) == plan.ROLLING_BACK:
        with sides.steps.step("open"):
            ending.open_target_again(sides)


def withdraw(sides: Sides, target: TargetFacts) -> None:
    """The target as if the member had never been seeded."""
    plan.check_alone("withdraw", sides.member, target)
    with sides.steps.step("withdraw_target"):
        seed.clear_target(sides)
