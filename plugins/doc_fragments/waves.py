# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of modules that join the members of waves by what they share."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  links:
    description: What people know of members that belong together, or need not although they share something.
    type: list
    elements: dict
    default: []
    suboptions:
      members:
        description: The members.
        type: list
        elements: str
        required: true
      together:
        description:
          - V(true) binds them. V(false) says that what was found between them does not bind.
        type: bool
        required: true
      reason:
        description: Why; it stands on the map and in the plan.
        type: str
        required: true
  addresses:
    description: The address of each legacy host, by which connections between them are recognized.
    type: dict
    default: {}
"""
