# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL's servers and their databases. Pure: records in, values of the result out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.erpops.odoo.plugins.module_utils.discovery.host import disks
from ansible_collections.erpops.odoo.plugins.module_utils.discovery.installation import origin
from ansible_collections.erpops.odoo.plugins.module_utils.discovery.records import (
    Record,
    body_of,
    groups,
    row,
    rows,
    section,
)

COUNTS = ("files", "bytes", "referenced", "missing_count", "orphans", "orphan_bytes", "hashed")
LISTS = {
    "missing": "missing",
    "size": "corrupt",
    "checksum": "corrupt",
    "orphan": "orphan_files",
    "unreadable": "unreadable",
}
URL = re.compile(r"[a-z][a-z0-9+.-]*://")


def servers(found: Sequence[Record]) -> list[tuple[dict[str, Any], tuple[Record, ...]]]:
    """Each PostgreSQL server of the host as ``postgres`` of the result, with its records."""
    return [(server(head, own), own) for head, own in groups(section(found, "postgres"), "cluster")]


def server(head: Record, own: Sequence[Record]) -> dict[str, Any]:
    socket, _between, port = head.body.partition("\n")
    facts = row(own, "server")
    free = disks(body_of(own, "disk"))
    return {
        "version": str(facts.get("version", "unknown")).partition(" ")[0],
        "number": facts.get("number", 0),
        "socket": socket,
        "port": int(port),
        "standby": facts.get("standby", False),
        "data_directory": body_of(own, "directory"),
        "wal_level": facts.get("wal_level", ""),
        "max_replication_slots": facts.get("max_replication_slots", 0),
        "max_wal_senders": facts.get("max_wal_senders", 0),
        "settings": rows(own, "settings"),
        "hba": rows(own, "hba"),
        "roles": rows(own, "roles"),
        "slots": rows(own, "slots"),
        "overrides": rows(own, "overrides"),
        "sessions": rows(own, "sessions"),
        "wal_free_mb": free[-1]["free_mb"] if free else None,
        "prepared_transactions": row(own, "transactions").get("prepared", 0),
        "oldest_transaction_seconds": row(own, "transactions").get("oldest_seconds") or 0,
        "wal_mb_an_hour": wal_rate(row(own, "wal")),
    }


def wal_rate(facts: Mapping[str, Any]) -> float | None:
    """MB of WAL an hour since the server was made, which is only a hint where it has just been started."""
    seconds = facts.get("seconds_up") or 0
    return round(float(facts["written"]) / 1048576 / (seconds / 3600), 1) if seconds > 3600 else None


def databases(
    own: Sequence[Record], core: set[str], on_disk: Sequence[Mapping[str, Any]]
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """The databases of one server, and what was wrong with reading them."""
    found, problems = [], []
    by_name = {each["name"]: each for each in on_disk}
    for head, parts in groups(own, "database"):
        if head.body == "postgres" and not row(parts, "counts").get("tables"):
            continue
        found.append(database(head.body, parts, core, by_name))
        if body_of(parts, "filestore", "x") == "" and found[-1]["modules"]:
            problems.append(
                {
                    "part": "filestore",
                    "message": f"database {head.body}: no folder filestore/{head.body} below any data_dir.",
                }
            )
    return found, problems


def database(
    name: str, parts: Sequence[Record], core: set[str], on_disk: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    about = row(parts, "about")
    modules = [
        {**each, "origin": origin(each["name"], each.get("author") or "", core, on_disk)}
        for each in rows(parts, "modules")
    ]
    parameters = {each["key"]: each["value"] for each in rows(parts, "parameters")}
    base = next((each["version"] or "" for each in modules if each["name"] == "base"), "")
    counts = row(parts, "counts")
    return {
        "name": name,
        "owner": about.get("owner"),
        "bytes": about.get("bytes", 0),
        "encoding": about.get("encoding"),
        "collate": about.get("collate"),
        "ctype": about.get("ctype"),
        "connection_limit": about.get("connection_limit"),
        "comment": about.get("comment"),
        "xid_age": about.get("xid_age", 0),
        "odoo_version": ".".join(base.split(".")[:2]) if base else None,
        "uuid": parameters.get("database.uuid"),
        "companies": row(parts, "companies").get("number"),
        "modules": modules,
        "by_hand": row(parts, "by_hand"),
        "users": {**row(parts, "users"), **row(parts, "active")},
        "crons": rows(parts, "crons"),
        "mail": {"servers": rows(parts, "mail_servers"), "incoming": rows(parts, "incoming"), **row(parts, "queue")},
        "attachments": {
            each["location"]: {"number": each["number"], "bytes": each["bytes"]} for each in rows(parts, "attachments")
        },
        "filestore": filestore(parts),
        "largest_tables": rows(parts, "largest"),
        "tables": counts.get("tables", 0),
        "sequences": counts.get("sequences", 0),
        "large_objects": counts.get("large_objects", 0),
        "writes": int(counts.get("writes", 0)),
        "parameters": parameters,
        "endpoints": endpoints(parts, parameters),
        "without_identity": rows(parts, "identity"),
        "objects": rows(parts, "objects"),
        "unsafe_indexes": rows(parts, "unsafe_indexes"),
        "extensions": rows(parts, "extensions"),
        "schemas": rows(parts, "schemas"),
        "grants": rows(parts, "grants"),
        "owners": rows(parts, "owners"),
        "replication": rows(parts, "replication"),
        "full_sequences": rows(parts, "full_sequences"),
        "websites": rows(parts, "websites"),
        "iap_accounts": row(parts, "iap_accounts").get("number", 0),
        "api_keys": row(parts, "api_keys").get("number", 0),
    }


def filestore(parts: Sequence[Record]) -> dict[str, Any]:
    """Files against attachments. Lists end after 200 names, counts do not."""
    values: dict[str, Any] = {
        "path": body_of(parts, "filestore"),
        "missing": [],
        "corrupt": [],
        "orphan_files": [],
        "unreadable": [],
    }
    values.update({name: 0 for name in COUNTS})
    for line in body_of(parts, "compared").split("\n"):
        kind, _between, what = line.partition(" ")
        if kind in COUNTS:
            values[kind] = int(what)
        elif kind in LISTS:
            values[LISTS[kind]].append(what)
    return values


def endpoints(parts: Sequence[Record], parameters: Mapping[str, str]) -> list[dict[str, str]]:
    """Whom the database speaks to, by what it is configured with: kind, target, where; of mail servers encryption."""
    found = []
    for each in rows(parts, "mail_servers"):
        if each["active"]:
            found.append(
                {
                    "kind": "smtp",
                    "target": f"{each['host']}:{each['port']}",
                    "where": f"mail server {each['name']}",
                    "encryption": each["encryption"] or "",
                }
            )
    for each in rows(parts, "incoming"):
        found.append(
            {
                "kind": each["type"] or "imap",
                "target": f"{each['host']}:{each['port']}",
                "where": f"incoming mail {each['name']}",
                "encryption": "ssl" if each.get("ssl") == "true" else "",
            }
        )
    for each in rows(parts, "ldap"):
        found.append({"kind": "ldap", "target": f"{each['host']}:{each['port']}", "where": "LDAP of a company"})
    for each in rows(parts, "oauth"):
        found.append({"kind": "oauth", "target": host_of(each["endpoint"]), "where": f"login with {each['name']}"})
    for each in [*rows(parts, "payment"), *rows(parts, "payment_provider")]:
        found.append(
            {"kind": "payment", "target": each["provider"], "where": f"payment {each['name']} ({each['state']})"}
        )
    for key, value in parameters.items():
        if value and URL.match(value) and key not in ("web.base.url", "report.url", "web.base.url.freeze"):
            found.append({"kind": value.split(":", 1)[0], "target": host_of(value), "where": f"parameter {key}"})
    return found


def host_of(url: str) -> str:
    """The host of a URL with its port, never the user; text that is no URL is its own."""
    try:
        parts = urlsplit(url or "")
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "(unreadable)"
    return f"{parts.hostname}{port}" if parts.hostname else str(url)
