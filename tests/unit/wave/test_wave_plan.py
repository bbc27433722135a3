# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps of members on values: what they change, and everything that is refused, at once."""

from __future__ import annotations

from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.ledger.model import Lock
from ansible_collections.erpops.odoo.plugins.module_utils.wave import plan
from ansible_collections.erpops.odoo.plugins.module_utils.wave.model import Change, Member, Run, Step

RUN = Run(operation="op-1", owner="ann", playbook="wave_seed")


def member(name: str, state: str, **values: Any) -> Member:
    given = {"host": "legacy1", "database": f"{name}_prod", "origin": state, "operation": "op-0", **values}
    return Member(name=name, state=state, **given)


def lock(name: str, operation: str = "op-9") -> Lock:
    since = "2026-11-22 10:00:00 UTC"
    return Lock(
        name=f"wave/{name}", operation=operation, owner="bob", playbook="wave_seed", since=since, age_seconds=7300
    )


def take(*steps: Step, there: tuple[Member, ...] = (), held: dict[str, Lock] | None = None, **values: Any) -> Any:
    return plan.planned(steps, {each.name: each for each in there}, held or {}, RUN, **values)


def one(*arguments: Any, **values: Any) -> Change:
    changes, problems = take(*arguments, **values)
    assert problems == () and len(changes) == 1, (changes, problems)
    return changes[0]


BEGIN = Step(name="acme", kind="begin", verb="wave_seed")


def test_a_new_member_is_recorded_with_where_it_comes_from() -> None:
    step = Step(
        name="acme", kind="record", verb="wave_discover", outcome="discovered", host="legacy1", database="a",
        facts={"digest": "x"},
    )  # fmt: skip
    change = one(step)
    assert (change.before, change.after.state, change.after.facts) == (None, "discovered", {"digest": "x"})
    assert not change.takes_lock and not change.releases_lock


def test_a_new_member_without_its_host_is_refused() -> None:
    step = Step(name="acme", kind="record", verb="wave_discover", outcome="discovered", database="a")
    _changes, (problem,) = take(step)
    assert (problem.subject, problem.field) == ("member acme", "host")


def test_a_begin_takes_the_lock_and_keeps_where_it_came_from() -> None:
    change = one(BEGIN, there=(member("acme", "diverged"),))
    assert (change.after.state, change.after.origin, change.after.operation) == ("seeding", "diverged", "op-1")
    assert change.takes_lock


def test_a_run_that_died_is_taken_up_with_its_first_origin() -> None:
    dead = member("acme", "rolling_back", origin="live")
    step = Step(name="acme", kind="begin", verb="wave_rollback")
    change = one(step, there=(dead,))
    assert (change.after.state, change.after.origin) == ("rolling_back", "live")


def test_an_end_releases_the_lock_and_lays_facts_over() -> None:
    mine = member("acme", "seeding", origin="prepared", operation="op-1", facts={"a": 1, "b": 2})
    step = Step(name="acme", kind="end", verb="wave_seed", outcome="following", facts={"b": None, "c": {"d": 3}})
    change = one(step, there=(mine,), held={"acme": lock("acme", "op-1")})
    assert (change.after.state, change.after.origin, change.releases_lock) == ("following", "following", True)
    assert change.after.facts == {"a": 1, "c": {"d": 3}}


def test_an_outcome_that_does_not_follow_from_the_origin_is_refused() -> None:
    mine = member("acme", "rolling_back", origin="prepared", operation="op-1")
    step = Step(name="acme", kind="end", verb="wave_rollback", outcome="rolled_back")
    _changes, (problem,) = take(step, there=(mine,), held={"acme": lock("acme", "op-1")})
    assert "ends from prepared as withdrawn" in problem.cure


def test_a_step_taken_twice_by_one_run_changes_nothing() -> None:
    begun = member("acme", "seeding", origin="prepared", operation="op-1")
    assert take(BEGIN, there=(begun,), held={"acme": lock("acme", "op-1")}) == ((), ())
    ended = member("acme", "following", operation="op-1")
    assert take(Step(name="acme", kind="end", verb="wave_seed", outcome="following"), there=(ended,)) == ((), ())


def test_a_rehearsal_holds_the_lock_and_leaves_the_state() -> None:
    begin = Step(name="acme", kind="begin", verb="wave_rehearse")
    change = one(begin, there=(member("acme", "following"),))
    assert change.takes_lock and change.after.state == "following"
    end = Step(name="acme", kind="end", verb="wave_rehearse", outcome="following", facts={"rehearsal": {"seconds": 9}})
    change = one(end, there=(change.after,), held={"acme": lock("acme", "op-1")})
    assert change.releases_lock and change.after.facts == {"rehearsal": {"seconds": 9}}


def test_a_lock_of_another_operation_is_explained_and_broken_only_by_name() -> None:
    there = (member("acme", "seeding"), member("birch", "seeding"))
    held = {"acme": lock("acme"), "birch": lock("birch")}
    steps = (BEGIN, Step(name="birch", kind="begin", verb="wave_seed"))
    changes, (problem,) = take(*steps, there=there, held=held, break_locks=["acme"])
    assert [change.after.name for change in changes] == ["acme"] and changes[0].takes_lock
    text = str(problem)
    for part in ("member birch", "wave/birch", "held by bob", "2026-11-22 10:00:00 UTC", "2 hours", "wave_seed",
                 "op-9", 'wave_break_locks=["birch"]'):  # fmt: skip
        assert part in text, part


def test_a_name_that_is_not_in_the_run_breaks_nothing() -> None:
    _changes, (problem,) = take(BEGIN, there=(member("acme", "prepared"),), break_locks=["acne"])
    assert problem.subject == "member acne"


def test_an_end_of_a_run_whose_lock_was_broken_is_refused() -> None:
    theirs = member("acme", "seeding", origin="prepared", operation="op-2")
    step = Step(name="acme", kind="end", verb="wave_seed", outcome="following")
    _changes, (problem,) = take(step, there=(theirs,))
    assert problem.field == "operation" and "op-2" in problem.cure
    _changes, (problem,) = take(step, there=(theirs,), held={"acme": lock("acme", "op-2")})
    assert problem.field == "lock wave/acme"


def test_all_problems_come_at_once() -> None:
    steps = [
        Step(name="acme", kind="begin", verb="wave_commit"),
        Step(name="birch", kind="begin", verb="wave_cutover"),
        Step(name="cedar", kind="begin", verb="wave_seed"),
        Step(name="cedar", kind="begin", verb="wave_seed"),
    ]
    there = (member("acme", "following"), member("cedar", "live"))
    changes, problems = take(*steps, there=there)
    assert changes == ()
    assert [problem.subject for problem in problems] == ["member cedar", "member acme", "member birch"] + [
        "member cedar"
    ] * 2
    assert "From here wave_seed, wave_rehearse, wave_cutover or wave_rollback may run" in problems[1].cure
    assert (problems[2].value, "wave_discover" in problems[2].cure) == ("(none)", True)
