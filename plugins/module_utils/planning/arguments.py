# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The argument specs of the modules that plan; the roles' specs are held to them by a test."""

from __future__ import annotations

from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.estate.arguments import WAVE_MEMBER
from ansible_collections.erpops.odoo.plugins.module_utils.planning.model import CRITICALITIES, DAYS

Spec = dict[str, Any]

LINK: Spec = {
    "members": {"type": "list", "elements": "str", "required": True},
    "together": {"type": "bool", "required": True},
    "reason": {"type": "str", "required": True},
}
WINDOW: Spec = {
    "days": {"type": "list", "elements": "str", "required": True, "choices": list(DAYS)},
    "start": {"type": "str", "required": True},
    "end": {"type": "str", "required": True},
    "timezone": {"type": "str", "required": True},
}
FREEZE: Spec = {
    "name": {"type": "str", "required": True},
    "first": {"type": "str"},
    "last": {"type": "str"},
    "month_end": {
        "type": "dict",
        "options": {"days_before": {"type": "int", "required": True}, "days_after": {"type": "int", "required": True}},
    },
    "month_days": {"type": "list", "elements": "int"},
    "members": {"type": "list", "elements": "str"},
}
SETTING: Spec = {
    "name": {"type": "str", "required": True},
    "criticality": {"type": "str", "choices": list(CRITICALITIES)},
    "pilot": {"type": "bool"},
    "window": {"type": "dict", "options": WINDOW},
    "not_before": {"type": "str"},
    "not_after": {"type": "str"},
    "cutover_minutes": {"type": "int"},
    "copy_minutes": {"type": "int"},
}
APP_HOST: Spec = {
    "name": {"type": "str", "required": True},
    "memory_mb": {"type": "int", "required": True},
    "storage_gb": {"type": "int", "required": True},
    "available": {"type": "str"},
}
RATES: Spec = {
    "copy_mb_per_second": {"type": "int", "default": 20},
    "compare_mb_per_second": {"type": "int", "default": 40},
    "files_per_second": {"type": "int", "default": 2000},
    "fixed_minutes": {"type": "int", "default": 5},
    "margin_percent": {"type": "int", "default": 50},
}

DISCOVERED: Spec = {
    "discovery": {"type": "path", "required": True},
    "members": {"type": "list", "elements": "dict", "options": WAVE_MEMBER, "required": True},
}
MAP: Spec = {
    **DISCOVERED,
    "links": {"type": "list", "elements": "dict", "options": LINK, "default": []},
    "addresses": {"type": "dict", "default": {}},
}
PLAN: Spec = {
    **MAP,
    "file": {"type": "path", "required": True},
    "replace": {"type": "bool", "default": False},
    "first": {"type": "str", "required": True},
    "last": {"type": "str", "required": True},
    "window": {"type": "dict", "options": WINDOW, "required": True},
    "freezes": {"type": "list", "elements": "dict", "options": FREEZE, "default": []},
    "parallel": {"type": "int", "default": 2},
    "members_per_wave": {"type": "int", "default": 10},
    "copy_hours_per_wave": {"type": "int", "default": 24},
    "settle_days": {"type": "int", "default": 1},
    "settings": {"type": "list", "elements": "dict", "options": SETTING, "default": []},
    "states": {"type": "list", "elements": "dict", "default": []},
    "estate": {"type": "dict", "required": True},
    "postgres_clusters": {"type": "list", "elements": "dict", "default": []},
    "app_hosts": {"type": "list", "elements": "dict", "options": APP_HOST, "default": []},
    "placements": {"type": "dict", "default": {}},
    "cluster_storage_gb": {"type": "dict", "default": {}},
    "rates": {"type": "dict", "options": RATES, "apply_defaults": True},
    "effort_seconds": {"type": "int", "default": 30},
}
