# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a member is in its wave: what forbids each wave before it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from ansible_collections.erpops.odoo.plugins.module_utils.planning import constraints
from ansible_collections.erpops.odoo.plugins.module_utils.planning.model import (
    Assignment,
    Candidate,
    Task,
    waves_of,
)
from ansible_collections.erpops.odoo.plugins.module_utils.planning.validate import first_free, violations


def reasons(task: Task, places: Assignment) -> dict[str, str]:
    """A sentence for each member: ``in wave 3 because …``."""
    everything = frozenset(constraint.id for constraint in constraints.constraints_of(task))
    found = {}
    for unit in constraints.units(task, everything):
        text = _of_unit(task, places, unit)
        for each in unit:
            others = [other.name for other in unit if other is not each]
            together = f"; moves together with {', '.join(others)} ({_why(task, each.name)})" if others else ""
            found[each.name] = f"{text}{together}"
    return dict(sorted(found.items()))


def _why(task: Task, name: str) -> str:
    return "; ".join(reason for group in task.groups if name in group.members for reason in group.reasons)


def _of_unit(task: Task, places: Assignment, unit: Sequence[Candidate]) -> str:
    waves = waves_of(places)
    day = places[unit[0].name].date
    number = waves.index(day) + 1
    if any(each.kept for each in unit):
        return f"in wave {number} because it is under way for {day}"
    earlier = [f"wave {waves.index(other) + 1} ({other}): {_against(task, places, unit, other)}"
               for other in waves[: number - 1]]  # fmt: skip
    first = _first(task, unit, day)
    if not earlier:
        kind = "it is a pilot" if any(each.pilot for each in unit) else "no wave is earlier"
        return f"in wave {number} because {kind}{first}"
    return f"in wave {number} because of {'; '.join(_merged(earlier))}{first}"


def _first(task: Task, unit: Sequence[Candidate], day: date) -> str:
    """That the date is the first one that the unit's own constraints leave."""
    everything = frozenset(constraint.id for constraint in constraints.constraints_of(task))
    earlier = [other for other in task.rules.dates if other < day]
    if all(any(constraints.room(task, each, other, everything) is None for each in unit) for other in earlier):
        return f"; {day} is the first date that is open to it"
    return ""


def _against(task: Task, places: Assignment, unit: Sequence[Candidate], day: date) -> str:
    """What would be wrong, were the unit moved to an earlier wave."""
    moved = {name: place for name, place in places.items() if name not in {each.name for each in unit}}
    for each in unit:
        start = first_free(task, moved, each, day)
        if start is None:
            return _closed(task, each, day)
        moved[each.name] = replace(places[each.name], date=day, start=start)
    known = {violation.constraint for violation in violations(task, places)}
    found = [one for one in violations(task, moved) if one.constraint not in known]
    if not found:
        return "others come first there"
    return _words(task, found[0].constraint, unit)


def _closed(task: Task, each: Candidate, day: date) -> str:
    everything = frozenset(constraint.id for constraint in constraints.constraints_of(task))
    forbidding = constraints.forbidding(task, each, day, everything)
    if forbidding:
        return _words(task, forbidding[0], (each,))
    if constraints.room(task, each, day, everything) is None:
        return f"its own hours or its cutover of {each.cutover_minutes} minutes do not fit"
    return f"its hours are taken, with {task.rules.parallel} at a time"


def _words(task: Task, constraint: str, unit: Sequence[Candidate]) -> str:
    kind, _slash, name = constraint.partition("/")
    pilots = "only pilots move then" if not any(each.pilot for each in unit) else "pilots come first"
    words = {
        "members_per_wave": f"it is full with {task.rules.members_per_wave} members",
        "copy": f"its {task.rules.copy_minutes_per_wave} minutes of copying are taken",
        "pilots": pilots,
        "freeze": f"freeze {name} holds",
        "dates": "its own dates forbid it",
        "available": f"app host {name} is not there yet",
        "kept": "it is under way for another date",
        "settle": "it is too near to another wave",
    }
    return words.get(kind, f"{kind} {name}".strip())


def _merged(texts: Sequence[str]) -> list[str]:
    """``wave 1 (…): x; wave 2 (…): x`` as ``waves 1 and 2: x``."""
    by_reason: dict[str, list[str]] = {}
    for text in texts:
        wave, _colon, why = text.partition(": ")
        by_reason.setdefault(why, []).append(wave)
    return [
        f"{waves[0]}: {why}" if len(waves) == 1 else f"waves {_range(waves)}: {why}" for why, waves in by_reason.items()
    ]


def _range(waves: Sequence[str]) -> str:
    numbers = [int(wave.split()[1]) for wave in waves]
    if numbers == list(range(numbers[0], numbers[-1] + 1)) and len(numbers) > 2:
        return f"{numbers[0]} to {numbers[-1]}"
    return f"{', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"
