# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters on declared PostgreSQL clusters, and on what their hosts say of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError
from ansible_collections.erpops.odoo.plugins.module_utils.patroni import configuration, evidence, model


def _as_dict(cluster: model.Cluster) -> dict[str, Any]:
    value = asdict(cluster)
    lists = {name: list(item) for name, item in value.items() if isinstance(item, tuple)}
    return {**value, **lists, "server_name": cluster.server_name}


def _clusters(values: Sequence[Mapping[str, Any]] | None, hosts: Sequence[str]) -> tuple[model.Cluster, ...]:
    try:
        return model.clusters_from(values or (), list(hosts))
    except ErpopsError as error:
        raise AnsibleFilterError(str(error)) from error
    except (KeyError, TypeError) as error:
        raise AnsibleFilterError(
            f"postgres_clusters: give a list of mappings, each with name and members ({error})."
        ) from error


def postgres_clusters(values: Sequence[Mapping[str, Any]] | None, hosts: Sequence[str]) -> list[dict[str, Any]]:
    return [_as_dict(cluster) for cluster in _clusters(values, hosts)]


def postgres_cluster_of(values: Sequence[Mapping[str, Any]] | None, hosts: Sequence[str], host: str) -> dict[str, Any]:
    try:
        return _as_dict(model.cluster_of(_clusters(values, hosts), host))
    except ErpopsError as error:
        raise AnsibleFilterError(str(error)) from error


def patroni_configuration(
    cluster: Mapping[str, Any],
    memory_mb: int,
    cpus: int,
    max_connections: int,
    ttl: int,
    loop_wait: int,
    retry_timeout: int,
) -> dict[str, Any]:
    timing = configuration.Timing(ttl=ttl, loop_wait=loop_wait, retry_timeout=retry_timeout)
    (typed,) = _clusters([cluster], cluster["members"])
    try:
        return configuration.dynamic(
            typed, memory_mb=memory_mb, cpus=cpus, max_connections=max_connections, timing=timing
        )
    except ErpopsError as error:
        raise AnsibleFilterError(str(error)) from error


def postgres_absence(
    findings: Sequence[Mapping[str, Any]], values: Sequence[Mapping[str, Any]] | None, hosts: Sequence[str]
) -> bool:
    typed = [evidence.evidence_from(finding) for finding in findings]
    return all(evidence.absent(cluster.name, cluster.members, typed) for cluster in _clusters(values, hosts))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "postgres_clusters": postgres_clusters,
            "postgres_cluster_of": postgres_cluster_of,
            "patroni_configuration": patroni_configuration,
            "postgres_absence": postgres_absence,
        }
