# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the arguments in ``module_utils/replication/arguments.py``: ``ROOM``."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  room:
    description:
      - What M(erpops.odoo.host_room) told on each host of the target's cluster, by the name of the host, with folders
        C(data) and C(wal). A copy that would leave a disk with less than a twentieth of it free, or 10 GB where that is
        less, is refused. Disks that nobody told of are not looked at.
    type: dict
    default: {}
  spool_room:
    description: The same of the host that the module runs on, with folder C(spool).
    type: dict
    default: {}
"""
