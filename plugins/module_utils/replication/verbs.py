# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each module does: open both sides, read, act or predict, and say where the member stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import Action, conclude, guarded
from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError, Problem
from ansible_collections.erpops.odoo.plugins.module_utils.filestore.copy_client import copy_missing, lacking
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import (
    require_psycopg,
    server_from,
    translated,
)
from ansible_collections.erpops.odoo.plugins.module_utils.replication import (
    ahead,
    back,
    beside,
    by_dump,
    client,
    dump,
    ending,
    fitting,
    pause,
    plan,
    proof,
    server,
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
    warnings: tuple[str, ...] = ()


def finish(module: AnsibleModule, verb: Callable[..., Outcome], alone: Callable[..., Outcome] | None = None) -> None:
    """All that a module of a move does with its arguments: its verb, and the exit by the contract.

    alone: the verb of a member whose source is gone for good (``source_gone``).
    """
    require_psycopg(module)
    if alone is not None and module.params["source_gone"]:
        verb = alone

    def work() -> None:
        done = verb(module.params, check_mode=module.check_mode)
        for sentence in done.warnings:
            module.warn(sentence)
        conclude(module, before=done.before, after=done.after, actions=done.actions, **done.values)

    guarded(module, work)


@contextmanager
def connected(
    parameters: Mapping[str, Any], check_mode: bool, *, budget: float | None = None, patient: bool = False
) -> Iterator[Sides]:
    """patient: a target that has just lost its primary, or the host of a run before, is waited for."""
    login = login_from(parameters["source"], SUPERUSER)
    member = member_from(parameters)
    server = server_from(parameters)
    # What no step has translated itself: a server that goes away between two of them.
    with translated(f"Member {member.name}"), client.opened(member, login, server, Steps(budget)) as sides:
        if patient:
            (client.reach_patiently if check_mode else client.lock_patiently)(sides)
        elif not check_mode:
            client.lock(sides)
        yield sides


@contextmanager
def _opened(
    parameters: Mapping[str, Any], check_mode: bool, *, budget: float | None = None, patient: bool = False
) -> Iterator[tuple[Sides, Facts]]:
    with connected(parameters, check_mode, budget=budget, patient=patient) as sides:
        try:
            facts = client.read_again(sides) if patient and not check_mode else client.read(sides)
        except client.SourceUnreachable as error:
            if "source_gone" in parameters:
                cure = (
                    "Bring its host back; if it is gone for good, say so (option source_gone; wave_move_source_gone)."
                )
                error.problems = (Problem(f"member {sides.member.name}", "source", "unreachable", cure),)
            raise
        yield sides, facts


def _done(
    sides: Sides, state: str, expected: str, action: Action | None, check_mode: bool, more: tuple[Action, ...] = (),
    **values: Any,
) -> Outcome:  # fmt: skip
    """``expected``: where a run brings the member. What is said of a real run is read from both sides again, if the
    source was not lost in that moment.

    more: what is done beside, and brings the member nowhere.
    """
    after = expected
    if action is not None and not check_mode:
        with suppress(client.SourceUnreachable):
            after = plan.stands(client.read(sides))
    return outcome(sides, state, after, action, more, **values)


def outcome(
    sides: Sides, state: str, after: str, action: Action | None, more: tuple[Action, ...] = (), **values: Any
) -> Outcome:
    done = (*((action,) if action else ()), *more)
    waiting = [f"{each.verb} {each.subject}" for each in done] if after == state else []
    return Outcome(
        before={"member": sides.member.name, "state": state, "waiting": waiting},
        after={"member": sides.member.name, "state": after, "waiting": []},
        actions=done,
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
        lost = stores.lost or back  # on the way back the source keeps what it has, and what is missing is told
        return copy_missing(giver, taker, known, sides.steps.remaining, stores.seconds, lost=lost).as_dict()

    return copied


def _brought(
    parameters: Mapping[str, Any], sides: Sides, files: Mapping[str, Any], *, check_mode: bool, back: bool = False
) -> Action | None:
    """What is done to a member that is otherwise left alone. files: what a run has copied."""
    stores, count = filestores_from(parameters), files.get("copied", 0)
    if check_mode and stores is not None:
        giver, taker = (stores.target, stores.source) if back else (stores.source, stores.target)
        count = lacking(giver, taker, stores.seconds)
    return Action("copy", f"filestore of member {sides.member.name}", f"{count} files") if count else None


def _rights(sides: Sides, *, back: bool = False) -> tuple[Action, ...]:
    changed = beside.changed(sides, back=back)
    return (Action("carry", f"rights, settings and comments of member {sides.member.name}"),) if changed else ()


def tools(parameters: Mapping[str, Any]) -> dump.Tools:
    return dump.Tools(
        folder=parameters["tools"],
        spool=parameters.get("spool", ""),
        jobs=parameters["jobs"],
        seconds=parameters["dump_seconds"],
    )


def _disks(parameters: Mapping[str, Any]) -> tuple[fitting.Disk, ...]:
    return fitting.disks_from(parameters.get("room") or {}, parameters.get("spool_room") or {})


def _copying(parameters: Mapping[str, Any]) -> by_dump.Copying:
    return by_dump.Copying(tools=tools(parameters), roles=parameters["roles"])


def prepare(parameters: Mapping[str, Any], *, check_mode: bool) -> Outcome:
    if check_mode and parameters.get("source_evidence_of_absence"):
        return _prepared_unseen(parameters["member"])
    with _opened(parameters, check_mode) as (sides, facts):
        if plan.check("wave_prepare", sides.member, facts) not in (plan.FOLLOWING, plan.DIVERGED):
            fitting.check(sides, _disks(parameters))
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
                "known": True,
            },
        )


def _prepared_unseen(member: str) -> Outcome:
    """The way to the source is one that the run would make first. A source that was never reached publishes nothing."""
    unknown = "what its source lacks, and whether all of that is allowed, is known once the way to it stands"
    return Outcome(
        before={"known": False},
        after={"known": True},
        actions=(Action("prepare", f"member {member}", unknown),),
        values={
            "state": plan.PREPARED,
            "timings": [],
            "restart_needed": False,
            "by_dump": False,
            "undo": [],
            "known": False,
        },
        warnings=(f"member {member}: not foretold: {unknown}. A run stops before it changes the source if it is not.",),
    )  # fmt: skip


def seed(parameters: Mapping[str, Any], *, check_mode: bool) -> Outcome:
    wanted = seeding.Seeding(
        feed=login_from(parameters["feed"], ROLE),
        tools=tools(parameters),
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
        if action:
            fitting.check(sides, _disks(parameters))
        if check_mode and action and not facts.by_dump:
            source.check_allowed(sides, wanted.allowed)
        elif not check_mode:
            if facts.by_dump:
                found = by_dump.seeded(sides, _copying(parameters), wanted.password, facts)
            else:
                found = seeding.seed(sides, wanted, facts)
            with sides.steps.step("files"):
                files = _files(parameters, sides)()
        done = action or _brought(parameters, sides, files, check_mode=check_mode)
        return _done(
            sides, state, plan.FOLLOWING, done, check_mode, diverged=reasons, copied=found.get("copied", False),
            left=found.get("left", []), filestore=files, **_behind(sides, facts, check_mode),
        )  # fmt: skip


def _behind(sides: Sides, facts: Facts, check_mode: bool) -> dict[str, Any]:
    """How far behind the target is now, and how long it took to come that near."""
    slot = facts.source.slot if check_mode or facts.by_dump else client.slot(sides.source, sides.member.forward)
    took = [each["seconds"] for each in sides.steps.timings if each["step"] == "catch_up"]
    return {"lag_bytes": slot.lag_bytes if slot else None, "caught_up_seconds": took[-1] if took else None}


def measured(sides: Sides, found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "window_seconds": sides.steps.window_seconds,
        "compared": found.get("compared", {}),
        "carried": found.get("carried", {}),
        "left": found.get("left", []),
        "filestore": found.get("files", {}),
    }


def cutover(parameters: Mapping[str, Any], *, check_mode: bool) -> Outcome:
    if parameters["state"] == "following":
        return _not_cut_over(parameters, check_mode)
    wanted = switching.Cutover(
        way=back.WayBack(back=login_from({**parameters["back"], "user": ROLE}, ROLE)),
        copying=_copying(parameters),
        jobs=parameters["jobs"],
        live=parameters["state"] in ("held", "live"),
        held=parameters["state"] == "held",
        lag_bytes=parameters["lag_bytes"],
        drain_seconds=parameters["drain_seconds"],
        keep_seconds=parameters["keep_seconds"],
        quiet_seconds=parameters["quiet_seconds"],
        compare_seconds=parameters["compare_seconds"],
        shared_roles=parameters["allow_shared_roles"],
    )
    with _opened(parameters, check_mode, budget=parameters["window_seconds"]) as (sides, facts):
        state = plan.check("wave_cutover", sides.member, facts)
        ready = switching.ready(facts)
        release = state == plan.LIVE and facts.held and wanted.live and not wanted.held
        needed = (state != plan.LIVE or release) if wanted.live else not ready
        what = "release" if release else "cut over" if wanted.live else "make ready"
        action = Action(what, f"member {sides.member.name}") if needed else None
        again = not wanted.live and not needed and state == plan.FOLLOWING
        more = _rights(sides) if again and not facts.by_dump else ()
        found: dict[str, Any] = {}
        with _told(state):
            if not check_mode:
                wanted = replace(wanted, files=_files(parameters, sides))
                found = switching.cutover(sides, wanted, facts)
            elif state != plan.LIVE:
                switching.check(sides, wanted, facts)
        if again:
            action = _brought(parameters, sides, found.get("files", {}), check_mode=check_mode)
        expected = plan.LIVE if wanted.live else state
        held = wanted.held if wanted.live and state != plan.LIVE else facts.held and not release
        numbers = {
            **measured(sides, found),
            "statistics": found.get("statistics"),
            "held": held,
            "schema_changes": found.get("schema_changes", []),
            **WITH_SOURCE,
        }
        done = _done(sides, state, expected, action, check_mode, more, found=state, **numbers)
        return replace(done, before={**done.before, "held": facts.held}, after={**done.after, "held": held})


def _not_cut_over(parameters: Mapping[str, Any], check_mode: bool) -> Outcome:
    with _opened(parameters, check_mode, patient=True) as (sides, facts):
        state = plan.check("return", sides.member, facts)
        begun = switching.begun(sides, facts)
        action = Action("return", f"member {sides.member.name}") if begun else None
        if action and not check_mode:
            with sides.steps.step("return"):
                switching.return_to_source(sides, facts)
        nothing = {**measured(sides, {}), "statistics": None, "held": False, "schema_changes": [], **WITH_SOURCE}
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
    with _opened(parameters, check_mode, budget=parameters["window_seconds"], patient=True) as (sides, facts):
        state = plan.stands(facts)
        been_live = state in plan.ALLOWED["wave_rollback"] or state not in plan.ALLOWED["withdraw"]
        if been_live and not parameters["withdraw"]:
            return _back_from_live(sides, facts, parameters, check_mode)
        plan.check("withdraw", sides.member, facts)
        withdrawn = parameters["state"] == "rolled_back"
        leaving = server.leaving(sides.source, sides.member)
        traces = state != plan.PLANNED or leaving or server.prepared(sides.source, sides.member)
        action = Action("withdraw", f"member {sides.member.name}", leaving.detail()) if traces and withdrawn else None
        found = {"left": leaving.left() if withdrawn else []}
        if action and not check_mode:
            found = {"left": seeding.withdraw(sides, facts)}
        told = {**measured(sides, found), **NEVER_LIVE}
        expected = plan.PLANNED if withdrawn else state
        return _done(sides, state, expected, action, check_mode, found=state, **told)


WITH_SOURCE: Mapping[str, Any] = {"source_left": [], "arrived_until": None, "behind": []}
NEVER_LIVE: Mapping[str, Any] = {"live_since": None, "outside": [], "source_left": []}


def _back_from_live(sides: Sides, facts: Facts, parameters: Mapping[str, Any], check_mode: bool) -> Outcome:
    wanted = ending.Rollback(
        jobs=parameters["jobs"],
        compare_seconds=parameters["compare_seconds"],
        roles=parameters["roles"],
        drain_seconds=parameters["drain_seconds"],
        quiet_seconds=parameters["quiet_seconds"],
        files=_files(parameters, sides, back=True),
    )
    if parameters["state"] != "rolled_back":
        return _before_rollback(sides, facts, wanted, parameters, check_mode)
    state = plan.check("wave_rollback", sides.member, facts)
    action = None if state == plan.ROLLED_BACK else Action("roll back", f"member {sides.member.name}")
    found: dict[str, Any] = {}
    with _told(state):
        if check_mode and action:
            ending.check(sides, facts)
        elif not check_mode:
            found = ending.rollback(sides, wanted, facts)
    told = {**ending.told_outside(sides), "source_left": []}
    return _done(sides, state, plan.ROLLED_BACK, action, check_mode, found=state, **measured(sides, found), **told)


def dumping(parameters: Mapping[str, Any]) -> proof.Dumping | None:
    return proof.Dumping(tools=tools(parameters), folder=parameters["dumps"]) if parameters["proved_dump"] else None


def _before_rollback(
    sides: Sides, facts: Facts, wanted: ending.Rollback, parameters: Mapping[str, Any], check_mode: bool
) -> Outcome:
    """Made ready, or that taken back; the member stays where it is."""
    state = plan.check("wave_rollback", sides.member, facts)
    found: dict[str, Any] = {}
    action, more = None, tuple[Action, ...]()
    name = f"member {sides.member.name}"
    with _told(state):
        if parameters["state"] == "live":
            way = ahead.Way(sides=sides, back=True)
            action = Action("stay", name) if state == plan.LIVE and ahead.remembered(way) else None
            if action and not check_mode:
                ahead.forget(way)
        else:
            again = ending.is_ready(sides, facts)
            action = None if again else Action("make ready", name)
            if check_mode and state != plan.ROLLED_BACK:
                ending.check(sides, facts)
            if again and state == plan.LIVE and not facts.by_dump:
                more = _rights(sides, back=True)
            if not check_mode:
                found = ending.ready(sides, wanted, facts)
            if again and state == plan.LIVE:
                action = _brought(parameters, sides, found.get("files", {}), check_mode=check_mode, back=True)
    told: dict[str, Any] = {"live_since": None, "outside": None, "source_left": []}  # by the rollback itself
    return _done(sides, state, state, action, check_mode, more, found=state, **measured(sides, found), **told)


def commit(parameters: Mapping[str, Any], *, check_mode: bool) -> Outcome:
    wanted = dumping(parameters)
    with _opened(parameters, check_mode) as (sides, facts):
        state = plan.check("wave_commit", sides.member, facts)
        action = None if state == plan.COMMITTED else Action("commit", f"member {sides.member.name}")
        dumped = {} if check_mode else ending.commit(sides, wanted, facts)
        return _done(sides, state, plan.COMMITTED, action, check_mode, dump=dumped, source_left=[])
