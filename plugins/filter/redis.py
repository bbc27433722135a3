# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters redis_servers, redis_files and redis_units."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.redis import render


def redis_servers(instances: Sequence[Mapping[str, Any]], replicated: bool = False) -> list[dict[str, Any]]:
    return [
        {"name": item["name"], "port": item["port"], "parameters": render.parameters(item, replicated)}
        for item in instances
    ]


def redis_files(
    instances: Sequence[Mapping[str, Any]], replicated: bool = False, group: str = "redis"
) -> list[dict[str, Any]]:
    return render.files(instances, replicated, str(group))


def redis_units(instances: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return render.units(instances)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"redis_servers": redis_servers, "redis_files": redis_files, "redis_units": redis_units}
