# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The argument spec of the routes, and the typed values made of its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Problem
from ansible_collections.erpops.odoo.plugins.module_utils.estate.allocation import Allocation, allocation_from
from ansible_collections.erpops.odoo.plugins.module_utils.estate.arguments import (
    ALLOCATION,
    ESTATE,
    TENANT_CERTIFICATE,
    Spec,
)
from ansible_collections.erpops.odoo.plugins.module_utils.estate.model import (
    ResolvedTenant,
    instances_from,
    resolve,
    tenants_from,
    tiers_from,
)
from ansible_collections.erpops.odoo.plugins.module_utils.traefik import certificates, rehearsal
from ansible_collections.erpops.odoo.plugins.module_utils.traefik.apply import OWN_FILE, Place
from ansible_collections.erpops.odoo.plugins.module_utils.traefik.model import Authentication, Edge

AUTHENTICATION: Spec = {
    "type": {"type": "str", "choices": ["basic", "forward"], "required": True},
    "tenant": {"type": "str"},
    "instance": {"type": "str"},
    "users": {"type": "list", "elements": "str", "no_log": True},
    "address": {"type": "str"},
    "response_headers": {"type": "list", "elements": "str"},
}

# Where Traefik is on its host: for the routes of all tenants, and for a switch of single ones.
PLACE: Spec = {
    "dynamic_dir": {"type": "path", "default": "/etc/traefik/dynamic"},
    "other_files": {"type": "list", "elements": "str", "default": ["tls.yml", "rehearsal-*.yml"]},
    "undeclared_files": {"type": "str", "choices": ["refuse", "report"], "default": "refuse"},
    "api_url": {"type": "str", "default": "http://127.0.0.1:8080"},
    "unit": {"type": "str", "default": "traefik.service"},
    "group": {"type": "str", "default": "traefik"},
    "timeout": {"type": "int", "default": 15},
}

SPEC: Spec = {
    **ESTATE,
    "allocations": {"type": "list", "elements": "dict", "options": ALLOCATION, "required": True},
    "app_addresses": {"type": "dict", "required": True},
    **PLACE,
    "tls_mode": {"type": "str", "choices": ["estate_ca", "acme"], "default": "estate_ca"},
    "resolver": {"type": "str", "default": "acme"},
    "wildcard_domain": {"type": "str"},
    "page_url": {"type": "str", "default": "http://127.0.0.1:8081"},
    "static_cache_seconds": {"type": "int"},
    "hsts_seconds": {"type": "int", "default": 31536000},
    "request_timeout_seconds": {"type": "int", "default": 720},
    "authentication": {
        "type": "list",
        "elements": "dict",
        "options": AUTHENTICATION,
        "default": [],
        "required_if": [("type", "basic", ["users"]), ("type", "forward", ["address"])],
        "required_one_of": [("tenant", "instance")],
        "mutually_exclusive": [("tenant", "instance")],
    },
    "certificates": {"type": "list", "elements": "dict", "options": TENANT_CERTIFICATE, "default": []},
}


def place_from(params: Mapping[str, Any]) -> Place:
    edge = Edge(
        app_addresses={str(name): str(address) for name, address in params["app_addresses"].items()},
        page_url=params["page_url"],
        tls_mode=params["tls_mode"],
        resolver=params["resolver"],
        wildcard_domain=params["wildcard_domain"],
        certificate_owner=params["group"],
        unit=params["unit"],
        static_cache_seconds=params["static_cache_seconds"],
        hsts_seconds=params["hsts_seconds"],
        request_timeout_seconds=params["request_timeout_seconds"],
        authentication=tuple(_authentication(item) for item in params["authentication"]),
        own=certificates.own_from(params["certificates"]),
    )
    return _place(params, edge)


def place_of_switch(params: Mapping[str, Any]) -> Place:
    """What is not a tenant's own stays as it is, so nothing of it is asked for."""
    return _place(params, Edge(app_addresses={}, certificate_owner=params["group"], unit=params["unit"]))


def place_of_rehearsal(params: Mapping[str, Any]) -> Place:
    """The same edge, for the file of a member's address."""
    place, name = place_of_switch(params), rehearsal.PREFIX + params["member"]
    return replace(
        place,
        own_file=f"{name}.yml",
        requests=name,
        other_files=(*place.other_files, OWN_FILE),
        edge=replace(place.edge, tls_mode=params["tls_mode"], resolver=params["resolver"]),
    )


def _place(params: Mapping[str, Any], edge: Edge) -> Place:
    folder = params["dynamic_dir"].rstrip("/")
    return Place(
        dynamic_dir=folder,
        api_url=params["api_url"].rstrip("/"),
        group=params["group"],
        other_files=tuple(params["other_files"]),
        refuse_undeclared=params["undeclared_files"] == "refuse",
        timeout=params["timeout"],
        edge=replace(edge, own_directory=str(PurePosixPath(folder).parent / certificates.FOLDER)),
    )


def _authentication(item: Mapping[str, Any]) -> Authentication:
    return Authentication(
        kind=item["type"],
        tenant=item["tenant"],
        instance=item["instance"],
        users=tuple(item["users"] or ()),
        address=item["address"] or "",
        response_headers=tuple(item["response_headers"] or ()),
    )


def tenants_of(params: Mapping[str, Any]) -> tuple[ResolvedTenant, ...]:
    tenants, instances = tenants_from(params["tenants"]), instances_from(params["instances"])
    known = {instance.name for instance in instances}
    problems = [
        Problem(f"tenant {tenant.name}", "instance", tenant.instance, "Declare this instance, or name one that is.")
        for tenant in tenants
        if tenant.instance not in known
    ]
    if problems:
        raise InputError("The routes cannot be made. Nothing was changed.", problems)
    return resolve(tenants, instances, tiers_from(params["tiers"]))


def allocations_of(params: Mapping[str, Any]) -> dict[str, Allocation]:
    return {item.name: item for item in map(allocation_from, params["allocations"])}
