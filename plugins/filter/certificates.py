# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters certificates_keys and certificates_public."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.estate import rules_certificates


def certificates_public(value: Any) -> Any:
    """``tenant_certificates`` without keys."""
    return rules_certificates.public(value)


def certificates_keys(value: Any) -> list[str]:
    """The keys of ``tenant_certificates``."""
    return rules_certificates.keys(value)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"certificates_keys": certificates_keys, "certificates_public": certificates_public}
