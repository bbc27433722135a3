# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from unit.discovery.facts import database, module

from ansible_collections.erpops.odoo.plugins.module_utils.discovery.classify import GIB, classification


def of(blockers: list[dict[str, str]] | None = None, lines: int = 0, **changes: Any) -> dict[str, Any]:
    disk = [{"name": "x_own", "python_lines": lines}]
    return classification(database(**changes), blockers or [], disk)


@pytest.mark.parametrize(
    ("active", "modules", "criticality"),
    [
        (0, ["account", "stock"], "low"),
        (1, [], "low"),
        (1, ["account"], "medium"),
        (5, [], "medium"),
        (25, [], "medium"),
        (25, ["account"], "high"),
        (5, ["account", "stock", "mrp"], "high"),
    ],
)
def test_criticality_is_who_uses_it_for_what(active: int, modules: list[str], criticality: str) -> None:
    found = of(users={"active_30_days": active}, modules=[module("base"), *map(module, modules)])
    assert found["criticality"] == criticality
    assert found["reasons"][0] == f"{active} people used it in 30 days."


@pytest.mark.parametrize(
    ("changes", "lines", "blockers", "tenancy", "reason"),
    [
        ({}, 0, [], "multi_tenant", "nothing of it asks"),
        ({}, 0, ["core_patches"], "dedicated", "patched"),
        ({"modules": [module("base"), module("x_own", "custom")]}, 2001, [], "dedicated", "2001 lines"),
        ({"modules": [module("base")]}, 2001, [], "multi_tenant", "nothing"),  # it is on the disk, but not installed
        ({"bytes": 51 * GIB}, 0, [], "dedicated", "50 GB"),
        ({}, 0, ["extensions"], "dedicated", "extensions"),
    ],
)
def test_tenancy_says_why(changes: dict[str, Any], lines: int, blockers: list[str], tenancy: str, reason: str) -> None:
    found = of([{"id": each, "severity": "medium"} for each in blockers], lines, **changes)
    assert found["tenancy"] == tenancy and reason in found["reasons"][-1]


def test_complexity_grows() -> None:
    grave, medium = {"id": "a", "severity": "high"}, {"id": "b", "severity": "medium"}
    assert [of([medium] * number)["complexity"] for number in (3, 4, 10)] == ["low", "medium", "high"]
    assert [of([grave] * number)["complexity"] for number in (1, 2, 5)] == ["low", "medium", "high"]


def test_what_is_not_odoo_fits_nothing() -> None:
    assert of(modules=[])["tenancy"] == "none"
