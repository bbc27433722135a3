# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the arguments in ``module_utils/replication/arguments.py``: ``WINDOW``."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  jobs:
    description: How many tables of each side are compared at once.
    type: int
    default: 4
  window_seconds:
    description: How long nobody may serve. When it is over, the member returns to where it served before.
    type: int
    default: 300
  drain_seconds:
    description: How long the last changes may take to arrive.
    type: int
    default: 60
  quiet_seconds:
    description:
      - How long what is under way when the window opens may go on, while nothing new begins. A scheduled action of Odoo
        that takes longer returns the member to where it served before, since it may have sent mails that its database
        does not know to be sent; other transactions are ended then.
      - V(0) waits for nothing.
    type: float
    default: 5
"""
