# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The addon on Python's path, and real Redis servers."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

ADDONS = Path(__file__).parents[3] / "roles/odoo_image/files/addons"
sys.path.insert(0, str(ADDONS))

# What a tenant's user may do; more than this the addon must not need.
COMMANDS = ("get", "set", "expire", "del", "exists", "sadd", "srem", "smembers")
USER = "acme"
PASSWORD = "a-password"


@dataclass
class Server:
    port: int
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        self.process.wait(10)

    def admin(self) -> redis.Redis:
        return redis.Redis(port=self.port, decode_responses=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


Start = Callable[..., Server]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a Redis server with the tenant's user; all of them are stopped after the test."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    servers: list[Server] = []

    def one(*options: str, port: int = 0) -> Server:
        port = port or free_port()
        folder = tmp_path / str(len(servers))
        folder.mkdir()
        base = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder), "--save", ""]
        user = ["--user", USER, "on", f">{PASSWORD}", f"~{USER}:*", "-@all", *(f"+{name}" for name in COMMANDS)]
        log = (folder / "log").open("wb")
        server = Server(port, subprocess.Popen([*base, *user, *options], stdout=log, stderr=log))
        servers.append(server)
        if "--tls-port" not in options:
            wait_for(lambda: server.admin().ping())
        return server

    yield one
    for server in servers:
        server.stop()


def wait_for(check: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            if check():
                return
        except redis.RedisError:
            pass
        if time.monotonic() > deadline:
            raise AssertionError("what was waited for did not come")
        time.sleep(0.05)
