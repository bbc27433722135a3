# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a module's parameters to desired clusters and the way to reach them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.patroni import access, configuration, evidence, host
from ansible_collections.erpops.odoo.plugins.module_utils.patroni.converge import Reach
from ansible_collections.erpops.odoo.plugins.module_utils.patroni.model import Cluster, clusters_from
from ansible_collections.erpops.odoo.plugins.module_utils.patroni.plan import Desired
from ansible_collections.erpops.odoo.plugins.module_utils.patroni.rest import Api
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import Server

SUPERUSER = "postgres"


def findings_of(parameters: Mapping[str, Any]) -> tuple[evidence.Evidence, ...]:
    return tuple(evidence.evidence_from(value) for value in parameters["evidence"])


def desires(parameters: Mapping[str, Any]) -> tuple[tuple[Desired, ...], tuple[str, ...]]:
    """The clusters of this run, and the names of those that it leaves out, since none of their hosts is in it."""
    clusters = clusters_from(parameters["clusters"], list(parameters["hosts"]))
    findings = findings_of(parameters)
    inside = {finding.cluster for finding in findings} or {cluster.name for cluster in clusters}
    wanted = tuple(_desired(cluster, parameters, findings) for cluster in clusters if cluster.name in inside)
    return wanted, tuple(cluster.name for cluster in clusters if cluster.name not in inside)


def _desired(cluster: Cluster, parameters: Mapping[str, Any], findings: tuple[evidence.Evidence, ...]) -> Desired:
    memory_mb, cpus = evidence.smallest(cluster.name, findings) or (host.memory_mb(), host.cpus())
    return Desired(
        cluster=cluster,
        configuration=configuration.dynamic(
            cluster,
            memory_mb=memory_mb,
            cpus=cpus,
            max_connections=parameters["max_connections"],
            timing=configuration.Timing(**{name: parameters[name] for name in configuration.MINIMUM}),
        ),
        roles=access.roles(parameters["passwords"]),
        restart=parameters["restart"],
    )


def reach_of(desired: Desired, parameters: Mapping[str, Any]) -> Reach:
    cluster = desired.cluster
    addresses = {member: parameters["hosts"][member] for member in cluster.members}
    return Reach(
        api=Api(
            addresses=addresses,
            port=parameters["api_port"],
            ca_file=parameters["ca_file"],
            user=parameters["api_user"],
            password=parameters["api_password"],
        ),
        server=Server(
            hosts=tuple(addresses.values()),
            port=cluster.port,
            user=SUPERUSER,
            password=parameters["superuser_password"],
            ca_file=parameters["ca_file"],
        ),
        wait_seconds=parameters["wait_seconds"],
        evidence=findings_of(parameters),
    )
