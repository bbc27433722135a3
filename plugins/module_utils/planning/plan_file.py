# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan as the YAML file that people read, edit and commit."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Problem
from ansible_collections.erpops.odoo.plugins.module_utils.planning.model import (
    Assignment,
    Bound,
    Candidate,
    Place,
    instant,
    local,
    waves_of,
)

try:
    import yaml

    YAML_ERROR: str | None = None
except ImportError:
    YAML_ERROR = traceback.format_exc()

HEADER = """\
# The waves of this estate: written by wave_plan, edited by people, committed with the inventory. The next run of
# wave_plan checks what stands here and reports every constraint that is not kept; it writes the file anew only with
# wave_plan_replace=true. `date` and `start` (local time of `timezone`), `app_host` and `on_failure` count; the rest is
# for reading. on_failure: whom a failed cutover keeps from beginning theirs: stop_group (who must move together with
# it), stop_wave (everybody of the wave) or go_on (nobody).
"""
ON_FAILURE = ("stop_group", "stop_wave", "go_on")  # the usual one first
FORMAT = "%Y-%m-%d %H:%M"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A file's plan. on_failure: of waves by their date, one of ``ON_FAILURE``."""

    places: Assignment
    timezone: str
    on_failure: Mapping[date, str]


def text_of(
    places: Assignment,
    members: Mapping[str, Candidate],
    because: Mapping[str, str],
    bounds: Sequence[Bound],
    timezone: str,
    on_failure: Mapping[date, str],
) -> str:
    """The file. Members that were there before and are done are in ``places`` without being in ``members``."""
    waves = []
    for number, day in enumerate(waves_of(places), 1):
        names = sorted((place.start, name) for name, place in places.items() if place.date == day)
        entries = [_entry(name, places[name], members.get(name), because.get(name, ""), timezone) for _s, name in names]
        stops = on_failure.get(day, ON_FAILURE[0])
        waves.append({"wave": number, "date": day.isoformat(), "on_failure": stops, "members": entries})
    body: dict[str, Any] = {"timezone": timezone, "waves": waves}
    if bounds:
        body["proved"] = [_bound(bound) for bound in bounds]
    return HEADER + yaml.safe_dump({"wave_plan": body}, sort_keys=False, allow_unicode=True, width=110)


def _entry(name: str, place: Place, member: Candidate | None, because: str, timezone: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": name, "start": f"{local(place.start, timezone):{FORMAT}}"}
    if place.app_host:
        entry["app_host"] = place.app_host
    if member is None:
        return {**entry, "because": "it has moved"}
    entry["minutes"] = member.cutover_minutes
    entry["because"] = because
    return {**entry, "notes": list(member.notes)} if member.notes else entry


def _bound(bound: Bound) -> str:
    if bound.proved:
        return f"{bound.name}: {bound.value}, and no plan is better"
    return f"{bound.name}: {bound.value}; no plan is better than {bound.at_least}"


def write(path: Path, text: str) -> None:
    """The file whole, or as it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    passing = path.with_name(f".{path.name}.new")
    passing.write_text(text, encoding="utf-8")
    passing.replace(path)


def parsed(text: str, path: str) -> Written:
    """What a file says. Raises InputError with everything in it that cannot be read."""
    subject = f"file {path}"
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        cure = f"It is no YAML ({' '.join(str(error).split())}); mend it, or remove it to plan anew."
        raise InputError("The plan cannot be read; nothing was changed.", [Problem(subject, "", "", cure)]) from error
    body = value.get("wave_plan") if isinstance(value, dict) else None
    if not isinstance(body, dict) or not isinstance(body.get("waves"), list):
        problem = Problem(subject, "wave_plan.waves", "", "It must be a list of waves; mend it, or remove the file.")
        raise InputError("The plan cannot be read; nothing was changed.", [problem])
    timezone = str(body.get("timezone") or "UTC")
    problems: list[Problem] = []
    places: dict[str, Place] = {}
    on_failure = dict(_on_failure(body["waves"], subject, problems))
    for name, place in _places(body["waves"], timezone, subject, problems):
        if name in places:
            cure = "It is in the plan more than once; leave it in one wave."
            problems.append(Problem(f"member {name}", "wave", places[name].date.isoformat(), cure))
        places[name] = place
    if problems:
        raise InputError("The plan cannot be read; nothing was changed.", problems)
    return Written(places=dict(sorted(places.items())), timezone=timezone, on_failure=on_failure)


def _on_failure(waves: list[Any], subject: str, problems: list[Problem]) -> Iterator[tuple[date, str]]:
    for index, wave in enumerate(waves):
        if not isinstance(wave, dict) or "on_failure" not in wave:
            continue
        found = str(wave["on_failure"])
        if found not in ON_FAILURE:
            cure = f"Give one of {', '.join(ON_FAILURE)}, or leave it out."
            problems.append(Problem(subject, f"waves[{index}].on_failure", found, cure))
            continue
        with suppress(KeyError, ValueError):  # a wave without a date is a problem of its own
            yield date.fromisoformat(str(wave["date"])), found


def _places(waves: list[Any], timezone: str, subject: str, problems: list[Problem]) -> Iterator[tuple[str, Place]]:
    for index, wave in enumerate(waves):
        field = f"waves[{index}]"
        try:
            day = date.fromisoformat(str(wave["date"]))
            members = list(wave["members"] or ())
        except (KeyError, TypeError, ValueError):
            cure = "Give each wave a date (2027-01-12) and a list of members."
            problems.append(Problem(subject, field, str(wave)[:80], cure))
            continue
        for number, entry in enumerate(members):
            try:
                name, begin = str(entry["name"]), datetime.strptime(str(entry["start"]), FORMAT)
            except (KeyError, TypeError, ValueError):
                cure = "Give each member a name and a start (2027-01-12 20:30)."
                problems.append(Problem(subject, f"{field}.members[{number}]", str(entry)[:80], cure))
                continue
            start = instant(begin.replace(tzinfo=ZoneInfo(timezone)))
            yield name, Place(date=day, start=start, app_host=str(entry.get("app_host") or ""))
