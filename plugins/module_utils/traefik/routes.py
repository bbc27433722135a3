# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The dynamic configuration that a list of tenants asks for. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Problem
from ansible_collections.erpops.odoo.plugins.module_utils.estate.allocation import Allocation
from ansible_collections.erpops.odoo.plugins.module_utils.estate.model import PLACEMENT_HOSTS, ResolvedTenant
from ansible_collections.erpops.odoo.plugins.module_utils.estate.names import check_service_url, url_host
from ansible_collections.erpops.odoo.plugins.module_utils.estate.shape import Misshapen
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.ports import bus_path, edge_ports
from ansible_collections.erpops.odoo.plugins.module_utils.traefik.model import Authentication, Configuration, Edge

ENTRY_POINT = "websecure"

# Explicit priorities, since Traefik's default is the length of the rule.
MAIN_PRIORITY = 100
STATIC_PRIORITY = 500
EVENTS_PRIORITY = 1000
CLOSED_PRIORITY = 10000

# Names of what all tenants share.
SECURITY = "erpops-security"
CLOSED = "erpops-closed"
PAGE = "erpops-page"
STATIC_ERRORS = "erpops-static-errors"
STATIC_CACHE = "erpops-static-cache"
STATIC_CACHE_PRIVATE = "erpops-static-cache-private"
TRANSPORT = "erpops-odoo"

# Parts of a tenant's names: <tenant>, <tenant>-websocket, <tenant>-rate …
EVENTS_SUFFIX = "-websocket"
STATIC_SUFFIX = "-static"
RATE_SUFFIX = "-rate"
AUTHENTICATION_SUFFIX = "-auth"
BODY_SUFFIX = "-body"
TENANT_SUFFIXES = ("", EVENTS_SUFFIX, STATIC_SUFFIX, RATE_SUFFIX, AUTHENTICATION_SUFFIX, BODY_SUFFIX)
SOURCE_PREFIX = "erpops-source-"  # of the transport to its legacy host; no tenant's name begins like this

REQUEST_PREFIX = "edge-"  # of a tenant's certificate request

COMMON_NAME_LENGTH = 64  # more does not fit into a certificate's subject
MEGABYTE = 1024 * 1024
NOBODY = "255.255.255.255/32"

# Odoo's database manager, and the database service of XML-RPC, wherever they stand in the path: Traefik matches after
# it has decoded and cleaned it, except for encoded slashes, which the entry points refuse and this names again.
_SLASH = "(/|%2f)"
CLOSED_PATHS = f"(?i){_SLASH}+(web{_SLASH}+database|xmlrpc{_SLASH}+(2{_SLASH}+)?db)({_SLASH}|$)"
STATIC_PATHS = "PathRegexp(`^/[A-Za-z0-9_]+/static/`) || PathPrefix(`/web/assets/`)"

HOSTNAME = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")


def configuration(
    tenants: Iterable[ResolvedTenant], allocations: Mapping[str, Allocation], edge: Edge
) -> Configuration:
    """The routes of all tenants that run on hosts, or should say that they are suspended."""
    served = [tenant for tenant in tenants if is_served(tenant)]
    _check(served, allocations, edge)
    routers, services, middlewares = _shared_routers(), _shared_services(edge), _shared_middlewares(edge)
    for tenant in served:
        for objects, more in zip(
            (routers, services, middlewares), _tenant(tenant, allocations.get(tenant.name), edge), strict=True
        ):
            _add(objects, more, tenant.name)
    issued = [tenant.name for tenant in served if tenant.name not in edge.own and edge.tls_mode == "estate_ca"]
    own = [edge.own[tenant.name].paths(edge.own_directory) for tenant in served if tenant.name in edge.own]
    return Configuration(
        routers=routers,
        services=services,
        middlewares=middlewares,
        transports=_transports(served, edge),
        certificates=ordered([*(certificate(name, edge) for name in issued), *own]),
    )


def ordered(certificates: Iterable[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    return tuple(sorted(certificates, key=lambda item: str(item["certFile"])))


def requests(tenants: Iterable[ResolvedTenant], edge: Edge) -> dict[str, dict[str, Any]]:
    """One certificate request a tenant, so that no certificate lists another customer's names."""
    if edge.tls_mode != "estate_ca":
        return {}
    return {
        f"{REQUEST_PREFIX}{tenant.name}": request(f"{REQUEST_PREFIX}{tenant.name}", tenant.name, tenant.hostnames, edge)
        for tenant in tenants
        if is_served(tenant) and tenant.name not in edge.own
    }


def request(name: str, tenant: str, hostnames: Sequence[str], edge: Edge) -> dict[str, Any]:
    return {
        "name": name,
        "common_name": hostnames[0] if len(hostnames[0]) <= COMMON_NAME_LENGTH else tenant,
        "names": list(hostnames),
        "owner": edge.certificate_owner,
        "group": edge.certificate_owner,
        "reload_units": [edge.unit],
    }


def certificate(tenant: str, edge: Edge) -> dict[str, str]:
    return certificate_of(f"{REQUEST_PREFIX}{tenant}", edge)


def certificate_of(request_name: str, edge: Edge) -> dict[str, str]:
    folder = f"{edge.certificate_directory}/{request_name}"
    return {"certFile": f"{folder}/tls.crt", "keyFile": f"{folder}/tls.key"}


def is_served(tenant: ResolvedTenant) -> bool:
    """Tenants on a Kubernetes cluster are routed there."""
    return tenant.state != "absent" and tenant.instance.placement == PLACEMENT_HOSTS


def _check(served: list[ResolvedTenant], allocations: Mapping[str, Allocation], edge: Edge) -> None:
    problems = [problem for tenant in served for problem in _tenant_problems(tenant, allocations, edge)]
    problems += [problem for problem in map(_authentication_problem, edge.authentication) if problem]
    problems += [
        Problem(
            f"tenant {name}", "certificates", "", "It has no route: declare the tenant, or take its certificate out."
        )
        for name in sorted(set(edge.own) - {tenant.name for tenant in served})
    ]
    if problems:
        raise InputError("The routes cannot be made. Nothing was changed.", problems)


def _tenant_problems(tenant: ResolvedTenant, allocations: Mapping[str, Allocation], edge: Edge) -> Iterable[Problem]:
    subject = f"tenant {tenant.name}"
    for index, hostname in enumerate(tenant.hostnames):
        if not HOSTNAME.fullmatch(hostname):
            yield Problem(subject, f"hostnames[{index}]", hostname, "Give a name that DNS can carry.")
    if tenant.state != "present":
        return
    if tenant.source_url:
        try:
            check_service_url(tenant.source_url)
        except Misshapen as misshapen:
            yield Problem(subject, "source_url", tenant.source_url, str(misshapen))
        return
    allocation = allocations.get(tenant.name)
    if allocation is None:
        yield Problem(subject, "allocations", "", "Pass the allocations that tenant_databases returned in this run.")
    elif allocation.app_host not in edge.app_addresses:
        cure = f"Add the address of {allocation.app_host} to app_addresses; it has {sorted(edge.app_addresses)}."
        yield Problem(subject, "app_host", allocation.app_host, cure)


def _authentication_problem(item: Authentication) -> Problem | None:
    subject = f"authentication of {item.tenant or item.instance}"
    if any("{{" in text for text in (item.address, *item.users, *item.response_headers)):
        return Problem(subject, "", "", "Remove the '{{': Traefik would expand it as a template.")
    if item.kind == "basic" and not all(re.fullmatch(r"[^:\s]+:[^:\s]+", user) for user in item.users):
        return Problem(subject, "users", "", "Give each user as one htpasswd line: name, colon, hash.")
    return None


def _add(objects: dict[str, Any], more: Mapping[str, Any], tenant: str) -> None:
    for name, value in more.items():
        if name in objects:
            cure = "Two tenants would share this route's name; rename one of them."
            raise InputError(
                "The routes cannot be made. Nothing was changed.", [Problem(f"tenant {tenant}", "name", name, cure)]
            )
        objects[name] = value


def _shared_routers() -> dict[str, Any]:
    return {
        CLOSED: {
            "rule": f"PathRegexp(`{CLOSED_PATHS}`)",
            "priority": CLOSED_PRIORITY,
            "entryPoints": [ENTRY_POINT],
            "middlewares": [SECURITY, CLOSED],
            "service": PAGE,
            "tls": {},
        }
    }


def _shared_services(edge: Edge) -> dict[str, Any]:
    return {PAGE: {"loadBalancer": {"servers": [{"url": edge.page_url}]}}}


def _shared_middlewares(edge: Edge) -> dict[str, Any]:
    security: dict[str, Any] = {
        "contentTypeNosniff": True,
        "customFrameOptionsValue": "SAMEORIGIN",  # Odoo shows its own pages in frames
        "referrerPolicy": "strict-origin-when-cross-origin",
        "customResponseHeaders": {"Server": "", "X-Powered-By": ""},
    }
    if edge.hsts_seconds:
        security["stsSeconds"] = edge.hsts_seconds
    shared: dict[str, Any] = {
        SECURITY: {"headers": security},
        CLOSED: {"ipAllowList": {"sourceRange": [NOBODY]}},
    }
    if edge.static_cache_seconds is not None:
        shared[STATIC_ERRORS] = {"errors": {"status": ["400-599"], "service": PAGE, "query": "/asset-error"}}
        shared[STATIC_CACHE] = _cache("public", edge.static_cache_seconds)
        shared[STATIC_CACHE_PRIVATE] = _cache("private", edge.static_cache_seconds)
    return shared


def _cache(scope: str, seconds: int) -> dict[str, Any]:
    return {"headers": {"customResponseHeaders": {"Cache-Control": f"{scope}, max-age={seconds}"}}}


def _transports(served: Iterable[ResolvedTenant], edge: Edge) -> dict[str, Any]:
    timeouts = {"dialTimeout": "5s", "responseHeaderTimeout": f"{edge.request_timeout_seconds}s"}
    shared = {"forwardingTimeouts": timeouts}
    own = {
        SOURCE_PREFIX + tenant.name: {**shared, "serverName": tenant.hostnames[0]}
        for tenant in served
        if _verifies_source(tenant)
    }
    return {TRANSPORT: shared, **own}


def _verifies_source(tenant: ResolvedTenant) -> bool:
    """A legacy host's certificate is the tenant's, whatever the address that it is reached at."""
    return tenant.state == "present" and (tenant.source_url or "").startswith("https:")


def _tenant(
    tenant: ResolvedTenant, allocation: Allocation | None, edge: Edge
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """One tenant's routers, services and middlewares."""
    if tenant.state == "present" and tenant.source_url:
        return _at_source(tenant, edge)
    if tenant.state == "suspended" or allocation is None:
        return {tenant.name: _router(tenant, edge, MAIN_PRIORITY, PAGE, [SECURITY])}, {}, {}
    guards = _guards(tenant, edge)
    limits = {name: value for name, value in guards.items() if not name.endswith(BODY_SUFFIX)}
    ports = edge_ports(tenant, allocation)
    address = edge.app_addresses[allocation.app_host]
    events = tenant.name + EVENTS_SUFFIX
    routers = {
        tenant.name: _router(tenant, edge, MAIN_PRIORITY, tenant.name, [SECURITY, *guards]),
        # No buffering here: it cannot carry an upgraded connection.
        events: _router(tenant, edge, EVENTS_PRIORITY, events, [SECURITY, *limits], _below(ports.bus_path)),
    }
    if edge.static_cache_seconds is not None:
        cache = STATIC_CACHE_PRIVATE if tenant.name + AUTHENTICATION_SUFFIX in guards else STATIC_CACHE
        chain = [SECURITY, *guards, STATIC_ERRORS, cache]
        routers[tenant.name + STATIC_SUFFIX] = _router(tenant, edge, STATIC_PRIORITY, tenant.name, chain, STATIC_PATHS)
    services = {tenant.name: _service(address, ports.http), events: _service(address, ports.bus)}
    return routers, services, guards


def _at_source(tenant: ResolvedTenant, edge: Edge) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """While its legacy host serves a tenant: the same names and guards, and one server behind all of them, which tells
    pages from the bus by itself. What it says of caching stands."""
    guards = _guards(tenant, edge)
    limits = {name: value for name, value in guards.items() if not name.endswith(BODY_SUFFIX)}
    events = _below(bus_path(tenant))
    routers = {
        tenant.name: _router(tenant, edge, MAIN_PRIORITY, tenant.name, [SECURITY, *guards]),
        tenant.name + EVENTS_SUFFIX: _router(tenant, edge, EVENTS_PRIORITY, tenant.name, [SECURITY, *limits], events),
    }
    balancer = {
        "serversTransport": SOURCE_PREFIX + tenant.name if _verifies_source(tenant) else TRANSPORT,
        "passHostHeader": True,
        "servers": [{"url": tenant.source_url}],
    }
    return routers, {tenant.name: {"loadBalancer": balancer}}, guards


def _below(path: str) -> str:
    return f"Path(`{path}`) || PathPrefix(`{path}/`)"


def _guards(tenant: ResolvedTenant, edge: Edge) -> dict[str, Any]:
    """The tenant's own middlewares, in the order in which a request passes them."""
    guards: dict[str, Any] = {}
    if tenant.limits.requests_per_second:
        guards[tenant.name + RATE_SUFFIX] = {
            "rateLimit": {
                "average": tenant.limits.requests_per_second,
                "burst": 2 * tenant.limits.requests_per_second,
                "period": "1s",
                "sourceCriterion": {"requestHost": True},  # the tenant's limit, not one for each client
            }
        }
    authentication = _authentication_of(tenant, edge)
    if authentication:
        guards[tenant.name + AUTHENTICATION_SUFFIX] = _authentication(authentication)
    if tenant.limits.body_mb:
        guards[tenant.name + BODY_SUFFIX] = {"buffering": {"maxRequestBodyBytes": tenant.limits.body_mb * MEGABYTE}}
    return guards


def _authentication_of(tenant: ResolvedTenant, edge: Edge) -> Authentication | None:
    own = [item for item in edge.authentication if item.tenant == tenant.name]
    shared = [item for item in edge.authentication if item.tenant is None and item.instance == tenant.instance.name]
    return next(iter([*own, *shared]), None)


def _authentication(item: Authentication) -> dict[str, Any]:
    if item.kind == "basic":
        return {"basicAuth": {"users": list(item.users), "removeHeader": True}}
    forward: dict[str, Any] = {"address": item.address}
    if item.response_headers:
        forward["authResponseHeaders"] = list(item.response_headers)
    return {"forwardAuth": forward}


def _router(
    tenant: ResolvedTenant, edge: Edge, priority: int, service: str, middlewares: list[str], paths: str = ""
) -> dict[str, Any]:
    hosts = " || ".join(f"Host(`{hostname}`)" for hostname in tenant.hostnames)
    return {
        "rule": f"({hosts}) && ({paths})" if paths else hosts,
        "priority": priority,
        "entryPoints": [ENTRY_POINT],
        "middlewares": middlewares,
        "service": service,
        "tls": _tls(tenant, edge),
    }


def _tls(tenant: ResolvedTenant, edge: Edge) -> dict[str, Any]:
    if edge.tls_mode == "estate_ca" or tenant.name in edge.own:
        return {}
    tls: dict[str, Any] = {"certResolver": edge.resolver}
    domain = edge.wildcard_domain
    if domain:
        outside = [name for name in tenant.hostnames if name.partition(".")[2] != domain]
        covered = [{"main": f"*.{domain}"}] if len(outside) < len(tenant.hostnames) else []
        own = [{"main": outside[0], **({"sans": outside[1:]} if outside[1:] else {})}] if outside else []
        tls["domains"] = covered + own
    return tls


def _service(address: str, port: int) -> dict[str, Any]:
    return {"loadBalancer": {"serversTransport": TRANSPORT, "servers": [{"url": f"http://{url_host(address)}:{port}"}]}}
