# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The address at which users try a member's copy, behind a password: a file of its own beside the routes. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import Action
from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Problem
from ansible_collections.erpops.odoo.plugins.module_utils.traefik import files, plan, routes
from ansible_collections.erpops.odoo.plugins.module_utils.traefik.model import Actual, Configuration, Edge

PREFIX = "rehearsal-"  # of its file and of its certificate's request
NAME_PREFIX = "erpops-rehearsal-"  # of its router, service and middleware; no tenant's name begins like this


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """hostname: its own. url: where the copy is served. credential: an htpasswd line. title: what browsers ask with."""

    member: str
    hostname: str
    url: str
    title: str
    credential: str = field(repr=False)


def desire(address: Address, edge: Edge, actual: Actual) -> plan.Desired:
    """Raises InputError where a route has the hostname already, or a value would be read as something else."""
    _check(address, actual)
    name, request = NAME_PREFIX + address.member, PREFIX + address.member
    own_authority = edge.tls_mode == "estate_ca"
    router: dict[str, Any] = {
        "rule": f"Host(`{address.hostname}`)",
        "priority": routes.MAIN_PRIORITY,
        "entryPoints": [routes.ENTRY_POINT],
        "middlewares": [routes.SECURITY, name],
        "service": name,
        "tls": {} if own_authority else {"certResolver": edge.resolver},
    }
    balancer = {"serversTransport": routes.TRANSPORT, "servers": [{"url": address.url}]}
    door = {"users": [address.credential], "realm": address.title, "removeHeader": True}
    wanted = Configuration(
        routers={name: router},
        services={name: {"loadBalancer": balancer}},
        middlewares={name: {"basicAuth": door}},
        certificates=(routes.certificate_of(request, edge),) if own_authority else (),
    )
    requests = {request: routes.request(request, address.member, [address.hostname], edge)} if own_authority else {}
    return plan.marked(wanted, requests=requests, author="erpops.odoo.traefik_rehearsal")


def _check(address: Address, actual: Actual) -> None:
    subject = f"member {address.member}"
    problems = [
        Problem(subject, "hostname", address.hostname, f"File {source.path} has a route of this name: rename that one.")
        for source in actual.others
        for router in files.objects(source, "routers").values()
        if f"Host(`{address.hostname}`)" in str(router.get("rule", ""))
    ]
    if not routes.HOSTNAME.fullmatch(address.hostname):
        problems.append(Problem(subject, "hostname", address.hostname, "Give a name that DNS can carry."))
    if re.search(r'["\\]', address.title):
        problems.append(Problem(subject, "title", address.title, "Leave out quotes and backslashes."))
    if problems:
        raise InputError("The address cannot be opened. Nothing was changed.", problems)


def removal(own_path: str, actual: Actual) -> plan.Steps:
    """What there is to take away."""
    own = [Action("remove", f"file {own_path}")] if actual.own is not None or actual.served is not None else []
    forget = tuple(sorted(actual.requests))
    return plan.Steps(forget=forget, actions=(*own, *(Action("remove", f"certificate {name}") for name in forget)))
