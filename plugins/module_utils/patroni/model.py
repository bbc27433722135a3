# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL clusters as their operator declares them, with every default filled in, and their faults."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Problem
from ansible_collections.erpops.odoo.plugins.module_utils.patroni.sizing import MINIMUM_MEMORY_MB

DEFAULT_CLUSTER = "main"
DEFAULT_PORT = 5432
DEFAULT_EXTENSIONS = ("pg_stat_statements",)

# What Patroni or the role sets itself: an override would be ignored, or would cut the members off from each other.
OWNED_PARAMETERS = frozenset(
    {
        "archive_cleanup_command",
        "cluster_name",
        "config_file",
        "data_directory",
        "hba_file",
        "hot_standby",
        "ident_file",
        "listen_addresses",
        "port",
        "primary_conninfo",
        "primary_slot_name",
        "recovery_target",
        "restore_command",
        "ssl",
        "ssl_ca_file",
        "ssl_cert_file",
        "ssl_key_file",
        "ssl_min_protocol_version",
        "synchronous_standby_names",
        "unix_socket_directories",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """One PostgreSQL cluster. One member is a cluster of one, run by the same software."""

    name: str
    members: tuple[str, ...]
    synchronous: bool
    memory_mb: int | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    extensions: tuple[str, ...] = DEFAULT_EXTENSIONS
    encrypted_at_rest: bool | None = None
    port: int = DEFAULT_PORT

    @property
    def server_name(self) -> str:
        """The name in every member's certificate: what a client that follows the primary verifies."""
        return f"{self.name}.postgres.internal"


def clusters_from(values: Sequence[Mapping[str, Any]], hosts: Sequence[str]) -> tuple[Cluster, ...]:
    """The declared clusters; without any, one of all hosts of group postgres. Raises InputError with all faults."""
    declared = values or [{"name": DEFAULT_CLUSTER, "members": list(hosts)}]
    clusters = tuple(_cluster(value) for value in declared)
    problems = list(faults(clusters, hosts))
    if problems:
        raise InputError("postgres_clusters cannot be carried out.", problems)
    return clusters


def cluster_of(clusters: Sequence[Cluster], host: str) -> Cluster:
    """The cluster that a host carries."""
    for cluster in clusters:
        if host in cluster.members:
            return cluster
    raise InputError(
        "A host of group postgres carries no cluster.",
        [Problem(f"host {host}", "", "", "Name it under the members of a cluster in postgres_clusters.")],
    )


def _cluster(value: Mapping[str, Any]) -> Cluster:
    members = tuple(value["members"])
    synchronous = value.get("synchronous")
    extensions = value.get("extensions")
    return Cluster(
        name=value["name"],
        members=members,
        synchronous=len(members) > 1 if synchronous is None else bool(synchronous),
        memory_mb=value.get("memory_mb"),
        parameters=dict(value.get("parameters") or {}),
        extensions=DEFAULT_EXTENSIONS if extensions is None else tuple(extensions),
        encrypted_at_rest=value.get("encrypted_at_rest"),
        port=value.get("port") or DEFAULT_PORT,
    )


def faults(clusters: Sequence[Cluster], hosts: Sequence[str]) -> Iterator[Problem]:
    """Everything that is wrong with the declared clusters."""
    names = Counter(cluster.name for cluster in clusters)
    for name, times in names.items():
        if times > 1:
            yield Problem(f"postgres cluster {name}", "name", name, f"{times} clusters bear this name: rename them.")
    carried = Counter(member for cluster in clusters for member in cluster.members)
    for member, times in carried.items():
        if times > 1:
            yield Problem(f"host {member}", "members", str(times), "A host carries one cluster: leave it in one.")
    for cluster in clusters:
        yield from _faults(cluster, hosts)


def _faults(cluster: Cluster, hosts: Sequence[str]) -> Iterator[Problem]:
    subject = f"postgres cluster {cluster.name}"
    if not cluster.members:
        yield Problem(subject, "members", "", "Name at least one host of group postgres.")
    for index, member in enumerate(cluster.members):
        if member not in hosts:
            cure = f"No such host in group postgres; there are: {', '.join(hosts)}."
            yield Problem(subject, f"members[{index}]", member, cure)
    if cluster.memory_mb is not None and cluster.memory_mb < MINIMUM_MEMORY_MB:
        cure = f"Give the memory that PostgreSQL may use in MB, at least {MINIMUM_MEMORY_MB}."
        yield Problem(subject, "memory_mb", str(cluster.memory_mb), cure)
    if cluster.synchronous and len(cluster.members) < 2:
        cure = "A cluster of one has no second host to wait for: leave it out or add a member."
        yield Problem(subject, "synchronous", "true", cure)
    for name, value in cluster.parameters.items():
        if name.lower() in OWNED_PARAMETERS:
            cure = "The cluster manager or the role sets it: remove the override."
            yield Problem(subject, f"parameters.{name}", str(value), cure)
