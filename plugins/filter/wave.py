# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters of waves that need no more than what the store and the declaration say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError
from ansible_collections.erpops.odoo.plugins.module_utils.report import page, waves
from ansible_collections.erpops.odoo.plugins.module_utils.wave import serving

PAGES = ("wave_map", "wave_plan", "wave_preflight", "wave_status")


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
                "stopped_by": list(each["stopped_by"]),
            }
            if (member["state"], member["wave"], member["facts"].get("plan")) != ("planned", wave["wave"], forecast):
                steps.append(
                    {"name": each["name"], "kind": "record", "verb": "wave_plan", "outcome": "planned",
                     "wave": wave["wave"], "facts": {"plan": forecast}}
                )  # fmt: skip
    return steps


def wave_tenants(
    tenants: Sequence[Mapping[str, Any]],
    members: Sequence[Mapping[str, Any]],
    rows: Sequence[Mapping[str, Any]] | None,
    addresses: Mapping[str, str],
    refuse_moving: bool = False,
) -> list[dict[str, Any]]:
    """The tenants as the states of the members want them."""
    try:
        return serving.derived(tenants, members, rows, addresses, refuse_moving=refuse_moving)
    except ErpopsError as error:
        raise AnsibleFilterError(str(error)) from error


def wave_migrated(rows: Sequence[Mapping[str, Any]] | None) -> list[str]:
    """The members that the target serves."""
    return serving.migrated(rows)


def wave_committed(hosts: Sequence[Mapping[str, Any]]) -> list[str]:
    """The members that have no way back."""
    known: list[dict[str, Any]] = next(
        (host["wave_members_result"]["members"] for host in hosts if "members" in host.get("wave_members_result", {})),
        [],
    )
    return [row["name"] for row in known if row["state"] == "committed"]


def wave_finished(hosts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The members whose part of this run did what it should."""
    return [
        host["wave_member"]
        for host in hosts
        if "wave_move_problem" not in host and not host.get("wave_move_recorded", {"failed": True}).get("failed")
    ]


def wave_source_switches(tenants: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """What leads tenants to their sources, for module traefik_switch."""
    return [
        {
            "tenant": tenant["name"],
            "url": tenant["source_url"],
            "server_name": tenant["hostnames"][0] if tenant["source_url"].startswith("https:") else "",
        }
        for tenant in tenants
    ]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "wave_committed": wave_committed,
            "wave_finished": wave_finished,
            "wave_migrated": wave_migrated,
            "wave_page": wave_page,
            "wave_plan_steps": wave_plan_steps,
            "wave_source_switches": wave_source_switches,
            "wave_tenants": wave_tenants,
        }
