# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan held against its constraints, without the solver: what people edited, and what the solver found. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import Problem
from ansible_collections.erpops.odoo.plugins.module_utils.planning import constraints, dates, schedule
from ansible_collections.erpops.odoo.plugins.module_utils.planning.model import (
    Assignment,
    Candidate,
    Task,
    local,
    waves_of,
)


@dataclass(frozen=True, slots=True)
class Violation:
    """A constraint (its id) that a plan does not keep, and the problem as people read it."""

    constraint: str
    problem: Problem


Violations = Iterator[Violation]


def violations(task: Task, places: Assignment) -> tuple[Violation, ...]:
    """Everything that the plan does not keep. Members without a place are reported; nothing is assumed for them."""
    return tuple(found for rule in RULES for found in rule(task, places))


def _found(id_: str, subject: str, field: str, value: object, cure: str) -> Violation:
    return Violation(id_, Problem(subject, field, str(value), cure))


def _all_have_a_place(task: Task, places: Assignment) -> Violations:
    known = task.by_name
    for each in task.candidates:
        if each.name not in places:
            cure = "The plan has no place for it: add it to a wave, or plan anew with wave_plan_replace=true."
            yield _found("place", f"member {each.name}", "wave", "", cure)
    for name in places:
        if name not in known:
            cure = "It is not among the members to plan: remove it from the plan, or add it to wave_members."
            yield _found("place", f"member {name}", "wave", "", cure)


def _placed(task: Task, places: Assignment) -> list[Candidate]:
    return [each for each in task.candidates if each.name in places]


def _dates(task: Task, places: Assignment) -> Violations:
    """Freezes, the member's own dates, and that what is under way stays."""
    rules = task.rules
    for each in _placed(task, places):
        subject, day = f"member {each.name}", places[each.name].date
        if not rules.first <= day <= rules.last:
            cure = f"Move it to a date from {rules.first} to {rules.last}, or widen wave_plan_first and wave_plan_last."
            yield _found("horizon", subject, "date", day, cure)
        for freeze in dates.freezes_of(rules, each.name, day):
            cure = f"Freeze {freeze.name} holds on that date: move its wave to another date."
            yield _found(f"freeze/{freeze.name}", subject, "date", day, cure)
        if not dates.allowed_dates(each, day):
            ends = f"not_before {each.not_before or 'none'}, not_after {each.not_after or 'none'}"
            yield _found(f"dates/{each.name}", subject, "date", day, f"Its own dates are {ends}: move it.")
        if each.kept and day != each.kept:
            cure = f"It is under way for {each.kept}: put it back, or run wave_rollback first."
            yield _found(f"kept/{each.name}", subject, "date", day, cure)


def _hours(task: Task, places: Assignment) -> Violations:
    """Start and end within the estate's hours of the date, and within the member's own."""
    zone = task.rules.window.timezone
    for each in _placed(task, places):
        place, subject = places[each.name], f"member {each.name}"
        end = place.start + each.cutover_minutes
        estate = dates.evening(task.rules, place.date)
        whole = dates.whole_day(zone, place.date)
        shown = f"{local(place.start, zone):%Y-%m-%d %H:%M} for {each.cutover_minutes} minutes"
        if not estate or not estate[0] <= place.start <= end <= estate[1]:
            cure = f"The estate's window is {task.rules.window.hours}: move its start or its date."
            yield _found("window", subject, "start", shown, cure)
        own = dates.within(each.window, place.date, estate or whole) if each.window else None
        if each.window and not (own and own[0] <= place.start <= end <= own[1]):
            cure = f"Its own window is {each.window.hours}: move its start or its date."
            yield _found(f"window/{each.name}", subject, "start", shown, cure)


def _parallel(task: Task, places: Assignment) -> Violations:
    limit, zone = task.rules.parallel, task.rules.window.timezone
    for each in _placed(task, places):
        start = places[each.name].start
        beside = [
            other.name
            for other in _placed(task, places)
            if places[other.name].start <= start < places[other.name].start + other.cutover_minutes
        ]
        if len(beside) > limit and each.name == max(name for name in beside if places[name].start == start):
            cure = f"At most {limit} at a time: start one of {', '.join(beside)} later."
            yield _found("parallel", f"member {each.name}", "start", f"{local(start, zone):%Y-%m-%d %H:%M}", cure)


def _of_waves(task: Task, places: Assignment) -> Violations:
    rules = task.rules
    used = waves_of(places)
    for number, day in enumerate(used, 1):
        here = [each for each in _placed(task, places) if places[each.name].date == day]
        subject = f"wave {number} ({day})"
        if len(here) > rules.members_per_wave:
            cure = f"wave_plan_members_per_wave is {rules.members_per_wave}: move {len(here) - rules.members_per_wave}."
            yield _found("members_per_wave", subject, "members", len(here), cure)
        copying = sum(each.copy_minutes for each in here)
        if copying > rules.copy_minutes_per_wave:
            cure = f"There is time for {rules.copy_minutes_per_wave} minutes of copying: move some of its members."
            yield _found("copy", subject, "copy_minutes", copying, cure)
    for earlier, later in pairwise(used):
        if (later - earlier).days < rules.settle_days:
            cure = f"wave_plan_settle_days is {rules.settle_days}: move it to a later date."
            yield _found("settle", f"wave of {later}", "date", f"{(later - earlier).days} days after {earlier}", cure)


def _groups(task: Task, places: Assignment) -> Violations:
    for group in task.groups:
        days = {name: places[name].date for name in group.members if name in places}
        if len(set(days.values())) > 1:
            apart = ", ".join(f"{name} on {day}" for name, day in days.items())
            cure = f"They move together ({'; '.join(group.reasons)}): put them into one wave."
            yield _found(group.id, f"members {', '.join(group.members)}", "wave", apart, cure)


def _pilots(task: Task, places: Assignment) -> Violations:
    """Who moves together with a pilot is one."""
    units = constraints.units(task, {group.id for group in task.groups})
    pilots = {each.name for unit in units if any(each.pilot for each in unit) for each in unit}
    others = [each.name for each in _placed(task, places) if each.name not in pilots]
    if not others:
        return
    first = min(places[name].date for name in others)
    for name in sorted(pilots & set(places)):
        if places[name].date >= first:
            cure = f"It is a pilot (or moves with one), and others move on {first} already: move it before them."
            yield _found("pilots", f"member {name}", "date", places[name].date, cure)


def _app_hosts(task: Task, places: Assignment) -> Violations:
    if not task.hosts:
        return
    known = {host.name: host for host in task.hosts}
    for each in _placed(task, places):
        place, subject = places[each.name], f"member {each.name}"
        if place.app_host not in known:
            cure = f"Name one of the app hosts: {', '.join(known)}."
            yield _found("place", subject, "app_host", place.app_host, cure)
            continue
        if each.app_host and place.app_host != each.app_host:
            cure = f"odoo_tenants pins it to {each.app_host}: change one of them."
            yield _found(f"app_host/{each.name}", subject, "app_host", place.app_host, cure)
        available = known[place.app_host].available
        if available and place.date < available:
            cure = f"App host {place.app_host} is there from {available} on: move the member or choose another host."
            yield _found(f"available/{place.app_host}", subject, "date", place.date, cure)
    for host in task.hosts:
        here = [each for each in _placed(task, places) if places[each.name].app_host == host.name]
        subject, cure = f"app host {host.name}", "Move members to another app host."
        memory, files = sum(each.memory_mb for each in here), sum(each.files_mb for each in here)
        if memory > host.memory_mb:
            value = f"{memory} MB of {host.memory_mb} MB"
            yield _found(f"memory/{host.name}", subject, "memory_mb", value, cure)
        if files > host.storage_mb:
            value = f"{files} MB of {host.storage_mb} MB"
            yield _found(f"storage/{host.name}", subject, "storage_mb", value, cure)


def _clusters(task: Task, _places: Assignment) -> Violations:
    for cluster in task.clusters:
        here = [each for each in task.candidates if each.cluster == cluster.name]
        subject = f"postgres cluster {cluster.name}"
        wanted, size = sum(each.connections for each in here), sum(each.database_mb for each in here)
        if wanted > cluster.connections:
            value = f"{wanted} of {cluster.connections}"
            cure = "Raise max_connections, lower the tenants' limits or move tenants to another cluster."
            yield _found(f"connections/{cluster.name}", subject, "connections", value, cure)
        if cluster.storage_mb is not None and size > cluster.storage_mb:
            cure = "Enlarge its storage or move tenants to another cluster."
            value = f"{size} MB of {cluster.storage_mb} MB"
            yield _found(f"cluster_storage/{cluster.name}", subject, "storage_mb", value, cure)


Rule = Callable[[Task, Assignment], Violations]
RULES: Sequence[Rule] = (
    _all_have_a_place,
    _dates,
    _hours,
    _parallel,
    _of_waves,
    _groups,
    _pilots,
    _app_hosts,
    _clusters,
)


def first_free(task: Task, places: Assignment, each: Candidate, day: date) -> int | None:
    """The earliest start on a date beside what is there, or None."""
    enabled = frozenset(constraint.id for constraint in constraints.constraints_of(task))
    hours = constraints.room(task, each, day, enabled)
    if hours is None:
        return None
    busy = [
        (places[other.name].start, places[other.name].start + other.cutover_minutes)
        for other in _placed(task, places)
        if other.name != each.name and places[other.name].date == day
    ]
    job = schedule.Job((0, each.name), each.name, *hours, each.cutover_minutes)
    return schedule.earliest(job, busy, task.rules.parallel)
