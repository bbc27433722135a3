# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an app host shall have for each declared tenant: directories, files, units. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Problem
from ansible_collections.erpops.odoo.plugins.module_utils.estate.allocation import Allocation
from ansible_collections.erpops.odoo.plugins.module_utils.estate.model import PLACEMENT_HOSTS, ResolvedTenant
from ansible_collections.erpops.odoo.plugins.module_utils.host.model import WantedDirectory, WantedFile
from ansible_collections.erpops.odoo.plugins.module_utils.odoo import model, quadlet, render
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.model import AppHost, Resident, TenantSecrets
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.render import Relay

SecretsOf = Callable[[ResolvedTenant], TenantSecrets]
Running = Literal["started", "stopped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredUnit:
    """A service that Quadlet makes. ``restart_files``: it reads them only when it starts."""

    service: str
    container: str
    source: str
    restart_files: tuple[str, ...]
    reload_files: tuple[str, ...]
    limits: Mapping[str, str]  # as ``systemctl show`` prints them


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredNetwork:
    name: str
    service: str
    subnet: str
    options: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredTenant:
    """``resident`` is None for a tenant that has no units here: absent, or owned by another host."""

    name: str
    why: str = ""  # … it has no units here
    resident: Resident | None = None
    address: str = ""  # where its units are published
    state: Running = "stopped"
    directories: tuple[WantedDirectory, ...] = ()
    files: tuple[WantedFile, ...] = ()
    units: tuple[DesiredUnit, ...] = ()
    network: DesiredNetwork | None = None
    gone: tuple[str, ...] = ()  # services that shall not exist

    @property
    def image(self) -> str:
        return self.resident.tenant.instance.image if self.resident else ""


def desired(
    tenants: Sequence[ResolvedTenant],
    allocations: Iterable[Allocation],
    host: AppHost,
    secrets: SecretsOf,
    relay: Relay | None = None,
) -> tuple[DesiredTenant, ...]:
    """Every declared tenant that this host serves, and what is to go of those that it does not."""
    known = {allocation.name: allocation for allocation in allocations}
    problems = [
        Problem(
            f"tenant {tenant.name}",
            "allocations",
            "",
            "The registry gave it no number: run tenant_databases first and hand on its result 'allocations'.",
        )
        for tenant in tenants
        if tenant.name not in known and tenant.state != "absent" and tenant.instance.placement == PLACEMENT_HOSTS
    ]
    problems += [
        Problem(
            f"tenant {tenant.name}",
            "cluster",
            tenant.cluster,
            f"No pooler of this host leads there: it is none of the clusters {', '.join(host.clusters)}.",
        )
        for tenant in tenants
        if tenant.cluster not in host.clusters and tenant.state != "absent"
    ]
    if problems:
        raise InputError("Tenants cannot be placed on this host. Nothing was changed.", problems)
    return tuple(_desired(tenant, known.get(tenant.name), host, secrets, relay) for tenant in tenants)


def _desired(
    tenant: ResolvedTenant, allocation: Allocation | None, host: AppHost, secrets: SecretsOf, relay: Relay | None
) -> DesiredTenant:
    if tenant.state == "absent":
        return _elsewhere(tenant.name, "it is declared absent")
    if tenant.instance.placement != PLACEMENT_HOSTS or allocation is None:
        return _elsewhere(tenant.name, f"it is placed on {tenant.instance.placement}")
    if allocation.app_host != host.name:
        return _elsewhere(tenant.name, f"it lives on {allocation.app_host}")
    return _resident(Resident(tenant=tenant, allocation=allocation), host, secrets(tenant), relay)


def _elsewhere(name: str, why: str) -> DesiredTenant:
    sources = (model.web_source(name), model.cron_source(name))
    return DesiredTenant(
        name=name,
        why=why,
        directories=(
            WantedDirectory(path=f"{model.CONFIG_ROOT}/{name}", absent=True),
            *(WantedDirectory(path=f"{source}.d", absent=True) for source in sources),
        ),
        files=tuple(WantedFile(path=path, absent=True) for path in (*sources, model.network_source(name))),
        gone=(model.web_service(name), model.cron_service(name), model.network_service(name)),
    )


def _secret_files(
    resident: Resident, host: AppHost, secrets: TenantSecrets, relay: Relay | None
) -> dict[str, str | None]:
    """Contents by name; None for a file that shall not be there."""
    tenant = resident.tenant
    sessions, pooler = host.sessions, host.pooler_port(tenant.cluster)
    return {
        "odoo.conf": render.odoo_conf(tenant, secrets.master_hash, pooler, relay=relay),
        "pgpass": render.pgpass(tenant.name, secrets.postgres),
        "session.json": render.session_json(tenant.name, secrets.redis, sessions) if sessions.declared else None,
        "health.py": render.health_script(tenant, pooler),
    }


def _config(resident: Resident, host: AppHost, secrets: TenantSecrets, relay: Relay | None) -> tuple[WantedFile, ...]:
    uid = str(resident.allocation.uid)
    return tuple(
        WantedFile(
            path=f"{resident.config_directory}/{name}",
            absent=content is None,
            content=None if content is None else content.encode(),
            mode=0o400,
            owner=uid,
            group=uid,
            secret=name != "health.py",
        )
        for name, content in _secret_files(resident, host, secrets, relay).items()
    )


def _directories(resident: Resident) -> tuple[WantedDirectory, ...]:
    uid = str(resident.allocation.uid)
    sources = [model.web_source(resident.name)]
    sources += [model.cron_source(resident.name)] if resident.separate_cron else []
    return (
        WantedDirectory(path=model.QUADLET_DIRECTORY),
        WantedDirectory(path=model.CONFIG_ROOT, mode=0o711),
        WantedDirectory(path=model.DATA_ROOT, mode=0o711),
        WantedDirectory(path=resident.config_directory, mode=0o500, owner=uid, group=uid),
        WantedDirectory(path=resident.data_directory, mode=0o700, owner=uid, group=uid),
        *(WantedDirectory(path=f"{source}.d") for source in sources),
    )


def _resident(resident: Resident, host: AppHost, secrets: TenantSecrets, relay: Relay | None) -> DesiredTenant:
    name = resident.name
    config = _config(resident, host, secrets, relay)
    reads = tuple(file.path for file in config if not file.path.endswith("health.py"))
    sources = {model.web_service(name): (model.web_source(name), quadlet.web_container(resident, host))}
    if resident.separate_cron:
        sources[model.cron_service(name)] = (model.cron_source(name), quadlet.cron_container(resident, host))
    return DesiredTenant(
        name=name,
        resident=resident,
        address=host.address,
        state="started" if resident.tenant.runs else "stopped",
        directories=(*_directories(resident), *_cron_directory_gone(resident)),
        files=(*config, *_unit_files(resident, host, sources), *_cron_files_gone(resident)),
        units=tuple(_unit(resident, service, source, reads) for service, (source, _text) in sources.items()),
        network=DesiredNetwork(
            name=model.network_name(name),
            service=model.network_service(name),
            subnet=resident.allocation.subnet(host.container_network),
            options={"isolate": "strict"},
        ),
        gone=() if resident.separate_cron else (model.cron_service(name),),
    )


def _unit_files(resident: Resident, host: AppHost, sources: Mapping[str, tuple[str, str]]) -> tuple[WantedFile, ...]:
    dropin = quadlet.dropin(resident.tenant)
    texts = {model.network_source(resident.name): quadlet.network(resident, host)}
    for source, text in sources.values():
        texts |= {source: text, model.dropin_source(source): dropin}
    return tuple(WantedFile(path=path, content=text.encode(), mode=0o644) for path, text in texts.items())


def _cron_files_gone(resident: Resident) -> tuple[WantedFile, ...]:
    return () if resident.separate_cron else (WantedFile(path=model.cron_source(resident.name), absent=True),)


def _cron_directory_gone(resident: Resident) -> tuple[WantedDirectory, ...]:
    if resident.separate_cron:
        return ()
    return (WantedDirectory(path=f"{model.cron_source(resident.name)}.d", absent=True),)


def _unit(resident: Resident, service: str, source: str, reads: tuple[str, ...]) -> DesiredUnit:
    return DesiredUnit(
        service=service,
        container=service.removesuffix(".service"),
        source=source,
        restart_files=(source, *reads),
        reload_files=(source, model.dropin_source(source)),
        limits=quadlet.live_limits(resident.tenant.limits),
    )
