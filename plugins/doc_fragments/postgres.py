# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the arguments in ``module_utils/estate/arguments.py``: ``POSTGRES``."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  postgres_hosts:
    description: Addresses of all members of the cluster. The one that accepts writes is used.
    type: list
    elements: str
    required: true
  postgres_port:
    description: Port of the members.
    type: int
    default: 5432
  postgres_user:
    description: Superuser that the collection works as.
    type: str
    default: erpops_admin
  postgres_password:
    description: Its password.
    type: str
    required: true
  postgres_ca_file:
    description: Certificate of the authority that the members' certificates are verified with.
    type: path
    default: /etc/erpops/pki/ca.crt
"""
