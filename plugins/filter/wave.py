# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters wave_page and wave_plan_steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.erpops.odoo.plugins.module_utils.report import page, waves

PAGES = ("wave_map", "wave_plan", "wave_status")


def wave_page(result: Mapping[str, Any], name: str, estate: str = "") -> str:
    """The page of a module's result; ``name`` is the module's."""
    if name not in PAGES:
        raise AnsibleFilterError(f"wave_page has no page {name!r}; there are: {', '.join(PAGES)}.")
    drawn: dict[str, Any] = {}
    if name == "wave_plan":
        drawn = {
            "weeks": waves.weeks(result["calendar"]),
            "evenings": [waves.evening(wave["members"]) for wave in result["waves"]],
        }
    return page.render(f"{name}.html.j2", page=result, estate=estate, **drawn)


def wave_plan_steps(result: Mapping[str, Any], members: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The steps that record a plan: for members that the store knows as discovered, or as planned for another wave."""
    known = {member["name"]: member for member in members}
    steps = []
    for wave in result["waves"]:
        for each in wave["members"]:
            member = known.get(each["name"])
            if member is None or member["state"] not in ("discovered", "planned"):
                continue
            forecast = {
                "date": each["date"],
                "start": each["start"],
                "app_host": each["app_host"],
                "cutover_minutes": each["cutover_minutes"],
                "copy_minutes": each["copy_minutes"],
            }
            if (member["state"], member["wave"], member["facts"].get("plan")) != ("planned", wave["wave"], forecast):
                steps.append(
                    {"name": each["name"], "kind": "record", "verb": "wave_plan", "outcome": "planned",
                     "wave": wave["wave"], "facts": {"plan": forecast}}
                )  # fmt: skip
    return steps


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"wave_page": wave_page, "wave_plan_steps": wave_plan_steps}
