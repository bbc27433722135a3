# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which configuration tenants ask for."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError
from ansible_collections.erpops.odoo.plugins.module_utils.estate.allocation import Allocation
from ansible_collections.erpops.odoo.plugins.module_utils.estate.model import (
    Instance,
    Limits,
    ResolvedTenant,
    Tenant,
    resolve,
)
from ansible_collections.erpops.odoo.plugins.module_utils.traefik import routes
from ansible_collections.erpops.odoo.plugins.module_utils.traefik.model import Authentication, Configuration, Edge

INSTANCES = [
    Instance(name="s19", environment="test", version="19.0", image="x"),
    Instance(name="s14", environment="test", version="14.0", image="x"),
    Instance(name="cloud", environment="test", version="19.0", image="x", placement="cluster1"),
]
EDGE = Edge(app_addresses={"app1": "10.0.0.21", "app6": "fd00::21"})


def resolved(*tenants: Tenant) -> tuple[ResolvedTenant, ...]:
    return resolve(tenants, INSTANCES, [])


def tenant(name: str = "acme", instance: str = "s19", **values: Any) -> Tenant:
    return Tenant(name=name, instance=instance, **{"hostnames": (f"{name}.example",), **values})


def allocation(number: int = 1, host: str = "app1") -> Allocation:
    return Allocation(name="acme", number=number, app_host=host)


def configured(*tenants: Tenant, edge: Edge = EDGE, host: str = "app1") -> Configuration:
    allocations = {item.name: allocation(number, host) for number, item in enumerate(tenants, 1)}
    return routes.configuration(resolved(*tenants), allocations, edge)


def url(configuration: Configuration, service: str) -> str:
    return str(configuration.services[service]["loadBalancer"]["servers"][0]["url"])


def test_one_tenant() -> None:
    made = configured(tenant(hostnames=("ACME.example", "bücher.example")))
    assert made.routers["acme"] == {
        "rule": "Host(`acme.example`) || Host(`xn--bcher-kva.example`)",
        "priority": 100,
        "entryPoints": ["websecure"],
        "middlewares": ["erpops-security"],
        "service": "acme",
        "tls": {},
    }
    assert url(made, "acme") == "http://10.0.0.21:10004"
    assert made.certificates == (
        {"certFile": "/etc/erpops/pki/edge-acme/tls.crt", "keyFile": "/etc/erpops/pki/edge-acme/tls.key"},
    )


@pytest.mark.parametrize(
    ("instance", "workers", "path", "port"),
    [("s19", 0, "/websocket", 10004), ("s19", 2, "/websocket", 10005), ("s14", 2, "/longpolling", 10005)],
)
def test_the_bus_by_version_and_size(instance: str, workers: int, path: str, port: int) -> None:
    made = configured(tenant(instance=instance, workers=workers))
    rule = made.routers["acme-websocket"]["rule"]
    assert rule == f"(Host(`acme.example`)) && (Path(`{path}`) || PathPrefix(`{path}/`))"
    assert url(made, "acme-websocket") == f"http://10.0.0.21:{port}"


def test_an_ipv6_address_stands_in_brackets() -> None:
    assert url(configured(tenant(), host="app6"), "acme") == "http://[fd00::21]:10004"


def test_priorities_put_what_is_closed_first_and_the_tenant_last() -> None:
    made = configured(tenant(), edge=replace(EDGE, static_cache_seconds=60))
    order = sorted(made.routers, key=lambda name: -made.routers[name]["priority"])
    assert order == ["erpops-closed", "acme-websocket", "acme-static", "acme"]


def test_limits_guard_every_route_but_buffering_spares_the_bus() -> None:
    limits = Limits(requests_per_second=10, body_mb=2)
    made = configured(tenant(limits=limits), edge=replace(EDGE, static_cache_seconds=60))
    rate = made.middlewares["acme-rate"]["rateLimit"]
    assert (rate["average"], rate["burst"], rate["sourceCriterion"]) == (10, 20, {"requestHost": True})
    assert made.middlewares["acme-body"] == {"buffering": {"maxRequestBodyBytes": 2 * 1024 * 1024}}
    chains = {name: router["middlewares"] for name, router in made.routers.items()}
    assert chains["acme"] == ["erpops-security", "acme-rate", "acme-body"]
    assert chains["acme-websocket"] == ["erpops-security", "acme-rate"]
    assert chains["acme-static"][:3] == ["erpops-security", "acme-rate", "acme-body"]


def test_static_files_have_a_route_only_where_a_policy_is_declared() -> None:
    assert "acme-static" not in configured(tenant()).routers
    made = configured(tenant(), edge=replace(EDGE, static_cache_seconds=0))
    assert made.middlewares["erpops-static-cache"] == {
        "headers": {"customResponseHeaders": {"Cache-Control": "public, max-age=0"}}
    }
    assert made.routers["acme-static"]["middlewares"][-2:] == ["erpops-static-errors", "erpops-static-cache"]


def test_a_suspended_tenant_has_the_page_alone_and_needs_no_allocation() -> None:
    made = routes.configuration(resolved(tenant(state="suspended", limits=Limits(body_mb=1))), {}, EDGE)
    assert set(made.routers) == {"erpops-closed", "acme"}
    assert made.routers["acme"]["service"] == "erpops-page"
    assert list(routes.requests(resolved(tenant(state="suspended")), EDGE)) == ["edge-acme"]


def test_absent_tenants_and_those_of_clusters_have_no_route() -> None:
    made = configured(tenant(state="absent"), tenant("cloudy", "cloud"))
    assert set(made.routers) == {"erpops-closed"} and made.certificates == ()


def test_authentication_of_a_tenant_comes_before_its_instances() -> None:
    items = (
        Authentication(kind="forward", instance="s19", address="http://127.0.0.1:9/", response_headers=("X-User",)),
        Authentication(kind="basic", tenant="acme", users=("ann:$apr1$x",)),
    )
    edge = replace(EDGE, authentication=items, static_cache_seconds=60)
    made = configured(tenant(), tenant("other"), edge=edge)
    assert made.middlewares["acme-auth"] == {"basicAuth": {"users": ["ann:$apr1$x"], "removeHeader": True}}
    assert made.middlewares["other-auth"] == {
        "forwardAuth": {"address": "http://127.0.0.1:9/", "authResponseHeaders": ["X-User"]}
    }
    for name in ("acme", "acme-websocket", "acme-static"):
        assert "acme-auth" in made.routers[name]["middlewares"]
    assert made.routers["acme-static"]["middlewares"][-1] == "erpops-static-cache-private"


def test_acme_names_its_resolver_and_shares_a_wildcard_below_its_domain() -> None:
    edge = replace(EDGE, tls_mode="acme", resolver="le", wildcard_domain="north.example")
    hostnames = ("acme.north.example", "deep.acme.north.example", "erp.acme.example")
    made = configured(tenant(hostnames=hostnames), edge=edge)
    tls = {
        "certResolver": "le",
        "domains": [{"main": "*.north.example"}, {"main": "deep.acme.north.example", "sans": ["erp.acme.example"]}],
    }
    assert made.routers["acme"]["tls"] == made.routers["acme-websocket"]["tls"] == tls
    assert made.certificates == () and routes.requests(resolved(tenant()), edge) == {}


def test_a_certificate_request() -> None:
    long = f"{'a' * 60}.example.com"
    made = routes.requests(resolved(tenant(), tenant("long", hostnames=(long,))), EDGE)
    assert made["edge-acme"] == {
        "name": "edge-acme",
        "common_name": "acme.example",
        "names": ["acme.example"],
        "owner": "traefik",
        "group": "traefik",
        "reload_units": ["traefik.service"],
    }
    assert (made["edge-long"]["common_name"], made["edge-long"]["names"]) == ("long", [long])


@pytest.mark.parametrize(
    ("path", "closed"),
    [
        ("/web/database", True),
        ("/web/database/manager", True),
        ("//WEB//Database/", True),
        ("/web%2Fdatabase%2fx", True),
        ("/fr/web/database/create", True),
        ("/xmlrpc/db", True),
        ("/xmlrpc/2/db", True),
        ("/web/databases", False),
        ("/myweb/database", False),
        ("/xmlrpc/2/dbx", False),
        ("/xmlrpc/2/common", False),
        ("/web/login", False),
    ],
)
def test_closed_paths(path: str, closed: bool) -> None:
    assert bool(re.search(routes.CLOSED_PATHS, path)) is closed


def test_no_hsts_header_where_it_is_switched_off() -> None:
    made = configured(tenant(), edge=replace(EDGE, hsts_seconds=0))
    assert "stsSeconds" not in made.middlewares["erpops-security"]["headers"]


@pytest.mark.parametrize(
    ("tenants", "edge", "words"),
    [
        ((tenant(hostnames=("a`) || Host(`b",)),), EDGE, "hostnames[0]"),
        ((tenant(), tenant("acme-websocket")), EDGE, "rename"),
        ((tenant(),), replace(EDGE, app_addresses={"app2": "x"}), "Add the address of app1"),
        (
            (tenant(),),
            replace(EDGE, authentication=(Authentication(kind="basic", tenant="acme", users=("ann",)),)),
            "htpasswd",
        ),
        (
            (tenant(),),
            replace(EDGE, authentication=(Authentication(kind="forward", tenant="acme", address="{{ x }}"),)),
            "template",
        ),
    ],
)
def test_what_cannot_be_routed_is_refused(tenants: tuple[Tenant, ...], edge: Edge, words: str) -> None:
    with pytest.raises(InputError, match=re.escape(words)):
        configured(*tenants, edge=edge)


def test_all_tenants_without_an_allocation_are_named_at_once() -> None:
    with pytest.raises(InputError) as caught:
        routes.configuration(resolved(tenant(), tenant("other")), {}, EDGE)
    assert [problem.subject for problem in caught.value.problems] == ["tenant acme", "tenant other"]


SOURCE = "http://10.82.0.11"


def test_a_tenant_at_its_source_has_the_same_routes_to_one_server() -> None:
    given = {
        "limits": Limits(requests_per_second=10, body_mb=2),
        "workers": 2,
        "hostnames": ("acme.example", "b.example"),
    }
    edge = replace(EDGE, static_cache_seconds=60)
    here, there = configured(tenant(**given), edge=edge), configured(tenant(**given, source_url=SOURCE), edge=edge)
    assert there.services["acme"] == {
        "loadBalancer": {"serversTransport": "erpops-odoo", "passHostHeader": True, "servers": [{"url": SOURCE}]}
    }
    assert set(there.services) == {"acme", routes.PAGE}
    assert set(there.routers) == {"acme", "acme-websocket", routes.CLOSED}
    assert there.routers["acme"] == here.routers["acme"]
    assert there.routers["acme-websocket"] == {**here.routers["acme-websocket"], "service": "acme"}
    assert there.routers[routes.CLOSED] == here.routers[routes.CLOSED]
    assert (there.middlewares, there.certificates) == (here.middlewares, here.certificates)
    assert there.transports == here.transports


def test_the_bus_of_an_old_release_is_that_of_its_source() -> None:
    rule = configured(tenant(instance="s14", source_url=SOURCE)).routers["acme-websocket"]["rule"]
    assert "Path(`/longpolling`)" in rule


def test_a_source_is_verified_by_the_tenants_name() -> None:
    made = configured(tenant(source_url="https://10.82.0.11:8443"))
    assert made.services["acme"]["loadBalancer"]["serversTransport"] == "erpops-source-acme"
    assert made.transports["erpops-source-acme"] == {**made.transports["erpops-odoo"], "serverName": "acme.example"}


def test_a_source_needs_no_unit_here() -> None:
    made = routes.configuration(resolved(tenant(source_url=SOURCE)), {}, EDGE)
    assert url(made, "acme") == SOURCE


def test_a_suspended_tenant_says_so_whoever_serves_it() -> None:
    made = configured(tenant(source_url="https://10.82.0.11", state="suspended"))
    assert made.routers["acme"]["service"] == routes.PAGE and set(made.transports) == {"erpops-odoo"}


@pytest.mark.parametrize("wrong", ["10.82.0.11", "http://a/{{b}}", "http://a:0", "ftp://a", "http://a\n"])
def test_a_source_that_is_no_server_is_refused(wrong: str) -> None:
    with pytest.raises(InputError, match="tenant acme: source_url is"):
        configured(tenant(source_url=wrong))
