# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declared users against found users: which are set, which go, and which nobody declares. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import Action
from ansible_collections.erpops.odoo.plugins.module_utils.estate.model import ResolvedTenant
from ansible_collections.erpops.odoo.plugins.module_utils.redis.model import (
    DEFAULT_USER,
    OWN_PREFIX,
    Found,
    User,
    tenant_user,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one instance needs. ``save``: its ACL file differs from what its users will be."""

    instance: str
    set: tuple[User, ...] = ()
    remove: tuple[str, ...] = ()
    save: bool = False
    undeclared: tuple[str, ...] = ()
    actions: tuple[Action, ...] = ()
    before: Mapping[str, Any]
    after: Mapping[str, Any]


def declared_users(
    instance: str,
    base: Mapping[str, User],
    tenants: Sequence[ResolvedTenant],
    password: Callable[[ResolvedTenant], str],
) -> dict[str, User]:
    """The estate's own users and one for each tenant that is not absent."""
    users = [tenant_user(tenant, instance, password(tenant)) for tenant in tenants if tenant.state != "absent"]
    return {**base, **{user.name: user for user in users}}


def plan(found: Found, declared: Mapping[str, User], absent: Sequence[str]) -> Plan:
    changed = tuple(user for name, user in declared.items() if found.users.get(name) != user)
    gone = tuple(sorted(name for name in absent if name in found.users and name not in declared))
    others = {name: user for name, user in found.users.items() if name not in declared and name not in gone}
    result = {**others, **declared}
    save = result != dict(found.saved)
    return Plan(
        instance=found.instance,
        set=changed,
        remove=gone,
        save=save,
        undeclared=tuple(sorted(name for name in others if not _own(name))),
        actions=(*_changes(found, changed, gone), *_save(found, save)),
        before={name: shown(user, declared.get(name)) for name, user in sorted(found.users.items())},
        after={name: shown(user, declared.get(name)) for name, user in sorted(result.items())},
    )


def _own(name: str) -> bool:
    return name == DEFAULT_USER or name.startswith(OWN_PREFIX)


def _changes(found: Found, changed: Sequence[User], gone: Sequence[str]) -> list[Action]:
    actions = []
    for user in changed:
        before = found.users.get(user.name)
        verb = "create" if before is None else "alter"
        detail = "" if before is None else ", ".join(differences(before, user))
        actions.append(Action(verb, _subject(found, user.name), detail))
    actions += [Action("remove", _subject(found, name), "its tenant is absent") for name in gone]
    return actions


def _subject(found: Found, name: str) -> str:
    return f"user {name} of redis {found.instance}"


def _save(found: Found, save: bool) -> list[Action]:
    return [Action("save", f"users of redis {found.instance}", "ACL file")] if save else []


def differences(before: User, after: User) -> list[str]:
    """The names of what differs; never a value of a password."""
    names = {
        "enabled": before.enabled != after.enabled,
        "password": (before.hashes, before.open) != (after.hashes, after.open),
        "keys": before.keys != after.keys,
        "channels": before.channels != after.channels,
        "commands": before.commands != after.commands,
        "selectors": before.other != after.other,
    }
    return [name for name, differs in names.items() if differs]


def shown(user: User, declared: User | None) -> dict[str, Any]:
    """A user for the diff. Of its passwords only whether they are the declared ones."""
    if user.open:
        password = "any"
    elif not user.hashes:
        password = "none"
    else:
        password = "declared" if declared is not None and user.hashes == declared.hashes else "other"
    return {
        "enabled": user.enabled,
        "password": password,
        "keys": sorted(user.keys),
        "channels": sorted(user.channels),
        "commands": " ".join(user.commands),
        **({"other": sorted(user.other)} if user.other else {}),
    }
