# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module options as values: what the modules of an app host share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Problem
from ansible_collections.erpops.odoo.plugins.module_utils.estate import arguments
from ansible_collections.erpops.odoo.plugins.module_utils.estate.allocation import Allocation, allocation_from
from ansible_collections.erpops.odoo.plugins.module_utils.estate.model import (
    ResolvedTenant,
    instances_from,
    resolve,
    tenants_from,
    tiers_from,
)
from ansible_collections.erpops.odoo.plugins.module_utils.estate.secrets import password
from ansible_collections.erpops.odoo.plugins.module_utils.filestore.usage import measure
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.database import Login
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.desired import DesiredTenant, SecretsOf
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.model import (
    FIRST_POOLER_PORT,
    AppHost,
    Sessions,
    TenantSecrets,
)
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.passwords import stable_hash
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.ports import edge_ports
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.render import Relay

Spec = dict[str, Any]

# In the order in which the estate declares them: it gives each its ports on app hosts.
CLUSTERS: Spec = {"clusters": {"type": "list", "elements": "str", "default": ["main"]}}

# What decides how a tenant's containers are configured and where they run.
RESIDENCE: Spec = {
    "allocations": {"type": "list", "elements": "dict", "options": arguments.ALLOCATION, "required": True},
    "host": {"type": "str", "required": True},
    "address": {"type": "str", "required": True},
    "container_network": {"type": "str", "default": "10.90.0.0/16"},
    "session_servers": {"type": "list", "elements": "str", "default": []},
    "session_sentinels": {"type": "list", "elements": "str", "default": []},
    "session_service": {"type": "str", "default": "sessions"},
    "session_lifetime_seconds": {"type": "int", "default": 604800},
    "ca_file": {"type": "path", "default": "/etc/erpops/pki/ca.crt"},
    "mail_relay": {"type": "str"},
    "pull": {"type": "str", "choices": ["never", "missing"], "default": "never"},
    **CLUSTERS,
}

UNITS: Spec = {
    **RESIDENCE,
    "start_timeout_seconds": {"type": "int", "default": 180},
    "starts_at_a_time": {"type": "int", "default": 2},
}


def tenants(params: Mapping[str, Any]) -> tuple[ResolvedTenant, ...]:
    return resolve(tenants_from(params["tenants"]), instances_from(params["instances"]), tiers_from(params["tiers"]))


def allocations(params: Mapping[str, Any]) -> tuple[Allocation, ...]:
    return tuple(allocation_from(value) for value in params["allocations"])


def address(value: str, option: str) -> tuple[str, int]:
    """``host:port`` as a pair."""
    host, _colon, port = value.rpartition(":")
    if not host or not port.isdecimal():
        raise InputError(
            "An address cannot be read. Nothing was changed.",
            [Problem(f"option {option}", "", value, "Give it as HOST:PORT.")],
        )
    return host, int(port)


def pooler_port(params: Mapping[str, Any], tenant: ResolvedTenant) -> int:
    if tenant.cluster not in params["clusters"]:
        cure = f"It is none of the clusters {', '.join(params['clusters'])}: declare it, or correct the tenant."
        raise InputError(
            "A tenant names a cluster that is not declared. Nothing was changed.",
            [Problem(f"tenant {tenant.name}", "cluster", tenant.cluster, cure)],
        )
    return FIRST_POOLER_PORT + int(params["clusters"].index(tenant.cluster))


def app_host(params: Mapping[str, Any]) -> AppHost:
    return AppHost(
        name=params["host"],
        address=params["address"],
        container_network=params["container_network"],
        sessions=Sessions(
            servers=tuple(address(value, "session_servers") for value in params["session_servers"]),
            sentinels=tuple(address(value, "session_sentinels") for value in params["session_sentinels"]),
            service=params["session_service"],
            ca_file=params["ca_file"],
            lifetime_seconds=params["session_lifetime_seconds"],
        ),
        pull=params["pull"],
        clusters=tuple(params["clusters"]),
    )


def relay(params: Mapping[str, Any]) -> Relay | None:
    if not params["mail_relay"]:
        return None
    host, port = address(params["mail_relay"], "mail_relay")
    return Relay(host=host, port=port)


def tenant_password(params: Mapping[str, Any], purpose: str, tenant: ResolvedTenant) -> str:
    return password(params["estate_secret"], params["secret_overrides"], purpose, tenant.name, tenant.secret_version)


def secrets(params: Mapping[str, Any]) -> SecretsOf:
    def of(tenant: ResolvedTenant) -> TenantSecrets:
        return TenantSecrets(
            postgres=tenant_password(params, "postgres", tenant),
            redis=tenant_password(params, "redis", tenant),
            master_hash=stable_hash(tenant_password(params, "odoo_master", tenant)),
        )

    return of


def login(params: Mapping[str, Any], tenant: ResolvedTenant) -> Login:
    """The tenant's own role on its own database, through the pooler of this host."""
    return Login(
        user=tenant.name,
        password=tenant_password(params, "postgres", tenant),
        database=tenant.name,
        port=pooler_port(params, tenant),
    )


def published(tenant: DesiredTenant) -> dict[str, Any]:
    """Where the edge finds a tenant."""
    if not tenant.resident:
        return {}
    ports = edge_ports(tenant.resident.tenant, tenant.resident.allocation)
    return {
        "name": tenant.name,
        "address": tenant.address,
        "http_port": ports.http,
        "bus_port": ports.bus,
        "bus_path": ports.bus_path,
    }


def storage(tenant: DesiredTenant) -> dict[str, Any]:
    """What a tenant's filestore holds on this host."""
    if not tenant.resident:
        return {}
    resident = tenant.resident
    return measure(tenant.name, resident.data_directory, resident.tenant.limits.storage_gb).as_dict()
