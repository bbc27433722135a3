# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import socketserver
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from contracts.harness import Case, System, local

HERE = "127.0.0.1"
TLS_HANDSHAKE = 22


@contextlib.contextmanager
def edge() -> Iterator[System]:
    """Something that keeps how it was spoken to, and hangs up."""
    begun: list[int] = []

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            begun.append(self.request.recv(1)[0])

    with socketserver.ThreadingTCPServer((HERE, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield local(port=server.server_address[1], begun=begun)
        finally:
            server.shutdown()
            thread.join()


def arguments(system: System, **more: Any) -> Mapping[str, Any]:
    wanted = {"member": "acme", "hostname": "erp.acme.example", "source_url": "http://10.0.0.9"}
    return {
        "hostnames": [wanted], "edge_addresses": [HERE], "addresses": {"erp.acme.example": [HERE]},
        "port": system.facts["port"], "seconds": 5, **more,
    }  # fmt: skip


def probe(system: System) -> object:
    """How it was spoken to, however often: by nothing but TLS."""
    return sorted(set(system.facts["begun"])) or [TLS_HANDSHAKE]


CASES = (
    Case(name="asks an edge", system=edge, arguments=arguments, probe=probe, changes=False),
    Case(
        name="a name is no address",
        system=edge,
        arguments=lambda system: arguments(system, edge_addresses=["edge.example"]),
        probe=probe,
        refused="run: edge_addresses is 'edge.example'",
    ),
)
