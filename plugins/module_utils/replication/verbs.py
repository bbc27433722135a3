# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each module does: open both sides, read, act or predict, and say where the member stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import Action, conclude, guarded
from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError
from ansible_collections.erpops.odoo.plugins.module_utils.filestore.copy_client import copy_missing
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import (
    require_psycopg,
    server_from,
    translated,
)
from ansible_collections.erpops.odoo.plugins.module_utils.replication import (
    back,
    by_dump,
    client,
    dump,
    ending,
    pause,
    plan,
    proof,
    source,
)
from ansible_collections.erpops.odoo.plugins.module_utils.replication import cutover as switching
from ansible_collections.erpops.odoo.plugins.module_utils.replication import (
    prepare as preparing,
)
from ansible_collections.erpops.odoo.plugins.module_utils.replication import (
    rehearse as rehearsing,
)
from ansible_collections.erpops.odoo.plugins.module_utils.replication import (
    seed as seeding,
)
from ansible_collections.erpops.odoo.plugins.module_utils.replication.arguments import (
    filestores_from,
    login_from,
    member_from,
)
from ansible_collections.erpops.odoo.plugins.module_utils.replication.client import Sides
from ansible_collections.erpops.odoo.plugins.module_utils.replication.model import ROLE, Facts
from ansible_collections.erpops.odoo.plugins.module_utils.replication.steps import Steps

SUPERUSER = "postgres"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a module returns."""

    before: Mapping[str, Any]
    after: Mapping[str, Any]
    actions: tuple[Action, ...]
    values: Mapping[str, Any] = field(default_factory=dict)


def finish(module: AnsibleModule, verb: Callable[..., Outcome]) -> None:
    """All that a module of a move does with its arguments: its verb, and the exit by the contract."""
    require_psycopg(module)

    def work() -> None:
        done = verb(module.params, check_mode=module.check_mode)
        conclude(module, before=done.before, after=done.after, actions=done.actions, **done.values)

    guarded(module, work)


@contextmanager
def _opened(
    parameters: Mapping[str, Any], check_mode: bool, budget: float | None = None
) -> Iterator[tuple[Sides, Facts]]:
    steps = Steps(budget)
    login = login_from(parameters["source"], SUPERUSER)
    member = member_from(parameters)
    # What no step has translated itself: a server that goes away between two of them.
    with translated(f"Member {member.name}"), client.opened(member, login, server_from(parameters), steps) as sides:
        if not check_mode:
            client.lock(sides)
        yield sides, client.read(sides)


def _done(sides: Sides, state: str, expected: str, action: Action | None, check_mode: bool, **values: Any) -> Outcome:
    """``expected``: where a run brings the member. What is said of a real run is read from both sides again."""
    after = expected if check_mode or action is None else plan.stands(client.read(sides))
    return Outcome(
        before={"member": sides.member.name, "state": state},
        after={"member": sides.member.name, "state": after},
        actions=(action,) if action else (),
        values={"state": after, "timings": sides.steps.timings, **values},
    )


@contextmanager
def _told(state: str) -> Iterator[None]:
    """Where a refusal leaves the member: whoever goes on must know who serves."""
    try:
        yield
    except ErpopsError as error:
        error.values = {"state": state, **error.values}
        raise


def _files(parameters: Mapping[str, Any], sides: Sides, *, back: bool = False) -> Callable[[], dict[str, Any]]:
    """What copies the member's files in the direction of the move, or back."""
    stores = filestores_from(parameters)
    if stores is None:
        return switching.no_files
    giver, taker = (stores.target, stores.source) if back else (stores.source, stores.target)

    def copied() -> dict[str, Any]:
        known = client.attachments(sides.target if back else sides.source)
        return copy_missing(giver, taker, known, sides.steps.remaining, stores.seconds).as_dict()

    return copied


def _tools(parameters: Mapping[str, Any]) -> dump.Tools:
    return dump.Tools(
        folder=parameters["tools"],
        spool=parameters.get("spool", ""),
        jobs=parameters["jobs"],
        seconds=parameters["dump_seconds"],
    )


def _copying(parameters: Mapping[str, Any]) -> by_dump.Copying:
    return by_dump.Copying(tools=_tools(parameters), roles=parameters["roles"])


def prepare(parameters: Mapping[str, Any], *, check_mode: bool) -> Outcome:
    with _opened(parameters, check_mode) as (sides, facts):
        done = preparing.prepare(
            sides,
            facts,
            allowed=parameters["allow"],
            spare_slots=parameters["spare_slots"],
            password=parameters["role_password"],
            check_mode=check_mode,
        )
        return Outcome(
            before=done.before,
            after=done.after,
            actions=done.actions,
            values={
                "state": plan.PREPARED,
                "timings": sides.steps.timings,
                "restart_needed": done.restart_needed,
                "by_dump": done.by_dump,
                "undo": list(done.undo),
            },
        )


def seed(parameters: Mapping[str, Any], *, check_mode: bool) -> Outcome:
    wanted = seeding.Seeding(
        feed=login_from(parameters["feed"], ROLE),
        tools=_tools(parameters),
        password=parameters["tenant_password"],
        allowed=tuple(parameters["allow"]),
        roles=parameters["roles"],
        lag_bytes=parameters["lag_bytes"],
        catch_up_seconds=parameters["catch_up_seconds"],
    )
    with _opened(parameters, check_mode) as (sides, facts):
        state = plan.check("wave_seed", sides.member, facts)
        followed = state in (plan.FOLLOWING, plan.DIVERGED) and not facts.by_dump
        reasons = seeding.diverged(sides, facts) if followed else []
        state = plan.DIVERGED if reasons else state
        whole = (followed and not reasons and facts.target.enabled) or (facts.by_dump and state == plan.FOLLOWING)
        action = None if whole else Action("seed", f"member {sides.member.name}", "; ".join(reasons))
        found: dict[str, Any] = {}
        files: dict[str, Any] = {}
        if check_mode and action and not facts.by_dump:
            source.check_allowed(sides, wanted.allowed)
        elif not check_mode:
            if facts.by_dump:
                found = by_dump.seeded(sides, _copying(parameters), wanted.password, facts)
            else:
                found = seeding.seed(sides, wanted, facts)
            with sides.steps.step("files"):
                files = _files(parameters, sides)()
        return _done(
            sides, state, plan.FOLLOWING, action, check_mode, diverged=reasons,
            left=found.get("left", []), filestore=files, **_behind(sides, facts, check_mode),
        )  # fmt: skip


def _behind(sides: Sides, facts: Facts, check_mode: bool) -> dict[str, Any]:
    """How far behind the target is now, and how long it took to come that near."""
    slot = facts.source.slot if check_mode or facts.by_dump else client.slot(sides.source, sides.member.forward)
    took = [each["seconds"] for each in sides.steps.timings if each["step"] == "catch_up"]
    return {"lag_bytes": slot.lag_bytes if slot else None, "caught_up_seconds": took[-1] if took else None}


def _measured(sides: Sides, found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "window_seconds": sides.steps.window_seconds,
        "compared": found.get("compared", {}),
        "carried": found.get("carried", {}),
        "filestore": found.get("files", {}),
    }


def cutover(parameters: Mapping[str, Any], *, check_mode: bool) -> Outcome:
    if parameters["state"] == "following":
        return _not_cut_over(parameters, check_mode)
    wanted = switching.Cutover(
        way=back.WayBack(back=login_from({**parameters["back"], "user": ROLE}, ROLE)),
        copying=_copying(parameters),
        jobs=parameters["jobs"],
        live=parameters["state"] == "live",
        lag_bytes=parameters["lag_bytes"],
        drain_seconds=parameters["drain_seconds"],
        keep_seconds=parameters["keep_seconds"],
        quiet_seconds=parameters["quiet_seconds"],
        compare_seconds=parameters["compare_seconds"],
        shared_roles=parameters["allow_shared_roles"],
    )
    with _opened(parameters, check_mode, parameters["window_seconds"]) as (sides, facts):
        state = plan.check("wave_cutover", sides.member, facts)
        needed = state != plan.LIVE if wanted.live else not switching.ready(facts)
        action = Action("cut over" if wanted.live else "make ready", f"member {sides.member.name}")
        found: dict[str, Any] = {}
        with _told(state):
            if not check_mode:
                wanted = replace(wanted, files=_files(parameters, sides))
                found = switching.cutover(sides, wanted, facts)
            elif state != plan.LIVE:
                switching.check(sides, wanted, facts)
        expected = plan.LIVE if wanted.live else state
        measured = {**_measured(sides, found), "statistics": found.get("statistics")}
        return _done(sides, state, expected, action if needed else None, check_mode, found=state, **measured)


def _not_cut_over(parameters: Mapping[str, Any], check_mode: bool) -> Outcome:
    with _opened(parameters, check_mode) as (sides, facts):
        state = plan.check("return", sides.member, facts)
        action = Action("return", f"member {sides.member.name}") if switching.begun(sides, facts) else None
        if action and not check_mode:
            with sides.steps.step("return"):
                switching.return_to_source(sides, facts)
        nothing = {**_measured(sides, {}), "statistics": None}
        expected = plan.FOLLOWING if state == plan.CUTTING_OVER else state
        return _done(sides, state, expected, action, check_mode, found=state, **nothing)


def rehearse(parameters: Mapping[str, Any], *, check_mode: bool) -> Outcome:
    if parameters["state"] == "absent":
        return _without_copy(parameters, check_mode)
    wanted = rehearsing.Rehearsal(
        rest=pause.Rest(
            lock_seconds=parameters["lock_seconds"],
            tries=parameters["lock_tries"],
            longest_seconds=parameters["rest_seconds"],
        )
        if parameters["pause_writers"]
        else None,
        copying=_copying(parameters),
        login_password=parameters["login_password"] or "",
        **{
            name: parameters[name]
            for name in ("jobs", "lag_bytes", "drain_seconds", "seconds", "strategy", "base_url", "sampled_users")
        },
    )
    with _opened(parameters, check_mode) as (sides, facts):
        state = plan.check("wave_rehearse", sides.member, facts)
        there, found = rehearsing.there(sides), dict[str, Any]()
        actions = (*_drops(sides, there), Action("rehearse", f"member {sides.member.name}"))
        if check_mode:
            rehearsing.check(sides, wanted, facts)
        else:
            wanted = replace(wanted, files=_files(parameters, sides))
            found = rehearsing.rehearse(sides, wanted, facts)
        return Outcome(
            before=_copy(sides, there),
            after=_copy(sides, True),
            actions=actions,
            values={"state": state, "timings": sides.steps.timings, **rehearsing.result(sides.member, found)},
        )


def _without_copy(parameters: Mapping[str, Any], check_mode: bool) -> Outcome:
    """The source is not asked: it may be gone."""
    login = login_from(parameters["source"], SUPERUSER)
    with client.opened(member_from(parameters), login, server_from(parameters), Steps()) as sides:
        if not check_mode:
            client.lock(sides)
        there = rehearsing.there(sides)
        if there and not check_mode:
            rehearsing.drop(sides)
        return Outcome(before=_copy(sides, there), after=_copy(sides, False), actions=_drops(sides, there))


def _drops(sides: Sides, there: bool) -> tuple[Action, ...]:
    return (Action("drop", f"database {sides.member.rehearsal}"),) if there else ()


def _copy(sides: Sides, there: bool) -> dict[str, Any]:
    return {"member": sides.member.name, "rehearsal": sides.member.rehearsal if there else "absent"}


def rollback(parameters: Mapping[str, Any], *, check_mode: bool) -> Outcome:
    with _opened(parameters, check_mode, parameters["window_seconds"]) as (sides, facts):
        state = plan.stands(facts)
        been_live = state in plan.ALLOWED["wave_rollback"] or state not in plan.ALLOWED["withdraw"]
        if been_live and not parameters["withdraw"]:
            return _back_from_live(sides, facts, parameters, check_mode)
        plan.check("withdraw", sides.member, facts)
        action = None if state == plan.PLANNED else Action("withdraw", f"member {sides.member.name}")
        if action and not check_mode:
            seeding.withdraw(sides, facts)
        never_live: dict[str, Any] = {"live_since": None, "outside": [], "left": []}
        return _done(sides, state, plan.PLANNED, action, check_mode, found=state, **_measured(sides, {}), **never_live)


def _back_from_live(sides: Sides, facts: Facts, parameters: Mapping[str, Any], check_mode: bool) -> Outcome:
    wanted = ending.Rollback(
        jobs=parameters["jobs"],
        roles=parameters["roles"],
        drain_seconds=parameters["drain_seconds"],
        quiet_seconds=parameters["quiet_seconds"],
        files=_files(parameters, sides, back=True),
    )
    state = plan.check("wave_rollback", sides.member, facts)
    action = None if state == plan.ROLLED_BACK else Action("roll back", f"member {sides.member.name}")
    found: dict[str, Any] = {}
    with _told(state):
        if check_mode and action:
            ending.check(sides, facts)
        elif not check_mode:
            found = ending.rollback(sides, wanted, facts)
    told = {**ending.told_outside(sides), "left": found.get("left", [])}
    return _done(sides, state, plan.ROLLED_BACK, action, check_mode, found=state, **_measured(sides, found), **told)


def commit(parameters: Mapping[str, Any], *, check_mode: bool) -> Outcome:
    wanted = proof.Dumping(tools=_tools(parameters), folder=parameters["dumps"]) if parameters["proved_dump"] else None
    with _opened(parameters, check_mode) as (sides, facts):
        state = plan.check("wave_commit", sides.member, facts)
        action = None if state == plan.COMMITTED else Action("commit", f"member {sides.member.name}")
        dumped = {} if check_mode else ending.commit(sides, wanted, facts)
        return _done(sides, state, plan.COMMITTED, action, check_mode, dump=dumped)
