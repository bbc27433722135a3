# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the state of a member makes of the tenant of the same name: who serves it decides. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Problem, Refused
from ansible_collections.erpops.odoo.plugins.module_utils.estate.names import url_host
from ansible_collections.erpops.odoo.plugins.module_utils.wave import states

Named = Mapping[str, Any]

# Undeclared members in these states are ordinary tenants: no wave has done anything for them, or it was taken back.
UNTOUCHED = ("discovered", "planned", "withdrawn", "rolled_back")


def derived(
    tenants: Sequence[Named],
    members: Sequence[Named],
    rows: Sequence[Named] | None,
    addresses: Mapping[str, str],
    *,
    refuse_moving: bool = False,
) -> list[dict[str, Any]]:
    """The tenants as who serves them wants it. ``rows``: the store's members; None where nobody has read them.

    The source serves: with ``source_url``. The target serves: as declared. Nobody serves: with ``refuse_moving`` a
    refusal, else it is left out, since whoever is not in the list is left alone, and so is a member in the middle of a
    wave that is declared no more. A member that the store does not know is served by its source.
    """
    if rows is None and members:
        raise Refused(
            "Nobody told the states of wave_members: let the run reach a host of group postgres; see --limit."
        )
    known = {row["name"]: row for row in rows or ()}
    declared = {member["name"]: member for member in members}
    living = [tenant for tenant in tenants if tenant.get("state") != "absent"]
    moving = dict(_moving(living, declared, known))
    if refuse_moving:
        _refuse(tuple(moving.values()))
    left = [tenant for tenant in tenants if tenant["name"] not in moving]
    by_source = [tenant for tenant in living if _serves(tenant, declared, known) == "source"]
    urls = _urls([tenant for tenant in by_source if tenant in left], declared, addresses)
    return [
        {**tenant, "source_url": urls[tenant["name"]]} if tenant["name"] in urls else dict(tenant) for tenant in left
    ]


def migrated(rows: Sequence[Named] | None) -> list[str]:
    """Names of the members that the target serves: their databases came from legacy hosts."""
    return sorted(row["name"] for row in rows or () if states.who_serves(row["state"], row["origin"]) == "target")


def _serves(tenant: Named, declared: Mapping[str, Named], known: Mapping[str, Named]) -> str:
    """``source``, ``target`` or ``nobody``; ``target`` also for a tenant that is no member."""
    name = tenant["name"]
    row = known.get(name)
    if row is None:
        return "source" if name in declared else "target"
    found = states.who_serves(row["state"], row["origin"])
    return "target" if found == "source" and name not in declared else found


def _urls(tenants: Sequence[Named], declared: Mapping[str, Named], addresses: Mapping[str, str]) -> dict[str, str]:
    problems: list[Problem] = []
    urls = {}
    for tenant in tenants:
        member = declared[tenant["name"]]
        address = addresses.get(member["host"]) or ""
        if not (member.get("url") or address):
            cure = "It has no ansible_host: give the host one, or give the member its url."
            problems.append(Problem(f"member {member['name']}", "host", member["host"], cure))
        urls[tenant["name"]] = source_url(member, address)
    if problems:
        raise InputError("Nobody knows where legacy hosts serve; nothing was changed.", problems)
    return urls


def source_url(member: Named, address: str) -> str:
    """Where a member's legacy host serves it: as declared, else at the host's address."""
    return member.get("url") or f"http://{url_host(address)}"


def _moving(
    tenants: Sequence[Named], declared: Mapping[str, Named], known: Mapping[str, Named]
) -> Iterator[tuple[str, Problem]]:
    """Names of those that no list may lead anywhere, each with the reason."""
    for tenant in tenants:
        row = known.get(tenant["name"])
        if row is None:
            continue
        subject, state = f"member {row['name']}", row["state"]
        found = states.who_serves(state, row["origin"])
        if found == "nobody":
            verb = states.listed(states.next_verbs(state))
            cure = f"Nobody serves it, since {verb} has it: wait for its end, or run it again."
            yield row["name"], Problem(subject, "state", state, cure)
        elif found == "source" and row["name"] not in declared and state not in UNTOUCHED:
            cure = (
                "Its legacy host serves it: declare it in wave_members again, or take it back with wave_rollback first."
            )
            yield row["name"], Problem(subject, "state", state, cure)


def _refuse(problems: Sequence[Problem]) -> None:
    if problems:
        raise Refused("Members of waves are between their hosts; nothing was changed.", problems)
