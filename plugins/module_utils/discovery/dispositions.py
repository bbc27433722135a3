# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of each thing found beside the databases, proposed by the tool and settled by a person. Pure.

declared: it becomes part of what the inventory declares. replaced: the estate does that in its own way. dropped: nobody
needs it any more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.discovery import probes

DISPOSITIONS = ("declared", "replaced", "dropped")
Item = dict[str, Any]


def item(kind: str, name: str, found: str, disposition: str, reason: str) -> Item:
    return {
        "kind": kind,
        "name": name,
        "found": found,
        "proposed": disposition,
        "reason": reason,
        "disposition": disposition,
        "settled": False,
        "by": "",
    }


def integration(
    name: str, found: str, disposition: str, reason: str, databases: Sequence[str] = (), encryption: str = ""
) -> Item:
    """databases: that use it; none is said where it is the host's."""
    probe = probes.proposal(name, encryption)
    return {**item("integration", name, found, disposition, reason), "databases": list(databases), "probe": probe}


def proposed(result: Mapping[str, Any]) -> list[Item]:
    """One item for each cron, route, certificate, local path, integration and custom module of a host's result."""
    items = [*crons(result), *routes(result), *certificates(result), *code(result), *integrations(result)]
    unique: dict[tuple[str, str], Item] = {}
    for each in items:
        known = unique.setdefault((each["kind"], each["name"]), each)
        if known is not each and each["found"] not in known["found"]:
            known["found"] = f"{known['found']}; {each['found']}"
        if known is not each and each.get("databases") and known.get("databases"):
            known["databases"] = sorted({*known["databases"], *each["databases"]})
    return sorted(unique.values(), key=lambda each: (each["kind"], each["name"]))


def crons(result: Mapping[str, Any]) -> list[Item]:
    """What a package brought and nobody changed asks nobody: it is in the result only."""
    items = []
    for each in result["crons"]:
        if each["package"] and not each["package"].endswith(", changed"):
            continue
        does = f"{each['command']}\n{each.get('program') or ''}"
        if re.search(r"\bpg_dump(all)?\b|\bpg_basebackup\b|\bbarman\b|pgbackrest", does):
            disposition, reason = "replaced", "A backup: the estate makes and proves its own."
        elif re.search(r"certbot|letsencrypt|acme\.sh", does):
            disposition, reason = "replaced", "It renews certificates: the edge does."
        elif re.search(r"systemctl +(re)?start +odoo|service +odoo", does):
            disposition, reason = "replaced", "It restarts Odoo: the estate's units look after themselves."
        else:
            disposition, reason = "declared", "Somebody wrote it, and nothing of the estate does the same."
        items.append(
            item(
                "cron",
                f"{each['path']}: {each['command']}",
                f"{each['schedule']} {each['user']} {each['command']}".strip(),
                disposition,
                reason,
            )
        )
    return items


def routes(result: Mapping[str, Any]) -> list[Item]:
    items = []
    for each in result["routes"]:
        hosts = ", ".join(each["hostnames"]) or "any hostname"
        listen = ", ".join(str(one) for one in each["options"].get("listen", []))
        items.append(
            item(
                "route",
                f"{each['path']}: {hosts} ({listen})",
                each["upstream"] or "no upstream",
                "replaced",
                "The edge routes the tenant's hostnames: declare those that stay.",
            )
        )
        for one in each["options"].get("locations", []):
            special = [
                key for key in ("alias", "root", "auth_basic", "allow", "deny", "limit_req", "rewrite") if key in one
            ]
            if special:
                detail = "; ".join(f"{key} {', '.join(map(str, one[key]))}" for key in special)
                items.append(
                    item(
                        "route",
                        f"{each['path']}: {hosts}: location {one['location']}",
                        detail,
                        "declared",
                        "It does more than lead to Odoo.",
                    )
                )
    return items


def certificates(result: Mapping[str, Any]) -> list[Item]:
    return [
        item(
            "certificate",
            each["path"],
            f"{', '.join(each['names'])} until {each['not_after']} by {each['issuer']}",
            "replaced",
            "The edge gets the tenant a certificate of its own; keep this one's key if a partner has pinned it.",
        )
        for each in result["certificates"]
    ]


def code(result: Mapping[str, Any]) -> list[Item]:
    """Custom modules, and the local paths and hosts that their code names."""
    used: dict[str, list[str]] = {}
    for database in result["databases"]:
        for each in database["modules"]:
            used.setdefault(each["name"], []).append(database["name"])
    items = []
    for each in result["modules_on_disk"]:
        by = used.get(each["name"], [])
        if each["origin"] != "odoo":
            reason = (
                f"Installed in {', '.join(by)}: its code belongs into the instance's modules."
                if by
                else "Installed nowhere."
            )
            items.append(
                item(
                    "custom_module",
                    each["name"],
                    f"{each['path']} {each['version']} ({each['author']})",
                    "declared" if by else "dropped",
                    reason,
                )
            )
        for mention in each["mentions"]:
            items.append(mentioned(each["name"], mention, by))
    on_disk = {each["name"] for each in result["modules_on_disk"]}
    for database in result["databases"]:
        for each in database["modules"]:
            if each["origin"] == "missing" and each["name"] not in on_disk:
                items.append(
                    item(
                        "custom_module",
                        each["name"],
                        f"database {database['name']}, its code is nowhere",
                        "dropped",
                        "Without code it does nothing any more; if that is wrong, its code must be found.",
                    )
                )
    return items


def mentioned(module: str, mention: str, installed: Sequence[str]) -> Item:
    """installed: the databases that have the module."""
    where = f"code of {module}"
    if not mention.startswith("/"):
        return integration(
            host_in(mention),
            where,
            "declared" if installed else "dropped",
            "Code speaks to it: declare it as egress."
            if installed
            else "Only code that is installed nowhere speaks to it.",
            installed,
        )
    if mention.startswith(("/tmp", "/var/tmp")) or not installed:
        return item(
            "local_path",
            mention,
            where,
            "dropped",
            "A temporary file: every container has its own."
            if installed
            else "Only code that is installed nowhere names it.",
        )
    return item(
        "local_path", mention, where, "declared", "Code reads or writes it: a container does not see the host's files."
    )


def host_in(url: str) -> str:
    match = re.match(r"([a-zA-Z][a-zA-Z0-9+.-]*)://(?:[^@/]*@)?([^/:?#]+(?::\d+)?)", url)
    return f"{match[1].lower()}://{match[2]}" if match else url


def integrations(result: Mapping[str, Any]) -> list[Item]:
    items = []
    for database in result["databases"]:
        for each in database["endpoints"]:
            items.append(
                integration(
                    f"{each['kind']}://{each['target']}",
                    f"database {database['name']}: {each['where']}",
                    "declared",
                    "Odoo is configured with it: declare it as egress or relay.",
                    [database["name"]],
                    each.get("encryption", ""),
                )
            )
    for each in result["connections"]:
        if each["direction"] == "in" and each["process"] in ("postgres", "") and each["port"] == 5432:
            items.append(
                integration(
                    f"postgresql from {each['peer']}",
                    f"role {each['role'] or '?'} in {each['database'] or '?'}",
                    "declared",
                    "It reads the database directly: it needs a role and an address on the target.",
                    [each["database"]] if each["database"] else (),
                )
            )
    if result["mail"]["relay"]:
        items.append(
            integration(
                f"smtp://{result['mail']['relay']}",
                "relay of the host's mail",
                "replaced",
                "The tenant's own relay takes its place.",
            )
        )
    return items


def merged(known: Sequence[Mapping[str, Any]], found: Sequence[Item]) -> list[Item]:
    """Yesterday's file and today's findings: what people wrote stays, what is new is added, what vanished is marked.

    What somebody settled is open again when it is not any more what it was then. A probe that stands in the file stays:
    whoever takes it out gets the proposal of today. What a person added, who knows of something that cannot be found,
    cannot vanish: nothing was ever proposed for it.
    """
    before = {(str(each.get("kind")), str(each.get("name"))): dict(each) for each in known}
    items: list[Item] = []
    for each in found:
        old = before.pop((each["kind"], each["name"]), None)
        items.append(each if old is None else renewed(old, each))
    for old in before.values():
        items.append({**old, "vanished": True} if "proposed" in old else old)
    return sorted(items, key=lambda each: (str(each["kind"]), str(each["name"])))


def renewed(old: Mapping[str, Any], new: Item) -> Item:
    written = {key: value for key, value in old.items() if key not in new or key == "probe"}
    kept = {key: value for key, value in written.items() if key not in ("vanished", "reopened")}
    if not old.get("settled"):
        untouched = old.get("disposition", new["disposition"]) == old.get("proposed", new["proposed"])
        return {
            **new,
            **kept,
            "disposition": new["disposition"] if untouched else old["disposition"],
            "by": old.get("by", ""),
        }
    answer = {**new, **kept, "disposition": old.get("disposition"), "by": old.get("by", ""), "settled": True}
    if old.get("found") != new["found"]:
        return {**answer, "settled": False, "reopened": f"it was {old.get('found')!r} when it was settled"}
    return answer


def unsettled(items: Sequence[Mapping[str, Any]]) -> list[str]:
    """What a person has to decide before cutover, a sentence each.

    What was not found again may only have rested, as a client does that was not connected: it stays for a person to
    settle, or to take out of the file.
    """
    found = []
    for each in items:
        name = f"{each.get('kind')} {each.get('name')}"
        if each.get("disposition") not in DISPOSITIONS:
            found.append(f"{name}: disposition is {each.get('disposition')!r}; it is one of {', '.join(DISPOSITIONS)}.")
        elif each.get("settled") is not True:
            again = f" ({each['reopened']})" if each.get("reopened") else ""
            gone = " It was not found again: settle it, or take it out of the file." if each.get("vanished") else ""
            found.append(f"{name}: not settled{again}; {each['disposition']} is proposed.{gone}")
        elif not str(each.get("by") or "").strip():
            found.append(f"{name}: settled, but not by whom; write a name into `by`.")
    return found
