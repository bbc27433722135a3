# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a tenant's registry number gives it, once and for ever: uid, ports, container network.

The registry (a table in database ``erpops``) hands out the number; nothing here is hashed, since hashes would move
tenants whenever a host is added.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FIRST_UID = 20000
FIRST_PORT = 10000
PORTS_EACH = 4  # http, gevent, wake (a socket that starts a sleeping unit), rehearsal
NETWORK_PREFIX = 28
HIGHEST_NUMBER = 4000  # 10000 + 4 * 4000 = 26000 stays below the kernel's ephemeral ports (32768)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """Where a tenant lives on hosts. ``image`` is the digest reference that its unit was last started with."""

    name: str
    number: int
    app_host: str
    image: str = ""

    @property
    def uid(self) -> int:
        return FIRST_UID + self.number

    @property
    def http_port(self) -> int:
        return FIRST_PORT + PORTS_EACH * self.number

    @property
    def gevent_port(self) -> int:
        return self.http_port + 1

    @property
    def wake_port(self) -> int:
        return self.http_port + 2

    @property
    def rehearsal_port(self) -> int:
        """Of a copy that users try while the source still serves: its own, so that the cutover waits for nothing."""
        return self.http_port + 3

    def subnet(self, container_network: str) -> str:
        """The tenant's own network, a /28 of the /16 ``container_network``: the first host is its gateway."""
        base = int(ipaddress.ip_network(container_network).network_address)
        return str(ipaddress.ip_network((base + self.number * 2 ** (32 - NETWORK_PREFIX), NETWORK_PREFIX)))

    def as_dict(self) -> dict[str, Any]:
        """For a module's result: what later plays hand to ``from_dict``."""
        return {"name": self.name, "number": self.number, "app_host": self.app_host, "image": self.image}


def allocation_from(value: Mapping[str, Any]) -> Allocation:
    return Allocation(
        name=value["name"], number=value["number"], app_host=value["app_host"], image=value.get("image") or ""
    )
