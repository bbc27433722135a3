# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter postgres_access."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError


def postgres_access(clusters: Sequence[Mapping[str, Any]], addresses: Mapping[str, str]) -> list[dict[str, Any]]:
    """What modules take as clusters: name, addresses of the members, port."""
    missing = sorted({member for cluster in clusters for member in cluster["members"]} - set(addresses))
    if missing:
        raise AnsibleFilterError(
            f"postgres_clusters: there is no address for {', '.join(missing)}. Put the host into group postgres, "
            "or take it out of the cluster's members."
        )
    return [
        {
            "name": cluster["name"],
            "hosts": [addresses[member] for member in cluster["members"]],
            "port": cluster["port"],
        }
        for cluster in clusters
    ]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"postgres_access": postgres_access}
