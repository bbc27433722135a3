# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which members a run works on, and where each of them lives on both sides. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Problem
from ansible_collections.erpops.odoo.plugins.module_utils.estate import model
from ansible_collections.erpops.odoo.plugins.module_utils.estate.allocation import Allocation, allocation_from
from ansible_collections.erpops.odoo.plugins.module_utils.estate.names import url_host
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.model import web_service
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.ports import edge_ports
from ansible_collections.erpops.odoo.plugins.module_utils.wave.budget import budget
from ansible_collections.erpops.odoo.plugins.module_utils.wave.serving import source_url

FILESTORES = "/var/lib/odoo/.local/share/Odoo/filestore"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A member with everything that its move needs. url, events_url: of its unit on the target, as the edge sees it.

    source_url: where its legacy host serves it. filestores: the folder of all filestores there. files_lost: somebody
    knows that none of the files is there that its database knows. origin: the state that the verb found. rehearsals:
    what they measured, the latest last. budget_seconds: what they make expect of a cutover.
    """

    name: str
    host: str
    database: str
    instance: str
    cluster: str
    secret_version: int
    hostnames: tuple[str, ...]
    app_host: str
    unit: str
    url: str
    events_url: str
    source_url: str
    filestores: str
    files_lost: bool
    origin: str
    rehearsals: Sequence[Mapping[str, Any]]
    budget_seconds: float | None

    def as_dict(self) -> dict[str, Any]:
        # Not `asdict`: it copies what it finds, and what a template hands in may not be copied.
        return {each.name: getattr(self, each.name) for each in fields(self)} | {"hostnames": list(self.hostnames)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Estate:
    """What the inventory and the registry say. addresses: of all hosts, by name."""

    tenants: Mapping[str, model.ResolvedTenant]
    allocations: Mapping[str, Allocation]
    addresses: Mapping[str, str]


def estate_from(value: Mapping[str, Any]) -> Estate:
    """``value``: tenants, instances, tiers, allocations and addresses, as playbooks hold them."""
    resolved = model.resolve(
        model.tenants_from(value["tenants"]),
        model.instances_from(value["instances"]),
        model.tiers_from(value.get("tiers") or ()),
    )
    return Estate(
        tenants={tenant.name: tenant for tenant in resolved},
        allocations={each["name"]: allocation_from(each) for each in value.get("allocations") or ()},
        addresses=value["addresses"],
    )


def chosen(
    declared: Sequence[Mapping[str, Any]],
    estate: Estate,
    names: Sequence[str],
    wave: int | None,
    known: Sequence[Mapping[str, Any]],
) -> tuple[Chosen, ...]:
    """The members with these names, or of this wave in the plan. Raises InputError with every problem.

    ``known``: the members that the store holds, with their wave.
    """
    problems: list[Problem] = []
    if not names and wave is None:
        cure = "Say which members: wave_names (a list, or names with commas) or wave_number (of the plan)."
        raise InputError("No member is chosen.", [Problem("run", "wave_names", "", cure)])
    wanted = list(names) or [each["name"] for each in known if each["wave"] == wave]
    if not wanted:
        cure = "No member is planned for it; wave_status shows the plan."
        raise InputError("No member is chosen.", [Problem("run", "wave_number", str(wave), cure)])
    of = {each["name"]: {**_found(each["name"], known), **each} for each in declared}
    for name in wanted:
        problems += _problems(name, of.get(name), estate)
    if problems:
        raise InputError("Members cannot be moved as they are declared. Nothing was changed.", problems)
    return tuple(_chosen(of[name], estate) for name in dict.fromkeys(wanted))


def _found(name: str, known: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the store knows of the member; what is declared goes before it."""
    row = next((each for each in known if each["name"] == name), {})
    facts = row.get("facts") or {}
    folder = (facts.get("discovery") or {}).get("filestores")
    lost = files_lost(facts.get("discovery") or {}, facts.get("preflight") or {})
    found = {"origin": row.get("origin") or "", "rehearsals": facts.get("rehearsals") or [], "files_lost": lost}
    return {**found, "filestores": folder} if folder else found


def files_lost(discovery: Mapping[str, Any], preflight: Mapping[str, Any]) -> bool:
    """Whether discovery found a folder in which every file is missing, or somebody waived that there is none."""
    known = discovery.get("filestore_known") or 0
    waived = any(each.get("rule") == "filestore_not_found" for each in preflight.get("waived") or ())
    return waived or (known > 0 and discovery.get("filestore_missing") == known)


def _problems(name: str, member: Mapping[str, Any] | None, estate: Estate) -> Iterator[Problem]:
    subject = f"member {name}"
    if member is None:
        yield Problem(subject, "wave_names", name, "wave_members does not declare it; name one that it does.")
        return
    if name not in estate.tenants:
        yield Problem(subject, "name", name, "odoo_tenants declares no tenant of this name; declare it.")
    if member["host"] not in estate.addresses:
        yield Problem(subject, "host", str(member["host"]), "It is no host of group legacy.")
    allocation = estate.allocations.get(name)
    if allocation is not None and allocation.app_host not in estate.addresses:
        yield Problem(subject, "app_host", allocation.app_host, "It is no host of group app any more.")


def _chosen(member: Mapping[str, Any], estate: Estate) -> Chosen:
    name, tenant = member["name"], estate.tenants[member["name"]]
    allocation = estate.allocations.get(name)
    url = events = ""
    if allocation is not None:
        ports, address = edge_ports(tenant, allocation), url_host(estate.addresses[allocation.app_host])
        url, events = f"http://{address}:{ports.http}", f"http://{address}:{ports.bus}"
    return Chosen(
        name=name,
        host=member["host"],
        database=member["database"],
        instance=tenant.instance.name,
        cluster=tenant.cluster,
        secret_version=tenant.secret_version,
        hostnames=tenant.hostnames,
        app_host=allocation.app_host if allocation else "",
        unit=web_service(name),
        url=url,
        events_url=events,
        source_url=source_url(member, estate.addresses[member["host"]]),
        filestores=member.get("filestores") or FILESTORES,
        files_lost=member["files_lost"],
        origin=member["origin"],
        rehearsals=member["rehearsals"],
        budget_seconds=budget(member["rehearsals"]).budget_seconds,
    )


def names_from(value: Any) -> list[str]:
    """Names as a list, or as a survey gives them: one text with commas."""
    if isinstance(value, str):
        return [name.strip() for name in value.split(",") if name.strip()]
    return [str(name) for name in value or ()]
