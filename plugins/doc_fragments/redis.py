# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the arguments in ``module_utils/redis/arguments.py``: ``REDIS``."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  host:
    description: The address of this host's instances.
    type: str
    required: true
  admin_user:
    description: The user to log in as.
    type: str
    default: erpops_admin
  admin_password:
    description: Its password.
    type: str
    required: true
  ca_file:
    description: The estate's root certificate.
    type: path
    default: /etc/erpops/pki/ca.crt
  state_folder:
    description: Where each instance has a folder of its name, with what it writes; made by its first start.
    type: path
    default: /var/lib/erpops-redis
"""
