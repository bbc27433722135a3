# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what operators declare and discovery found to the task of a plan. Reports everything that is wrong at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Problem
from ansible_collections.erpops.odoo.plugins.module_utils.estate import declared as estate
from ansible_collections.erpops.odoo.plugins.module_utils.planning import estimate, sources
from ansible_collections.erpops.odoo.plugins.module_utils.planning.graph import Graph
from ansible_collections.erpops.odoo.plugins.module_utils.planning.model import (
    CRITICALITIES,
    DAYS,
    AppHost,
    Assignment,
    Candidate,
    Cluster,
    Freeze,
    Group,
    Rules,
    Task,
    Window,
)

PLANNABLE = ("discovered", "planned", "withdrawn", "rolled_back")
DONE = ("live", "committing", "committed")
STORAGE_GB = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """The task; the members that have moved already; and what the reader should know."""

    task: Task
    done: tuple[str, ...]
    warnings: tuple[str, ...]


def prepared(
    parameters: Mapping[str, Any], graph: Graph, results: Sequence[sources.Discovered], file: Assignment
) -> Prepared:
    """``parameters`` are the module's. Raises InputError."""
    problems: list[Problem] = []
    members = graph.members
    problems += sources.undiscovered(members, results)
    rules = _rules(parameters, problems)
    whole, _faults = estate.read({**parameters["estate"], "postgres_clusters": parameters["postgres_clusters"]})
    states = {state["name"]: state for state in parameters["states"]}
    settings = _settings(parameters, {each.name for each in members}, problems)
    if problems:
        raise InputError("The input of the plan has problems; nothing was changed.", problems)
    done = tuple(each.name for each in members if states.get(each.name, {}).get("state") in DONE)
    candidates = tuple(
        _candidate(
            each, results, whole, states.get(each.name, {}), settings.get(each.name, {}), parameters, file, problems
        )
        for each in members
        if each.name not in done
    )
    moved_to = {name: place.app_host for name, place in file.items() if place.app_host}
    placements = {**moved_to, **parameters["placements"]}
    hosts, warnings = _app_hosts(parameters["app_hosts"], placements, whole, {each.name for each in candidates})
    unknown = [each for each in candidates if each.app_host and hosts and each.app_host not in {h.name for h in hosts}]
    for each in unknown:
        cure = "wave_plan_app_hosts has no such host: add it, or change the tenant's app_host."
        problems.append(Problem(f"member {each.name}", "app_host", each.app_host, cure))
    if problems:
        raise InputError("The input of the plan has problems; nothing was changed.", problems)
    kept = [each.kept for each in candidates if each.kept]
    task = Task(
        candidates=candidates,
        rules=replace(rules, first=min([rules.first, *kept]), last=max([rules.last, *kept])),
        groups=_groups(graph, {each.name for each in candidates}),
        hosts=hosts,
        clusters=_clusters(parameters, whole, {each.name for each in candidates}),
    )
    return Prepared(task=task, done=done, warnings=tuple(warnings))


def _groups(graph: Graph, names: set[str]) -> tuple[Group, ...]:
    """Groups without those that have moved already."""
    left = [replace(group, members=tuple(name for name in group.members if name in names)) for group in graph.groups]
    return tuple(group for group in left if len(group.members) > 1)


def _candidate(
    each: sources.Declared,
    results: Sequence[sources.Discovered],
    whole: estate.Declared,
    state: Mapping[str, Any],
    setting: Mapping[str, Any],
    parameters: Mapping[str, Any],
    file: Assignment,
    problems: list[Problem],
) -> Candidate:
    database = sources.databases(results)[each.host, each.database]
    figures = estimate.estimated(database, state.get("facts") or {}, estimate.Rates(**parameters["rates"]))
    tenant = next((tenant for tenant in whole.tenants if tenant.name == each.name), None)
    if tenant is None:
        cure = "odoo_tenants has no tenant of this name: declare what it is to become."
        problems.append(Problem(f"member {each.name}", "name", each.name, cure))
    limits = estate.size_of(tenant, whole).limits if tenant else None
    classed = (database.get("classification") or {}).get("criticality")
    criticality = setting.get("criticality") or (classed if classed in CRITICALITIES else "medium")
    under_way = state.get("state") not in (None, *PLANNABLE) and each.name in file
    blockers = [one for one in database.get("blockers") or () if one.get("severity") == "high"]
    return Candidate(
        name=each.name,
        host=each.host,
        database=each.database,
        criticality=criticality,
        pilot=bool(setting.get("pilot")),
        cutover_minutes=setting.get("cutover_minutes") or figures.cutover_minutes,
        copy_minutes=setting.get("copy_minutes") or figures.copy_minutes,
        memory_mb=(limits.memory_mb if limits else 0) or 0,
        files_mb=figures.files_mb,
        database_mb=figures.database_mb,
        connections=(limits.connections if limits else 0) or 0,
        cluster=tenant.cluster if tenant else "main",
        app_host=(tenant.app_host if tenant else "") or "",
        window=_window(setting["window"], f"member {each.name}", problems) if setting.get("window") else None,
        not_before=_date(setting.get("not_before"), f"member {each.name}", "not_before", problems),
        not_after=_date(setting.get("not_after"), f"member {each.name}", "not_after", problems),
        kept=file[each.name].date if under_way else None,
        notes=(*figures.basis, *(f"Blocker {one['id']} must be cured before: {one['cure']}" for one in blockers)),
    )


def _settings(parameters: Mapping[str, Any], names: set[str], problems: list[Problem]) -> dict[str, Mapping[str, Any]]:
    for setting in parameters["settings"]:
        if setting["name"] not in names:
            cure = "wave_members has no such member; correct the name in wave_plan_members."
            problems.append(Problem(f"member {setting['name']}", "name", setting["name"], cure))
    for freeze in parameters["freezes"]:
        for name in sorted(set(freeze.get("members") or ()) - names):
            problems.append(Problem(f"freeze {freeze['name']}", "members", name, "wave_members has no such member."))
    return {setting["name"]: setting for setting in parameters["settings"]}


def _rules(parameters: Mapping[str, Any], problems: list[Problem]) -> Rules:
    first = _date(parameters["first"], "plan", "wave_plan_first", problems) or date.min
    last = _date(parameters["last"], "plan", "wave_plan_last", problems) or first
    if last < first:
        problems.append(Problem("plan", "wave_plan_last", str(last), f"It is before wave_plan_first ({first})."))
        last = first
    if (last - first).days > 730:
        problems.append(Problem("plan", "wave_plan_last", str(last), "Plan at most two years at once."))
        last = first
    for name in ("parallel", "members_per_wave", "settle_days"):
        if parameters[name] < 1:
            problems.append(Problem("plan", f"wave_plan_{name}", str(parameters[name]), "Give at least 1."))
    fallback = Window(days=(0,), start=0, end=0, timezone="UTC")
    return Rules(
        first=first,
        last=last,
        window=_window(parameters["window"], "plan", problems) or fallback,
        parallel=parameters["parallel"],
        members_per_wave=parameters["members_per_wave"],
        copy_minutes_per_wave=parameters["copy_hours_per_wave"] * 60,
        settle_days=parameters["settle_days"],
        freezes=tuple(_freeze(freeze, problems) for freeze in parameters["freezes"]),
    )


def _freeze(value: Mapping[str, Any], problems: list[Problem]) -> Freeze:
    subject = f"freeze {value['name']}"
    first, last = (
        _date(value.get("first"), subject, "first", problems),
        _date(value.get("last"), subject, "last", problems),
    )
    month_end = value.get("month_end")
    if not (first or month_end or value.get("month_days")):
        cure = "Give first (and last), month_end or month_days: it holds on no date."
        problems.append(Problem(subject, "first", "", cure))
    return Freeze(
        name=value["name"],
        first=first,
        last=last or first,
        month_end=(month_end["days_before"], month_end["days_after"]) if month_end else None,
        month_days=tuple(value.get("month_days") or ()),
        members=tuple(sorted(value.get("members") or ())),
    )


def _window(value: Mapping[str, Any], subject: str, problems: list[Problem]) -> Window | None:
    try:
        start, end = (_minutes(value[name]) for name in ("start", "end"))
        ZoneInfo(value["timezone"])
        days = tuple(sorted(DAYS.index(day) for day in value["days"]))
    except (ValueError, ZoneInfoNotFoundError) as error:
        cure = 'Give days (mon to sun), start and end ("20:00", in quotes) and a time zone (Europe/Berlin).'
        problems.append(Problem(subject, "window", str(error), cure))
        return None
    return Window(days=days, start=start, end=end, timezone=value["timezone"])


def _minutes(text: str) -> int:
    hours, _colon, minutes = str(text).partition(":")
    if not (hours.isdecimal() and minutes.isdecimal() and int(hours) < 24 and int(minutes) < 60):
        raise ValueError(text)
    return int(hours) * 60 + int(minutes)


def _date(value: Any, subject: str, field: str, problems: list[Problem]) -> date | None:
    if not value:
        return None
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        problems.append(Problem(subject, field, str(value), "Give a date such as 2027-01-12."))
        return None


def _app_hosts(
    declared: Sequence[Mapping[str, Any]], placements: Mapping[str, str], whole: estate.Declared, moving: set[str]
) -> tuple[tuple[AppHost, ...], list[str]]:
    """What living tenants leave of each declared host; and which of them are on a host that nobody named."""
    used: dict[str, int] = {}
    unplaced = []
    for tenant in whole.living:
        if tenant.name in moving or tenant.state != "present":
            continue
        host = tenant.app_host or placements.get(tenant.name)
        if host is None:
            unplaced.append(tenant.name)
            continue
        used[host] = used.get(host, 0) + (estate.size_of(tenant, whole).limits.memory_mb or 0)
    hosts = tuple(
        AppHost(
            name=host["name"],
            memory_mb=host["memory_mb"] - used.get(host["name"], 0),
            storage_mb=host["storage_gb"] * STORAGE_GB,
            available=date.fromisoformat(host["available"]) if host.get("available") else None,
        )
        for host in sorted(declared, key=lambda host: host["name"])
    )
    names = ", ".join(sorted(unplaced))
    text = f"No app host is known for {names}; their memory is not counted. Give wave_plan_placements."
    return hosts, [text] if hosts and unplaced else []


def _clusters(parameters: Mapping[str, Any], whole: estate.Declared, moving: set[str]) -> tuple[Cluster, ...]:
    """What each cluster holds for members beside the tenants that live there already."""
    numbers, storage = whole.numbers, parameters["cluster_storage_gb"]
    found = []
    for cluster in sorted(whole.clusters, key=lambda cluster: cluster.name):
        living = [tenant for tenant in whole.living if tenant.cluster == cluster.name and tenant.name not in moving]
        used = sum(estate.size_of(tenant, whole).limits.connections or 0 for tenant in living)
        percent = numbers.estate_connection_overcommit_percent
        room = (cluster.max_connections - numbers.postgres_reserved_connections) * percent
        gigabytes = storage.get(cluster.name)
        limit = None if gigabytes is None else int(gigabytes) * STORAGE_GB
        found.append(Cluster(name=cluster.name, connections=room // 100 - used, storage_mb=limit))
    return tuple(found)
