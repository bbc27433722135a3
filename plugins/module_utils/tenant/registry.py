# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tenant registry holds, for plays that need it before tenants are touched."""

from __future__ import annotations

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import Unreachable
from ansible_collections.erpops.odoo.plugins.module_utils.postgres import client as postgres
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import Server
from ansible_collections.erpops.odoo.plugins.module_utils.tenant import client
from ansible_collections.erpops.odoo.plugins.module_utils.tenant.model import Registered


def rows(server: Server, *, absent: bool, required: bool) -> tuple[Registered, ...] | None:
    """Every row, removed tenants included; none of a cluster that is proved to be absent.

    None where PostgreSQL does not answer and the registry is not required. Raises Unreachable where it is.
    """
    try:
        connection, there = postgres.connect_estate(server)
    except Unreachable:
        if absent:
            return ()
        if required:
            raise
        return None
    with connection:
        return client.read_registry(connection)[2] if there else ()
