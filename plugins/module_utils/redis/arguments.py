# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules of a host's instances share: where these are, and as whom to reach them."""

from __future__ import annotations

from ansible_collections.erpops.odoo.plugins.module_utils.estate.arguments import Spec

REDIS: Spec = {
    "host": {"type": "str", "required": True},
    "admin_user": {"type": "str", "default": "erpops_admin"},
    "admin_password": {"type": "str", "required": True, "no_log": True},
    "ca_file": {"type": "path", "default": "/etc/erpops/pki/ca.crt"},
    "state_folder": {"type": "path", "default": "/var/lib/erpops-redis"},
}
