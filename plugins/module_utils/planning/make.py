# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan is made anew, or what people edited is checked; both end as the file, the page's values and the result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Problem
from ansible_collections.erpops.odoo.plugins.module_utils.planning import dates, explain, plan_file, solver, sources
from ansible_collections.erpops.odoo.plugins.module_utils.planning.conflict import conflict
from ansible_collections.erpops.odoo.plugins.module_utils.planning.constraints import constraints_of
from ansible_collections.erpops.odoo.plugins.module_utils.planning.graph import graph_of
from ansible_collections.erpops.odoo.plugins.module_utils.planning.inputs import Prepared, prepared
from ansible_collections.erpops.odoo.plugins.module_utils.planning.model import (
    DAYS,
    Assignment,
    Bound,
    Task,
    local,
    waves_of,
)
from ansible_collections.erpops.odoo.plugins.module_utils.planning.validate import violations


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """before, after: member -> {wave, date, start, app_host}. text: the file as it should be. made: solved anew.

    on_failure: of waves by their date, where the file says it.
    """

    before: Mapping[str, Any]
    after: Mapping[str, Any]
    text: str
    made: bool
    task: Task
    places: Assignment
    because: Mapping[str, str]
    bounds: tuple[Bound, ...]
    on_failure: Mapping[date, str]
    warnings: tuple[str, ...]


def planned(parameters: Mapping[str, Any]) -> Outcome:
    """Raises InputError: the input, the edited file, or constraints that contradict each other."""
    path = Path(parameters["file"])
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    written = plan_file.parsed(old, str(path)) if old else None
    there: Assignment = written.places if written else {}
    on_failure = written.on_failure if written else {}
    results = sources.read(Path(parameters["discovery"]))
    members = sources.members_from(parameters["members"])
    graph = graph_of(members, results, parameters["links"], parameters["addresses"])
    made = prepared(parameters, graph, results, there)
    before = shown(there, written.timezone if written else "UTC")
    bounds: tuple[Bound, ...] = ()
    if written and not parameters["replace"]:
        places = _checked(made, there, str(path))
        because, text = explain.reasons(made.task, _moving(made, places)), old
    else:
        places, bounds = _solved(made, there, parameters["effort_seconds"])
        because = explain.reasons(made.task, _moving(made, places))
        timezone = made.task.rules.window.timezone
        text = plan_file.text_of(places, made.task.by_name, because, bounds, timezone, on_failure)
    return Outcome(
        before=before,
        after=shown(places, made.task.rules.window.timezone if not (written and text == old) else written.timezone),
        text=text,
        made=text != old,
        task=made.task,
        places=places,
        because=because,
        bounds=bounds,
        on_failure=on_failure,
        warnings=made.warnings,
    )


def _moving(made: Prepared, places: Assignment) -> dict[str, Any]:
    return {name: place for name, place in places.items() if name not in made.done}


def _checked(made: Prepared, places: Assignment, path: str) -> Assignment:
    """The edited plan, or everything in it that keeps no constraint."""
    found = violations(made.task, _moving(made, places))
    if found:
        count = "1 constraint" if len(found) == 1 else f"{len(found)} constraints"
        problems = [violation.problem for violation in found]
        raise InputError(f"The plan in {path} does not keep {count}; nothing was changed.", problems)
    return places


def _solved(made: Prepared, there: Assignment, effort: float) -> tuple[dict[str, Any], tuple[Bound, ...]]:
    solution = solver.solved(made.task, effort)
    if solution is None:
        raise InputError(
            "No plan keeps all constraints. These contradict each other; without any one of them the others could be"
            " kept. Nothing was changed.",
            contradictions(made.task),
        )
    done = {name: there[name] for name in made.done if name in there}
    return dict(sorted({**done, **solution.places}.items())), solution.bounds


def contradictions(task: Task) -> list[Problem]:
    known = {constraint.id: constraint for constraint in constraints_of(task)}
    found = conflict(list(known), lambda enabled: solver.feasible(task, enabled))
    return [
        Problem(known[id_].subject, f"constraint {id_}", "", f"{known[id_].rule} Loosen this or one of the others.")
        for id_ in found
    ]


def shown(places: Assignment, timezone: str) -> dict[str, Any]:
    waves = waves_of(places)
    return {
        name: {
            "wave": waves.index(place.date) + 1,
            "date": place.date.isoformat(),
            "start": local(place.start, timezone).isoformat(timespec="minutes"),
            "app_host": place.app_host,
        }
        for name, place in places.items()
    }


def page(outcome: Outcome) -> dict[str, Any]:
    """What the page of the plan and later playbooks take: waves with their members, capacities and bounds."""
    task, known = outcome.task, outcome.task.by_name
    waves = []
    for number, day in enumerate(waves_of(outcome.places), 1):
        here = sorted((place.start, name) for name, place in outcome.places.items() if place.date == day)
        on_failure = outcome.on_failure.get(day, plan_file.ON_FAILURE[0])
        stopped_by = _stopped_by([name for _start, name in here], task, on_failure)
        members = [
            {"name": name, **outcome.after[name], "stopped_by": stopped_by[name],
             "because": outcome.because.get(name, "it has moved"),
             **(_figures(known[name]) if name in known else {})}
            for _start, name in here
        ]  # fmt: skip
        waves.append({"wave": number, "date": day.isoformat(), "on_failure": on_failure, "members": members})
    return {
        "waves": waves,
        "bounds": [{**asdict(bound), "proved": bound.proved} for bound in outcome.bounds],
        "groups": [{"members": list(group.members), "reasons": list(group.reasons)} for group in task.groups],
        "capacity": _capacity(outcome),
        "calendar": _calendar(outcome),
    }


def _stopped_by(names: Sequence[str], task: Task, on_failure: str) -> dict[str, list[str]]:
    """Of each member of a wave those whose failed cutover keeps it from beginning its own."""
    groups: list[set[str]] = {
        "stop_group": [set(group.members) for group in task.groups],
        "stop_wave": [set(names)],
        "go_on": [],
    }[on_failure]
    return {
        name: sorted({other for group in groups if name in group for other in group} & set(names) - {name})
        for name in names
    }


def _calendar(outcome: Outcome) -> list[dict[str, Any]]:
    """Each date: its wave, whether the estate's window opens, the freezes that hold everybody or some."""
    rules, waves = outcome.task.rules, waves_of(outcome.places)
    days = []
    for day in rules.dates:
        frozen = [freeze for freeze in rules.freezes if dates.frozen(freeze, day)]
        days.append(
            {"date": day.isoformat(), "weekday": DAYS[day.weekday()], "open": dates.evening(rules, day) is not None,
             "freezes": [freeze.name for freeze in frozen if not freeze.members],
             "partly": [freeze.name for freeze in frozen if freeze.members],
             "wave": waves.index(day) + 1 if day in waves else None}
        )  # fmt: skip
    return days


def _figures(each: Any) -> dict[str, Any]:
    names = ("criticality", "pilot", "cutover_minutes", "copy_minutes", "memory_mb", "files_mb", "database_mb", "host",
             "database")  # fmt: skip
    return {**{name: getattr(each, name) for name in names}, "notes": list(each.notes)}


def _capacity(outcome: Outcome) -> list[dict[str, Any]]:
    """Each resource: what members take in the end, of what there is for them."""
    task, places = outcome.task, outcome.places
    rows = []
    for host in task.hosts:
        here = [each for each in task.candidates if each.name in places and places[each.name].app_host == host.name]
        subject = f"app host {host.name}"
        rows += [_row(subject, "memory MB", sum(each.memory_mb for each in here), host.memory_mb),
                 _row(subject, "storage MB", sum(each.files_mb for each in here), host.storage_mb)]  # fmt: skip
    for cluster in task.clusters:
        inside: Sequence[Any] = [each for each in task.candidates if each.cluster == cluster.name]
        subject = f"postgres cluster {cluster.name}"
        rows.append(_row(subject, "connections", sum(each.connections for each in inside), cluster.connections))
        if cluster.storage_mb is not None:
            rows.append(_row(subject, "storage MB", sum(each.database_mb for each in inside), cluster.storage_mb))
    return rows


def _row(subject: str, resource: str, used: int, room: int) -> dict[str, Any]:
    return {"subject": subject, "resource": resource, "used": used, "room": room,
            "percent": round(100 * used / room) if room > 0 else 100 if used else 0}  # fmt: skip
