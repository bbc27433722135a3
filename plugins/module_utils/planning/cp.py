# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The model that the solver is given: which unit moves on which date, which member goes to which app host."""

from __future__ import annotations

import traceback
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.planning import constraints
from ansible_collections.erpops.odoo.plugins.module_utils.planning.model import AppHost, Candidate, Task

try:
    from ortools.sat.python import cp_model

    ORTOOLS_ERROR: str | None = None
except ImportError:
    ORTOOLS_ERROR = traceback.format_exc()


@dataclass(slots=True)
class Model:
    """The variables of a task. ``at``: unit and date; ``on``: member and app host."""

    task: Task
    enabled: Collection[str]
    units: tuple[tuple[Candidate, ...], ...]
    model: Any
    rooms: dict[tuple[str, date], tuple[int, int]] = field(default_factory=dict)
    at: dict[tuple[int, date], Any] = field(default_factory=dict)
    on: dict[tuple[str, str], Any] = field(default_factory=dict)
    used: dict[date, Any] = field(default_factory=dict)
    sure: bool = True  # that whatever was added to the model is proved

    def minutes(self, each: Candidate) -> int:
        return each.cutover_minutes if f"duration/{each.name}" in self.enabled else 0

    def dates_of(self, unit: int) -> list[date]:
        return [day for day in self.task.rules.dates if (unit, day) in self.at]


def built_for(task: Task, enabled: Collection[str]) -> Model | None:
    """The model; None where a member has no date at all, which needs no search."""
    built = Model(task, enabled, constraints.units(task, enabled), cp_model.CpModel())
    for each in task.candidates:
        for day in task.rules.dates:
            hours = constraints.room(task, each, day, enabled)
            if hours:
                built.rooms[each.name, day] = hours
    for unit, members in enumerate(built.units):
        days = [day for day in task.rules.dates if all((each.name, day) in built.rooms for each in members)]
        if not days:
            return None
        for day in days:
            built.at[unit, day] = built.model.new_bool_var(f"at {members[0].name} {day}")
        built.model.add_exactly_one(built.at[unit, day] for day in days)
    _add_waves(built)
    _add_pilots(built)
    _add_hosts(built)
    _add_clusters(built)
    if "parallel" in enabled:
        _add_parallel(built)
    return built


def _add_waves(built: Model) -> None:
    """Which dates are used; how many members and how much copying they hold; the days between them."""
    model, rules = built.model, built.task.rules
    for day in rules.dates:
        here = {unit: built.at[unit, day] for unit in range(len(built.units)) if (unit, day) in built.at}
        if not here:
            continue
        built.used[day] = model.new_bool_var(f"used {day}")
        for variable in here.values():
            model.add_implication(variable, built.used[day])
        if "members_per_wave" in built.enabled:
            sizes = sum(len(built.units[unit]) * variable for unit, variable in here.items())
            model.add(sizes <= rules.members_per_wave * built.used[day])
        if "copy" in built.enabled:
            copying = sum(sum(each.copy_minutes for each in built.units[unit]) * var for unit, var in here.items())
            model.add(copying <= rules.copy_minutes_per_wave * built.used[day])
    if "settle" in built.enabled:
        for day in built.used:
            near = [variable for other, variable in built.used.items() if 0 <= (other - day).days < rules.settle_days]
            model.add_at_most_one(near)


def _add_pilots(built: Model) -> None:
    """A date up to which only pilots move, and after which only the others do."""
    if "pilots" not in built.enabled:
        return
    model, earlier = built.model, None
    for day in built.task.rules.dates:
        open_ = model.new_bool_var(f"pilots {day}")
        if earlier is not None:
            model.add_implication(open_, earlier)
        earlier = open_
        for unit, members in enumerate(built.units):
            if (unit, day) in built.at:
                pilots = any(each.pilot for each in members)
                model.add_implication(built.at[unit, day], open_ if pilots else ~open_)


def _add_hosts(built: Model) -> None:
    """One app host for each member, with room for all of its members, and not before the host is there."""
    task, model = built.task, built.model
    if not task.hosts:
        return
    for unit, members in enumerate(built.units):
        for each in members:
            pinned = each.app_host if f"app_host/{each.name}" in built.enabled else ""
            chosen = [host for host in task.hosts if pinned in ("", host.name)]
            for host in chosen:
                built.on[each.name, host.name] = model.new_bool_var(f"on {each.name} {host.name}")
            model.add_exactly_one(built.on[each.name, host.name] for host in chosen)
            for host in chosen:
                _add_availability(built, unit, each, host)
    for host in task.hosts:
        here = [
            (each, built.on[each.name, host.name]) for each in task.candidates if (each.name, host.name) in built.on
        ]
        if f"memory/{host.name}" in built.enabled:
            model.add(sum(each.memory_mb * variable for each, variable in here) <= host.memory_mb)
        if f"storage/{host.name}" in built.enabled:
            model.add(sum(each.files_mb * variable for each, variable in here) <= host.storage_mb)


def _add_availability(built: Model, unit: int, each: Candidate, host: AppHost) -> None:
    if host.available and f"available/{host.name}" in built.enabled:
        for day in built.dates_of(unit):
            if day < host.available:
                built.model.add_at_most_one(built.at[unit, day], built.on[each.name, host.name])


def _add_clusters(built: Model) -> None:
    """What a cluster must hold does not depend on the waves: in the end all members are there."""
    for cluster in built.task.clusters:
        here = [each for each in built.task.candidates if each.cluster == cluster.name]
        wanted = sum(each.connections for each in here)
        if f"connections/{cluster.name}" in built.enabled and wanted > cluster.connections:
            built.model.add_bool_or([])
        databases = sum(each.database_mb for each in here)
        room = cluster.storage_mb
        if f"cluster_storage/{cluster.name}" in built.enabled and room is not None and databases > room:
            built.model.add_bool_or([])


def _add_parallel(built: Model) -> None:
    """The work of an evening against its length; the starts themselves are found afterwards."""
    model = built.model
    for day in built.used:
        here = [(unit, built.at[unit, day]) for unit in range(len(built.units)) if (unit, day) in built.at]
        rooms = [built.rooms[each.name, day] for unit, _at in here for each in built.units[unit]]
        length = max(end for _begin, end in rooms) - min(begin for begin, _end in rooms)
        work = sum(sum(map(built.minutes, built.units[unit])) * variable for unit, variable in here)
        model.add(work <= length * built.task.rules.parallel * built.used[day])
