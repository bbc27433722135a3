# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of option ``allocations``: ``ALLOCATION`` in ``module_utils/estate/arguments.py``."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  allocations:
    description: Numbers and app hosts of the tenants, the result of M(erpops.odoo.tenant_databases).
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the tenant.
        type: str
        required: true
      number:
        description: Its number in the registry, from which its ports follow.
        type: int
        required: true
      app_host:
        description: The app host that owns it.
        type: str
        required: true
      image:
        description: The image that its unit was last started with.
        type: str
"""
