# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter firewall_ruleset."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError
from ansible_collections.erpops.odoo.plugins.module_utils.host.firewall import Egress, Firewall, Flow, ruleset


def firewall_ruleset(
    members: Mapping[str, Sequence[str]],
    groups: Sequence[str],
    admin_networks: Sequence[str],
    container_network: str,
    container_egress: Sequence[Mapping[str, Any]] = (),
    extra_flows: Sequence[Mapping[str, Any]] = (),
) -> str:
    firewall = Firewall(
        groups=tuple(groups),
        members=members,
        admin_networks=tuple(admin_networks),
        container_network=container_network,
        container_egress=tuple(Egress(**egress) for egress in container_egress),
        extra_flows=tuple(
            Flow(
                groups=tuple(flow.get("groups") or ()),
                ports=str(flow["ports"]),
                sources=tuple(flow["sources"]),
                protocol=flow.get("protocol") or "tcp",
            )
            for flow in extra_flows
        ),
    )
    try:
        return ruleset(firewall)
    except ErpopsError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"firewall_ruleset": firewall_ruleset}
