# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One cluster from what it is to what is declared: looks, waits, writes. What to do is decided in ``plan``."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import Problem, Unreachable
from ansible_collections.erpops.odoo.plugins.module_utils.patroni import database, evidence, rest
from ansible_collections.erpops.odoo.plugins.module_utils.patroni.plan import (
    Actual,
    Desired,
    Member,
    Plan,
    members_from,
    plan_absent,
    plan_actual,
)
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import Server

POLL_SECONDS = 0.5
ROUNDS = 4  # a lowered limit shows on replicas only after the primary has restarted


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How to speak to one cluster, and how long to wait for it."""

    api: rest.Api
    server: Server
    wait_seconds: int
    evidence: tuple[evidence.Evidence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    desired: Desired
    actual: Actual | None
    plan: Plan
    final: Actual | None
    absent: bool = False
    warnings: tuple[str, ...] = ()


def answering(reach: Reach, members: Sequence[str]) -> tuple[tuple[str, ...], dict[str, str]]:
    """The members whose Patroni answers, and why the others do not."""
    there, silent = [], {}
    for member in members:
        try:
            rest.status(reach.api, member)
            there.append(member)
        except Unreachable as error:
            silent[member] = str(error)
    return tuple(there), silent


def view(reach: Reach, members: Sequence[str]) -> tuple[Member, ...]:
    """The cluster as the first member that answers knows it from etcd."""
    reasons = []
    for member in members:
        try:
            return members_from(rest.cluster(reach.api, member))
        except Unreachable as error:
            reasons.append(str(error))
    raise Unreachable("No member's Patroni answers.\n" + "\n".join(f"- {reason}" for reason in reasons))


def look(desired: Desired, reach: Reach, alive: Sequence[str], *, bootstrapped: bool = False) -> Actual:
    """The actual state of a cluster that has a primary."""
    members = view(reach, alive)
    running = [member.name for member in members if member.name in alive]
    with database.connect(reach.server, primary=True) as connection:
        found = database.access(connection, [role.name for role in desired.roles])
    settings = {name: database.settings(reach.server.at([reach.api.addresses[name]])) for name in sorted(running)}
    return Actual(
        configuration=rest.configuration(reach.api, alive[0]),
        members=members,
        settings=settings,
        access=found,
        bootstrapped=bootstrapped,
    )


def settled(desired: Desired, members: Sequence[Member], expected: Sequence[str]) -> list[Problem]:
    """What is still missing until the cluster is whole, of the members that are expected."""
    cluster = desired.cluster
    by_name = {member.name: member for member in members}
    problems = []
    if not any(member.leads and member.state == "running" for member in members):
        problems.append(Problem(f"postgres cluster {cluster.name}", "leader", "none", "Look at etcd and the journals."))
    for name in expected:
        member = by_name.get(name)
        if member is None or not (member.follows or (member.leads and member.state == "running")):
            state = member.state if member else "not in the cluster"
            cure = "Look at the journal of patroni.service on this host."
            problems.append(Problem(f"host {name}", "state", state, cure))
    if cluster.synchronous and len(expected) > 1 and not any(m.role == "sync_standby" for m in members):
        cure = "No replica is in step yet: see pg_stat_replication on the primary."
        problems.append(Problem(f"postgres cluster {cluster.name}", "synchronous standby", "none", cure))
    return problems


def wait(reach: Reach, what: str, check: Callable[[], list[Problem]]) -> None:
    """Until nothing is missing. Raises Unreachable with what still is."""
    deadline = time.monotonic() + reach.wait_seconds
    while True:
        try:
            problems = check()
        except Unreachable as error:
            problems = [Problem(what, "", "", str(error))]
        if not problems:
            return
        if time.monotonic() > deadline:
            raise Unreachable(f"{what}: not there after {reach.wait_seconds} s.", problems)
        time.sleep(POLL_SECONDS)


def wait_until_settled(desired: Desired, reach: Reach, expected: Sequence[str]) -> None:
    name = desired.cluster.name
    wait(reach, f"PostgreSQL cluster {name}", lambda: settled(desired, view(reach, expected), expected))


def predict(desired: Desired, reach: Reach) -> Outcome:
    """Check mode: the same plan, nothing written, nothing waited for."""
    cluster = desired.cluster
    alive, silent = answering(reach, cluster.members)
    if not alive:
        if not evidence.absent(cluster.name, cluster.members, reach.evidence):
            raise _silent(desired, reach, silent)
        return Outcome(desired=desired, actual=None, plan=plan_absent(desired), final=None, absent=True)
    actual = look(desired, reach, alive)
    return Outcome(
        desired=desired,
        actual=actual,
        plan=plan_actual(desired, actual),
        final=actual,
        warnings=_missing(silent, actual),
    )


def _silent(desired: Desired, reach: Reach, silent: dict[str, str]) -> Unreachable:
    cluster = desired.cluster
    error = evidence.unreachable(cluster.name, cluster.members, reach.evidence)
    cure = "Start patroni.service there and look at its journal."
    spoken = [Problem(f"host {name}", "Patroni", reason, cure) for name, reason in silent.items()]
    return Unreachable(error.message, [*error.problems, *spoken])


def converge(desired: Desired, reach: Reach) -> Outcome:
    cluster = desired.cluster
    before = evidence.of_cluster(cluster.name, reach.evidence)
    asked = [finding.member for finding in before]
    fresh = evidence.never_bootstrapped(cluster.members, before)
    expected = _expected(desired, reach, asked)
    wait_until_settled(desired, reach, expected)
    actual = look(desired, reach, expected, bootstrapped=fresh)
    plan = plan_actual(desired, actual)
    _apply(desired, reach, plan, expected)
    silent = answering(reach, cluster.members)[1]
    final = look(desired, reach, expected) if plan.actions else actual
    return Outcome(desired=desired, actual=actual, plan=plan, final=final, warnings=_missing(silent, final))


def _expected(desired: Desired, reach: Reach, asked: Sequence[str]) -> list[str]:
    """Members that must be there: those of this run, and others that answer. A dead host blocks nobody."""
    members = desired.cluster.members
    alive, silent = answering(reach, [member for member in members if member not in asked])
    expected = [member for member in members if member in asked or member in alive]
    if not expected:
        raise _silent(desired, reach, silent)
    return expected


def _missing(silent: dict[str, str], actual: Actual) -> tuple[str, ...]:
    known = {member.name: member.state for member in actual.members}
    return tuple(
        f"host {name}: Patroni does not answer ({reason}); the cluster knows it as {known.get(name, 'no member')}."
        for name, reason in silent.items()
    )


def _apply(desired: Desired, reach: Reach, plan: Plan, expected: Sequence[str]) -> None:
    if plan.change:
        rest.configure(reach.api, expected[0], plan.change)
    for member, names in plan.resets.items():
        database.reset(reach.server.at([reach.api.addresses[member]]), list(names))
    if plan.change or plan.resets:
        _wait_for_settings(desired, reach, expected)
    if plan.restarts:
        _restart(desired, reach, expected)
    if plan.steps:
        with database.connect(reach.server, primary=True) as connection:
            for step in plan.steps:
                database.apply(connection, step)


def _wait_for_settings(desired: Desired, reach: Reach, expected: Sequence[str]) -> None:
    """Until each parameter is live, or its member knows that it waits for a restart."""

    def check() -> list[Problem]:
        found = look(desired, reach, expected)
        drift = plan_actual(desired, found).drift
        waiting = {member.name for member in found.members if member.pending_restart}
        return [
            Problem(f"host {one.member}", one.parameter, one.live, f"It should be {one.declared}.")
            for one in drift
            if one.member not in waiting
        ]

    wait(reach, f"The parameters of PostgreSQL cluster {desired.cluster.name}", check)


def _restart(desired: Desired, reach: Reach, expected: Sequence[str]) -> None:
    """Replicas one after the other, the primary last, or as a replica after a switchover."""
    for attempt in range(ROUNDS):
        waiting = [member for member in view(reach, expected) if member.pending_restart and member.name in expected]
        if not waiting:
            return
        for member in sorted(waiting, key=lambda member: (member.leads, member.name)):
            # A limit is only lowered by a primary that restarts as one, which then is left over for the next round.
            if member.leads and desired.restart == "switchover" and attempt == 0:
                _hand_over(reach, expected, member.name)
                wait_until_settled(desired, reach, expected)
            rest.restart(reach.api, member.name)
            wait_until_settled(desired, reach, expected)


def _hand_over(reach: Reach, expected: Sequence[str], leader: str) -> None:
    members = view(reach, expected)
    candidates = sorted(
        (member for member in members if member.follows and member.name in expected),
        key=lambda member: (member.role != "sync_standby", member.name),
    )
    if candidates:
        rest.switchover(reach.api, leader, candidates[0].name)
