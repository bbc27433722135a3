# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that serves its page only after a while, and one that never does; both real, on loopback."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Refused
from ansible_collections.erpops.odoo.plugins.module_utils.traefik.waiting import until_served


@contextmanager
def server(*statuses: int, leads: str = "") -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Its URL, and the hosts and paths it was asked for. The last status is given from then on."""
    asked: list[tuple[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.headers["Host"], self.path))
            self.send_response(statuses[min(len(asked), len(statuses)) - 1])
            self.send_header("Content-Length", "0")
            if leads:
                self.send_header("Location", leads)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    listening = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.server_port}", asked
    finally:
        listening.shutdown()
        listening.server_close()


def test_it_waits_for_the_page_under_the_tenants_hostname() -> None:
    with server(500, 503, 200) as (url, asked):
        until_served("acme", url, path="/web/login", hostname="acme.example", seconds=30)
    assert asked == [("acme.example", "/web/login")] * 3


def test_what_is_never_served_is_refused_with_what_was_seen() -> None:
    with server(500) as (url, _asked), pytest.raises(Refused) as refused:
        until_served("acme", url, path="/web/login", hostname="acme.example", seconds=0)
    text = str(refused.value.problems[0])
    assert "acme" in text and url in text and "status 500" in text


def test_a_single_sign_on_counts_as_served() -> None:
    with server(303, leads="https://sso.example/") as (url, asked):
        until_served("acme", url, path="/web/login", hostname="acme.example", seconds=0)
    assert len(asked) == 1


def test_the_database_manager_does_not() -> None:
    with server(303, leads="/web/database/selector") as (url, _asked), pytest.raises(Refused) as refused:
        until_served("acme", url, path="/web/login", hostname="acme.example", seconds=0)
    assert "status 303 /web/database/selector" in str(refused.value.problems[0])


def test_a_server_that_is_not_there_is_refused_too() -> None:
    with server(200) as (url, _asked):
        pass
    with pytest.raises(Refused, match="switched"):
        until_served("acme", url, path="/", hostname="acme.example", seconds=0)


def test_a_certificate_is_not_judged_here() -> None:
    with pytest.raises(InputError) as refused:
        until_served("acme", "https://10.0.0.1", path="/", hostname="acme.example", seconds=0)
    assert "wait_for" in str(refused.value.problems[0])
