# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules of an app host share: part of ``RESIDENCE`` in ``module_utils/odoo/parameters.py``."""

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
        description: Its number in the registry.
        type: int
        required: true
      app_host:
        description: The app host that owns it.
        type: str
        required: true
      image:
        description: The image that its unit was last started with.
        type: str
  host:
    description: This app host, as the inventory calls it.
    type: str
    required: true
  clusters:
    description: Names of the PostgreSQL clusters, in the order in which the estate declares them.
    type: list
    elements: str
    default: [main]
  pull:
    description: Whether an image that is not on the host may be pulled from its registry.
    type: str
    choices: [never, missing]
    default: never
"""
