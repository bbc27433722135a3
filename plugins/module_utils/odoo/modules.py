# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules that tenants declare, against those that their databases have. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import Action
from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Problem, Refused
from ansible_collections.erpops.odoo.plugins.module_utils.estate.allocation import Allocation
from ansible_collections.erpops.odoo.plugins.module_utils.estate.model import PLACEMENT_HOSTS, ResolvedTenant
from ansible_collections.erpops.odoo.plugins.module_utils.odoo import versions
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.model import Resident


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """Modules that one tenant's database lacks."""

    resident: Resident
    modules: tuple[str, ...]


def residents(tenants: Iterable[ResolvedTenant], allocations: Iterable[Allocation], host: str) -> tuple[Resident, ...]:
    """The served tenants of this host that declare modules."""
    known = {allocation.name: allocation for allocation in allocations if allocation.app_host == host}
    return tuple(
        Resident(tenant=tenant, allocation=known[tenant.name])
        for tenant in tenants
        if tenant.name in known and tenant.runs and tenant.instance.placement == PLACEMENT_HOSTS and wanted(tenant)
    )


def wanted(tenant: ResolvedTenant) -> tuple[str, ...]:
    """The instance's modules too: a module that an instance gained later is missing in older tenants."""
    return tuple(sorted({*tenant.instance.modules, *tenant.modules}))


def newborn(tenant: ResolvedTenant) -> dict[str, str]:
    """What a tenant that check mode only predicts will have from its template. Versions do not matter."""
    return dict.fromkeys(["base", *tenant.instance.modules], "")


def installations(found: Iterable[Resident], installed: Mapping[str, Mapping[str, str]]) -> tuple[Installation, ...]:
    lacking = (
        Installation(
            resident=resident,
            modules=tuple(name for name in wanted(resident.tenant) if name not in installed[resident.name]),
        )
        for resident in found
    )
    return tuple(installation for installation in lacking if installation.modules)


def check(
    planned: Iterable[Installation],
    installed: Mapping[str, Mapping[str, str]],
    manifests: Mapping[str, Mapping[str, str]],
) -> None:
    """Refuse what the image does not have, and to run an image on a database of other versions."""
    unknown: list[Problem] = []
    other: list[Problem] = []
    for installation in planned:
        tenant = installation.resident.tenant
        known = manifests[tenant.instance.image]
        unknown += [
            Problem(
                f"tenant {tenant.name}",
                "modules",
                name,
                f"Image {tenant.instance.image} has no such module: correct the name, or add it to the image.",
            )
            for name in installation.modules
            if name not in known
        ]
        # A database that does not exist yet comes from this image.
        different = versions.differences(
            {name: version for name, version in installed[tenant.name].items() if version}, known
        )
        if different:
            other.append(versions.problem(tenant.name, tenant.instance.image, different))
    if unknown:
        raise InputError("Declared modules do not exist. Nothing was changed.", unknown)
    if other:
        raise Refused("Modules cannot be installed from an image of other versions. Nothing was changed.", other)


def actions(planned: Iterable[Installation]) -> tuple[Action, ...]:
    return tuple(
        Action("install", f"modules of tenant {installation.resident.name}", ", ".join(installation.modules))
        for installation in planned
    )


def snapshots(planned: Sequence[Installation]) -> tuple[dict[str, Any], dict[str, Any]]:
    before = {item.resident.name: dict.fromkeys(item.modules, "absent") for item in planned}
    after = {item.resident.name: dict.fromkeys(item.modules, "installed") for item in planned}
    return before, after


def check_installed(tenant: str, names: Sequence[str], present: Mapping[str, str]) -> None:
    """Odoo passes over a module that is not installed, without a word. Raises InputError."""
    cure = "The database has no such module: correct the name, or leave it out."
    problems = [
        Problem(f"tenant {tenant}", "modules", name, cure) for name in names if name != "all" and name not in present
    ]
    if problems or not names:
        raise InputError(
            "Modules cannot be updated. Nothing was changed.",
            problems or [Problem(f"tenant {tenant}", "modules", "", "Name a module.")],
        )


def updated(
    tenant: str, names: Sequence[str], present: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, Any], tuple[Action, ...]]:
    """Before, after and actions. The same in check mode, which may not know the versions."""
    before = {tenant: {name: present.get(name, "installed") for name in names}}
    after = {tenant: dict.fromkeys(names, "updated")}
    return before, after, (Action("update", f"modules of tenant {tenant}", ", ".join(names)),)
