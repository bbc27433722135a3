# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from contracts.harness import Case, System, local


@contextlib.contextmanager
def endpoint() -> Iterator[System]:
    """A server that keeps what it was asked."""
    asked: list[tuple[str, str, str | None]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.command, self.path, self.headers["Authorization"]))
            self.send_response(401)
            self.end_headers()

        def log_message(self, *_arguments: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield local(port=server.server_port, asked=asked)
        finally:
            server.shutdown()
            thread.join()


def arguments(system: System, **more: Any) -> Mapping[str, Any]:
    place = {"member": "acme", "name": "http://gateway.example", "host": "127.0.0.1", "port": system.facts["port"]}
    return {"probes": [{**place, "kind": kind, **more} for kind in ("http", "tcp")], "seconds": 5}


def probe(system: System) -> object:
    """What kinds of questions were asked, however often."""
    return sorted(set(system.facts["asked"])) or [("GET", "/", None)]


CASES = (
    Case(name="asks an endpoint", system=endpoint, arguments=arguments, probe=probe, changes=False),
    Case(
        name="a status that no server gives is refused",
        system=endpoint,
        arguments=lambda system: arguments(system, status=99),
        probe=probe,
        refused="member acme: http://gateway.example. probe.status is 99",
    ),
)
