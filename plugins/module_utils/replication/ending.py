# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After the switch: back to the source while the way back is open, or the declared point of no return."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError, Problem, Refused
from ansible_collections.erpops.odoo.plugins.module_utils.odoo import neutralize
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import translated
from ansible_collections.erpops.odoo.plugins.module_utils.replication import (
    ahead,
    back,
    beside,
    by_dump,
    client,
    outside,
    plan,
    proof,
    quiet,
    seed,
    server,
    source,
    statements,
)
from ansible_collections.erpops.odoo.plugins.module_utils.replication.client import Sides, execute, one, rows
from ansible_collections.erpops.odoo.plugins.module_utils.replication.cutover import carry_all, copied_ahead, no_files
from ansible_collections.erpops.odoo.plugins.module_utils.replication.model import ROLE, Facts, Grant, Record
from ansible_collections.erpops.odoo.plugins.module_utils.replication.steps import Steps, wait_until

NEAR_BYTES = 1_048_576
NEAR_SECONDS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollback:
    """roles: of the source -> of the target. compare_seconds: how long one table may take before the window."""

    jobs: int
    compare_seconds: int
    roles: Mapping[str, str]
    drain_seconds: float
    quiet_seconds: float
    files: Callable[[], dict[str, Any]] = field(default=no_files)


def rollback(sides: Sides, wanted: Rollback, facts: Facts) -> dict[str, Any]:
    """From live back to the source. Killed anywhere and run again, it goes on."""
    state = plan.check("wave_rollback", sides.member, facts)
    if state == plan.ROLLED_BACK:
        finish(sides)
        return {}
    with sides.steps.step("check"):
        record = check(sides, facts)
    if record.alone:
        return _closed_after(sides)
    try:
        return _thrown_away(sides, facts, record) if facts.held else _window(sides, wanted, facts, record)
    except BaseException as error:
        raise returned(sides, error) from error


def ready(sides: Sides, wanted: Rollback, facts: Facts) -> dict[str, Any]:
    """Everything that can be done before anybody is turned away; the target serves on."""
    state = plan.check("wave_rollback", sides.member, facts)
    if state == plan.ROLLED_BACK:
        return {}
    with sides.steps.step("check"):
        check(sides, facts)
        if state == plan.LIVE and wanted.quiet_seconds:
            with quiet.no_action_at_work(sides, _way(sides).connect, quiet.READY_SECONDS):
                pass  # a long one is named before anybody is turned away
    if state != plan.LIVE or facts.held:  # a window that was cut off waits for nothing
        return {}
    files = copied_ahead(sides, wanted.files)
    if facts.by_dump:
        return {"files": files}
    with sides.steps.step("rights"):
        left = beside.carry_back(sides, wanted.roles, facts)
    with sides.steps.step("carry"):  # the window does it again; a source that must open without its target has this
        carry_back(sides)
    compare = ahead.Wanted(jobs=wanted.jobs, seconds=wanted.compare_seconds)
    compared = ahead.compared(_way(sides), compare, facts)
    files = copied_ahead(sides, wanted.files, files)
    return {"files": files, "left": left, "compared": compared}


def carry_back(sides: Sides) -> dict[str, int]:
    like = one(sides.source, statements.DATABASE, [sides.member.database])
    return carry_all(sides, sides.target, sides.source, like["owner"] if like else "postgres")


def is_ready(sides: Sides, facts: Facts) -> bool:
    """Whether nothing is left to do before the window, or the window is over. By dumps only files can be ready."""
    return facts.by_dump or facts.held or plan.stands(facts) != plan.LIVE or ahead.remembered(_way(sides))


def _way(sides: Sides) -> ahead.Way:
    return ahead.Way(sides=sides, back=True)


def check(sides: Sides, facts: Facts) -> Record:
    """The record of the fence. Raises Refused where the way back is broken."""
    record = facts.source.record
    if record is not None and record.alone:
        return record
    if record is None or not record.fenced:
        raise Refused(f"The source of member {sides.member.name} has no record of its fence; it cannot be opened.")
    if facts.held:
        return record  # nothing of the target's goes back, whatever became of it
    followed = plan.stands(facts) == plan.LIVE and not facts.by_dump
    if followed:
        _kept(sides)
    found = seed.schema_differences(sides)
    cure = "The way back is broken by it: change the source's schema alike, or stay."
    plan.refuse_differences(sides.member, "The target's schema changed since it serves.", found, cure)
    if followed:  # rows of a changed schema keep it from following, so what changed is said first
        _follows(sides)
    return record


def _kept(sides: Sides) -> None:
    """Raises Refused where the target no longer has all of what the source must still be sent."""
    name = sides.member.back
    kept = client.slot(sides.target, name)
    if kept is None or kept.lost:
        text = (
            "gone" if kept is None else "lost: the source did not follow for longer than max_slot_wal_keep_size allows"
        )
        cure = "Its writes since the cutover are on the target alone. Stay there, and run wave_commit."
        problem = Problem(f"member {sides.member.name}", "slot", f"{name} is {text}", cure)
        raise Refused("There is no way back any more.", [problem])


def _follows(sides: Sides) -> None:
    """Raises ErpopsError unless the source follows the target closely: the fence would wait for it in vain."""
    name = sides.member.back

    def near() -> bool:
        return source.followed_closely(sides.target, name, NEAR_BYTES)

    wait_until(
        f"The source follows the target (slot {name}; its server log has errors)", NEAR_SECONDS, sides.steps, near
    )


def _window(sides: Sides, wanted: Rollback, facts: Facts, record: Record) -> dict[str, Any]:
    steps, member = sides.steps, sides.member
    steps.start_window()
    with steps.step("fence"), _quiet(sides, wanted):
        if facts.by_dump:
            by_dump.say_returning(sides, record)
        grants = [Grant(**row) for row in rows(sides.target, statements.GRANTS, [member.name, ROLE])]
        client.in_transaction(sides.target, "Fencing the target", statements.revoke_connect(member.name, grants))
        source.end_sessions(sides, sides.target, member.name, wanted.quiet_seconds)
        sides.within_window(sides.source, sides.target)
    until = ""
    if facts.by_dump:
        with steps.step("rows"):
            by_dump.written_back(sides, facts, wanted.jobs)
    else:
        with steps.step("drain"):
            execute(sides.source, statements.enable_subscription(member.back, True))
            until = source.position(sides.target)
            source.drained(sides, sides.target, member.back, until, wanted.drain_seconds)
    with steps.step("carry"):
        carried = carry_back(sides)
        left = beside.carry_back(sides, wanted.roles, facts) if beside.changed(sides, back=True) else []
    with steps.step("files"):
        files = wanted.files()
    with steps.step("compare"):
        compared = ahead.rest_compared(_way(sides), record, facts, wanted.jobs)
    steps.remaining()
    client.still_locked(sides)
    with steps.step("open"):
        client.in_transaction(sides.source, "Opening the source", [
            *([] if facts.by_dump else statements.forget_subscription(member.back)),
            *source.open_again(sides, by_dump.returned(sides, record)),
        ])  # fmt: skip
    steps.end_window()
    finish(sides)
    return {"compared": compared, "carried": carried, "files": files, "position": until, "left": left}


def _closed_after(sides: Sides) -> dict[str, Any]:
    """The source serves since its target was gone, and the target is back: what it has beyond stays in its copy."""
    member = sides.member
    with sides.steps.step("fence"):
        grants = [Grant(**row) for row in rows(sides.target, statements.GRANTS, [member.name, ROLE])]
        client.in_transaction(sides.target, "Fencing the target", statements.revoke_connect(member.name, grants))
        source.end_sessions(sides, sides.target, member.name, 0)
    finish(sides)
    return {}


def _thrown_away(sides: Sides, facts: Facts, record: Record) -> dict[str, Any]:
    """Nobody was led to a target that was held, and the source has followed nothing of it: it opens as it was."""
    member = sides.member
    with sides.steps.step("fence"):
        if facts.by_dump:
            by_dump.say_returning(sides, record)
        grants = [Grant(**row) for row in rows(sides.target, statements.GRANTS, [member.name, ROLE])]
        client.in_transaction(sides.target, "Fencing the target", statements.revoke_connect(member.name, grants))
        source.end_sessions(sides, sides.target, member.name, 0)
    with sides.steps.step("open"):
        client.in_transaction(sides.source, "Opening the source", [
            *(statements.forget_subscription(member.back) if facts.source.back_enabled is not None else ()),
            *source.open_again(sides, replace(record, copied=False)),
        ])  # fmt: skip
    finish(sides)
    return {}


def _quiet(sides: Sides, wanted: Rollback) -> AbstractContextManager[None]:
    return quiet.no_action_at_work(sides, _way(sides).connect, wanted.quiet_seconds)


def finish(sides: Sides) -> None:
    """The target's copy stays, closed, until the member is seeded again; with the mark of its opening, which the
    publication bears and which costs nothing: a run that is repeated lists the same."""
    with sides.steps.step("finish"):
        for name in (sides.member.back, sides.member.changes):
            source.drop_slot(sides.maintenance, name)


def told_outside(sides: Sides) -> dict[str, Any]:
    """live_since, and what the target told the world since then, kind by kind; both None where that is not known.

    It never fails: the source may be open already. What cannot be read is named with its reason.
    """
    try:
        with translated("Reading when the target was opened"):
            mark = one(sides.target, outside.MARK, [sides.member.back])
            if mark is None or not mark["since"]:
                return {"live_since": None, "outside": None}
            kinds = neutralize.columns(rows(sides.target, neutralize.COLUMNS))
    except ErpopsError as error:
        return {"live_since": None, "outside": None, "outside_problem": str(error)}
    end = time.monotonic() + outside.ALL_SECONDS
    found = [
        _told(
            sides, each, outside.statement(each, kinds), mark["opening"], min(outside.SECONDS, end - time.monotonic())
        )
        for each in outside.applying(kinds)
    ]
    return {"live_since": mark["since"], "outside": [each for each in found if each["total"] != 0]}


def _told(sides: Sides, wanted: outside.Kind, text: Any, opening: str, seconds: float) -> dict[str, Any]:
    """In a transaction that reads only and calls nothing of the tenant's."""
    if seconds <= 0:
        return outside.unread(wanted, f"There was no time left of {outside.ALL_SECONDS} seconds.")
    try:
        with translated(f"Reading {wanted.table}"), sides.target.transaction():
            execute(sides.target, "SET TRANSACTION READ ONLY", *neutralize.SAFELY)
            execute(sides.target, f"SET LOCAL statement_timeout = '{max(int(seconds * 1000), 1)}ms'")
            return outside.listed(wanted, rows(sides.target, text, [opening]))
    except ErpopsError as error:
        return outside.unread(wanted, str(error))


def returned(sides: Sides, error: BaseException) -> BaseException:
    """Before the source opened: the target serves again, and the source goes on following it."""
    error, opening = client.ours(error), sides.steps.begun("open")
    sides.steps, timings = Steps(), sides.steps.timings
    sides.steps.timings = timings
    try:
        with sides.steps.step("return"):
            client.lock_again(sides)
            try:
                facts = client.read_again(sides)
            except client.SourceUnreachable as lost:
                return _returned_alone(sides, error, lost, opening=opening)
            stands = plan.stands(facts)
            if stands == plan.ROLLED_BACK:
                text = f"The source is open, but: {error}. Run wave_rollback again."
                return ErpopsError(text, values={"state": stands})
            if stands != plan.ROLLING_BACK:
                return ErpopsError(str(error), values={"state": stands}) if isinstance(error, ErpopsError) else error
            open_target_again(sides)
            with suppress(ErpopsError):  # it holds back the log, and the target serves
                ahead.forget(_way(sides))
    except ErpopsError as second:
        text = f"{error}\nThe target could not be opened again: {second}\nNobody serves; run wave_rollback again."
        return ErpopsError(text, values={"state": plan.ROLLING_BACK})
    if isinstance(error, ErpopsError):
        return Refused(f"{error.message} The target serves again.", error.problems, values={"state": plan.LIVE})
    return error


def _returned_alone(sides: Sides, error: BaseException, lost: ErpopsError, *, opening: bool) -> BaseException:
    """The source was lost in the window. A run that had not begun to open it knows that it is closed."""
    if opening:
        text = (
            f"{error}\nThe source was being opened and does not answer any more, so nobody knows whether it is open: "
            f"{lost}\nNobody serves. Run wave_rollback again once it is back; where it is gone for good, say so "
            "(wave_move_source_gone; option source_gone), and the target opens again."
        )
        return ErpopsError(text, values={"state": plan.ROLLING_BACK})
    if client.read_target(sides).closed:
        open_target_again(sides)
    if isinstance(error, ErpopsError):
        text = f"{error.message} The source does not answer, and was not opened. The target serves again."
        return Refused(text, error.problems, values={"state": plan.LIVE})
    return error


def open_target_again(sides: Sides) -> None:
    name = sides.member.name
    grant = statements.grant_connect(name, [Grant(grantee=name)])
    client.in_transaction(sides.target, "Opening the target again", grant)


def dumped(sides: Sides, wanted: proof.Dumping | None, state: str, version: int) -> dict[str, Any]:
    """Before a commit; what is known of it afterwards. version: of the target."""
    if wanted is None:
        return {}
    if state == plan.COMMITTED:
        return proof.last(sides.member.name, wanted.folder)
    try:
        with sides.steps.step("dump"):
            return proof.proved(sides, wanted, version)
    except ErpopsError as error:  # nothing was given up yet
        error.values = {"state": state, **error.values}
        raise


def commit(sides: Sides, wanted: proof.Dumping | None, facts: Facts) -> dict[str, Any]:
    """The point of no return: the source stays fenced and follows no longer. Returns what is known of the dump."""
    found = dumped(sides, wanted, plan.check("wave_commit", sides.member, facts), facts.target.version)
    member, record = sides.member, facts.source.record
    with sides.steps.step("commit"):
        if record is not None and not record.committed:
            text = source.save_record(sides, replace(record, committed=True))
            forget = statements.forget_subscription(member.back) if facts.source.back_enabled is not None else []
            none = server.no_part(sides.source, member)
            client.in_transaction(sides.source, "Committing on the source", [*forget, text, *none])
        back.remove(sides)
        source.drop_slot(sides.source, member.forward)
    return found
