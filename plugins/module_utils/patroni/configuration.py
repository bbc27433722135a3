# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The dynamic configuration that all members of a cluster share, kept in etcd: declared, checked, compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Problem
from ansible_collections.erpops.odoo.plugins.module_utils.patroni.model import Cluster
from ansible_collections.erpops.odoo.plugins.module_utils.patroni.sizing import FOLLOWERS, sized

# Patroni answers 200 to smaller ones, stores them, and runs with these.
MINIMUM = {"ttl": 20, "loop_wait": 1, "retry_timeout": 3}

PRELOADED = ("pg_stat_statements", "auto_explain", "pg_cron", "pgaudit", "pg_prewarm")

# Without it Patroni drops slots that it did not make, on a new primary at the latest. Those of the ways back come and
# go with the members, and PostgreSQL itself keeps them on standbys.
IGNORED_SLOTS = ({"type": "logical", "plugin": "pgoutput"},)

BASELINE: Mapping[str, str | int] = {
    "wal_level": "logical",
    "wal_log_hints": "on",
    "wal_compression": "lz4",
    "wal_keep_size": "256MB",
    # For every member of a wave one slot and sender of the way back, and one origin and worker of the way here.
    "max_wal_senders": 50,
    "max_replication_slots": 50,
    "max_logical_replication_workers": FOLLOWERS,
    # A standby keeps the slots that were made for failover, so that a legacy host goes on behind a new primary.
    "sync_replication_slots": "on",
    "hot_standby_feedback": "on",
    # A dead replica's slot must not fill the primary's disk; the replica is made anew then.
    "max_slot_wal_keep_size": "16GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "effective_io_concurrency": 200,
    "autovacuum_vacuum_scale_factor": "0.05",
    "autovacuum_analyze_scale_factor": "0.02",
    "password_encryption": "scram-sha-256",
    # Modules and monitoring get in when the tenants have used up everything else.
    "superuser_reserved_connections": 10,
    "tcp_keepalives_idle": 60,
    "tcp_keepalives_interval": 10,
    "tcp_keepalives_count": 3,
    "track_io_timing": "on",
    "log_checkpoints": "on",
    "log_lock_waits": "on",
    "log_autovacuum_min_duration": "10s",
    "log_temp_files": "64MB",
    "log_line_prefix": "%m [%p] %q%u@%d/%a ",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How fast a dead primary is noticed: the outage of a killed host lies between ttl - loop_wait and ttl."""

    ttl: int = 20
    loop_wait: int = 5
    retry_timeout: int = 5


def timing_faults(timing: Timing) -> Iterator[Problem]:
    for name, lowest in MINIMUM.items():
        value = getattr(timing, name)
        if value < lowest:
            cure = f"Give at least {lowest}: Patroni takes less without an error and runs with {lowest}."
            yield Problem("postgres", f"postgres_{name}", str(value), cure)
    needed = timing.loop_wait + 2 * timing.retry_timeout
    if needed > timing.ttl:
        cure = (
            f"It must be at least loop_wait + 2 x retry_timeout, here {needed}: else a healthy primary loses its lease."
        )
        yield Problem("postgres", "postgres_ttl", str(timing.ttl), cure)


def dynamic(cluster: Cluster, *, memory_mb: int, cpus: int, max_connections: int, timing: Timing) -> dict[str, Any]:
    """The dynamic configuration of a cluster. memory_mb and cpus are the smallest member's, where not declared."""
    problems = list(timing_faults(timing))
    if problems:
        raise InputError("The timing of the cluster manager cannot be carried out.", problems)
    connections = int(cluster.parameters.get("max_connections", max_connections))
    preloaded = [name for name in PRELOADED if name in cluster.extensions]
    parameters: dict[str, Any] = {
        **BASELINE,
        **sized(cluster.memory_mb or memory_mb, cpus, connections),
        **({"shared_preload_libraries": ",".join(preloaded)} if preloaded else {}),
        **cluster.parameters,
    }
    return {
        "ttl": timing.ttl,
        "loop_wait": timing.loop_wait,
        "retry_timeout": timing.retry_timeout,
        "maximum_lag_on_failover": 1048576,
        "synchronous_mode": cluster.synchronous,
        # The primary goes on serving while etcd is away, as long as it reaches every other member.
        "failsafe_mode": True,
        "ignore_slots": [dict(slot) for slot in IGNORED_SLOTS],
        "postgresql": {
            "use_pg_rewind": True,
            "use_slots": True,
            "parameters": {name: written(value) for name, value in parameters.items()},
        },
    }


def written(value: Any) -> str | int:
    """A parameter's value as PostgreSQL writes it: YAML's booleans become on and off."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return value if isinstance(value, int) else str(value)


def patch(desired: Mapping[str, Any], actual: Mapping[str, Any], *, exclusive: bool = False) -> dict[str, Any]:
    """What to send so that ``actual`` becomes ``desired``: empty where nothing is to do.

    Keys that only the cluster has stay, but under ``postgresql.parameters`` they go (null): a parameter that is no
    longer declared returns to PostgreSQL's default.
    """
    result: dict[str, Any] = {}
    for key, value in desired.items():
        found = actual.get(key)
        if isinstance(value, Mapping):
            inner = patch(value, found if isinstance(found, Mapping) else {}, exclusive=key == "parameters")
            if inner:
                result[key] = inner
        elif str(found) != str(value):
            result[key] = value
    if exclusive:
        result.update({key: None for key in actual if key not in desired})
    return result


def merged(actual: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration after a patch, as Patroni merges it."""
    result = dict(actual)
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping):
            found = result.get(key)
            result[key] = merged(found if isinstance(found, Mapping) else {}, value)
        else:
            result[key] = value
    return result


def undeclared(desired: Mapping[str, Any], actual: Mapping[str, Any], place: str = "") -> list[str]:
    """Keys that the cluster has and nobody declared (parameters apart, which are removed)."""
    result = []
    for key, value in actual.items():
        if key not in desired:
            result.append(f"{place}{key}")
        elif key != "parameters" and isinstance(value, Mapping) and isinstance(desired[key], Mapping):
            result.extend(undeclared(desired[key], value, f"{place}{key}."))
    return result
