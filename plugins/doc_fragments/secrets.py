# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the arguments in ``module_utils/estate/arguments.py``: ``SECRETS``."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  estate_secret:
    description: The estate's secret, which passwords are derived from.
    type: str
    required: true
  secret_overrides:
    description: Single passwords that replace the derived ones, by C(purpose) or C(purpose/subject).
    type: dict
    default: {}
"""
