# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the arguments in ``module_utils/replication/arguments.py``: ``TOOLS``."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  jobs:
    description: How many tables are dumped, restored or compared at once.
    type: int
    default: 2
  tools:
    description: Folder of C(pg_dump) and C(pg_restore), of the target's version.
    type: path
    default: /usr/lib/postgresql/17/bin
  dump_seconds:
    description: The longest that the dump, and the restore, may take.
    type: int
    default: 86400
"""
