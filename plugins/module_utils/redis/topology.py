# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One Redis instance on one host: its live parameters, whom it follows, and what its Sentinel watches. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import Action
from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import Problem, Refused

PRIMARY = "master"  # Redis's own word in INFO and ROLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One instance as declared. ``parameters`` are as CONFIG GET shows them."""

    name: str
    port: int
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """How the Sentinels watch; not wanted on a single host."""

    quorum: int
    down_after_ms: int
    failover_timeout_ms: int

    def settings(self) -> dict[str, str]:
        return {
            "quorum": str(self.quorum),
            "down-after-milliseconds": str(self.down_after_ms),
            "failover-timeout": str(self.failover_timeout_ms),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """What a host of the group says of an instance. None of it where the host does not answer."""

    host: str
    answers: bool = True
    role: str = PRIMARY
    follows: str = ""
    replicas: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One instance on this host. ``watched``: the Sentinel's settings for it, with ``ip``; empty where it has none."""

    present: bool = True
    parameters: Mapping[str, str] = field(default_factory=dict)
    itself: Member
    watched: Mapping[str, str] = field(default_factory=dict)
    companions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Steps for one instance; empty values mean that nothing is to be done."""

    wanted: Wanted
    parameters: Mapping[str, str] = field(default_factory=dict)
    follow: str = ""
    lead: bool = False
    monitor: str = ""
    tune: Mapping[str, str] = field(default_factory=dict)
    stale: tuple[str, ...] = ()
    actions: tuple[Action, ...] = ()
    before: Mapping[str, Any]
    after: Mapping[str, Any]


def primary_of(name: str, members: Sequence[Member], sentinels: Sequence[str]) -> str:
    """The host that takes writes: as the Sentinels know it, else as the members know it, else the first member.

    Only where everything is new does the order of the inventory decide; a rebuilt first host, empty, must follow.
    """
    if sentinels:
        return max(sorted(set(sentinels)), key=list(sentinels).count)
    if len(members) == 1:
        return members[0].host
    silent = [member.host for member in members if not member.answers]
    leaders = [member for member in members if member.answers and member.role == PRIMARY]
    followed = [leader for leader in leaders if leader.replicas > 0]
    if followed:
        return max(followed, key=lambda leader: leader.replicas).host
    if silent:
        problems = [Problem(f"host {host}", "", "", "Bring it back, or take it out of group redis.") for host in silent]
        raise Refused(f"Nobody who answers knows the primary of redis {name}; nothing was changed.", problems)
    if not leaders:
        raise Refused(
            f"Every member of redis {name} follows another, and no Sentinel knows the primary; nothing was changed.",
            [Problem(f"redis {name}", "", "", "Promote the one with the newest data: REPLICAOF NO ONE.")],
        )
    return leaders[0].host


def plan(wanted: Wanted, found: Found, primary: str, watch: Watch | None, hosts: Sequence[str]) -> Plan:
    """The steps that bring an instance of this host to what is declared."""
    itself = found.itself
    parameters = {name: value for name, value in wanted.parameters.items() if found.parameters.get(name) != str(value)}
    follow = primary if itself.host != primary and (itself.role == PRIMARY or itself.follows != primary) else ""
    lead = itself.host == primary and itself.role != PRIMARY and watch is None
    monitor = primary if watch is not None and not found.watched else ""
    tune = _tuning(found, watch)
    result = {
        "parameters": {**{name: found.parameters.get(name) for name in wanted.parameters}, **parameters},
        "follows": primary if follow else ("" if lead else itself.follows),
        "watched": {**_known(found.watched), **tune, **(watch.settings() if monitor and watch else {})},
    }
    before = {
        "parameters": {name: found.parameters.get(name) for name in wanted.parameters},
        "follows": itself.follows,
        "watched": _known(found.watched),
    }
    stale = tuple(sorted(host for host in found.companions if host not in hosts))
    draft = Plan(
        wanted=wanted,
        parameters=parameters,
        follow=follow,
        lead=lead,
        monitor=monitor,
        tune=tune,
        stale=stale,
        before=before,
        after=result,
    )
    return _with_actions(draft, found)


def _known(watched: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in watched.items() if name != "ip"}


def _tuning(found: Found, watch: Watch | None) -> dict[str, str]:
    if watch is None or not found.watched:
        return {}
    return {name: value for name, value in watch.settings().items() if found.watched.get(name) != value}


def _with_actions(draft: Plan, found: Found) -> Plan:
    subject = f"redis {draft.wanted.name}"
    actions = []
    for name, value in draft.parameters.items():
        actions.append(Action("set", f"{name} of {subject}", f"{found.parameters.get(name, '')!r} -> {value!r}"))
    if draft.follow:
        actions.append(Action("follow", subject, draft.follow))
    if draft.lead:
        actions.append(Action("promote", subject, "it is the only member"))
    if draft.monitor:
        actions.append(Action("watch", subject, f"primary {draft.monitor}"))
    for name, value in draft.tune.items():
        actions.append(Action("tune", f"sentinel of {subject}", f"{name} {found.watched.get(name)} -> {value}"))
    return replace(draft, actions=tuple(actions))
