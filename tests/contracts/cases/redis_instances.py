# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contracts.harness import Case, System
from contracts.redis_system import ACCESS, ADMIN_PASSWORD, ASK, PORT, own_redis

SENTINEL_PASSWORD = "password-of-the-sentinels"
# It follows somebody who is no member any more.
LEFT = f"{ASK} replicaof 192.0.2.1 6379"


def arguments(_system: System) -> Mapping[str, Any]:
    parameters = {"maxmemory": "67108864", "maxmemory-policy": "volatile-lru", "appendonly": "yes", "save": ""}
    return {
        **ACCESS,
        "members": ["127.0.0.1"],
        "servers": [{"name": "sessions", "port": PORT, "parameters": parameters}],
        "sentinel_password": SENTINEL_PASSWORD,
    }


def unknown(system: System) -> Mapping[str, Any]:
    return {**arguments(system), "servers": [{"name": "sessions", "port": PORT + 1, "parameters": {}}]}


def probe(system: System) -> object:
    names = "maxmemory maxmemory-policy appendonly save"
    return system.shell(f"{ASK} config get {names}; {ASK} info replication | grep -E 'role|master_host' || true")


CASES = (
    Case(
        name="parameters are set and the last member leads",
        system=own_redis(LEFT),
        arguments=arguments,
        probe=probe,
        secrets=(ADMIN_PASSWORD, SENTINEL_PASSWORD),
    ),
    Case(
        name="a server that is down is no new server",
        system=own_redis(),
        arguments=unknown,
        probe=probe,
        refused="does not answer",
    ),
)
