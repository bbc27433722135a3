# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the store is told of a member that was discovered. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.planning.sources import Declared, undiscovered
from ansible_collections.erpops.odoo.plugins.module_utils.wave import performance, statistics
from ansible_collections.erpops.odoo.plugins.module_utils.wave.chosen import FILESTORES


def steps(
    declared: Sequence[Mapping[str, Any]],
    discoveries: Sequence[Mapping[str, Any]],
    known: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """A step for each declared member that was found and is not on its way yet, where it says something new."""
    before = {member["name"]: member for member in known}
    hosts = {discovery["host"]: discovery for discovery in discoveries}
    found = []
    for member in declared:
        row = before.get(member["name"])
        if row is not None and row["state"] != "discovered":
            continue
        facts = _facts(member, hosts.get(member["host"]))
        if facts is None or (row is not None and row["facts"].get("discovery") == facts):
            continue
        found.append(
            {
                "name": member["name"], "kind": "record", "verb": "wave_discover", "outcome": "discovered",
                "host": member["host"], "database": member["database"], "facts": {"discovery": facts},
            }
        )  # fmt: skip
    return found


def filestores(discovery: Mapping[str, Any], database: Mapping[str, Any]) -> str | None:
    """The folder of all filestores: the one that holds this database's, or where the host's only Odoo makes one."""
    path = (database.get("filestore") or {}).get("path")
    if path:
        return str(PurePosixPath(path).parent)
    configured = {each.get("data_dir") for each in discovery.get("odoo") or () if each.get("data_dir")}
    folders = configured or set(discovery.get("data_folders") or ())
    return str(PurePosixPath(folders.pop()) / "filestore") if len(folders) == 1 else None


def folders(
    declared: Sequence[Mapping[str, Any]],
    known: Sequence[Mapping[str, Any]],
    discoveries: Sequence[Mapping[str, Any]],
    host: str,
) -> list[str]:
    """The folders of filestores that moves of the host's members need: declared, recorded, or discovered since."""
    rows = {member["name"]: member for member in known}
    found = next((each for each in discoveries if each["host"] == host), {})
    databases = {each["name"]: each for each in found.get("databases") or ()}
    wanted: set[str] = set()
    for member in declared:
        row = rows.get(member["name"]) or {}
        if member["host"] != host or row.get("state") == "committed":
            continue
        recorded = (row.get("facts") or {}).get("discovery") or {}
        database = databases.get(member["database"])
        seen = (recorded.get("filestores"), filestores(found, database) if database else None)
        wanted |= (
            {member["filestores"]} if member.get("filestores") else {each for each in seen if each} or {FILESTORES}
        )
    return sorted(wanted) or [FILESTORES]


def missing(declared: Sequence[Mapping[str, Any]], discoveries: Sequence[Mapping[str, Any]]) -> list[str]:
    """Members whose database is not on their host, which was read: a sentence each."""
    hosts = {discovery["host"] for discovery in discoveries}
    members = [
        Declared(name=each["name"], host=each["host"], database=each["database"])
        for each in declared
        if each["host"] in hosts
    ]
    return [str(problem) for problem in undiscovered(members, discoveries)]


def _facts(member: Mapping[str, Any], discovery: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What later verbs and reports need; the rest is in the discovery's own file."""
    if discovery is None:
        return None
    database = next((each for each in discovery["databases"] if each["name"] == member["database"]), None)
    if database is None:
        return None
    filestore = database.get("filestore") or {}
    return {
        "bytes": database["bytes"],
        "odoo_version": database["odoo_version"],
        "filestores": filestores(discovery, database),
        "filestore_bytes": filestore.get("bytes"),
        "filestore_known": filestore.get("referenced"),
        "filestore_missing": filestore.get("missing_count"),
        "users": database.get("users"),
        "blockers": [blocker["id"] for blocker in database.get("blockers") or ()],
        "classification": database.get("classification"),
        "performance": performance.baseline(discovery, member["database"]),
        "statistics": statistics.baseline(discovery, database),
    }
