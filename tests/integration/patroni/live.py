# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The PostgreSQL tier of a converged estate under fire: writers on an app host, hosts that die and return.

``ERPOPS_INVENTORY`` names the inventories, separated by colons. ``ERPOPS_LAB`` is the command that kills and starts
their hosts (default: tests/lab/lab); it takes its own settings from the environment.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from contracts.harness import ROOT, LabHost
from contracts.patroni_system import Tier

T = TypeVar("T")
PATIENCE_SECONDS = 240
FOLDER = "/srv/patroni-test"
DATABASE = "patroni-test"
ROLE = "patroni-test"
PASSWORD = "password-of-the-patroni-test"

# What a tenant does all day: small transactions through PgBouncer, a new connection after every error. A row counts as
# acknowledged once its commit returned; its number is then on disk here.
WRITER = """
import os, sys, time
import psycopg
dsn = sys.argv[1]
acked = open(sys.argv[2], "a", buffering=1)
number, connection = time.time_ns(), None
while not os.path.exists(sys.argv[3]):
    number += 1
    try:
        if connection is None:
            connection = psycopg.connect(dsn, connect_timeout=5, prepare_threshold=None, autocommit=True)
        connection.execute("INSERT INTO written (number) VALUES (%s)", [number])
        acked.write(f"{number} {time.monotonic()}\\n")
        time.sleep(0.05)
    except psycopg.Error:
        if connection is not None:
            connection.close()
        connection = None
        time.sleep(0.2)
"""


def lab(verb: str, host: str) -> None:
    command = os.environ.get("ERPOPS_LAB", str(ROOT / "tests/lab/lab"))
    done = subprocess.run([command, verb, host], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def eventually(what: str, question: Callable[[], T | None]) -> T:
    """The first answer that is true; a host that is just away is no answer."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    last = ""
    while time.monotonic() < deadline:
        try:
            answer = question()
            if answer:
                return answer
            last = repr(answer)
        except (AssertionError, subprocess.TimeoutExpired) as error:
            last = str(error)
        time.sleep(2)
    raise AssertionError(f"never: {what}. Last: {last}")


def socket_dsn(database: str = DATABASE, user: str = ROLE, password: str = PASSWORD) -> str:
    return f"host=/run/erpops-pgbouncer port=6432 dbname={database} user={user} password={password}"


def python(host: LabHost, code: str, *arguments: str) -> str:
    """Python on a host, with psycopg."""
    text = json.dumps([code, list(arguments)])
    runner = "import json,sys; code, sys.argv[1:] = json.load(sys.stdin); exec(compile(code, 'test', 'exec'))"
    return host.shell(f"python3 -c {json.dumps(runner)} <<'INPUT'\n{text}\nINPUT")


def whole(tier: Tier) -> bool:
    """One leader, everybody else streaming, a synchronous standby where one is declared."""
    members = tier.listing(tier.leader())
    roles = [one["Role"] for one in members]
    return (
        len(members) == len(tier.members)
        and roles.count("Leader") == 1
        and all(one["State"] in ("running", "streaming") for one in members)
        and (not tier.cluster.synchronous or "Sync Standby" in roles)
    )


def reachable(tier: Tier, without: str) -> LabHost:
    return next(host for name, host in tier.members.items() if name != without)


@dataclass(frozen=True)
class Writer:
    host: LabHost

    def start(self) -> None:
        self.host.shell(f"rm -rf {FOLDER}; mkdir -p {FOLDER}")
        self.host.shell(f"cat > {FOLDER}/writer.py <<'CODE'\n{WRITER}\nCODE")
        self.host.shell(
            "systemd-run --quiet --collect --unit=patroni-test-writer"
            f" python3 {FOLDER}/writer.py '{socket_dsn()}' {FOLDER}/acked {FOLDER}/stop"
        )

    def acked(self) -> list[tuple[int, float]]:
        lines = self.host.shell(f"cat {FOLDER}/acked 2>/dev/null || true").splitlines()
        return [(int(number), float(at)) for number, at in (line.split() for line in lines)]

    def wait_for(self, more: int) -> None:
        wanted = len(self.acked()) + more
        eventually(f"{more} more rows", lambda: len(self.acked()) >= wanted)

    def stop(self) -> list[tuple[int, float]]:
        self.host.shell(f"touch {FOLDER}/stop")
        eventually(
            "the writer ends", lambda: "inactive" in self.host.shell("systemctl is-active patroni-test-writer || true")
        )
        return self.acked()

    @staticmethod
    def longest_gap(acked: list[tuple[int, float]]) -> float:
        times = [found[1] for found in acked]
        return max(later - earlier for earlier, later in itertools.pairwise(times))
