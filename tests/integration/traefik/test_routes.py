# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client of the edge sees, once the routes of a few tenants are there."""

from __future__ import annotations

import base64
import os
import ssl
import subprocess
from typing import Any

import pytest

from . import live

NAMES = ("acme", "legacy", "sleepy", "guarded", "small", "gone")
TENANTS: list[dict[str, Any]] = [
    {
        "name": "acme",
        "instance": "s19",
        "hostnames": ["acme.edge.test", "ERP.Acme.example"],
        "workers": 2,
        "limits": {"body_mb": 1},
    },
    {"name": "small", "instance": "s19", "hostnames": ["small.edge.test"], "limits": {"requests_per_second": 2}},
    {"name": "legacy", "instance": "s14", "hostnames": ["bücher.edge.test"]},
    {"name": "sleepy", "instance": "s19", "hostnames": ["sleepy.edge.test"], "state": "suspended"},
    {"name": "guarded", "instance": "s19", "hostnames": ["guarded.edge.test"]},
    {"name": "gone", "instance": "s19", "hostnames": ["gone.edge.test"], "state": "absent"},
]
LEGACY = "xn--bcher-kva.edge.test"
PASSWORD = "correct horse"
OPTIONS: dict[str, Any] = {
    "tenants": TENANTS,
    "allocations": live.allocations(NAMES),
    "static_cache_seconds": 600,
}


def port(name: str, offset: int = 0) -> int:
    return 10000 + 4 * (NAMES.index(name) + 1) + offset


@pytest.fixture(scope="module")
def routed(edge: live.Edge) -> live.Edge:
    """The edge with the tenants routed, by the result contract: predicted, done, nothing left to do."""
    edge.ssh(f"rm -f {live.DYNAMIC}/[!t]* {live.OWN} /etc/traefik/tenants.served.yml")
    hashed = subprocess.run(
        ["openssl", "passwd", "-apr1", PASSWORD], capture_output=True, text=True, timeout=30, check=True
    ).stdout.strip()
    options = {**OPTIONS, "authentication": [{"type": "basic", "tenant": "guarded", "users": [f"ann:{hashed}"]}]}
    predicted = edge.routes("--check", "--diff", **options)
    assert predicted["changed"] and edge.ssh(f"ls {live.DYNAMIC}").split() == ["tls.yml"]
    done = edge.routes("--diff", **options)
    assert done.get("actions") == predicted["actions"] and done["diff"] == predicted["diff"], done
    assert hashed not in str(done)
    again = edge.routes(**options)
    assert not again["changed"] and again["actions"] == []
    return edge


def test_a_request_reaches_the_tenants_http_port_with_its_true_origin(routed: live.Edge) -> None:
    for host in ("acme.edge.test", "erp.acme.example"):
        told = routed.request(host, "/web?x=1").told
        headers = {name.lower(): value for name, value in told["headers"]}
        assert (told["port"], told["path"]) == (port("acme"), "/web?x=1")
        assert headers["host"] == headers["x-forwarded-host"] == host
        assert headers["x-forwarded-proto"] == "https"


def test_names_beyond_ascii_are_routed_in_idna_form(routed: live.Edge) -> None:
    assert routed.request(LEGACY).told["port"] == port("legacy")


def test_each_certificate_is_the_estates_and_names_one_tenant(routed: live.Edge) -> None:
    for host, names in (("acme.edge.test", {"acme.edge.test", "erp.acme.example"}), (LEGACY, {LEGACY})):
        connection = routed.connect(host)
        assert isinstance(connection.sock, ssl.SSLSocket)
        certificate = connection.sock.getpeercert()
        connection.close()
        assert certificate and {name for _kind, name in certificate["subjectAltName"]} == names


def test_old_tls_is_refused(routed: live.Edge) -> None:
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"{routed.address}:443", "-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"],
        input="", capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert "protocol version" in done.stderr


def test_plain_http_is_sent_to_https(routed: live.Edge) -> None:
    answer = routed.request("acme.edge.test", "/a?b=1", tls=False)
    assert (answer.status, answer.headers["location"]) == (301, "https://acme.edge.test/a?b=1")


def test_unknown_and_absent_hosts_have_no_route(routed: live.Edge) -> None:
    assert routed.request("nobody.edge.test", verify=False).status == 404
    assert routed.request("gone.edge.test", verify=False).status == 404


def upgrade(edge: live.Edge, host: str, path: str) -> tuple[bytes, bytes]:
    """The head of the answer, and what comes back of bytes sent after it."""
    connection = edge.connect(host)
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Connection: Upgrade", "Upgrade: websocket"]
    lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", "", ""]
    connection.sock.sendall("\r\n".join(lines).encode())
    head = connection.sock.recv(4096)
    echo = b""
    if b" 101 " in head:
        connection.sock.sendall(b"to and fro")
        echo = connection.sock.recv(4096)
    connection.close()
    return head, echo


def test_web_sockets_are_upgraded(routed: live.Edge) -> None:
    head, echo = upgrade(routed, "acme.edge.test", "/websocket")
    assert b" 101 " in head and echo == b"to and fro"


@pytest.mark.parametrize(
    ("host", "path", "wanted"),
    [
        ("acme.edge.test", "/websocket", port("acme", 1)),  # two workers: the bus has a process of its own
        ("acme.edge.test", "/websocket/health", port("acme", 1)),
        ("acme.edge.test", "/websockets", port("acme")),
        ("acme.edge.test", "/longpolling/poll", port("acme")),
        (LEGACY, "/longpolling/poll", port("legacy")),  # threaded: one port serves everything
        (LEGACY, "/websocket", port("legacy")),
    ],
)
def test_the_bus_goes_where_this_version_and_size_has_it(routed: live.Edge, host: str, path: str, wanted: int) -> None:
    assert routed.request(host, path).told["port"] == wanted


@pytest.mark.parametrize(
    "path",
    [
        "/web/database", "/web/database/manager", "/web/database/selector?x", "//web//database/list", "/WEB/Database",
        "/%77eb/database/create", "/web/%64atabase", "/web/./database", "/web/%2e/database", "/web/x/../database",
        "/web%2fdatabase", "/web/database%2fmanager", "/web%5cdatabase", "/en/web/database/manager", "/web/database%00",
        "/xmlrpc/db", "/xmlrpc/2/db", "//xmlrpc/2//db",
    ],
)  # fmt: skip
@pytest.mark.parametrize("host", ["acme.edge.test", LEGACY])
def test_the_database_manager_is_closed(routed: live.Edge, host: str, path: str) -> None:
    assert routed.request(host, path).status in (400, 403)


@pytest.mark.parametrize("path", ["/web/databases", "/xmlrpc/2/common", "/web/content/7/50%25.pdf"])
def test_what_only_looks_like_it_is_open(routed: live.Edge, path: str) -> None:
    assert routed.request("acme.edge.test", path).status == 200


def test_security_headers(routed: live.Edge) -> None:
    headers = routed.request("acme.edge.test").headers
    assert headers["strict-transport-security"] == "max-age=31536000"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "SAMEORIGIN"
    assert headers["referrer-policy"] == "strict-origin-when-cross-origin"
    assert "server" not in headers


@pytest.mark.parametrize("name", ["X_Forwarded_For", "X.Forwarded.For", "X_Forwarded_Host", "X~Forwarded~Proto"])
def test_aliases_of_the_edges_headers_do_not_reach_odoo(routed: live.Edge, name: str) -> None:
    sent = routed.request("acme.edge.test", headers={name: "203.0.113.9", "X-Forwarded-For": "203.0.113.9"})
    told = sent.told["headers"]
    assert name.lower() not in {header.lower() for header, _value in told}
    assert "203.0.113.9" not in {value for _header, value in told}


def test_the_rate_is_limited(routed: live.Edge) -> None:
    connection = routed.connect("small.edge.test")
    statuses = []
    for _attempt in range(30):
        connection.request("GET", "/")
        answer = connection.getresponse()
        answer.read()
        statuses.append(answer.status)
    connection.close()
    assert statuses[:4] == [200] * 4 and 429 in statuses
    assert routed.request(LEGACY).status == 200


def test_a_body_beyond_the_limit_is_refused(routed: live.Edge) -> None:
    assert routed.request("acme.edge.test", "/", method="POST", body=b"x" * 1_000_000).told["body"] == 1_000_000
    connection = routed.connect("acme.edge.test")
    connection.putrequest("POST", "/")
    connection.putheader("Content-Length", str(1_100_000))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_static_files_are_cached_and_their_errors_are_not(routed: live.Edge) -> None:
    for path in ("/web/static/src/a.js", "/stock_account/static/b.css", "/web/assets/1/x.min.js"):
        assert routed.request(LEGACY, path).headers["cache-control"] == "public, max-age=600"
    missing = routed.request(LEGACY, "/web/static/missing.js")
    assert (missing.status, missing.headers["cache-control"]) == (404, "no-store")
    assert "cache-control" not in routed.request(LEGACY, "/web").headers


@pytest.mark.parametrize("path", ["/", "/web/login", "/websocket", "/web/static/a.js"])
def test_a_suspended_tenant_has_a_plain_page(routed: live.Edge, path: str) -> None:
    answer = routed.request("sleepy.edge.test", path)
    assert (answer.status, answer.headers["cache-control"]) == (503, "no-store")
    assert b"suspended" in answer.body and answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("path", ["/", "/websocket", "/web/static/a.js"])
def test_authentication_stands_before_every_route(routed: live.Edge, path: str) -> None:
    assert routed.request("guarded.edge.test", path).status == 401
    for password, status in ((PASSWORD, 200), ("wrong", 401)):
        token = base64.b64encode(f"ann:{password}".encode()).decode()
        answer = routed.request("guarded.edge.test", path, headers={"Authorization": f"Basic {token}"})
        assert answer.status == status
        if status == 200:
            assert "authorization" not in {name.lower() for name, _value in answer.told["headers"]}


def test_only_the_public_entry_points_listen_beyond_loopback(routed: live.Edge) -> None:
    listening = {line.split()[3] for line in routed.ssh("ss -Hltn").splitlines()}
    beyond = {address.rpartition(":")[2] for address in listening if not address.startswith(("127.", "[::1]"))}
    assert beyond <= {"22", "80", "443"}
    assert {"127.0.0.1:8080", "127.0.0.1:8081"} <= listening


def test_the_units_are_confined_and_say_that_they_are_ready(routed: live.Edge) -> None:
    shown = routed.ssh("systemctl show traefik -p User,Type,NRestarts,WatchdogUSec,ProtectSystem,SubState")
    for line in ("User=traefik", "Type=notify", "NRestarts=0", "WatchdogUSec=30s", "ProtectSystem=strict"):
        assert line in shown.splitlines()
    assert routed.ssh("systemctl is-enabled haproxy.service || true").strip() == "masked"


def test_traefik_warns_of_no_default(routed: live.Edge) -> None:
    log = routed.ssh("journalctl -u traefik -o cat --since=-1d")
    assert "is not configured" not in log and "SafeNaming" not in log


def test_metrics_name_the_routers(routed: live.Edge) -> None:
    routed.request(LEGACY)
    assert 'router="legacy@file"' in routed.page("http://127.0.0.1:8080/metrics")
