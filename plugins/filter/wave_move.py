# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters of the verbs that move members: each is documented beside this file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError
from ansible_collections.erpops.odoo.plugins.module_utils.discovery import dispositions
from ansible_collections.erpops.odoo.plugins.module_utils.discovery import store as files
from ansible_collections.erpops.odoo.plugins.module_utils.wave import chosen, discovered, hostnames, probes


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


def wave_discovered_steps(
    declared: Sequence[Mapping[str, Any]],
    discoveries: Sequence[Mapping[str, Any]],
    known: Sequence[Mapping[str, Any]] = (),
) -> list[dict[str, Any]]:
    """The steps that record what discovery says of declared members."""
    return discovered.steps(declared, discoveries, known)


def wave_missing(declared: Sequence[Mapping[str, Any]], discoveries: Sequence[Mapping[str, Any]]) -> list[str]:
    """The members whose database discovery did not find on their host."""
    return discovered.missing(declared, discoveries)


def wave_steps(
    members: str | Sequence[str | Mapping[str, Any]],
    step: Mapping[str, Any],
    own: Mapping[str, Any] | None = None,
    fact: str = "preflight",
) -> list[dict[str, Any]]:
    """The same step for each member: a name, or what wave_chosen says of it; with a fact of its own."""
    found = {name: {"facts": {fact: value}} for name, value in (own or {}).items()}
    known = (
        {each["name"]: each for each in members if isinstance(each, Mapping)} if not isinstance(members, str) else {}
    )
    names = list(known) or chosen.names_from(members)
    where = ("host", "database")
    return [
        {"name": name, **{key: known[name][key] for key in where if name in known}, **step, **found.get(name, {})}
        for name in names
    ]


def wave_hostnames(
    members: Sequence[Mapping[str, Any]], own: Sequence[str] = (), tls_mode: str = "estate_ca"
) -> list[dict[str, Any]]:
    """What module wave_hostnames asks for."""
    return hostnames.wanted(members, own, tls_mode)


def wave_probes(members: Sequence[Mapping[str, Any]], folder: str) -> dict[str, Any]:
    """The probes of the members' declared integrations, by the app host that makes them."""
    try:
        return probes.listed(members, lambda host: _dispositions(folder, host))
    except ErpopsError as error:
        raise AnsibleFilterError(str(error)) from error


def _dispositions(folder: str, host: str) -> list[dict[str, Any]] | None:
    path = Path(folder) / f"{host}.yml"
    return files.dispositions(path) if path.exists() else None


def wave_unsettled(members: Sequence[Mapping[str, Any]], folder: str) -> dict[str, list[str]]:
    """What is not settled in the dispositions of each member's host, by the member's name."""
    found = {}
    for member in members:
        try:
            items = _dispositions(folder, member["host"])
        except ErpopsError as error:
            raise AnsibleFilterError(str(error)) from error
        missing = f"there is no {Path(folder) / member['host']}.yml: run wave_discover"
        found[member["name"]] = [missing] if items is None else dispositions.unsettled(items)
    return found


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "wave_chosen": wave_chosen,
            "wave_discovered_steps": wave_discovered_steps,
            "wave_hostnames": wave_hostnames,
            "wave_missing": wave_missing,
            "wave_probes": wave_probes,
            "wave_steps": wave_steps,
            "wave_unsettled": wave_unsettled,
        }
