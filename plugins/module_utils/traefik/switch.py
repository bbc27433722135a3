# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lead the routes of single tenants elsewhere, and leave everything else of the edge as it is. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import Action
from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Problem
from ansible_collections.erpops.odoo.plugins.module_utils.traefik import files, plan, routes
from ansible_collections.erpops.odoo.plugins.module_utils.traefik.model import Actual, Configuration


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """Where a tenant's hostnames lead: ``url`` for its pages, ``events_url`` for its bus.

    server_name: whose certificate an https server shows, where it is reached at an address.
    """

    tenant: str
    url: str
    events_url: str
    server_name: str = ""

    def services(self) -> dict[str, Any]:
        """Objects by the name of the service, which is also that of its router."""
        verified = bool(self.server_name) and self.url.startswith("https:")
        transport = routes.SOURCE_PREFIX + self.tenant if verified else routes.TRANSPORT
        return {
            name: {"loadBalancer": {"serversTransport": transport, "servers": [{"url": url}]}}
            for name, url in ((self.tenant, self.url), (self.tenant + routes.EVENTS_SUFFIX, self.events_url))
        }


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
        if not switch.services().keys() <= current.routers.keys()
    ]
    if problems:
        raise InputError("The routes cannot be switched. Nothing was changed.", problems)
    routers: dict[str, Any] = dict(current.routers)
    services: dict[str, Any] = dict(current.services)
    transports: dict[str, Any] = dict(current.transports)
    for switch in switches:
        for name, service in switch.services().items():
            routers[name] = {**routers[name], "service": name}
            services[name] = service
        if switch.server_name:
            own = {**transports[routes.TRANSPORT], "serverName": switch.server_name}
            transports[routes.SOURCE_PREFIX + switch.tenant] = own
    middlewares = {
        name: value for name, value in current.middlewares.items() if not name.startswith(plan.MARKER_PREFIX)
    }
    wanted = replace(current, routers=routers, services=services, middlewares=middlewares, transports=transports)
    shown = {PurePosixPath(str(item["certFile"])).parent.name for item in current.certificates}
    requests = {name: request for name, request in actual.requests.items() if name in shown}
    return plan.marked(wanted, requests=requests)


def steps(switches: Sequence[Switch], actual: Actual) -> plan.Steps:
    """One swap of the file, if any route leads elsewhere than wanted."""
    current = files.configuration_of(actual.own)
    actions = tuple(
        Action("switch", f"route {switch.tenant}", f"from {url_of(current, switch.tenant)} to {switch.url}")
        for switch in switches
        if any(
            url_of(current, name) != service["loadBalancer"]["servers"][0]["url"]
            for name, service in switch.services().items()
        )
    )
    return plan.Steps(swap=bool(actions), actions=actions)


def url_of(configuration: Configuration, service: str) -> str:
    """Where a router of this name leads, whichever service it uses."""
    used = configuration.routers.get(service, {}).get("service", "")
    servers = configuration.services.get(used, {}).get("loadBalancer", {}).get("servers") or [{}]
    return str(servers[0].get("url", ""))


def snapshot(switches: Sequence[Switch], configuration: Configuration) -> dict[str, Any]:
    return {name: url_of(configuration, name) for switch in switches for name in switch.services()}
