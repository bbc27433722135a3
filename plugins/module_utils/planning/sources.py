# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The results of discovery on the controller's disk, and the members of waves, as planning reads them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Problem
from ansible_collections.erpops.odoo.plugins.module_utils.estate.rules_waves import twice

Discovered = Mapping[str, Any]  # one host's result, in the shape of docs/waves.md


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """An entry of ``wave_members``. url: where its legacy host serves it; empty: http and that host's address."""

    name: str
    host: str
    database: str
    url: str = ""


def members_from(values: Sequence[Mapping[str, Any]]) -> tuple[Declared, ...]:
    """The declared members in the order of their names. Raises InputError for what is there twice."""
    found = [
        Declared(name=value["name"], host=value["host"], database=value["database"], url=value.get("url") or "")
        for value in values
    ]
    problems = [*twice(found)]
    if problems:
        raise InputError("wave_members contradicts itself; nothing was changed.", problems)
    return tuple(sorted(found, key=lambda each: each.name))


def read(folder: Path) -> tuple[Discovered, ...]:
    """Every ``*.json`` of the folder, by host. Raises InputError with everything that is unreadable."""
    problems: list[Problem] = []
    found: dict[str, Discovered] = {}
    if not folder.is_dir():
        cure = "Run wave_discover first, or name the folder that it wrote to."
        raise InputError("There are no results of discovery.", [Problem("folder", str(folder), "", cure)])
    for path in sorted(folder.glob("*.json")):
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            problems.append(
                Problem(f"file {path}", "", "", f"It cannot be read as JSON ({error}); discover its host anew.")
            )
            continue
        if not isinstance(value, dict) or "host" not in value or "databases" not in value:
            cure = "It is no result of discovery (no host, no databases): move it elsewhere."
            problems.append(Problem(f"file {path}", "", "", cure))
        elif value["host"] in found:
            cure = "Another file holds a result of this host: keep the newer one."
            problems.append(Problem(f"file {path}", "host", str(value["host"]), cure))
        else:
            found[value["host"]] = value
    if problems:
        raise InputError("Some results of discovery cannot be used.", problems)
    return tuple(found[host] for host in sorted(found))


def of_host(folder: Path, host: str) -> Discovered | None:
    """What discovery wrote of one host; nothing where it did not. Raises InputError for what is unreadable."""
    path = folder / f"{host}.json"
    if not path.exists():
        return None
    try:
        value: Discovered = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        cure = f"It cannot be read as JSON ({error}); discover its host anew."
        raise InputError("A result of discovery cannot be used.", [Problem(f"file {path}", "", "", cure)]) from error
    return value


def databases(results: Sequence[Discovered]) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Every discovered database by host and name."""
    return {(result["host"], each["name"]): each for result in results for each in result["databases"]}


def undiscovered(members: Sequence[Declared], results: Sequence[Discovered]) -> list[Problem]:
    """Members whose database no result holds, with what their host has instead."""
    known, hosts = databases(results), {result["host"] for result in results}
    problems = []
    for each in members:
        if each.host not in hosts:
            cure = "Nothing was discovered on this host: run wave_discover for it."
            problems.append(Problem(f"member {each.name}", "host", each.host, cure))
        elif (each.host, each.database) not in known:
            there = ", ".join(sorted(name for host, name in known if host == each.host)) or "none"
            cure = f"Discovery found no such database on {each.host}; there are: {there}."
            problems.append(Problem(f"member {each.name}", "database", each.database, cure))
    return problems
