# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of a tenant's published ports serves what: the edge routes by it."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.erpops.odoo.plugins.module_utils.estate.allocation import Allocation
from ansible_collections.erpops.odoo.plugins.module_utils.estate.model import ResolvedTenant

HTTP = 8069  # in the container
GEVENT = 8072
WEBSOCKET_SINCE = 16  # before it, the bus is long polling

WEBSOCKET_PATH = "/websocket"
LONGPOLLING_PATH = "/longpolling"


@dataclass(frozen=True, slots=True)
class EdgePorts:
    """Ports on the app host's ``estate_address``. ``bus_path``: the prefix that goes to ``bus``."""

    http: int
    bus: int
    bus_path: str


def prefork(resolved: ResolvedTenant) -> bool:
    return resolved.workers > 0


def bus_path(resolved: ResolvedTenant) -> str:
    return WEBSOCKET_PATH if resolved.instance.major >= WEBSOCKET_SINCE else LONGPOLLING_PATH


def edge_ports(resolved: ResolvedTenant, allocation: Allocation) -> EdgePorts:
    """A threaded server answers the bus on its only port; a prefork one has a gevent process on a port of its own."""
    return EdgePorts(
        http=allocation.http_port,
        bus=allocation.gevent_port if prefork(resolved) else allocation.http_port,
        bus_path=bus_path(resolved),
    )
