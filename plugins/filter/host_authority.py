# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter host_authority."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError
from ansible_collections.erpops.odoo.plugins.module_utils.pki import authority


def host_authority(
    ca_certificate: str, ca_key: str, name: str, addresses: Sequence[str] = (), dns_names: Sequence[str] = ()
) -> dict[str, str]:
    if not authority.HAS_CRYPTOGRAPHY:
        raise AnsibleFilterError(
            "host_authority needs the Python library cryptography, 45 or newer, on the controller."
        )
    try:
        # Plain values: cryptography is written in Rust and does not take Ansible's tagged ones everywhere.
        made = authority.host_authority(
            str(ca_certificate), str(ca_key), str(name), [str(item) for item in addresses], [str(n) for n in dns_names]
        )
    except ErpopsError as error:
        raise AnsibleFilterError(f"host {name}: {error}") from error
    return asdict(made)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"host_authority": host_authority}
