# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The assignment of members to waves as a model of OR-tools' CP-SAT: optimal, or with the bound that was proved.

One worker, a fixed seed, ordered input and limits in deterministic time: the same input gives the same plan. First the
number of waves is made least, then low criticality comes first: the sum of each member's day by its weight.

The model holds the work of an evening against its length. Whether an evening's cutovers can really be started so that
never too many run at a time is asked of ``schedule`` afterwards; members that cannot be together are then kept apart
and the model is solved again, so that what is proved of it holds for the plan.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError
from ansible_collections.erpops.odoo.plugins.module_utils.planning import constraints, schedule
from ansible_collections.erpops.odoo.plugins.module_utils.planning.cp import ORTOOLS_ERROR, Model, built_for
from ansible_collections.erpops.odoo.plugins.module_utils.planning.model import (
    CRITICALITIES,
    Bound,
    Candidate,
    Place,
    Solution,
    Task,
)

if ORTOOLS_ERROR is None:
    from ortools.sat.python import cp_model

WEIGHTS: Mapping[str, int] = {"low": 4, "medium": 2, "high": 1}
SEED = 1
FEASIBLE_EFFORT = 20.0  # deterministic seconds for the question whether anything at all is possible


TURNS = 100  # how often members are kept apart before it is given up
LOOSEN = "Raise wave_plan_effort_seconds, or loosen wave_plan_parallel or wave_plan_members_per_wave."


class Undecided(ErpopsError):
    """The solver could neither find a plan nor prove that there is none within its effort."""


def solved(task: Task, effort: float) -> Solution | None:
    """The best plan under all constraints; None where they contradict each other.

    effort: deterministic seconds, about those of one core, for each of the two aims. Raises Undecided.
    """
    enabled = frozenset(constraint.id for constraint in constraints.constraints_of(task))
    built = built_for(task, enabled)
    if built is None:
        return None
    count = sum(built.used.values())
    waves = _optimized(built, count, effort, "waves")
    if waves is None:
        return None
    built.model.add(count <= waves.bound.value)
    _hint(built, waves.solver)
    order = sum(
        WEIGHTS[each.criticality] * (day - task.rules.first).days * variable
        for (unit, day), variable in built.at.items()
        for each in built.units[unit]
    )
    best = _optimized(built, order, effort, "order")
    if best is None:
        raise ErpopsError("The solver lost the plan it had found; this is a fault of this collection.")
    return Solution(places=best.places, bounds=(waves.bound, best.bound))


def feasible(task: Task, enabled: Collection[str]) -> bool:
    """Whether some plan keeps the enabled constraints. Raises Undecided."""
    built = built_for(task, enabled)
    return built is not None and _optimized(built, None, FEASIBLE_EFFORT, "") is not None


def _decided(status: int) -> bool:
    if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return True
    if status == cp_model.INFEASIBLE:
        return False
    raise Undecided(f"The solver found neither a plan nor a proof that there is none. {LOOSEN}")


def _solver(effort: float) -> Any:
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = SEED
    solver.parameters.max_deterministic_time = effort
    return solver


@dataclass(frozen=True, slots=True)
class _Found:
    solver: Any
    places: dict[str, Place]
    bound: Bound


def _optimized(built: Model, aim: Any, effort: float, name: str) -> _Found | None:
    """The best assignment whose evenings can all be started. Without an aim, any."""
    built.model.minimize(0 if aim is None else aim)
    proved: list[int] = []  # bounds, as long as everything that was added to the model is proved
    for _turn in range(TURNS):
        solver = _solver(effort)
        if not _decided(solver.solve(built.model)):
            if built.sure:
                return None
            raise Undecided(f"Some evening is too hard to tell whether its cutovers can be started in time. {LOOSEN}")
        if built.sure or not proved:
            proved.append(math.ceil(solver.best_objective_bound - 1e-6))  # aims are whole numbers
        places, clashes = _started(built, solver)
        if not clashes:
            value = round(solver.objective_value)
            return _Found(solver, places, Bound(name=name, value=value, at_least=min(value, proved[-1])))
        for day, names in clashes:
            _keep_apart(built, day, names)
    raise Undecided(f"The solver kept finding evenings that cannot be started, {TURNS} times. {LOOSEN}")


def _started(built: Model, solver: Any) -> tuple[dict[str, Place], list[tuple[date, tuple[str, ...]]]]:
    """Each member's place; and on the dates that cannot be started, members that cannot be together there."""
    chosen: dict[date, list[Candidate]] = {}
    for unit, members in enumerate(built.units):
        day = next(day for day in built.dates_of(unit) if solver.value(built.at[unit, day]))
        chosen.setdefault(day, []).extend(members)
    places: dict[str, Place] = {}
    clashes = []
    for day, here in sorted(chosen.items()):
        starts = _starts(built, day, here)
        if starts is None:
            clashes.append((day, _clash(built, day, here)))
            continue
        for each in here:
            hosts = [host.name for host in built.task.hosts if (each.name, host.name) in built.on]
            app_host = next((name for name in hosts if solver.value(built.on[each.name, name])), each.app_host)
            places[each.name] = Place(date=day, start=starts[each.name], app_host=app_host)
    return dict(sorted(places.items())), clashes


def _starts(built: Model, day: date, members: Sequence[Candidate]) -> schedule.Starts | None:
    if "parallel" not in built.enabled:
        return {each.name: built.rooms[each.name, day][0] for each in members}
    jobs = [
        schedule.Job(
            (CRITICALITIES.index(each.criticality), each.name),
            each.name,
            *built.rooms[each.name, day],
            built.minutes(each),
        )
        for each in members
    ]
    try:
        return schedule.starts(jobs, built.task.rules.parallel)
    except schedule.TooHard:
        built.sure = False  # kept apart without proof: from here on neither bounds nor contradictions are proved
        return None


def _clash(built: Model, day: date, members: Sequence[Candidate]) -> tuple[str, ...]:
    """As few of the members as cannot be together on this date."""
    left = list(members)
    for each in members:
        fewer = [other for other in left if other is not each]
        if _starts(built, day, fewer) is None:
            left = fewer
    return tuple(each.name for each in left)


def _keep_apart(built: Model, day: date, names: tuple[str, ...]) -> None:
    """Never all of them on a date whose hours are no wider for any of them than those that were too narrow."""
    unit_of = {each.name: unit for unit, members in enumerate(built.units) for each in members}
    here = [built.rooms[name, day] for name in names]
    base = min(begin for begin, _end in here)
    for other in built.used:
        rooms = [built.rooms.get((name, other)) for name in names]
        known = [room for room in rooms if room]
        if len(known) < len(names):
            continue
        shift = min(begin for begin, _end in known) - base
        if all(
            begin + shift <= room[0] and room[1] <= end + shift for (begin, end), room in zip(here, known, strict=True)
        ):
            units = sorted({unit_of[name] for name in names})
            built.model.add_bool_or([~built.at[unit, other] for unit in units if (unit, other) in built.at])


def _hint(built: Model, solver: Any) -> None:
    for variable in (*built.at.values(), *built.on.values()):
        built.model.add_hint(variable, solver.value(variable))
