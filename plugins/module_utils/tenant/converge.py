# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run over all tenants' databases: read, plan, carry out; in check mode the same without carrying out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import Action
from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import Unreachable
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import Server
from ansible_collections.erpops.odoo.plugins.module_utils.tenant import client
from ansible_collections.erpops.odoo.plugins.module_utils.tenant.execution import Executor
from ansible_collections.erpops.odoo.plugins.module_utils.tenant.model import Actual, Desired, Step
from ansible_collections.erpops.odoo.plugins.module_utils.tenant.plan import (
    awaiting_removal,
    empty,
    plan,
    undeclared,
)
from ansible_collections.erpops.odoo.plugins.module_utils.tenant.quota import GIGABYTE
from ansible_collections.erpops.odoo.plugins.module_utils.tenant.simulation import simulate, snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the module returns."""

    before: Mapping[str, Any]
    after: Mapping[str, Any]
    actions: tuple[Action, ...]
    values: Mapping[str, Any]


def converge(
    servers: Mapping[str, Server],
    desired: Desired,
    administrators: Mapping[str, str],
    *,
    check_mode: bool,
    deep: bool,
    evidence_of_absence: bool,
) -> Outcome:
    try:
        with client.opened(servers) as estate:
            if not check_mode:
                client.lock(estate)
            actual = client.read(estate, desired)
            if deep:
                actual = client.read_deep(estate, desired, actual)
            steps = plan(desired, actual)
            if not check_mode:
                Executor(estate=estate, desired=desired, administrators=administrators).run(steps)
            return outcome(desired, actual, steps)
    except Unreachable:
        if not (check_mode and evidence_of_absence):
            raise
    return predicted(servers, desired)


def predicted(servers: Mapping[str, Server], desired: Desired) -> Outcome:
    """The whole plan, for clusters that are proved not to be there yet."""
    actual = empty(tuple(servers))
    return outcome(desired, actual, plan(desired, actual))


def outcome(desired: Desired, actual: Actual, steps: Sequence[Step]) -> Outcome:
    after = simulate(desired, actual, steps)
    declared = {tenant.name for tenant in desired.tenants}
    left = undeclared(desired, after) if not desired.prepare_only else ()
    return Outcome(
        before=snapshot(desired, actual),
        after=snapshot(desired, after),
        actions=tuple(step.action for step in steps),
        values={
            "allocations": [row.allocation.as_dict() for row in after.registry if row.alive and row.name in declared],
            "undeclared": [row.name for row in left],
            "undeclared_allocations": [row.allocation.as_dict() for row in left],
            "awaiting_removal": list(awaiting_removal(desired, after)),
            "sizes": _sizes(desired, actual),
        },
    )


def _sizes(desired: Desired, actual: Actual) -> list[dict[str, Any]]:
    """What each database takes, beside the limit that it shares with the tenant's filestore."""
    sizes = []
    for tenant in desired.tenants:
        cluster = actual.clusters.get(tenant.cluster)
        database = cluster.databases.get(tenant.name) if cluster else None
        if database:
            limit = tenant.limits.storage_gb
            limit_bytes = None if limit is None else limit * GIGABYTE
            sizes.append({"name": tenant.name, "database_bytes": database.size, "limit_bytes": limit_bytes})
    return sizes
