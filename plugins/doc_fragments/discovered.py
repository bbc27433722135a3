# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of modules that read the members of waves and what discovery found of them."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  discovery:
    description: The folder with the results of discovery, one JSON file a host, in the shape of C(docs/waves.md).
    type: path
    required: true
  members:
    description: The members, as C(wave_members) declares them.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The member's name, which is also the tenant's.
        type: str
        required: true
      host:
        description: Its legacy host.
        type: str
        required: true
      database:
        description: Its database there.
        type: str
        required: true
      url:
        description: Where its legacy host serves it. Not used here.
        type: str
      filestores:
        description: The folder of all filestores there, if discovery did not find it. Not used here.
        type: str
"""
