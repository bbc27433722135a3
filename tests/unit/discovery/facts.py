# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A database, a server and a host on which nothing is wrong; tests change what they are about."""

from __future__ import annotations

from typing import Any


def server(**changes: Any) -> dict[str, Any]:
    return {
        "version": "13.16",
        "number": 130016,
        "standby": False,
        "wal_level": "logical",
        "max_replication_slots": 10,
        "slots": [],
        "wal_free_mb": 50_000,
        "roles": [],
        "overrides": [],
        **changes,
    }


def module(name: str, origin: str = "odoo", state: str = "installed") -> dict[str, str]:
    return {"name": name, "origin": origin, "state": state, "author": "", "version": "14.0.1"}


def database(**changes: Any) -> dict[str, Any]:
    files = {"path": "/f", "files": 1, "bytes": 1, "missing": [], "missing_count": 0, "corrupt": [], "orphans": 0}
    return {
        "name": "acme",
        "owner": "odoo",
        "bytes": 50_000_000,
        "encoding": "UTF8",
        "xid_age": 10,
        "odoo_version": "14.0",
        "modules": [module("base"), module("web")],
        "by_hand": {"models": 0, "fields": 0, "actions": 0, "views": 0},
        "users": {"internal": 3, "portal": 0, "active_30_days": 1},
        "mail": {"queued": 0, "servers": []},
        "attachments": {},
        "filestore": {**files, "orphan_bytes": 0, "unreadable": [], "orphan_files": []},
        "large_objects": 0,
        "without_identity": [],
        "objects": [],
        "unsafe_indexes": [],
        "extensions": [{"name": "plpgsql"}],
        "grants": [],
        "owners": [{"role": "odoo"}],
        "endpoints": [],
        **changes,
    }


def host(**changes: Any) -> dict[str, Any]:
    return {"odoo": [{"patched_files": []}], "remote_servers": [], **changes}
