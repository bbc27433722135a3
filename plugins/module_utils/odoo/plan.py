# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Desired tenants and what the host has -> what is to be done, in the order in which it is safe. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import Action
from ansible_collections.erpops.odoo.plugins.module_utils.host import file_plan
from ansible_collections.erpops.odoo.plugins.module_utils.host.model import (
    Change,
    Found,
    WantedDirectory,
    WantedFile,
)
from ansible_collections.erpops.odoo.plugins.module_utils.odoo import model
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.desired import DesiredTenant, DesiredUnit


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitLive:
    """A service as systemd has it. Times are seconds since the epoch, 0.0 for never."""

    load: str = "not-found"
    active: str = "inactive"
    started_at: float = 0.0
    generated_at: float = 0.0  # when Quadlet last made the unit's file
    limits: Mapping[str, str] = field(default_factory=dict)

    @property
    def up(self) -> bool:
        return self.active in ("active", "activating", "reloading", "refreshing")


@dataclass(frozen=True, slots=True)
class NetworkLive:
    subnet: str
    options: Mapping[str, str]
    dns: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What the host has."""

    files: Found
    modified_at: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, UnitLive] = field(default_factory=dict)
    containers: Mapping[str, str] = field(default_factory=dict)  # running container -> its image's reference
    networks: Mapping[str, NetworkLive] = field(default_factory=dict)
    images: frozenset[str] = frozenset()  # those of the desired ones that are here
    residents: frozenset[str] = frozenset()  # tenants that have a Quadlet file here


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One unit to start or restart, and why."""

    tenant: str
    service: str
    verb: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitPlan:
    pulls: tuple[str, ...]
    stops: tuple[tuple[str, str], ...]  # service, why
    network_removals: tuple[str, ...]
    changes: tuple[Change, ...]
    reload: bool
    reverts: tuple[tuple[str, str], ...]  # service, which limits differ
    starts: tuple[Start, ...]

    @property
    def actions(self) -> tuple[Action, ...]:
        return (
            *(Action("pull", f"image {image}") for image in self.pulls),
            *(Action("stop", f"unit {service}", why) for service, why in self.stops),
            *(Action("remove", f"network {name}") for name in self.network_removals),
            *(file_plan.action(change) for change in self.changes),
            *((Action("reload", "systemd"),) if self.reload else ()),
            *(Action("revert", f"limits of unit {service}", what) for service, what in self.reverts),
            *(Action(start.verb, f"unit {start.service}", start.why) for start in self.starts),
        )


def wanted(tenants: Iterable[DesiredTenant]) -> tuple[tuple[WantedDirectory, ...], tuple[WantedFile, ...]]:
    """All directories, each once, and all files."""
    directories = {directory.path: directory for tenant in tenants for directory in tenant.directories}
    return tuple(directories.values()), tuple(file for tenant in tenants for file in tenant.files)


def plan(tenants: Sequence[DesiredTenant], live: Live) -> UnitPlan:
    directories, files = wanted(tenants)
    changes = file_plan.plan(directories, files, live.files)
    rewritten = {change.path for change in changes if change.rewritten}
    renewed = {tenant.name for tenant in tenants if _network_differs(tenant, live)}
    residents = [tenant for tenant in tenants if tenant.resident]
    return UnitPlan(
        pulls=_pulls(residents, live),
        stops=tuple(stop for tenant in tenants for stop in _stops(tenant, live, tenant.name in renewed)),
        network_removals=tuple(name for tenant in tenants for name in _network_removals(tenant, live, renewed)),
        changes=changes,
        reload=any(_needs_reload(tenant, live, rewritten) for tenant in tenants),
        reverts=tuple(revert for tenant in residents for revert in _reverts(tenant, live, rewritten)),
        starts=tuple(
            start for tenant in residents for start in _starts(tenant, live, rewritten, tenant.name in renewed)
        ),
    )


def undeclared(tenants: Iterable[DesiredTenant], live: Live) -> tuple[str, ...]:
    """Tenants with units here that nobody declares: they are reported and left alone."""
    return tuple(sorted(live.residents - {tenant.name for tenant in tenants}))


def _pulls(tenants: Iterable[DesiredTenant], live: Live) -> tuple[str, ...]:
    return tuple(sorted({tenant.image for tenant in tenants if tenant.state == "started"} - live.images))


def _unit_live(live: Live, service: str) -> UnitLive:
    return live.units.get(service, UnitLive())


def _stops(tenant: DesiredTenant, live: Live, renewed: bool) -> list[tuple[str, str]]:
    """Units that go, that rest, or whose network is made anew; a tenant's network at last."""
    stops = [(service, tenant.why or "it has no unit of its own any more") for service in tenant.gone]
    if tenant.state == "stopped":
        stops += [(unit.service, _rests(tenant)) for unit in tenant.units]
    if renewed and tenant.network:
        stops += [(unit.service, "its network changes") for unit in tenant.units]
        stops.append((tenant.network.service, "its network changes"))
    seen = dict(reversed(stops))
    return [
        (service, seen[service])
        for service in dict.fromkeys(service for service, _why in stops)
        if _unit_live(live, service).active not in ("inactive", "failed")
    ]


def _rests(tenant: DesiredTenant) -> str:
    source = tenant.resident.tenant.source_url if tenant.resident else None
    return f"its legacy host serves the tenant: {source}" if source else "the tenant is suspended"


def _network_differs(tenant: DesiredTenant, live: Live) -> bool:
    if not tenant.network or tenant.network.name not in live.networks:
        return False
    found = live.networks[tenant.network.name]
    return (found.subnet, dict(found.options), found.dns) != (
        tenant.network.subnet,
        dict(tenant.network.options),
        False,
    )


def _network_removals(tenant: DesiredTenant, live: Live, renewed: set[str]) -> list[str]:
    name = model.network_name(tenant.name)
    return [name] if name in live.networks and (tenant.resident is None or tenant.name in renewed) else []


def _needs_reload(tenant: DesiredTenant, live: Live, rewritten: set[str]) -> bool:
    """Whether systemd's units are older than the files that they are made from."""
    sources = {unit.service: unit.reload_files for unit in tenant.units}
    if tenant.network:
        sources[tenant.network.service] = (model.network_source(tenant.name),)
    if any(_unit_live(live, service).load != "not-found" for service in tenant.gone):
        return True
    return any(
        path in rewritten or live.modified_at.get(path, 0.0) > _unit_live(live, service).generated_at
        for service, paths in sources.items()
        for path in paths
    )


def _reverts(tenant: DesiredTenant, live: Live, rewritten: set[str]) -> list[tuple[str, str]]:
    """Running units whose limits somebody changed by hand; a drop-in that is about to be read settles it too."""
    reverts = []
    for unit in tenant.units:
        found = _unit_live(live, unit.service)
        stale = any(
            path in rewritten or live.modified_at.get(path, 0.0) > found.generated_at for path in unit.reload_files
        )
        different = [key for key, value in unit.limits.items() if found.limits.get(key, value) != value]
        if found.up and different and not stale:
            reverts.append((unit.service, ", ".join(different)))
    return reverts


def _starts(tenant: DesiredTenant, live: Live, rewritten: set[str], renewed: bool) -> list[Start]:
    if tenant.state != "started":
        return []
    starts = []
    for unit in tenant.units:
        found = _unit_live(live, unit.service)
        why = _restart_reason(tenant, unit, live, rewritten)
        if not found.up:
            starts.append(Start(tenant=tenant.name, service=unit.service, verb="start", why=f"it is {found.active}"))
        elif renewed:
            starts.append(Start(tenant=tenant.name, service=unit.service, verb="start", why="its network changed"))
        elif why:
            starts.append(Start(tenant=tenant.name, service=unit.service, verb="restart", why=why))
    return starts


def _restart_reason(tenant: DesiredTenant, unit: DesiredUnit, live: Live, rewritten: set[str]) -> str:
    changed = [path for path in unit.restart_files if path in rewritten]
    if changed:
        return f"changed: {', '.join(changed)}"
    started = _unit_live(live, unit.service).started_at
    newer = [path for path in unit.restart_files if live.modified_at.get(path, 0.0) > started]
    if newer:
        return f"newer than the running unit: {', '.join(newer)}"
    image = live.containers.get(unit.container, "")
    if image and digest(image) != digest(tenant.image):
        return f"it runs {image}"
    return ""


def digest(reference: str) -> str:
    """What names an image's content; a reference without a digest stands for itself."""
    return reference.partition("@")[2] or reference


def snapshots(tenants: Sequence[DesiredTenant], live: Live, done: UnitPlan) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both sides of the diff: changed files, and the state, image and limits of every unit that is touched."""
    before = file_plan.snapshot(done.changes, after=False)
    after = file_plan.snapshot(done.changes, after=True)
    started = {start.service: start for start in done.starts}
    reverted = {service for service, _what in done.reverts}
    for tenant in tenants:
        for unit in tenant.units:
            if unit.service in reverted or unit.service in started:
                before[unit.service] = _shown(unit, live)
                after[unit.service] = {"state": "active", "image": tenant.image, **unit.limits}
            if unit.service in started and started[unit.service].verb == "restart":
                before[unit.service]["stale"], after[unit.service]["stale"] = started[unit.service].why, ""
    for service, _why in done.stops:
        if service not in started:
            before[service] = {"state": _unit_live(live, service).active}
            after[service] = {"state": "inactive"}
    return before, after


def _shown(unit: DesiredUnit, live: Live) -> dict[str, Any]:
    found = _unit_live(live, unit.service)
    return {"state": found.active, "image": live.containers.get(unit.container, ""), **found.limits}
