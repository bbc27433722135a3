# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lead the routes of single tenants elsewhere, and leave everything else of the edge as it is. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import Action
from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Problem
from ansible_collections.erpops.odoo.plugins.module_utils.traefik import files, plan, routes
from ansible_collections.erpops.odoo.plugins.module_utils.traefik.model import Actual, Configuration


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """Where a tenant's hostnames lead: ``url`` for its pages, ``events_url`` for its bus."""

    tenant: str
    url: str
    events_url: str

    def wanted(self) -> dict[str, str]:
        """URLs by the name of the service."""
        return {self.tenant: self.url, self.tenant + routes.EVENTS_SUFFIX: self.events_url}


def desire(switches: Sequence[Switch], actual: Actual) -> plan.Desired:
    """The routes that are there, with those of the switches led elsewhere. Raises InputError with every problem."""
    current = files.configuration_of(actual.previous)
    problems = [
        Problem(
            f"tenant {switch.tenant}",
            "route",
            "",
            "It has no route to switch: run the playbook tenant first, with the tenant declared and not suspended.",
        )
        for switch in switches
        if not switch.wanted().keys() <= current.services.keys()
    ]
    if problems:
        raise InputError("The routes cannot be switched. Nothing was changed.", problems)
    services: dict[str, Any] = dict(current.services)
    for switch in switches:
        for name, url in switch.wanted().items():
            balancer = services[name]["loadBalancer"]
            services[name] = {"loadBalancer": {**balancer, "servers": [{"url": url}]}}
    middlewares = {
        name: value for name, value in current.middlewares.items() if not name.startswith(plan.MARKER_PREFIX)
    }
    return plan.marked(
        replace(current, services=services, middlewares=middlewares), requests=actual.requests, undeclared=()
    )


def steps(switches: Sequence[Switch], actual: Actual) -> plan.Steps:
    """One swap of the file, if any route leads elsewhere than wanted."""
    current = files.configuration_of(actual.own)
    actions = tuple(
        Action("switch", f"route {switch.tenant}", f"from {url_of(current, switch.tenant)} to {switch.url}")
        for switch in switches
        if any(url_of(current, name) != url for name, url in switch.wanted().items())
    )
    return plan.Steps(swap=bool(actions), actions=actions)


def url_of(configuration: Configuration, service: str) -> str:
    servers = configuration.services.get(service, {}).get("loadBalancer", {}).get("servers") or [{}]
    return str(servers[0].get("url", ""))


def snapshot(switches: Sequence[Switch], configuration: Configuration) -> dict[str, Any]:
    return {name: url_of(configuration, name) for switch in switches for name in switch.wanted()}
