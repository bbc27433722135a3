# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An estate as its operator wrote it, with whatever of it is sound: what the rules of ``validate`` look at.

Entries with faults stay in it as far as they can be read (an instance without an image has the image ``""``), so that
one fault hides no other. A rule passes over what is empty: its absence is reported already.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.estate import arguments
from ansible_collections.erpops.odoo.plugins.module_utils.estate.model import (
    BUILT_IN_TIERS,
    Instance,
    Limits,
    Tenant,
    Tier,
    first,
    instances_from,
    sessions,
    tenants_from,
    tiers_from,
)
from ansible_collections.erpops.odoo.plugins.module_utils.estate.shape import Faults, entries, mapping

DEFAULT_CLUSTER = "main"

SCALARS: arguments.Spec = {
    "estate_name": {"type": "str", "required": True},
    "estate_tenancy": {"type": "str", "required": True, "choices": ["multi_tenant", "dedicated"]},
    "estate_domain": {"type": "str", "required": True},
    "estate_shrink_limit_percent": {"type": "int"},
    "estate_connection_overcommit_percent": {"type": "int"},
    "app_container_network": {"type": "str"},
    "postgres_max_connections": {"type": "int"},
    "postgres_reserved_connections": {"type": "int"},
}
LISTS: arguments.Spec = {
    "kubernetes_clusters": {"type": "list", "elements": "str"},
    "tenant_confirm_removal": {"type": "list", "elements": "str"},
    "hosts_of_run": {"type": "list", "elements": "str"},
    "estate_edge_addresses": {"type": "list", "elements": "str"},
    "groups": {"type": "dict"},
    "addresses": {"type": "dict"},
}
DEFAULTS: dict[str, Any] = {
    "estate_name": "",
    "estate_tenancy": "",
    "estate_domain": "",
    "estate_shrink_limit_percent": 20,
    "estate_connection_overcommit_percent": 100,
    "app_container_network": "10.90.0.0/16",
    "postgres_max_connections": 200,
    "postgres_reserved_connections": 20,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """One PostgreSQL cluster and the hosts that carry it."""

    name: str
    members: tuple[str, ...]
    synchronous: bool
    max_connections: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WaveMember:
    """A legacy database on its way to becoming the tenant of the same name."""

    name: str
    host: str
    database: str
    url: str  # where its legacy host serves it; empty: http and that host's address
    filestores: str  # the folder of all filestores there; empty: where discovery found this one's


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """The estate's own values that rules compare with."""

    estate_name: str
    estate_tenancy: str
    estate_domain: str
    estate_shrink_limit_percent: int
    estate_connection_overcommit_percent: int
    app_container_network: str
    postgres_max_connections: int
    postgres_reserved_connections: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """The whole estate."""

    numbers: Numbers
    tiers: tuple[Tier, ...]
    instances: tuple[Instance, ...]
    tenants: tuple[Tenant, ...]
    clusters: tuple[Cluster, ...]
    clusters_declared: bool
    kubernetes_clusters: tuple[str, ...]
    confirmed_removals: tuple[str, ...]
    hosts_of_run: tuple[str, ...]  # empty: all
    edge_addresses: tuple[str, ...]  # empty: those of its hosts
    groups: Mapping[str, tuple[str, ...]]
    addresses: Mapping[str, str]
    members: tuple[WaveMember, ...]

    def group(self, name: str) -> tuple[str, ...]:
        return self.groups.get(name, ())

    def instance(self, name: str) -> Instance | None:
        return next((instance for instance in self.instances if instance.name == name), None)

    def cluster(self, name: str) -> Cluster | None:
        return next((cluster for cluster in self.clusters if cluster.name == name), None)

    @property
    def known_tiers(self) -> dict[str, Tier]:
        return {tier.name: tier for tier in (*BUILT_IN_TIERS, *self.tiers) if tier.name}

    @property
    def living(self) -> tuple[Tenant, ...]:
        """The tenants that have, or will have, a database."""
        return tuple(tenant for tenant in self.tenants if tenant.state != "absent")


@dataclass(frozen=True, slots=True)
class Size:
    """What a tenant's units need, with everything inherited."""

    limits: Limits
    workers: int
    cron_threads: int

    @property
    def least_connections(self) -> int:
        """What its role needs to serve at all: the sessions, one for each worker, one for each cron thread."""
        return sessions(self.cron_threads) + max(1, self.workers) + self.cron_threads


def size_of(tenant: Tenant, declared: Declared) -> Size:
    instance = declared.instance(tenant.instance) or _instance({})
    tier = declared.known_tiers.get(tenant.tier or "") or Tier(name="")
    return Size(
        limits=tenant.limits.over(tier.limits).over(instance.limits),
        workers=first(tenant.workers, tier.workers, instance.workers) or 0,
        cron_threads=first(tenant.cron_threads, tier.cron_threads, instance.cron_threads) or 0,
    )


def _instance(value: Mapping[str, Any]) -> Instance:
    base = {"name": "", "environment": "development", "version": "", "image": ""}
    return instances_from([{**base, **value}])[0]


def _tenant(value: Mapping[str, Any]) -> Tenant:
    return tenants_from([{"name": "", "instance": "", "hostnames": [], **value}])[0]


def _cluster(value: Mapping[str, Any], max_connections: int) -> Cluster:
    parameters = value.get("parameters") or {}
    wanted = parameters.get("max_connections", max_connections)
    return Cluster(
        name=value.get("name", ""),
        members=tuple(value.get("members", ())),
        synchronous=value.get("synchronous", False),
        max_connections=int(wanted) if str(wanted).isdecimal() else max_connections,
    )


def _groups(value: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, Mapping):
        return {}
    return {str(name): tuple(map(str, hosts)) for name, hosts in value.items() if isinstance(hosts, (list, tuple))}


def _clusters(raw: Mapping[str, Any], hosts: tuple[str, ...], default: int, faults: Faults) -> tuple[Cluster, ...]:
    if not raw.get("postgres_clusters"):
        return (Cluster(name=DEFAULT_CLUSTER, members=hosts, synchronous=False, max_connections=default),)
    values = entries(
        raw["postgres_clusters"], arguments.POSTGRES_CLUSTER, "postgres cluster", "postgres_clusters", faults
    )
    return tuple(_cluster(value, default) for value in values)


def _of_survey(raw: Mapping[str, Any]) -> dict[str, Any]:
    """A job template's survey gives names as one text, separated by commas."""
    names = raw.get("tenant_confirm_removal")
    return {"tenant_confirm_removal": [name.strip() for name in names.split(",")] if isinstance(names, str) else names}


def read(raw: Mapping[str, Any]) -> tuple[Declared, Faults]:
    """The estate as far as it can be read, and everything that cannot."""
    faults: Faults = []
    scalars = mapping({name: raw.get(name) for name in SCALARS}, SCALARS, "estate", "", faults)
    numbers = Numbers(**{**DEFAULTS, **scalars})
    lists = mapping({**{name: raw.get(name) for name in LISTS}, **_of_survey(raw)}, LISTS, "estate", "", faults)
    groups = _groups(lists.get("groups"))
    tiers = entries(raw.get("odoo_tiers"), arguments.TIER, "tier", "odoo_tiers", faults)
    instances = entries(
        raw.get("odoo_instances"), arguments.INSTANCE, "instance", "odoo_instances", faults, required=True
    )
    tenants = entries(raw.get("odoo_tenants"), arguments.TENANT, "tenant", "odoo_tenants", faults, required=True)
    members = entries(raw.get("wave_members"), arguments.WAVE_MEMBER, "member", "wave_members", faults)
    declared = Declared(
        numbers=numbers,
        tiers=tiers_from([{"name": "", **value} for value in tiers]),
        instances=tuple(_instance(value) for value in instances),
        tenants=tuple(_tenant(value) for value in tenants),
        clusters=_clusters(raw, groups.get("postgres", ()), numbers.postgres_max_connections, faults),
        clusters_declared=bool(raw.get("postgres_clusters")),
        kubernetes_clusters=tuple(lists.get("kubernetes_clusters", ())),
        confirmed_removals=tuple(lists.get("tenant_confirm_removal", ())),
        hosts_of_run=tuple(lists.get("hosts_of_run", ())),
        edge_addresses=tuple(lists.get("estate_edge_addresses", ())),
        groups=groups,
        addresses={str(host): str(address or "") for host, address in lists.get("addresses", {}).items()},
        members=tuple(
            WaveMember(**{"name": "", "host": "", "database": "", "url": "", "filestores": "", **value})
            for value in members
        ),
    )
    return declared, faults
