# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules of a member's move share: arguments, and the values made of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.estate.arguments import POSTGRES, Spec
from ansible_collections.erpops.odoo.plugins.module_utils.replication.model import Login, Member

LOGIN: Spec = {
    "host": {"type": "list", "elements": "str", "required": True},
    "port": {"type": "int", "default": 5432},
    "user": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "sslmode": {"type": "str"},
    "sslrootcert": {"type": "path"},
}
MEMBER: Spec = {
    **{name: option for name, option in POSTGRES.items() if name != "postgres_evidence_of_absence"},
    "member": {"type": "str", "required": True},
    "database": {"type": "str", "required": True},
    "source": {"type": "dict", "required": True, "options": LOGIN},
}


def member_from(parameters: Mapping[str, Any]) -> Member:
    return Member(name=parameters["member"], database=parameters["database"])


def login_from(given: Mapping[str, Any], user: str) -> Login:
    return Login(
        host=tuple(given["host"]),
        port=given["port"],
        user=given["user"] or user,
        password=given["password"] or "",
        sslmode=given["sslmode"] or "",
        sslrootcert=given["sslrootcert"] or "",
    )
