# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The constraints of a plan by name, and which dates and hours they leave to a member. Pure.

The solver, the search for a conflict and the check of a plan that people edited all speak of constraints by these
names, so that each can be left out to see whether it is to blame.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date

from ansible_collections.erpops.odoo.plugins.module_utils.planning import dates
from ansible_collections.erpops.odoo.plugins.module_utils.planning.model import Candidate, Group, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """id: ``window/acme``. subject: what it is about, with its kind. rule: what it asks for, a full sentence."""

    id: str
    subject: str
    rule: str


def constraints_of(task: Task) -> tuple[Constraint, ...]:
    """Every constraint, those of the whole plan first, in a fixed order."""
    return (*_of_the_plan(task), *_of_freezes(task), *_of_capacity(task), *_of_groups(task), *_of_members(task))


def _of_the_plan(task: Task) -> Iterator[Constraint]:
    rules = task.rules
    yield Constraint(id="window", subject="the estate's window", rule=f"Cutovers run {rules.window.hours}.")
    yield Constraint(id="parallel", subject="parallel", rule=f"At most {rules.parallel} cutovers at a time.")
    rule = f"At most {rules.members_per_wave} members in a wave."
    yield Constraint(id="members_per_wave", subject="members per wave", rule=rule)
    rule = f"At most {rules.copy_minutes_per_wave} minutes of copying before a wave."
    yield Constraint(id="copy", subject="copying", rule=rule)
    if rules.settle_days > 1:
        rule = f"At least {rules.settle_days} days from one wave to the next."
        yield Constraint(id="settle", subject="days to settle", rule=rule)
    pilots = [candidate.name for candidate in task.candidates if candidate.pilot]
    if pilots and len(pilots) < len(task.candidates):
        rule = f"The pilots ({', '.join(pilots)}) move in earlier waves than everybody else."
        yield Constraint(id="pilots", subject="pilots", rule=rule)


def _of_freezes(task: Task) -> Iterator[Constraint]:
    for freeze in task.rules.freezes:
        whom = f"members {', '.join(freeze.members)}" if freeze.members else "anybody"
        rule = f"No cutover of {whom} on its dates."
        yield Constraint(id=f"freeze/{freeze.name}", subject=f"freeze {freeze.name}", rule=rule)


def _of_capacity(task: Task) -> Iterator[Constraint]:
    for host in task.hosts:
        subject = f"app host {host.name}"
        yield Constraint(id=f"memory/{host.name}", subject=subject, rule=f"{host.memory_mb} MB of memory for members.")
        yield Constraint(id=f"storage/{host.name}", subject=subject, rule=f"{host.storage_mb} MB of storage for files.")
        if host.available:
            rule = f"Not before {host.available.isoformat()}."
            yield Constraint(id=f"available/{host.name}", subject=subject, rule=rule)
    for cluster in task.clusters:
        subject = f"postgres cluster {cluster.name}"
        rule = f"{cluster.connections} connections for members."
        yield Constraint(id=f"connections/{cluster.name}", subject=subject, rule=rule)
        if cluster.storage_mb is not None:
            rule = f"{cluster.storage_mb} MB of storage for databases."
            yield Constraint(id=f"cluster_storage/{cluster.name}", subject=subject, rule=rule)


def _of_groups(task: Task) -> Iterator[Constraint]:
    for group in task.groups:
        names = ", ".join(group.members)
        yield Constraint(
            id=group.id, subject=f"members {names}", rule=f"They move in one wave: {'; '.join(group.reasons)}."
        )


def _of_members(task: Task) -> Iterator[Constraint]:
    for each in task.candidates:
        subject = f"member {each.name}"
        rule = f"Its cutover of {each.cutover_minutes} minutes fits into its hours."
        yield Constraint(id=f"duration/{each.name}", subject=subject, rule=rule)
        if each.window:
            yield Constraint(id=f"window/{each.name}", subject=subject, rule=f"Its own hours: {each.window.hours}.")
        if each.not_before or each.not_after:
            ends = [f"not before {each.not_before}"] if each.not_before else []
            ends += [f"not after {each.not_after}"] if each.not_after else []
            yield Constraint(id=f"dates/{each.name}", subject=subject, rule=f"Its dates: {', '.join(ends)}.")
        if each.app_host and task.hosts:
            yield Constraint(id=f"app_host/{each.name}", subject=subject, rule=f"It is pinned to {each.app_host}.")
        if each.kept:
            rule = f"It is under way for {each.kept}; its state is beyond planned."
            yield Constraint(id=f"kept/{each.name}", subject=subject, rule=rule)


def room(task: Task, each: Candidate, day: date, enabled: Collection[str]) -> dates.Interval | None:
    """The hours of a date that the enabled constraints leave to a member's cutover; None where they leave none."""
    hours: dates.Interval | None = dates.whole_day(task.rules.window.timezone, day)
    if "window" in enabled:
        hours = dates.evening(task.rules, day)
    if hours and each.window and f"window/{each.name}" in enabled:
        hours = dates.within(each.window, day, hours)
    if hours is None or forbidding(task, each, day, enabled):
        return None
    needed = each.cutover_minutes if f"duration/{each.name}" in enabled else 0
    return hours if hours[1] - hours[0] >= needed else None


def forbidding(task: Task, each: Candidate, day: date, enabled: Collection[str]) -> tuple[str, ...]:
    """The enabled constraints that forbid a date as such: freezes, the member's dates, that it is under way."""
    found = [f"freeze/{freeze.name}" for freeze in dates.freezes_of(task.rules, each.name, day)]
    if not dates.allowed_dates(each, day):
        found.append(f"dates/{each.name}")
    if each.kept and day != each.kept:
        found.append(f"kept/{each.name}")
    return tuple(id_ for id_ in found if id_ in enabled)


def units(task: Task, enabled: Collection[str]) -> tuple[tuple[Candidate, ...], ...]:
    """What moves as one: the enabled groups, joined where they share a member, and everybody else alone."""
    leader = {each.name: each.name for each in task.candidates}

    def top(name: str) -> str:
        while leader[name] != name:
            name = leader[name]
        return name

    for group in _known(task, enabled):
        first, *others = sorted({top(name) for name in group.members})
        for other in others:
            leader[other] = first
    joined: dict[str, list[Candidate]] = {}
    for each in task.candidates:
        joined.setdefault(top(each.name), []).append(each)
    return tuple(tuple(unit) for unit in joined.values())


def _known(task: Task, enabled: Collection[str]) -> Iterator[Group]:
    names = set(task.by_name)
    for group in task.groups:
        if group.id in enabled and names.issuperset(group.members):
            yield group
