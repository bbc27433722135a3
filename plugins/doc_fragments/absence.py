# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the arguments in ``module_utils/estate/arguments.py``: ``ABSENCE``."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  postgres_evidence_of_absence:
    description:
      - There is proof that the cluster was never made, such as no data directory on any member.
      - Only with it does check mode take a cluster that cannot be reached for an empty one; else that is an error.
    type: bool
    default: false
"""
