# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The discovery itself: how old it is, and what it could not read."""

from __future__ import annotations

from datetime import datetime

from ansible_collections.erpops.odoo.plugins.module_utils.preflight.model import Area, Rule, Subject, named

AREA = Area("Discovery")
OLD_DAYS = 14

# Not of a subject: there is none. ``evaluate`` says it.
NOT_DISCOVERED = Rule(
    id="not_discovered", area=AREA.title, severity="high", title="The member was not discovered",
    cure="Run wave_discover for its host, or correct host and database in wave_members.", check=lambda its: "",
)  # fmt: skip
AREA.rules.append(NOT_DISCOVERED)


@AREA.rule(
    "medium", "The discovery is old", "Run wave_discover again: what is said here may not be true any more.",
)  # fmt: skip
def old_discovery(its: Subject) -> str:
    days = (its.today - datetime.fromisoformat(its.host["collected_at"]).date()).days
    return f"It is from {its.host['collected_at']}." if days > OLD_DAYS else ""


@AREA.rule(
    "medium", "Parts of the host could not be read",
    "Cure each (often ansible_become), and run wave_discover again: what was not read was not looked at.",
)  # fmt: skip
def unread_parts(its: Subject) -> str:
    return named([f"{each['part']}: {each['message']}" for each in its.host["problems"]], "{}")
