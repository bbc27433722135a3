#!/usr/bin/python
# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
---
module: wave_performance
short_description: How fast an app host answers the users of members that moved
version_added: 0.1.0
description:
  - Sums up the journals of the units of those members that the target serves, since each was cut over, with what
    M(erpops.odoo.wave_discover) sums up the logs of legacy hosts with. M(erpops.odoo.wave_status) compares both.
  - Units that do not run on the host are left out. Only counts and durations leave it, by path, numbers as N.
  - It runs on the controller as an action plugin and sends one script to the host's shell. It only reads.
options:
  members:
    description: The members, as M(erpops.odoo.wave_members) returns them. Those that the source serves are left out.
    type: list
    elements: dict
    required: true
  log_lines:
    description: How many lines of each unit's journal are summed up, from its end.
    type: int
    default: 200000
  seconds:
    description: How long reading one journal may take; what was read until then counts.
    type: int
    default: 60
attributes:
  check_mode:
    description: It only reads.
    support: full
  diff_mode:
    description: It only reads.
    support: none
  idempotent:
    description: It only reads.
    support: full
seealso:
  - module: erpops.odoo.wave_status
  - module: erpops.odoo.wave_discover
author:
  - erpops maintainers (@erpops)
"""

EXAMPLES = r"""
- name: Requests of the members that moved
  erpops.odoo.wave_performance:
    members: "{{ wave_members_result.members }}"
  register: wave_performance_result
"""

RETURN = r"""
actions:
  description: Always empty.
  returned: always
  type: list
  elements: dict
performance:
  description: What was measured, by the member's name; members without a request here are left out.
  returned: success
  type: dict
  sample:
    acme:
      host: app1
      from: 2026-11-23 20:04:15,120
      to: 2026-11-24 09:12:01,004
      errors: 0
      requests: {count: 1204, p50_seconds: 0.021, p95_seconds: 0.180, most_seconds: 2.3}
      routes: [{method: POST, path: /web/dataset/call_kw/res.partner/create, count: 240, p50_seconds: 0.03}]
"""
