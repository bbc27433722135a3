# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How critical and how complex a database is, and which tenancy it fits, with the reasons. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

GIB = 1024**3
BUSINESS = {
    "account": "accounting",
    "point_of_sale": "points of sale",
    "website_sale": "a web shop",
    "payment": "payments",
    "mrp": "production",
    "stock": "a warehouse",
}


def classification(
    database: Mapping[str, Any], blockers: Sequence[Mapping[str, str]], modules_on_disk: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """How it is classified, with ``reasons``.

    criticality and complexity: ``low``, ``medium`` or ``high``; tenancy: ``multi_tenant``, ``dedicated`` or ``none``.
    """
    if not database["modules"]:
        return {"criticality": "low", "complexity": "low", "tenancy": "none", "reasons": ["It is not Odoo's."]}
    lines = {each["name"]: each["python_lines"] for each in modules_on_disk}
    critical, why_critical = criticality(database)
    complexity, why_complex = complexity_of(database, blockers, lines)
    tenancy, why_tenancy = tenancy_of(database, blockers, lines)
    return {
        "criticality": critical,
        "complexity": complexity,
        "tenancy": tenancy,
        "reasons": [*why_critical, *why_complex, *why_tenancy],
    }


def level(points: int, medium: int, high: int) -> str:
    return "high" if points >= high else "medium" if points >= medium else "low"


def criticality(database: Mapping[str, Any]) -> tuple[str, list[str]]:
    active = database["users"].get("active_30_days") or 0
    business = [what for name, what in BUSINESS.items() if any(each["name"] == name for each in database["modules"])]
    portal = database["users"].get("portal") or 0
    points = (
        (3 if active >= 25 else 2 if active >= 5 else 1 if active else 0)
        + min(2, len(business))
        + (1 if portal >= 50 else 0)
    )
    reasons = [f"{active} people used it in 30 days."]
    if business:
        reasons.append(f"It runs {', '.join(business)}.")
    if portal >= 50:
        reasons.append(f"{portal} customers have access.")
    return (level(points, 2, 4) if active else "low"), reasons


def custom(database: Mapping[str, Any], lines: Mapping[str, int]) -> tuple[list[str], int]:
    names = [each["name"] for each in database["modules"] if each["origin"] == "custom"]
    return names, sum(lines.get(name, 0) for name in names)


def complexity_of(
    database: Mapping[str, Any], blockers: Sequence[Mapping[str, str]], lines: Mapping[str, int]
) -> tuple[str, list[str]]:
    names, total = custom(database, lines)
    grave = sum(1 for each in blockers if each["severity"] == "high")
    medium = sum(1 for each in blockers if each["severity"] == "medium")
    by_hand = sum(int(database["by_hand"].get(key) or 0) for key in ("models", "fields", "actions"))
    points = (
        grave * 2
        + medium
        + min(3, len(names))
        + (2 if total > 3000 else 0)
        + (2 if database["bytes"] > 50 * GIB else 0)
        + (1 if by_hand else 0)
    )
    reasons = [f"{grave} grave and {medium} medium blockers."]
    if names:
        reasons.append(f"{len(names)} custom modules with {total} lines of Python.")
    if by_hand:
        reasons.append(f"{by_hand} models, fields and actions were made by hand.")
    return level(points, 4, 10), reasons


def tenancy_of(
    database: Mapping[str, Any], blockers: Sequence[Mapping[str, str]], lines: Mapping[str, int]
) -> tuple[str, list[str]]:
    """A shared image cannot hold one customer's patches, and shared hosts not everybody's size."""
    _names, total = custom(database, lines)
    ids = {each["id"] for each in blockers}
    own = []
    if "core_patches" in ids:
        own.append("Odoo itself is patched, which a shared image cannot be")
    if total > 2000:
        own.append(f"{total} lines of custom Python want an image of their own")
    if database["bytes"] > 50 * GIB:
        own.append("it is larger than 50 GB")
    if "extensions" in ids:
        own.append("it needs extensions that a shared cluster does not have")
    if own:
        return "dedicated", [f"Dedicated: {'; '.join(own)}."]
    return "multi_tenant", ["Multi-tenant: nothing of it asks for hosts or an image of its own."]
