# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hostnames are asked for over TLS, of servers that listen on this machine and answer as edges and legacy hosts do."""

from __future__ import annotations

import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.wave import hostname_client
from ansible_collections.erpops.odoo.plugins.module_utils.wave.hostname_client import Asking
from ansible_collections.erpops.odoo.plugins.module_utils.wave.hostnames import Found, Wanted

HERE = "127.0.0.1"
NAME = "erp.acme.example"
LOGIN = '<form class="oe_login_form">Odoo</form>'
ODOO = {"Set-Cookie": "session_id=1; Path=/"}
WANT = Wanted(member="acme", hostname=NAME, source_url="http://10.0.0.9", others=(NAME,))
Page = tuple[int, Mapping[str, str], str]
Serve = Callable[[Callable[[str, str], Page]], tuple[Asking, list[tuple[str, str]]]]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Self-signed, of the hostname, with its key in one file."""
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    public = path.with_name("cert.pem")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", str(path), "-out", str(public), "-days", "90", "-subj", "/CN=x"]
    subprocess.run([*command, "-addext", f"subjectAltName=DNS:{NAME}"], check=True, capture_output=True, timeout=60)
    path.write_text(path.read_text() + public.read_text())
    return path


@pytest.fixture
def serve(certificate: Path) -> Iterator[Serve]:
    """Starts an edge that answers by path and cookie; how to ask it, and the (host, path) that it was asked for."""
    with ExitStack() as stack:

        def started(answer: Callable[[str, str], Page]) -> tuple[Asking, list[tuple[str, str]]]:
            asked: list[tuple[str, str]] = []

            class Handler(BaseHTTPRequestHandler):
                def do_GET(self) -> None:
                    asked.append((self.headers["Host"], self.path))
                    status, headers, body = answer(self.path, self.headers["Cookie"] or "")
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(body.encode())

                def log_message(self, *_arguments: Any) -> None:
                    pass

            server = stack.enter_context(ThreadingHTTPServer((HERE, 0), Handler))
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            authorities = certificate.with_name("cert.pem").read_text()
            return Asking(edge=[HERE], declared={NAME: [HERE]}, authorities=authorities, path="/web/login", seconds=10,
                          port=server.server_port), asked  # fmt: skip

        yield started


def found(asking: Asking, want: Wanted = WANT) -> Found:
    return hostname_client.found([want], asking, 2)[0]


def login(path: str, _cookie: str) -> Page:
    return (200, ODOO, LOGIN) if path == "/web/login" else (404, {}, "404 page not found")


def test_the_page_over_the_edge_with_a_certificate_that_is_trusted(serve: Serve) -> None:
    asking, asked = serve(login)
    each = found(asking)
    assert (each.level, each.cure, each.leads, each.declared) == ("ok", "", True, True)
    assert "HTTP 200, Odoo, certificate good for 90 days" in each.evidence
    assert asked == [(NAME, "/web/login")]


def test_the_page_is_proved_before_dns_leads_there(serve: Serve) -> None:
    asking, _asked = serve(login)
    each = found(replace(asking, declared={NAME: ["127.9.9.9"]}))
    assert (each.level, each.leads) == ("warning", False)
    assert "DNS leads to 127.9.9.9 (connection refused)" in each.evidence
    assert f"the edge at {HERE}: HTTP 200, Odoo" in each.evidence


def test_a_certificate_that_visitors_do_not_trust_is_said_beside_the_page(serve: Serve) -> None:
    asking, _asked = serve(login)
    each = found(replace(asking, authorities=""))
    assert each.level == "failed"
    assert "HTTP 200, Odoo, certificate refused: self-signed certificate" in each.evidence


def test_a_certificate_of_another_name_is_refused(serve: Serve) -> None:
    asking, _asked = serve(login)
    other = "other.example"
    each = found(replace(asking, declared={other: [HERE]}), replace(WANT, hostname=other))
    assert each.level == "failed" and "certificate refused: Hostname mismatch" in each.evidence


@pytest.mark.parametrize("location", [f"https://{NAME}/web/login", f"http://{NAME}/web/login", "/web/login"])
def test_a_legacy_host_that_redirects_to_https_is_found_out(serve: Serve, location: str) -> None:
    """It is asked in plain, and sends the visitor where he already is."""
    asking, asked = serve(lambda _path, _cookie: (301, {"Location": location}, ""))
    each = found(asking)
    assert each.level == "failed" and f"redirects to https://{NAME}/web/login for ever" in each.evidence
    assert "give the member url https://10.0.0.9" in each.cure
    assert len(asked) == 1


def test_odoo_that_chooses_its_database_first_is_no_loop(serve: Serve) -> None:
    """It sends the browser to the same page with a cookie."""

    def choose(path: str, cookie: str) -> Page:
        return login(path, cookie) if cookie else (302, {"Location": f"https://{NAME}{path}", **ODOO}, "")

    asking, asked = serve(choose)
    assert found(asking).level == "ok" and len(asked) == 2


def test_a_redirect_to_another_host_is_not_followed(serve: Serve) -> None:
    asking, asked = serve(lambda _path, _cookie: (302, {"Location": "https://sso.example/in"}, ""))
    each = found(asking)
    assert each.level == "failed" and "HTTP 302 to https://sso.example/in" in each.evidence and len(asked) == 1


def test_a_page_that_is_not_odoos(serve: Serve) -> None:
    asking, _asked = serve(lambda _path, _cookie: (200, {}, "Welcome to nginx"))
    assert "nothing of Odoo in it" in found(asking).evidence


def test_redirects_that_never_end_do_end(serve: Serve) -> None:
    asking, asked = serve(lambda path, _cookie: (302, {"Location": f"{path}x"}, ""))
    assert "for ever" in found(asking).evidence and len(asked) == hostname_client.HOPS


def test_nobody_listens_and_nobody_resolves() -> None:
    asking = Asking(edge=["127.9.9.9"], declared={}, authorities="", path="/", seconds=1, port=9)
    each = found(asking, replace(WANT, hostname="nobody.invalid"))
    assert (each.level, each.addresses, each.declared) == ("failed", (), False)
    assert "its name is not resolved" in each.evidence and "connection refused" in each.evidence


def test_an_odoo_that_fails_for_a_moment_is_asked_again(serve: Serve) -> None:
    """Its PostgreSQL was restarted by the run that asks."""
    failures = iter((500, 502))
    asking, asked = serve(lambda path, cookie: (next(failures, 0), {}, "") if len(asked) < 3 else login(path, cookie))
    assert found(replace(asking, pause=0)).level == "ok" and len(asked) == 3


def test_one_that_goes_on_failing_is_said(serve: Serve) -> None:
    asking, asked = serve(lambda _path, _cookie: (502, {}, "Bad Gateway"))
    each = found(replace(asking, pause=0))
    assert each.level == "failed" and "HTTP 502" in each.evidence and len(asked) == hostname_client.TRIES
