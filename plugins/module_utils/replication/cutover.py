# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The switch: nobody serves from ``fence`` to ``open``. Before ``open`` every failure returns to the source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError, Problem, Refused
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import translated
from ansible_collections.erpops.odoo.plugins.module_utils.replication import (
    ahead,
    back,
    beside,
    by_dump,
    carry,
    client,
    outside,
    plan,
    quiet,
    seed,
    source,
    statements,
)
from ansible_collections.erpops.odoo.plugins.module_utils.replication.client import Sides, execute, one, rows
from ansible_collections.erpops.odoo.plugins.module_utils.replication.model import Facts, Grant, Record
from ansible_collections.erpops.odoo.plugins.module_utils.replication.steps import Steps
from ansible_collections.erpops.odoo.plugins.module_utils.wave import statistics


def no_files() -> dict[str, Any]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutover:
    """What the operator chose. files: copies what the filestore still lacks, and says what it did.

    live: False ends it when all is ready that can be before anybody is turned away. held: the source does not follow
    the target that was opened until it is released, so that what is done to it meanwhile can be thrown away.
    lag_bytes: how near the target must be before the window opens. drain_seconds: how long that may take, and the rest.
    keep_seconds: how long to wait for standbys that do not keep the way back; 0: not at all. compare_seconds: how long
    one table may take before. quiet_seconds: how long what is under way when the window opens may go on; 0: not at all.
    """

    way: back.WayBack
    copying: by_dump.Copying
    jobs: int
    live: bool
    held: bool
    lag_bytes: int
    drain_seconds: float
    keep_seconds: float
    compare_seconds: int
    quiet_seconds: float
    shared_roles: bool
    files: Callable[[], dict[str, Any]] = field(default=no_files)


def cutover(sides: Sides, wanted: Cutover, facts: Facts) -> dict[str, Any]:
    """Bring a following member to live. Killed anywhere and run again, it goes on."""
    state = plan.check("wave_cutover", sides.member, facts)
    if state == plan.LIVE:
        found = released(sides, facts) if wanted.live and not wanted.held and facts.held else []
        finish(sides, followed=not (facts.held and (wanted.held or not wanted.live)))
        return {"schema_changes": found}
    with sides.steps.step("check"):
        check(sides, wanted, facts)
        if not wanted.live and wanted.quiet_seconds:
            with quiet.no_action_at_work(sides, _source_of(sides), quiet.READY_SECONDS):
                pass  # a long one is named before anybody is turned away
    record = facts.source.record or Record()
    try:
        if facts.by_dump and not wanted.live:
            return {"files": copied_ahead(sides, wanted.files)}
        if facts.by_dump:
            return _window(sides, wanted, facts, record)
        with sides.steps.step("way_back"):
            back.prepare(sides, wanted.way)
        if wanted.live:
            return _window(sides, wanted, facts, record)
        return {} if record.fenced else _ahead(sides, wanted, facts)  # a window that was cut off waits for nothing
    except BaseException as error:
        raise returned(sides, error) from error


def _ahead(sides: Sides, wanted: Cutover, facts: Facts) -> dict[str, Any]:
    if wanted.keep_seconds:
        with sides.steps.step("keep"):
            back.keep(sides, wanted.keep_seconds)
    with sides.steps.step("rights"):
        left = beside.carry_noted(sides, wanted.copying.roles)
    files = copied_ahead(sides, wanted.files)
    compare = ahead.Wanted(jobs=wanted.jobs, seconds=wanted.compare_seconds)
    compared = ahead.compared(ahead.Way(sides=sides), compare, facts)
    files = copied_ahead(sides, wanted.files, files)
    return {"files": files, "compared": compared, "left": left}


def copied_ahead(
    sides: Sides, copy: Callable[[], dict[str, Any]], before: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Before the window, which is left with the files of the last seconds. before: of the copy before, where this one
    is for what came while rows were compared, which takes minutes."""
    with sides.steps.step("files"):
        files = copy()
    return {**files, "copied": before["copied"] + files["copied"]} if before and files else files


def ready(facts: Facts) -> bool:
    """Whether nothing is left to do before the window, or the window is over. By dumps nothing can be done before."""
    way_back = facts.source.back_enabled is not None and facts.target.back_slot is not None
    return facts.by_dump or plan.stands(facts) == plan.LIVE or way_back


def begun(sides: Sides, facts: Facts) -> bool:
    """Whether anything stands that ``return_to_source`` takes back."""
    way_back = facts.source.back_enabled is not None or facts.target.back_slot is not None
    return way_back or ahead.remembered(ahead.Way(sides=sides)) or plan.stands(facts) == plan.CUTTING_OVER


def check(sides: Sides, wanted: Cutover, facts: Facts) -> None:
    """Raises Refused with everything that would fail inside the window."""
    member = sides.member
    diverged = [] if facts.by_dump else seed.diverged(sides, facts)
    found = diverged or ([] if facts.by_dump else _behind(sides, wanted, facts))
    found += [f"prepared transaction {row['gid']} is open" for row in rows(
        sides.source, statements.END_PREPARED, [member.database])]  # fmt: skip
    plan.refuse_move(member, f"Member {member.name} cannot be cut over.", found, diverged=bool(diverged))
    if not (facts.source.record and facts.source.record.fenced):
        source.superusers(sides, shared=wanted.shared_roles)


def _source_of(sides: Sides) -> Callable[[], client.Connection]:
    return lambda: sides.connect_source(sides.member.database)


def _behind(sides: Sides, wanted: Cutover, facts: Facts) -> list[str]:
    if not facts.target.enabled:
        return ["its subscription is disabled"]
    return source.behind(sides, wanted.lag_bytes, wanted.drain_seconds)


def _window(sides: Sides, wanted: Cutover, facts: Facts, record: Record) -> dict[str, Any]:
    steps = sides.steps
    steps.start_window()
    with steps.step("fence"), quiet.no_action_at_work(sides, _source_of(sides), wanted.quiet_seconds):
        record = source.fence(sides, record, shared=wanted.shared_roles, quiet_seconds=wanted.quiet_seconds)
        sides.within_window(sides.source)
    if facts.by_dump:
        done = by_dump.taken(sides, wanted.copying, facts, wanted.files, wanted.jobs)
    else:
        done = _caught_up(sides, wanted, facts, record)
    steps.remaining()
    client.still_locked(sides)
    with steps.step("open"):
        if record.held != wanted.held:
            text = source.save_record(sides, replace(record, held=wanted.held))
            client.in_transaction(sides.source, "Recording whether the target is held", [text])
        open_target(sides, followed=not facts.by_dump)
    steps.end_window()
    finish(sides, followed=not wanted.held)
    return {**done, "statistics": counted(sides)}


def released(sides: Sides, facts: Facts) -> list[str]:
    """Users may be led to the target. Returns what its schema has become that the source's is not: with that there is
    no way back, and nothing holds log for it. Only then the source follows, since it may not get what is thrown away.
    """
    with sides.steps.step("release"):
        found = seed.schema_differences(sides)
        if found and not facts.by_dump:
            back.remove(sides)
        record = replace(facts.source.record or Record(), held=False)
        client.in_transaction(sides.source, "Releasing the target", [source.save_record(sides, record)])
    return found


def _caught_up(sides: Sides, wanted: Cutover, facts: Facts, record: Record) -> dict[str, Any]:
    steps, member = sides.steps, sides.member
    sides.within_window(sides.target)
    with steps.step("drain"):
        until = source.position(sides.source)
        source.drained(sides, sides.source, member.forward, until, wanted.drain_seconds)
    with steps.step("carry"):
        carried = carry_all(sides, sides.source, sides.target, member.name)
        left = beside.carry_noted(sides, wanted.copying.roles) if beside.changed(sides) else []
    with steps.step("files"):
        files = wanted.files()
    with steps.step("compare"):
        compared = ahead.rest_compared(ahead.Way(sides=sides), record, facts, wanted.jobs)
    with steps.step("return_path"):
        back.begin(sides)
        if wanted.held:
            back.rest(sides)
    return {"compared": compared, "carried": carried, "files": files, "position": until, "left": left}


def counted(sides: Sides) -> dict[str, Any] | None:
    """None rather than an error: the target is open."""
    try:
        with translated("Reading the target's statistics"):
            return one(sides.maintenance, statistics.COUNTERS, [[sides.member.name]])
    except ErpopsError:
        return None


def carry_all(sides: Sides, giver: client.Connection, taker: client.Connection, owner: str) -> dict[str, int]:
    carried = {
        "sequences": carry.sequences(giver, taker, owner),
        "large_objects": carry.large_objects(giver, taker, owner),
        "unlogged_tables": carry.unlogged(giver, taker),
    }
    sides.steps.remaining()
    carried["materialized_views"] = carry.materialized_views(taker)
    return carried


def open_target(sides: Sides, *, followed: bool) -> None:
    """The point of opening, one transaction: the target follows no longer, its role may connect, and it is marked
    for ``outside``, which tells by it what the target wrote itself."""
    member = sides.member
    since = (one(sides.target, outside.NOW) or {"now": ""})["now"]
    client.in_transaction(sides.target, "Opening the target", [
        *(statements.forget_subscription(member.forward) if followed else ()),
        statements.comment_publication(member.back, since),
        *statements.grant_connect(member.name, [Grant(grantee=member.name)]),
    ])  # fmt: skip


def finish(sides: Sides, *, followed: bool) -> None:
    """What is left to do once the target is open: the forward slot would hold back the source's log for ever.

    followed: by the source.
    """
    with sides.steps.step("finish"):
        for name in (sides.member.forward, sides.member.changes):
            source.drop_slot(sides.source, name)
        with translated("Opening the target"):
            execute(sides.target, "RESET statement_timeout")
            found = client.subscription(sides.source, sides.member.back)
            if followed and found and not found["enabled"]:  # a run that was killed, then rested by nobody but us
                execute(sides.source, statements.enable_subscription(sides.member.back, True))


def returned(sides: Sides, error: BaseException) -> BaseException:
    """Before the point of opening: back to the source, which serves again. Returns what to raise."""
    error = client.ours(error)
    steps = Steps()  # the way back has no window
    steps.timings = sides.steps.timings
    sides.steps = steps
    try:
        with steps.step("return"):
            client.lock_again(sides)
            try:
                facts = client.read_again(sides)
            except client.SourceUnreachable:
                if not client.read_target(sides).serves:
                    raise
                text = f"The target is open and serves, but: {error}. Run wave_cutover again once the source is back."
                return ErpopsError(text, values={"state": plan.LIVE, "source_lost": True})
            if plan.stands(facts) == plan.LIVE:
                text = f"The target is open, but: {error}. Run wave_cutover again."
                return ErpopsError(text, values={"state": plan.LIVE})
            return_to_source(sides, facts)
    except ErpopsError as second:
        text = f"{error}\nThe source could not be opened again: {second}\nNobody serves; run wave_cutover again."
        if isinstance(second, client.SourceUnreachable):
            text += " If its host is gone for good, say so (option source_gone; wave_move_source_gone)."
        return ErpopsError(text, values={"state": plan.CUTTING_OVER})
    if isinstance(error, ErpopsError):
        problems = error.problems or (
            Problem(f"member {sides.member.name}", "", "", "The source serves again; cure it and run wave_cutover."),
        )
        text = f"{error.message} The member returned to the source."
        return Refused(text, problems, values={"state": error.values.get("state", plan.FOLLOWING)})
    return error


def return_to_source(sides: Sides, facts: Facts) -> None:
    """The target stays closed and goes on following."""
    record = facts.source.record
    if facts.by_dump:
        by_dump.stays_closed(sides, facts)
    else:
        back.remove(sides)
        ahead.forget(ahead.Way(sides=sides))
    if record is not None and record.fenced:
        client.in_transaction(sides.source, "Opening the source again", source.open_again(sides, record))
