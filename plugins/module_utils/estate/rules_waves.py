# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules for the members of waves: each is one legacy database and becomes one declared tenant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import Problem
from ansible_collections.erpops.odoo.plugins.module_utils.estate.declared import Declared
from ansible_collections.erpops.odoo.plugins.module_utils.estate.names import check_folder, check_service_url
from ansible_collections.erpops.odoo.plugins.module_utils.estate.rules_entries import named
from ansible_collections.erpops.odoo.plugins.module_utils.estate.shape import nearest, shown

LEGACY = "legacy"
Problems = Iterator[Problem]


class Entry(Protocol):
    """What of a member these rules look at."""

    @property
    def name(self) -> str: ...
    @property
    def host(self) -> str: ...
    @property
    def database(self) -> str: ...


def twice(found: Sequence[Entry]) -> Problems:
    names = [each.name for each in found if each.name]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Problem(f"member {name}", "name", name, "It is there more than once; give each member its own name.")
    places = [(each.host, each.database) for each in found if each.host and each.database]
    for host, database in sorted({place for place in places if places.count(place) > 1}):
        twins = ", ".join(sorted(each.name for each in found if (each.host, each.database) == (host, database)))
        cure = "One database is one member: remove one of them."
        yield Problem(f"members {twins}", "database", f"{database} on {host}", cure)


def members(declared: Declared) -> Problems:
    yield from twice(declared.members)
    states = {tenant.name: tenant.state for tenant in declared.tenants if tenant.name}
    legacy = declared.group(LEGACY)
    for member in declared.members:
        subject = f"member {member.name}"
        if member.name and member.name not in states:
            cure = "odoo_tenants has no tenant of this name: declare what it is to become."
            yield Problem(subject, "name", shown(member.name), f"{cure} {nearest(member.name, list(states))}")
        elif states.get(member.name) == "absent":
            cure = (
                "Its tenant is declared absent, so that it could never be cut over: declare the tenant present, or take"
                " the member out of wave_members."
            )
            yield Problem(subject, "name", member.name, cure)
        if member.host and member.host not in legacy:
            cure = f"No such host is in group {LEGACY}. {nearest(member.host, legacy)}"
            yield Problem(subject, "host", shown(member.host), cure)
        yield from named(subject, "url", member.url, check_service_url)
        yield from named(subject, "filestores", member.filestores, check_folder)


RULES = (members,)
