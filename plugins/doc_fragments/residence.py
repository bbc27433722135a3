# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules of an app host share: part of ``RESIDENCE`` in ``module_utils/odoo/parameters.py``."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
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
