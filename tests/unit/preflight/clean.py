# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host on which nothing is wrong, and a tenant declared for its database; tests change what they are about."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.planning.sources import Declared
from ansible_collections.erpops.odoo.plugins.module_utils.preflight import evaluate
from ansible_collections.erpops.odoo.plugins.module_utils.preflight.model import Finding
from ansible_collections.erpops.odoo.plugins.module_utils.wave.gates import Waiver

TODAY = date(2027, 1, 11)
MEMBER = Declared(name="acme", host="legacy1", database="acme_prod")
SERVER: dict[str, Any] = {
    "version": "16.4", "number": 160004, "port": 5432, "standby": False, "wal_level": "logical",
    "max_replication_slots": 10, "max_wal_senders": 10, "slots": [], "wal_free_mb": 50_000, "roles": [],
    "overrides": [], "sessions": [], "settings": [{"name": "max_slot_wal_keep_size", "setting": "20000"}],
    "hba": [{"line": 1, "type": "local", "database": ["all"], "address": None, "method": "peer", "error": None}],
    "wal_mb_an_hour": 5.0, "prepared_transactions": 0, "oldest_transaction_seconds": 0,
}  # fmt: skip


def module(name: str, origin: str = "odoo", **changes: Any) -> dict[str, Any]:
    return {
        "name": name, "origin": origin, "state": "installed", "author": "", "license": "LGPL-3",
        "version": "18.0.1.0", **changes,
    }  # fmt: skip


def code(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "name": name, "path": f"/opt/{name}", "version": "18.0.1.0", "license": "LGPL-3", "python": ["requests"],
        "python_lines": 10, "mentions": [], "origin": "custom", **changes,
    }  # fmt: skip


def cron(**changes: Any) -> dict[str, Any]:
    return {
        "name": "Queue", "active": True, "every": 1, "unit": "hours", "module": "mail",
        "nextcall": "2027-01-10T11:00:00", **changes,
    }  # fmt: skip


def database(**changes: Any) -> dict[str, Any]:
    return {
        "name": "acme_prod", "port": 5432, "owner": "odoo", "bytes": 50_000_000, "encoding": "UTF8", "collate": "C",
        "ctype": "C.UTF-8", "connection_limit": -1, "xid_age": 10, "odoo_version": "18.0", "uuid": "u-1",
        "companies": 1, "modules": [module("base"), module("web"), module("x_acme", "custom")],
        "by_hand": {"models": 0, "fields": 0, "actions": 0, "views": 0},
        "users": {"internal": 3, "portal": 0, "active_30_days": 1, "administrator": "ann@acme.example"},
        "crons": [cron()], "mail": {"queued": 0, "failed": 0, "servers": [], "incoming": []}, "attachments": {},
        "filestore": {
            "path": "/f/acme_prod", "files": 1, "bytes": 1, "hashed": 1, "missing": [], "missing_count": 0,
            "corrupt": [], "orphans": 0, "orphan_bytes": 0, "unreadable": [],
        },
        "largest_tables": [], "large_objects": 0, "without_identity": [], "objects": [], "unsafe_indexes": [],
        "extensions": [{"name": "plpgsql"}], "schemas": [], "grants": [], "owners": [{"role": "odoo"}],
        "endpoints": [], "replication": [], "full_sequences": [], "websites": [], "iap_accounts": 0, "api_keys": 0,
        "parameters": {"web.base.url": "https://acme.example", "web.base.url.freeze": "True"}, **changes,
    }  # fmt: skip


def route(**changes: Any) -> dict[str, Any]:
    return {
        "path": "/etc/nginx/a", "server": "nginx", "hostnames": ["acme.example"], "upstream": "http://127.0.0.1:8069",
        "certificate": "/c.pem", **changes,
        "options": {"listen": ["443 ssl"], "locations": [{"location": "/"}], **changes.get("options", {})},
    }  # fmt: skip


def record() -> dict[str, Any]:
    return {
        "host": "legacy1", "collected_at": "2027-01-10T10:00:00Z", "databases": [database()],
        "system": {
            "os": "Debian GNU/Linux 12 (bookworm)", "cpus": 4, "memory_mb": 8000, "timezone": "Etc/UTC",
            "uptime_days": 30.0, "disks": [{"mount": "/", "size_mb": 100_000, "free_mb": 60_000}],
        },
        "odoo": [{
            "config": "/etc/odoo.conf", "version": "18.0", "user": "odoo", "processes": 3, "patched_files": [],
            "wkhtmltopdf": "0.12.6 (with patched qt)",
            "options": {"list_db": "False", "proxy_mode": "True", "dbfilter": "^acme_prod$", "db_host": "False"},
        }],
        "modules_on_disk": [code("x_acme")], "postgres": copy.deepcopy(SERVER), "other_postgres": [],
        "crons": [{"path": "/etc/crontab", "user": "root", "schedule": "daily", "command": "true", "package": "cron"}],
        "routes": [route()],
        "certificates": [
            {"path": "/c.pem", "names": ["acme.example"], "not_after": "2028-01-01T00:00:00Z", "issuer": "CN=R11"}
        ],
        "connections": [], "mail": {"relay": "", "queued": 0},
        "performance": {"load": [9.0, 0.5, 0.5], "slowest": [], "errors": {}}, "problems": [],
    }  # fmt: skip


def declared() -> dict[str, Any]:
    """Parameters of module wave_preflight, without members and discovery."""
    return {
        "tiers": [],
        "instances": [{"name": "i", "environment": "production", "version": "18.0", "image": "x"}],
        "tenants": [
            {"name": "acme", "instance": "i", "hostnames": ["acme.example"], "tier": "gold", "modules": ["x_acme"]}
        ],
        "allow": [], "roles": {}, "dropped_modules": {}, "allow_shared_roles": False,
        "clusters": [{"name": "main", "members": ["db1", "db2"], "synchronous": True}],
    }  # fmt: skip


def changed(value: Any, path: str, new: Any) -> None:
    """Sets ``a.0.b`` of nested dictionaries and lists; a function gets what is there."""
    *before, last = path.split("/")
    for step in before:
        value = value[int(step) if isinstance(value, list) else step]
    key: Any = int(last) if isinstance(value, list) else last
    value[key] = new(value[key]) if callable(new) else new


def found(changes: Mapping[str, Any] | None = None, waivers: Sequence[Waiver] = ()) -> tuple[Finding, ...]:
    """What the catalogue says of the clean host with changes: paths below db, pg, host, tenant, instance, declared."""
    host, parameters = record(), declared()
    places = {
        "db": host["databases"][0], "pg": host["postgres"], "host": host, "tenant": parameters["tenants"][0],
        "instance": parameters["instances"][0], "declared": parameters,
    }  # fmt: skip
    for path, new in (changes or {}).items():
        place, _between, inner = path.partition("/")
        changed(places[place], inner, new)
    return evaluate.findings([MEMBER.name], [MEMBER], [host], evaluate.targets_from(parameters), waivers, TODAY)
