# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules for connections: what tenants may open and what their units keep, against what a cluster holds.

A unit keeps one session on database ``postgres`` for the bus and one for each cron thread, as long as it runs; these
cannot be pooled, and a suspended tenant's units are stopped and keep none.
"""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import Problem
from ansible_collections.erpops.odoo.plugins.module_utils.estate.declared import Cluster, Declared, size_of
from ansible_collections.erpops.odoo.plugins.module_utils.estate.model import Tenant, sessions

Problems = Iterator[Problem]


def connections(declared: Declared) -> Problems:
    for cluster in declared.clusters:
        tenants = [tenant for tenant in declared.living if tenant.cluster == cluster.name]
        room = cluster.max_connections - declared.numbers.postgres_reserved_connections
        for tenant in tenants:
            yield from _one(tenant, cluster, room, declared)
        yield from _all(tenants, cluster, room, declared)
        yield from _sessions(tenants, cluster, room, declared)


def _one(tenant: Tenant, cluster: Cluster, room: int, declared: Declared) -> Problems:
    size = size_of(tenant, declared)
    limit = size.limits.connections
    if limit is None or limit < 1:
        return
    if limit > room:
        yield Problem(
            f"tenant {tenant.name}",
            "limits.connections",
            str(limit),
            f"PostgreSQL cluster {cluster.name} has {room} connections for tenants (max_connections"
            f" {cluster.max_connections} without the reserved): lower the limit or raise max_connections.",
        )
    if limit < size.least_connections:
        yield Problem(
            f"tenant {tenant.name}",
            "limits.connections",
            str(limit),
            f"With {size.workers} workers and {size.cron_threads} cron threads its units need at least"
            f" {size.least_connections}: raise the limit.",
        )


def _all(tenants: list[Tenant], cluster: Cluster, room: int, declared: Declared) -> Problems:
    wanted = sum(size_of(tenant, declared).limits.connections or 0 for tenant in tenants)
    percent = declared.numbers.estate_connection_overcommit_percent
    if wanted * 100 > room * percent and len(tenants) > 1:
        yield Problem(
            f"postgres cluster {cluster.name}",
            "parameters.max_connections",
            str(cluster.max_connections),
            f"The limits of its {len(tenants)} tenants add up to {wanted} connections, there are {room} for them"
            f" (estate_connection_overcommit_percent is {percent}): lower limits, move tenants to another cluster,"
            " or raise max_connections or the percentage.",
        )


def _sessions(tenants: list[Tenant], cluster: Cluster, room: int, declared: Declared) -> Problems:
    running = [tenant for tenant in tenants if tenant.state == "present"]
    kept = sum(sessions(size_of(tenant, declared).cron_threads) for tenant in running)
    if kept > room:
        yield Problem(
            f"postgres cluster {cluster.name}",
            "parameters.max_connections",
            str(cluster.max_connections),
            f"The units of {len(running)} tenants keep {kept} sessions on database postgres (1 + cron threads each),"
            f" there is room for {room}: raise max_connections, or move tenants to another cluster.",
        )


RULES = (connections,)
