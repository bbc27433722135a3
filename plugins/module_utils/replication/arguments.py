# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules of a member's move share: arguments, and the values made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.estate.arguments import POSTGRES, Spec
from ansible_collections.erpops.odoo.plugins.module_utils.filestore.copy import Place
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
    **POSTGRES,
    "member": {"type": "str", "required": True},
    "database": {"type": "str", "required": True},
    "source": {"type": "dict", "required": True, "options": LOGIN},
}


PLACE: Spec = {
    "folder": {"type": "path", "required": True},
    "name": {"type": "str"},
    "command": {"type": "list", "elements": "str", "default": []},
    "forced": {"type": "bool", "default": False},
}
FILESTORE: Spec = {
    "filestore": {
        "type": "dict",
        "options": {
            "source": {"type": "dict", "required": True, "options": PLACE},
            "target": {"type": "dict", "required": True, "options": PLACE},
            "seconds": {"type": "int", "default": 3600},
            "lost": {"type": "bool", "default": False},
        },
    },
}
TOOLS: Spec = {
    "tools": {"type": "path", "default": "/usr/lib/postgresql/17/bin"},
    "dump_seconds": {"type": "int", "default": 86400},
}
COPIES: Spec = {
    "spool": {"type": "path", "default": "/var/lib/erpops/waves"},
    "roles": {"type": "dict", "default": {}},
}
# What limits the time in which nobody serves.
ROOM: Spec = {
    "room": {"type": "dict", "default": {}},
    "spool_room": {"type": "dict", "default": {}},
}
WINDOW: Spec = {
    "jobs": {"type": "int", "default": 4},
    "window_seconds": {"type": "int", "default": 300},
    "drain_seconds": {"type": "int", "default": 60},
    "quiet_seconds": {"type": "float", "default": 5},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filestores:
    """seconds: the longest that one command on either side may take. lost: the source is known to have no file."""

    source: Place
    target: Place
    seconds: float
    lost: bool = False


def filestores_from(parameters: Mapping[str, Any]) -> Filestores | None:
    given = parameters.get("filestore")
    if not given:
        return None
    return Filestores(
        source=_place(given["source"], parameters["database"]),
        target=_place(given["target"], parameters["member"]),
        seconds=given["seconds"],
        lost=given.get("lost") or False,
    )


def _place(given: Mapping[str, Any], name: str) -> Place:
    return Place(
        folder=given["folder"],
        name=given.get("name") or name,
        command=tuple(given.get("command") or ()),
        forced=given.get("forced") or False,
    )


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
