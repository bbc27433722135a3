# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter wave_chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError
from ansible_collections.erpops.odoo.plugins.module_utils.wave import chosen


def wave_chosen(
    declared: Sequence[Mapping[str, Any]],
    estate: Mapping[str, Any],
    names: str | Sequence[str] = (),
    wave: int | str | None = None,
    known: Sequence[Mapping[str, Any]] = (),
) -> list[dict[str, Any]]:
    """The members that a run works on, each with where it lives on both sides."""
    number = int(wave) if wave not in (None, "") else None
    try:
        found = chosen.chosen(declared, chosen.estate_from(estate), chosen.names_from(names), number, known)
    except ErpopsError as error:
        raise AnsibleFilterError(str(error)) from error
    return [each.as_dict() for each in found]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"wave_chosen": wave_chosen}
