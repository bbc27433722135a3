# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter tenant_pools."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.estate import model


def tenant_pools(
    tenants: Sequence[Mapping[str, Any]],
    instances: Sequence[Mapping[str, Any]],
    tiers: Sequence[Mapping[str, Any]] = (),
) -> list[dict[str, Any]]:
    """Name, cluster and pool_size of each tenant on hosts that has a connection limit."""
    resolved = model.resolve(model.tenants_from(tenants), model.instances_from(instances), model.tiers_from(tiers))
    return [
        {"name": tenant.name, "cluster": tenant.cluster, "pool_size": tenant.pool_size}
        for tenant in resolved
        if tenant.state != "absent" and tenant.instance.placement == model.PLACEMENT_HOSTS and tenant.pool_size
    ]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"tenant_pools": tenant_pools}
