# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What steps do to the members that are there: changes, or every reason against them at once. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import Problem
from ansible_collections.erpops.odoo.plugins.module_utils.ledger.model import Lock
from ansible_collections.erpops.odoo.plugins.module_utils.ledger.record import age
from ansible_collections.erpops.odoo.plugins.module_utils.wave import states
from ansible_collections.erpops.odoo.plugins.module_utils.wave.model import Change, Member, Run, Step, lock_name


def planned(
    steps: Sequence[Step],
    members: Mapping[str, Member],
    locks: Mapping[str, Lock],
    run: Run,
    break_locks: Sequence[str] = (),
) -> tuple[tuple[Change, ...], tuple[Problem, ...]]:
    """The changes of all steps, those that change nothing left out; and the problems. With problems nothing is done.

    ``members`` and ``locks`` are by the member's name. A step that was taken already by the same run changes nothing.
    """
    problems = [*_twice(steps), *_broken_by_mistake(steps, break_locks)]
    changes: list[Change] = []
    for step in steps:
        before, held = members.get(step.name), locks.get(step.name)
        refusal = None if step.kind == "note" else _locked(step, held, run, break_locks)
        if refusal is None and not _taken(step, before, held, run):
            refusal = _forbidden(step, before) or _not_begun(step, before, held, run)
        if refusal:
            problems.append(refusal)
            continue
        change = _change(step, before, held, run)
        if change.takes_lock or change.releases_lock or change.before != change.after:
            changes.append(change)
    return tuple(changes), tuple(problems)


def _twice(steps: Sequence[Step]) -> Iterator[Problem]:
    names = [step.name for step in steps]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Problem(f"member {name}", "name", "", "It is named more than once; give each member one step.")


def _broken_by_mistake(steps: Sequence[Step], break_locks: Sequence[str]) -> Iterator[Problem]:
    """A lock is broken by its member's name, so a name that is not in this run is a slip."""
    for name in sorted(set(break_locks) - {step.name for step in steps}):
        cure = "It is not among the members of this run; name a member whose lock is to be broken."
        yield Problem(f"member {name}", "wave_break_locks", name, cure)


def _locked(step: Step, held: Lock | None, run: Run, break_locks: Sequence[str]) -> Problem | None:
    if held is None or held.operation == run.operation or step.name in break_locks:
        return None
    found = f"held by {held.owner} since {held.since} ({age(held.age_seconds)})"
    cure = (
        f"Playbook {held.playbook}, operation {held.operation}, holds it: wait for its end. If that run is dead, run"
        f' again with wave_break_locks=["{step.name}"], which takes the lock over and records that.'
    )
    return Problem(f"member {step.name}", f"lock {lock_name(step.name)}", found, cure)


def _taken(step: Step, before: Member | None, held: Lock | None, run: Run) -> bool:
    """Whether this very run has taken the step before: then there is nothing to ask."""
    if before is None or before.operation != run.operation:
        return False
    if step.kind == "begin":
        return held is not None and states.resumes(step.verb, before.state)
    return step.kind != "note" and held is None and before.state == step.outcome


def _forbidden(step: Step, before: Member | None) -> Problem | None:
    state = before.state if before else states.NONE
    origin = before.origin if before else states.NONE
    if step.kind == "begin":
        refusal = states.may(step.verb, state)
    elif step.kind == "note":
        refusal = "" if before else "It is not known to the store yet; run wave_discover or wave_prepare first."
    elif step.kind == "record":
        refusal = states.may(step.verb, state) or states.may_end(step.verb, state, state, step.outcome)
    else:
        refusal = states.may_end(step.verb, origin, state, step.outcome)
    if refusal:
        return Problem(f"member {step.name}", "state", states.shown(state), refusal)
    missing = [name for name in ("host", "database") if not (getattr(step, name) or (before and getattr(before, name)))]
    if missing:
        return Problem(f"member {step.name}", missing[0], "", "It is not known to the store yet; give it.")
    return None


def _not_begun(step: Step, before: Member | None, held: Lock | None, run: Run) -> Problem | None:
    """An end belongs to the run that began, even where its lock was taken away meanwhile."""
    if step.kind != "end" or held is not None or (before is not None and before.operation == run.operation):
        return None
    other = before.operation if before else "none"
    cure = f"Operation {other} moved the member last, this one is {run.operation}; run {step.verb} again."
    return Problem(f"member {step.name}", "operation", other, cure)


def _change(step: Step, before: Member | None, held: Lock | None, run: Run) -> Change:
    begins, notes = step.kind == "begin", step.kind == "note"
    state = _running(step, before) if begins else step.outcome
    if notes and before is not None:
        state = before.state
    after = Member(
        name=step.name,
        host=step.host or (before.host if before else ""),
        database=step.database or (before.database if before else ""),
        state=state,
        origin=before.origin if notes and before else _origin(step, before) if begins else state,
        wave=step.wave if step.wave is not None else (before.wave if before else None),
        facts=merged(before.facts if before else {}, step.facts),
        operation=before.operation if before else run.operation,
        since=before.since if before else "",
    )
    foreign = held is not None and held.operation != run.operation
    takes, ends = begins and (held is None or foreign), not (begins or notes)
    if not notes and (after != before or takes):  # a note leaves the member to the run that moves it
        after = replace(after, operation=run.operation)
    return Change(step=step, before=before, after=after, takes_lock=takes, releases_lock=ends and held is not None)


def _running(step: Step, before: Member | None) -> str:
    state = before.state if before else states.NONE
    if states.resumes(step.verb, state):
        return state
    row = states.row_of(step.verb, state)
    return (row.running if row else "") or state  # a verb without a running state only holds the lock


def _origin(step: Step, before: Member | None) -> str:
    """A run that is taken up again keeps the state that the first one came from."""
    if before is None:
        return states.NONE
    return before.origin if states.resumes(step.verb, before.state) else before.state


def merged(facts: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Facts with those of a step laid over them, as JSON keeps them; None removes a key."""
    both = {**facts, **over}
    kept: dict[str, Any] = json.loads(json.dumps({key: value for key, value in both.items() if value is not None}))
    return kept


def snapshot(members: Mapping[str, Member | None]) -> dict[str, Any]:
    """What a diff shows of members: what people look for, not when it was written."""
    return {
        name: {
            "host": member.host,
            "database": member.database,
            "state": member.state,
            "wave": member.wave,
            "facts": dict(member.facts),
        }
        for name, member in sorted(members.items())
        if member is not None
    }
