#!/usr/bin/python
# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
---
module: wave_discovery_report
short_description: Write what discovery found in an estate's legacy hosts as one page
version_added: 0.1.0
description:
  - One HTML file that opens offline, with its style inside and without scripts.
  - It runs on the controller as an action plugin. Like an entry of the ledger, the page never counts as a change.
options:
  path:
    description: The file, on the controller.
    type: path
    required: true
  estate:
    description: Name of the estate.
    type: str
    required: true
  hosts:
    description: All hosts that were asked; those without a result are named on the page.
    type: list
    elements: str
    required: true
  discovered:
    description: The results of M(erpops.odoo.wave_discover), one a host.
    type: list
    elements: dict
    required: true
  folder:
    description:
      - The folder with the results of earlier runs, C(<host>.json). What it has of O(hosts) that are not in
        O(discovered) is on the page as well, marked with its date.
    type: path
  dispositions_folder:
    description: The folder with their dispositions, C(<host>.yml).
    type: path
attributes:
  check_mode:
    description: No file is written.
    support: full
  diff_mode:
    description: A page has no diff.
    support: none
  idempotent:
    description: The same results make the same page.
    support: full
author:
  - erpops maintainers (@erpops)
"""

EXAMPLES = r"""
- name: Write the page
  erpops.odoo.wave_discovery_report:
    path: discovery/index.html
    estate: north
    hosts: [legacy1, legacy2]
    discovered: "{{ results }}"
    folder: discovery
    dispositions_folder: dispositions
"""

RETURN = r"""
actions:
  description: Always empty.
  returned: success
  type: list
  elements: dict
"""
