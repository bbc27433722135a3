# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration files of declared instances. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

MEGABYTE = 1024 * 1024
LONGEST_LAG_SECONDS = "10"
FOLDER = "/etc/erpops/redis"
STATE_FOLDER = "/var/lib/erpops-redis"


def parameters(instance: Mapping[str, Any], replicated: bool) -> dict[str, str]:
    """What can be changed while an instance runs, as CONFIG GET shows it."""
    keeps = bool(instance["appendonly"])
    return {
        "maxmemory": str(int(instance["maxmemory_mb"]) * MEGABYTE),
        "maxmemory-policy": str(instance["maxmemory_policy"]),
        "appendonly": "yes" if keeps else "no",
        "appendfsync": "everysec",
        # The append-only file is what survives a restart; snapshots beside it would only fork a second process.
        "save": "",
        # A primary that lost all its replicas must stop taking writes that a failover would throw away.
        "min-replicas-to-write": "1" if keeps and replicated else "0",
        "min-replicas-max-lag": LONGEST_LAG_SECONDS,
        "tcp-keepalive": "60",
        **{str(name): str(value) for name, value in (instance.get("parameters") or {}).items()},
    }


def files(instances: Sequence[Mapping[str, Any]], replicated: bool, group: str) -> list[dict[str, Any]]:
    """Two files an instance, for host_files: what restarts it, and what is set live."""
    result = []
    for instance in instances:
        name = instance["name"]
        for path, content in (
            (f"{FOLDER}/{name}.conf", _fixed(name, int(instance["port"]))),
            (f"{FOLDER}/{name}-live.conf", _live(parameters(instance, replicated))),
        ):
            result.append({"path": path, "content": content, "owner": "root", "group": group, "mode": "0640"})
    return result


def units(instances: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The instances' units, for host_units; what is set live restarts nothing."""
    common = [
        "/etc/systemd/system/erpops-redis@.service",
        "/usr/local/lib/erpops/redis-prepare",
        f"{FOLDER}/common.conf",
        f"{FOLDER}/instances.acl",
    ]
    return [
        {
            "name": f"erpops-redis@{instance['name']}.service",
            "state": "started",
            "enabled": True,
            "restart_when": [*common, f"{FOLDER}/{instance['name']}.conf"],
        }
        for instance in instances
    ]


def _fixed(name: str, port: int) -> str:
    lines = [
        f"# Redis {name}. A change here restarts it.",
        f"include {FOLDER}/common.conf",
        f"tls-port {port}",
        f"unixsocket /run/erpops-redis-{name}/redis.sock",
        f"replica-announce-port {port}",
        f"dir {STATE_FOLDER}/{name}",
        f"aclfile {STATE_FOLDER}/{name}/users.acl",
        f"include {FOLDER}/{name}-live.conf",
    ]
    return "".join(f"{line}\n" for line in lines)


def _live(values: Mapping[str, str]) -> str:
    lines = [f'{name} "{value}"' for name, value in sorted(values.items())]
    return "".join(f"{line}\n" for line in ["# Set live, and read at the next start.", *lines])
