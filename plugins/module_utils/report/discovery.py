# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the page of a discovery shows, made of the results of its hosts. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

SEVERITIES = ("high", "medium", "low")


def estate(name: str, hosts: Sequence[str], discovered: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The page's values. hosts: all that were asked; discovered: the task's results of those that answered."""
    answered = sorted(
        (each for each in discovered if each.get("discovery")), key=lambda each: each["discovery"]["host"]
    )
    results = [each["discovery"] for each in answered]
    databases = [database_row(result, each) for result in results for each in result["databases"]]
    tenants = [each for each in databases if each["odoo_version"]]
    return {
        "estate": name,
        "collected_at": max((result["collected_at"] for result in results), default=""),
        "silent": sorted(set(hosts) - {result["host"] for result in results}),
        "tiles": tiles(results, tenants, answered),
        "databases": sorted(databases, key=lambda each: (-each["blockers"]["high"], -each["bytes"], each["name"])),
        "hosts": [host_section(each) for each in answered],
        "earlier": sum(1 for each in answered if each.get("earlier")),
    }


def tiles(
    results: Sequence[Mapping[str, Any]], tenants: Sequence[Mapping[str, Any]], answered: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The numbers at the head: what, value, a word on it, and whether it asks for something."""
    high = sum(each["blockers"]["high"] for each in tenants)
    open_ones = sum(len(each["unsettled"]) for each in answered)
    problems = sum(len(result["problems"]) for result in results)
    dedicated = sum(1 for each in tenants if each["tenancy"] == "dedicated")
    return [
        {"what": "Odoo databases", "value": len(tenants), "word": f"on {len(results)} hosts", "tone": ""},
        {
            "what": "active users, 30 days",
            "value": sum(each["active"] or 0 for each in tenants),
            "word": f"of {sum(each['internal'] or 0 for each in tenants)}",
            "tone": "",
        },
        {
            "what": "fit multi-tenant",
            "value": len(tenants) - dedicated,
            "word": f"{dedicated} want dedicated",
            "tone": "",
        },
        {
            "what": "grave blockers",
            "value": high,
            "word": "stop a wave until cured",
            "tone": "high" if high else "good",
        },
        {
            "what": "not settled",
            "value": open_ones,
            "word": "dispositions that a person decides",
            "tone": "medium" if open_ones else "good",
        },
        {"what": "not read", "value": problems, "word": "parts with a problem", "tone": "high" if problems else "good"},
    ]


def database_row(result: Mapping[str, Any], database: Mapping[str, Any]) -> dict[str, Any]:
    origins = [each["origin"] for each in database["modules"]]
    files = database["filestore"]
    return {
        "host": result["host"],
        "name": database["name"],
        "odoo_version": database["odoo_version"],
        "bytes": database["bytes"],
        "files": files["files"],
        "file_bytes": files["bytes"],
        "damaged": files["missing_count"] + len(files["corrupt"]),
        "internal": database["users"].get("internal"),
        "active": database["users"].get("active_30_days"),
        "modules": len(origins),
        "custom": origins.count("custom"),
        "community": origins.count("community"),
        "missing": origins.count("missing"),
        "blockers": {
            severity: sum(1 for each in database["blockers"] if each["severity"] == severity) for severity in SEVERITIES
        },
        **{key: database["classification"][key] for key in ("criticality", "complexity", "tenancy")},
    }


def host_section(answer: Mapping[str, Any]) -> dict[str, Any]:
    result = answer["discovery"]
    requests = result["performance"]["requests"]
    most = max((each["seconds"] for each in requests), default=0) or 1
    items = answer["dispositions"]
    return {
        **{
            key: result[key]
            for key in (
                "host",
                "system",
                "odoo",
                "postgres",
                "routes",
                "certificates",
                "crons",
                "connections",
                "mail",
                "problems",
            )
        },
        "databases": result["databases"],
        "busiest": [{**each, "percent": round(each["seconds"] / most * 100)} for each in requests[:12]],
        "slowest": result["performance"]["slowest"][:8],
        "errors": result["performance"]["errors"],
        "spans": result["performance"]["spans"],
        "load": result["performance"]["load"],
        "dispositions": sorted(
            items, key=lambda each: (bool(each.get("settled")), str(each["kind"]), str(each["name"]))
        ),
        "unsettled": len(answer["unsettled"]),
        "earlier": result["collected_at"] if answer.get("earlier") else "",
    }
