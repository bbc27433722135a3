# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A declared cluster against the one that is there: the steps in their order, the drift, and what nobody declared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import Action
from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Problem
from ansible_collections.erpops.odoo.plugins.module_utils.patroni import access, configuration, settings
from ansible_collections.erpops.odoo.plugins.module_utils.patroni.access import Found, Role
from ansible_collections.erpops.odoo.plugins.module_utils.patroni.model import Cluster
from ansible_collections.erpops.odoo.plugins.module_utils.patroni.settings import Drift, Setting

RestartPolicy = Literal["in_place", "switchover", "never"]
LEADERS = ("leader", "primary", "standby_leader")
RUNNING = ("running", "streaming", "in archive recovery")


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A member as Patroni knows it."""

    name: str
    role: str
    state: str
    lag_bytes: int | None = None
    pending_restart: bool = False
    zone: str = ""

    @property
    def leads(self) -> bool:
        return self.role in LEADERS

    @property
    def follows(self) -> bool:
        return not self.leads and self.state == "streaming"


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    cluster: Cluster
    configuration: Mapping[str, Any]
    roles: tuple[Role, ...]
    restart: RestartPolicy = "in_place"

    @property
    def parameters(self) -> Mapping[str, str | int]:
        found: Mapping[str, str | int] = self.configuration["postgresql"]["parameters"]
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Actual:
    """A cluster that runs. ``bootstrapped``: this very run made it."""

    configuration: Mapping[str, Any]
    members: tuple[Member, ...]
    settings: Mapping[str, Mapping[str, Setting]]  # of the members that answer
    access: Found
    bootstrapped: bool = False

    @property
    def leader(self) -> Member | None:
        return next((member for member in self.members if member.leads), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    change: Mapping[str, Any] = field(default_factory=dict)  # of the dynamic configuration
    resets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # member -> what ALTER SYSTEM set
    restarts: tuple[str, ...] = ()  # replicas first
    steps: tuple[access.Step, ...] = ()
    drift: tuple[Drift, ...] = ()
    undeclared: tuple[str, ...] = ()
    actions: tuple[Action, ...] = ()


def members_from(value: Mapping[str, Any]) -> tuple[Member, ...]:
    """Of ``GET /cluster``."""
    return tuple(
        Member(
            name=member["name"],
            role=member.get("role", ""),
            state=member.get("state", ""),
            lag_bytes=lag if isinstance(lag := member.get("lag"), int) else None,
            pending_restart=bool(member.get("pending_restart")),
            zone=str((member.get("tags") or {}).get("zone", "")),
        )
        for member in value.get("members", [])
    )


def bootstrap_action(cluster: Cluster) -> Action:
    kind = "synchronous" if cluster.synchronous else "asynchronous" if len(cluster.members) > 1 else "one member"
    return Action("bootstrap", f"cluster {cluster.name}", f"members {', '.join(cluster.members)}; {kind}")


def plan_absent(desired: Desired) -> Plan:
    """Nothing is there: the whole of it."""
    steps = access.plan(desired.cluster.name, desired.roles, desired.cluster.extensions, Found())
    actions = (bootstrap_action(desired.cluster), *(step.action for step in steps))
    return Plan(steps=steps, actions=actions)


def plan_actual(desired: Desired, actual: Actual) -> Plan:
    """Raises InputError where a declared parameter or extension cannot be."""
    cluster = desired.cluster
    known = next(iter(actual.settings.values()), {})
    problems = [*settings.problems(cluster.name, desired.parameters, known), *_extensions(cluster, actual.access)]
    if problems:
        raise InputError(f"PostgreSQL cluster {cluster.name} cannot be as declared. Nothing was changed.", problems)
    change = configuration.patch(desired.configuration, actual.configuration)
    changed = list(change.get("postgresql", {}).get("parameters", {}))
    drift = tuple(
        one
        for member, found in actual.settings.items()
        for one in settings.drifts(member, desired.parameters, found)
        if one.parameter not in changed
    )
    resets = _resets(actual)
    restarts = _restarts(desired, actual, [*changed, *(name for names in resets.values() for name in names)], known)
    steps = access.plan(cluster.name, desired.roles, cluster.extensions, actual.access)
    started = (bootstrap_action(cluster),) if actual.bootstrapped else ()
    return Plan(
        change=change,
        resets=resets,
        restarts=restarts,
        steps=steps,
        drift=drift,
        undeclared=tuple(configuration.undeclared(desired.configuration, actual.configuration)),
        actions=(
            *started,
            *_configuring(cluster.name, change, actual.configuration),
            *_resetting(resets),
            *(
                Action("restart", f"member {name}", f"cluster {cluster.name}: parameters wait for it")
                for name in restarts
            ),
            *(step.action for step in steps),
        ),
    )


def _extensions(cluster: Cluster, found: Found) -> Iterator[Problem]:
    for index, name in enumerate(cluster.extensions):
        if found.available is not None and name not in found.available:
            cure = "PostgreSQL has no such extension to offer: install its package on every member (postgres_packages)."
            yield Problem(f"postgres cluster {cluster.name}", f"extensions[{index}]", name, cure)


def _resets(actual: Actual) -> dict[str, tuple[str, ...]]:
    """What somebody set with ALTER SYSTEM: it hides the configuration that the members share, so it goes."""
    found = {
        member: tuple(sorted(name for name, setting in values.items() if setting.from_alter_system))
        for member, values in actual.settings.items()
    }
    return {member: names for member, names in found.items() if names}


def _restarts(
    desired: Desired, actual: Actual, changed: Sequence[str], known: Mapping[str, Setting]
) -> tuple[str, ...]:
    if desired.restart == "never":
        return ()
    everyone = settings.restarting(changed, known)
    waiting = [member for member in actual.members if member.pending_restart or everyone]
    answering = [member for member in waiting if member.name in actual.settings]
    return tuple(member.name for member in sorted(answering, key=lambda member: (member.leads, member.name)))


def _configuring(
    cluster: str, change: Mapping[str, Any], found: Mapping[str, Any], place: str = ""
) -> Iterator[Action]:
    for key, value in sorted(change.items()):
        before = found.get(key)
        if isinstance(value, Mapping):
            inner = before if isinstance(before, Mapping) else {}
            yield from _configuring(cluster, value, inner, f"{place}{key}.")
        elif value is None:
            yield Action("remove", f"{place}{key} of cluster {cluster}", f"was {before}")
        else:
            yield Action("set", f"{place}{key} of cluster {cluster}", f"{before} -> {value}")


def _resetting(resets: Mapping[str, Sequence[str]]) -> Iterator[Action]:
    for member, names in sorted(resets.items()):
        for name in names:
            yield Action("reset", f"{name} of member {member}", "ALTER SYSTEM had set it past the cluster manager")


def snapshot(desired: Desired, actual: Actual | None) -> dict[str, Any]:
    if actual is None or actual.bootstrapped:
        return {}
    return {
        "configuration": dict(actual.configuration),
        "alter_system": {member: list(names) for member, names in _resets(actual).items()},
        **access.snapshot(actual.access, desired.roles),
    }


def desired_snapshot(desired: Desired, actual: Actual | None, plan: Plan) -> dict[str, Any]:
    found = actual.access if actual else Found()
    before = actual.configuration if actual else {}
    change = plan.change if actual else desired.configuration
    return {
        "configuration": configuration.merged(before, change),
        "alter_system": {},
        **access.desired_snapshot(found, desired.roles, desired.cluster.extensions),
    }


def report(desired: Desired, actual: Actual | None, plan: Plan) -> dict[str, Any]:
    """One cluster in a module's result."""
    members = actual.members if actual else ()
    return {
        "name": desired.cluster.name,
        "exists": actual is not None,
        "leader": next((member.name for member in members if member.leads), ""),
        "members": [asdict(member) for member in members],
        "synchronous_standbys": [
            member.name for member in members if member.role in ("sync_standby", "quorum_standby")
        ],
        "drift": [asdict(one) for one in plan.drift],
        "undeclared": list(plan.undeclared),
        "pending_restart": [member.name for member in members if member.pending_restart],
    }
