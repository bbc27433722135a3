# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module options as values: what the modules of an app host share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.model import AppHost, Sessions, TenantSecrets
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.passwords import stable_hash
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.ports import edge_ports
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.render import Relay

Spec = dict[str, Any]

ADDRESS: Spec = {
    "host": {"type": "str", "required": True},
    "port": {"type": "int", "required": True},
}

CLUSTER: Spec = {
    "name": {"type": "str", "required": True},
    "port": {"type": "int", "required": True},
}

# What decides how a tenant's containers are configured and where they run.
RESIDENCE: Spec = {
    "allocations": {"type": "list", "elements": "dict", "options": arguments.ALLOCATION, "required": True},
    "host": {"type": "str", "required": True},
    "address": {"type": "str", "required": True},
    "container_network": {"type": "str", "default": "10.90.0.0/16"},
    "session_servers": {"type": "list", "elements": "dict", "options": ADDRESS, "default": []},
    "session_sentinels": {"type": "list", "elements": "dict", "options": ADDRESS, "default": []},
    "session_service": {"type": "str", "default": "sessions"},
    "session_lifetime_seconds": {"type": "int", "default": 604800},
    "ca_file": {"type": "path", "default": "/etc/erpops/pki/ca.crt"},
    "mail_relay": {"type": "dict", "options": ADDRESS},
    "pull": {"type": "str", "choices": ["never", "missing"], "default": "never"},
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


def app_host(params: Mapping[str, Any]) -> AppHost:
    return AppHost(
        name=params["host"],
        address=params["address"],
        container_network=params["container_network"],
        sessions=Sessions(
            servers=tuple((server["host"], server["port"]) for server in params["session_servers"]),
            sentinels=tuple((server["host"], server["port"]) for server in params["session_sentinels"]),
            service=params["session_service"],
            ca_file=params["ca_file"],
            lifetime_seconds=params["session_lifetime_seconds"],
        ),
        pull=params["pull"],
    )


def relay(params: Mapping[str, Any]) -> Relay | None:
    value = params["mail_relay"]
    return Relay(host=value["host"], port=value["port"]) if value else None


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
    return Login(user=tenant.name, password=tenant_password(params, "postgres", tenant), database=tenant.name)


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
