# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the arguments in ``module_utils/replication/arguments.py``: ``COPIES``."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  spool:
    description: Folder for a dump while it is under way.
    type: path
    default: /var/lib/erpops/waves
  roles:
    description: Roles of the source and those of the target that get their rights and settings.
    type: dict
    default: {}
"""
