# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the argument in ``module_utils/wave/inputs.py``: ``WAIVERS``."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  waivers:
    description:
      - What need not hold, as C(wave_waivers). M(erpops.odoo.wave_gates) returns the waived gates with their reasons.
      - Rules of the preflight are waived in M(erpops.odoo.wave_preflight), other gates in M(erpops.odoo.wave_gates).
    type: list
    elements: dict
    default: []
    suboptions:
      member:
        description: Name of the member.
        type: str
        required: true
      gate:
        description: The gate.
        type: str
        required: true
        choices:
          [preflight, dispositions, probes, hostname, rehearsal, update,
           budget, window, restore_point, acceptance, approval]
      rule:
        description: The rule of the preflight, with gate V(preflight) alone.
        type: str
      reason:
        description: Why.
        type: str
        required: true
      until:
        description: The last day on which it counts, such as V(2027-01-31), in quotes.
        type: str
        required: true
"""
