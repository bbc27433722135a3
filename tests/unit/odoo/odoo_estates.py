# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small estates that tests start from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.estate.allocation import Allocation
from ansible_collections.erpops.odoo.plugins.module_utils.estate.model import (
    ResolvedTenant,
    instances_from,
    resolve,
    tenants_from,
)
from ansible_collections.erpops.odoo.plugins.module_utils.host.file_client import ABSENT
from ansible_collections.erpops.odoo.plugins.module_utils.host.file_plan import plan as file_plan
from ansible_collections.erpops.odoo.plugins.module_utils.host.model import Entry, Found
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.desired import DesiredTenant, desired
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.model import AppHost, Sessions, TenantSecrets
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.plan import (
    Live,
    NetworkLive,
    UnitLive,
    wanted,
)

OLD = "registry.test/odoo@sha256:" + "a" * 64
NEW = "registry.test/odoo@sha256:" + "b" * 64
WRITTEN_AT = 100.0
STARTED_AT = 200.0

HOST = AppHost(
    name="app1",
    address="10.0.0.5",
    container_network="10.90.0.0/16",
    sessions=Sessions(servers=(("10.0.0.7", 6379),)),
    clusters=("main", "second"),
)


def tenant(
    name: str = "acme", version: str = "19.0", instance: dict[str, Any] | None = None, **values: Any
) -> ResolvedTenant:
    declared = {"name": "shared", "environment": "production", "version": version, "image": OLD, **(instance or {})}
    given = {"name": name, "instance": "shared", "hostnames": [f"{name}.test"], **values}
    (resolved,) = resolve(tenants_from([given]), instances_from([declared]), ())
    return resolved


def allocation(name: str = "acme", number: int = 1, app_host: str = "app1", image: str = "") -> Allocation:
    return Allocation(name=name, number=number, app_host=app_host, image=image)


def secrets(resolved: ResolvedTenant) -> TenantSecrets:
    return TenantSecrets(postgres=f"pg-{resolved.name}", redis=f"redis-{resolved.name}", master_hash="hash")


def desired_of(*tenants: ResolvedTenant, **values: Any) -> tuple[DesiredTenant, ...]:
    places = [allocation(item.name, number) for number, item in enumerate(tenants, start=1)]
    return desired(tenants, values.get("allocations", places), values.get("host", HOST), secrets)


def nothing(tenants: tuple[DesiredTenant, ...], **values: Any) -> Live:
    """A host on which nothing is yet."""
    directories, files = wanted(tenants)
    paths = [item.path for item in (*directories, *files)]
    return Live(files=Found(entries=dict.fromkeys(paths, ABSENT)), **values)


def converged(tenants: tuple[DesiredTenant, ...], **values: Any) -> Live:
    """A host that a run has just left."""
    directories, files = wanted(tenants)
    entries: dict[str, Entry] = dict.fromkeys([item.path for item in (*directories, *files)], ABSENT)
    for change in file_plan(directories, files, Found(entries=entries)):
        entries[change.path] = change.after
    units, containers, networks = {}, {}, {}
    for item in tenants:
        for unit in item.units:
            state = "active" if item.state == "started" else "inactive"
            units[unit.service] = UnitLive(
                load="loaded", active=state, started_at=STARTED_AT, generated_at=150.0, limits=unit.limits
            )
            if state == "active":
                containers[unit.container] = item.image
        if item.network:
            units[item.network.service] = UnitLive(load="loaded", active="active", generated_at=150.0)
            networks[item.network.name] = NetworkLive(item.network.subnet, item.network.options, dns=False)
    live = Live(
        files=Found(entries=entries),
        modified_at={path: WRITTEN_AT for path, entry in entries.items() if entry.kind == "file"},
        units=units,
        containers=containers,
        networks=networks,
        images=frozenset(item.image for item in tenants if item.image),
        residents=frozenset(item.name for item in tenants if item.resident),
    )
    return replace(live, **values)
