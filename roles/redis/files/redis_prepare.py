# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Before an instance or the Sentinel starts: put together what is declared and what it learnt while it ran.

Redis writes into its own configuration (whom it follows, which Sentinels there are) and into its ACL file (the
tenants' users). Of these files only that is kept; everything else comes anew from /etc/erpops/redis at every start.

    redis-prepare sessions|cache|queue|sentinel
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path

BASE = Path("/etc/erpops/redis")
STATE = Path("/var/lib/erpops-redis")
SENTINEL = "sentinel"
HEADER = "# What this instance learnt while it ran; the rest is in /etc/erpops/redis."
LEARNT = ("replicaof", "slaveof")
LEARNT_BY_SENTINEL = (
    *("monitor", "myid", "config-epoch", "leader-epoch", "current-epoch", "known-replica", "known-slave"),
    *("known-sentinel", "down-after-milliseconds", "failover-timeout", "parallel-syncs"),
)


def learnt(lines: Iterable[str]) -> list[str]:
    """What an instance learnt: whom it follows."""
    return [line for line in lines if line.split(maxsplit=1)[:1] and line.split(maxsplit=1)[0].lower() in LEARNT]


def learnt_by_sentinel(lines: Iterable[str], user: str, password: str) -> list[str]:
    """What a Sentinel learnt, with the declared login for each service that it watches."""
    kept = [line for line in lines if (words := line.split()) and _kept(words)]
    services = [line.split()[2] for line in kept if line.split()[1] == "monitor"]
    logins = [
        f"sentinel {option} {service} {value}"
        for service in services
        for option, value in (("auth-user", user), ("auth-pass", password))
    ]
    # A service is only known after its "monitor" line.
    return [*sorted(kept, key=lambda line: line.split()[1] != "monitor"), *logins]


def _kept(words: list[str]) -> bool:
    return len(words) > 2 and words[0] == SENTINEL and words[1] in LEARNT_BY_SENTINEL


def merged_users(base: Iterable[str], saved: Iterable[str]) -> list[str]:
    """The estate's own users as declared, and the tenants' as they were saved."""
    own = [line for line in base if line.startswith("user ")]
    names = {line.split()[1] for line in own}
    others = [line for line in saved if line.startswith("user ") and line.split()[1] not in names]
    return [*own, *(line for line in others if not line.split()[1].startswith("erpops_"))]


def lines_of(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []


def write(path: Path, lines: Iterable[str]) -> None:
    """All of it or nothing: a start that is killed leaves the old file."""
    passing = path.with_suffix(".new")
    with passing.open("w", encoding="utf-8") as file:
        file.write("".join(f"{line}\n" for line in lines))
        file.flush()
        os.fsync(file.fileno())
    passing.replace(path)


def main(name: str) -> None:
    folder = STATE / name
    own = BASE / ("sentinel.acl" if name == SENTINEL else "instances.acl")
    write(folder / "users.acl", merged_users(lines_of(own), lines_of(folder / "users.acl")))
    if name == SENTINEL:
        login = json.loads((BASE / "sentinel-login.json").read_text(encoding="utf-8"))
        path = folder / "sentinel.conf"
        write(path, [HEADER, *learnt_by_sentinel(lines_of(path), login["user"], login["password"])])
    else:
        path = folder / "redis.conf"
        write(path, [HEADER, *learnt(lines_of(path))])


if __name__ == "__main__":
    main(sys.argv[1])
