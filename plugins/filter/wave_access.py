# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters for the ways between the hosts of a move."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError
from ansible_collections.erpops.odoo.plugins.module_utils.planning import sources
from ansible_collections.erpops.odoo.plugins.module_utils.wave import discovered, places


def wave_places(names: Sequence[str], hosts: Mapping[str, Any], tunnel: bool = True) -> list[dict[str, Any]]:
    try:
        return places.places(names, hosts, tunnel)
    except ErpopsError as error:
        raise AnsibleFilterError(str(error)) from error


def wave_access_keys(publics: Mapping[str, str], estate: str, **options: Any) -> list[dict[str, Any]]:
    try:
        return places.keys(publics, estate, **options)
    except ErpopsError as error:
        raise AnsibleFilterError(str(error)) from error


def wave_filestores(
    declared: Sequence[Mapping[str, Any]], host: str, hosts: Sequence[Mapping[str, Any]], folder: str
) -> list[str]:
    known: list[dict[str, Any]] = next(
        (each["wave_members_result"]["members"] for each in hosts if "wave_members_result" in each), []
    )
    try:
        found = sources.of_host(Path(folder), host)
    except ErpopsError as error:
        raise AnsibleFilterError(str(error)) from error
    return discovered.folders(declared, known, [found] if found else [], host)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "wave_places": wave_places,
            "wave_filestores": wave_filestores,
            "wave_access_publics": places.publics,
            "wave_access_keys": wave_access_keys,
            "wave_source_files": places.files,
            "wave_source_units": places.units,
        }
