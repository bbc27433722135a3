# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The solver's plans against every plan there is, on small tasks; and conflicts of which nothing is to spare."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.planning import schedule, solver
from ansible_collections.erpops.odoo.plugins.module_utils.planning.conflict import conflict
from ansible_collections.erpops.odoo.plugins.module_utils.planning.constraints import constraints_of, room
from ansible_collections.erpops.odoo.plugins.module_utils.planning.model import (
    AppHost,
    Cluster,
    Freeze,
    Group,
    Place,
    Task,
    waves_of,
)
from ansible_collections.erpops.odoo.plugins.module_utils.planning.validate import violations

from .planning_tasks import MONDAY, candidate, random_task, rules, task

EFFORT = 5.0


def ids(given: Task) -> frozenset[str]:
    return frozenset(constraint.id for constraint in constraints_of(given))


def started(given: Task, days: dict[str, date]) -> dict[str, int] | None:
    """Starts for each evening by trying every order, each cutover at its earliest: by another way than the solver's."""
    found: dict[str, int] = {}
    for day in set(days.values()):
        here = [each for each in given.candidates if days[each.name] == day]
        hours = {each.name: room(given, each, day, ids(given)) for each in here}
        for order in itertools.permutations(here):
            starts: dict[str, int] = {}
            for each in order:
                opens, closes = hours[each.name] or (0, 0)
                for minute in range(opens, closes - each.cutover_minutes + 1):
                    beside = [
                        other for other in order if other.name in starts
                        and starts[other.name] < minute + each.cutover_minutes
                        and minute < starts[other.name] + other.cutover_minutes
                    ]  # fmt: skip
                    busy = max(
                        (sum(1 for other in beside
                             if starts[other.name] <= at < starts[other.name] + other.cutover_minutes)
                         for at in range(minute, minute + each.cutover_minutes)), default=0,
                    )  # fmt: skip
                    if busy < given.rules.parallel:
                        starts[each.name] = minute
                        break
            if len(starts) == len(here):
                found |= starts
                break
        else:
            return None
    return found


def every_plan(given: Task) -> Iterator[tuple[int, int]]:
    """The value of each plan that keeps everything: waves, then the weighted sum of days."""
    names = [each.name for each in given.candidates]
    hosts = [host.name for host in given.hosts] or [""]
    for chosen in itertools.product(given.rules.dates, repeat=len(names)):
        days = dict(zip(names, chosen, strict=True))
        rough = {name: Place(date=day, start=0, app_host=hosts[0]) for name, day in days.items()}
        cheap = {"group", "freeze", "dates", "pilots", "members_per_wave", "copy", "settle"}
        if any(found.constraint.split("/")[0] in cheap for found in violations(given, rough)):
            continue
        starts = started(given, days)
        if starts is None:
            continue
        for placed in itertools.product(hosts, repeat=len(names)):
            places = {
                name: Place(date=days[name], start=starts[name], app_host=host)
                for name, host in zip(names, placed, strict=True)
            }
            if not violations(given, places):
                yield len(waves_of(places)), order_of(given, places)
                break


def order_of(given: Task, places: dict[str, Place]) -> int:
    return sum(
        solver.WEIGHTS[each.criticality] * (places[each.name].date - given.rules.first).days
        for each in given.candidates
    )


@pytest.mark.parametrize("seed", range(40))
def test_the_plan_is_the_best_of_all(seed: int) -> None:
    given = random_task(seed)
    best = min(every_plan(given), default=None)
    solution = solver.solved(given, EFFORT)
    assert (solution is None) == (best is None)
    if solution is None or best is None:
        found = conflict([constraint.id for constraint in constraints_of(given)], lambda on: solver.feasible(given, on))
        assert found and not solver.feasible(given, frozenset(found))
        return
    assert violations(given, solution.places) == ()
    waves, order = solution.bounds
    assert (waves.value, order.value) == best == (len(waves_of(solution.places)), order_of(given, solution.places))
    assert waves.proved and order.proved


def test_some_of_the_random_tasks_are_possible_and_some_are_not() -> None:
    """Else the test above would prove little."""
    answers = [solver.solved(random_task(seed), EFFORT) for seed in range(40)]
    assert 5 <= sum(answer is None for answer in answers) <= 20


def test_the_same_input_gives_the_same_plan() -> None:
    given = task(*(candidate(f"m{number}") for number in range(9)))
    first, second = solver.solved(given, EFFORT), solver.solved(given, EFFORT)
    assert first is not None and first == second


def test_low_criticality_comes_first_and_pilots_before_everybody() -> None:
    members = [
        candidate("a", criticality="high"), candidate("b", criticality="low"), candidate("c", criticality="high"),
        candidate("d", criticality="low"), candidate("p", criticality="high", pilot=True),
    ]  # fmt: skip
    solution = solver.solved(task(*members), EFFORT)
    assert solution is not None
    waves = [sorted(name for name in solution.places if solution.places[name].date == day)
             for day in waves_of(solution.places)]  # fmt: skip
    assert waves == [["p"], ["b", "d"], ["a", "c"]]


CASES = {
    "a group that is larger than a wave": (
        task(
            *(candidate(name) for name in "abc"),
            groups=(Group(members=("a", "b", "c"), reasons=("one role reads them",)),),
        ),
        {"members_per_wave", "group/a+b+c"},
    ),
    "a window that the freezes close": (
        task(
            candidate("a", not_after=MONDAY + timedelta(days=1)), candidate("b"),
            rules=rules(freezes=(
                Freeze(name="payroll", first=MONDAY, last=MONDAY),
                Freeze(name="audit", first=MONDAY + timedelta(days=1), last=MONDAY + timedelta(days=2)),
                Freeze(name="other", first=date(2028, 1, 1), last=date(2028, 1, 2)),
            )),
        ),
        {"freeze/payroll", "freeze/audit", "dates/a"},
    ),
    "a cutover that no evening holds": (
        task(candidate("a", cutover_minutes=121), candidate("b")),
        {"window", "duration/a"},
    ),
    "memory that is not there": (
        task(
            candidate("a", memory_mb=600), candidate("b", memory_mb=600, app_host="app1"),
            candidate("c", memory_mb=600, app_host="app1"),
            hosts=(AppHost(name="app1", memory_mb=1000, storage_mb=0),
                   AppHost(name="app2", memory_mb=2000, storage_mb=0)),
        ),
        {"memory/app1", "app_host/b", "app_host/c"},
    ),
    "a host that comes too late": (
        task(
            candidate("a", app_host="app1", not_after=MONDAY),
            hosts=(AppHost(name="app1", memory_mb=1, storage_mb=1, available=MONDAY + timedelta(days=1)),
                   AppHost(name="app2", memory_mb=1, storage_mb=1)),
        ),
        {"available/app1", "app_host/a", "dates/a"},
    ),
    "connections that the cluster has not": (
        task(candidate("a", connections=9), candidate("b", connections=9), clusters=(Cluster(name="main",
             connections=17),)),
        {"connections/main"},
    ),
    "evenings too short for one at a time": (
        task(
            *(candidate(name, cutover_minutes=50, not_after=MONDAY) for name in "abc"),
            rules=rules(parallel=1, members_per_wave=9),
        ),
        {"window", "parallel", "dates/a", "dates/b", "dates/c", "duration/a", "duration/b", "duration/c"},
    ),
    "starts that do not interlock": (  # 120 minutes of work in 2 x 60: it fits by its sum, and by no starts
        task(
            *(candidate(name, cutover_minutes=80, not_after=MONDAY) for name in "abc"),
            rules=rules(parallel=2, members_per_wave=9),
        ),
        {"window", "parallel", "dates/a", "dates/b", "dates/c", "duration/a", "duration/b", "duration/c"},
    ),
    "waves that must settle": (
        task(*(candidate(name) for name in "abc"), rules=rules(settle_days=5, members_per_wave=1)),
        {"settle", "members_per_wave"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_conflict_names_what_contradicts_and_nothing_to_spare(name: str) -> None:
    given, expected = CASES[name]
    assert solver.solved(given, EFFORT) is None
    found = conflict([constraint.id for constraint in constraints_of(given)], lambda on: solver.feasible(given, on))
    assert set(found) == expected
    assert not solver.feasible(given, frozenset(found))
    for id_ in found:
        assert solver.feasible(given, frozenset(found) - {id_}), f"without {id_} it is still impossible"


def test_what_is_possible_has_no_conflict() -> None:
    given = task(candidate("a"))
    assert (
        conflict([constraint.id for constraint in constraints_of(given)], lambda on: solver.feasible(given, on)) == ()
    )


@pytest.mark.parametrize("parallel", [1, 2])
def test_starts_are_found_wherever_there_are_any(parallel: int) -> None:
    """Where the quick rule fails, the search does not: the long one must go first here."""
    jobs = [schedule.Job((0, "a"), "a", 0, 100, 10), schedule.Job((1, "b"), "b", 0, 30, 30),
            schedule.Job((2, "c"), "c", 0, 40, 10)]  # fmt: skip
    found = schedule.starts(jobs, parallel)
    assert found is not None and found["b"] == 0
    assert schedule.starts([replace(job, closes=40) for job in jobs], 1) is None


def test_a_task_of_none_is_an_empty_plan() -> None:
    solution = solver.solved(task(), EFFORT)
    assert solution is not None and solution.places == {}
