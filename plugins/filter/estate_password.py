# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter estate_password."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.erpops.odoo.plugins.module_utils.estate.secrets import password

SHORTEST_SECRET = 32


def estate_password(
    estate_secret: str,
    purpose: str,
    subject: str = "",
    version: int = 1,
    overrides: Mapping[str, str] | None = None,
) -> str:
    if not isinstance(estate_secret, str) or len(estate_secret) < SHORTEST_SECRET:
        raise AnsibleFilterError(
            f"estate_secret: it must be a text of {SHORTEST_SECRET} random characters or more, since every password "
            "is derived from it. Make one with 'openssl rand -base64 48' and keep it in a vault."
        )
    return password(str(estate_secret), overrides or {}, purpose, subject, int(version))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"estate_password": estate_password}
