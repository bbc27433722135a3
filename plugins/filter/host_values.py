# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter host_values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from jinja2 import Undefined


def host_values(
    hosts: Sequence[str], variables: Mapping[str, Mapping[str, Any]], name: str, default: Any = None
) -> dict[str, Any]:
    """What each host has in one variable; without ``default`` each must have it."""
    found = {host: variables[host].get(name, Undefined()) for host in hosts}
    # Ansible gives such a value as well for a variable that refers to one which is not set.
    missing = [host for host, value in found.items() if isinstance(value, Undefined)]
    if missing and default is None:
        raise AnsibleFilterError(f"There is no {name} for {', '.join(missing)}: set it in the inventory.")
    return {host: default if host in missing else value for host, value in found.items()}


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"host_values": host_values}
