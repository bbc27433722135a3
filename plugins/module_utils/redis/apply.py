# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host's instances and Sentinel say, put together; and a plan carried out. Between plans and client."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import Problem, Unreachable
from ansible_collections.erpops.odoo.plugins.module_utils.redis import client, model, plan, topology
from ansible_collections.erpops.odoo.plugins.module_utils.redis.client import Access, connected

SENTINEL = "sentinel"
FOLLOW_SECONDS, POLL_SECONDS = 60, 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """All hosts of a Redis group, this one among them, and how to log in to their Sentinels and instances."""

    host: str
    members: Sequence[str]
    access: Access
    state_folder: str
    sentinel_port: int = 26379

    def started_once(self, instance: str) -> bool:
        """Whether the instance was ever started on this host: its first start makes its folder."""
        return Path(self.state_folder, instance, f"{'sentinel' if instance == SENTINEL else 'redis'}.conf").exists()


def missing_library(group: Group, instances: Sequence[str], message: str) -> Unreachable:
    started = [name for name in instances if group.started_once(name)]
    return Unreachable(
        f"Redis was started on this host ({', '.join(started)}), but cannot be read: {message}",
        [Problem(f"host {group.host}", "redis_packages", "", "Install python3-redis.")],
    )


def users_found(
    group: Group, instance: str, port: int, base: Mapping[str, model.User], *, assume_new: bool
) -> model.Found:
    """An instance's users. ``assume_new`` (check mode): one that was never started will start with ``base``."""
    if assume_new and not group.started_once(instance):
        return model.Found(instance=instance, present=False, users=base, saved=base)
    with connected(group.host, port, group.access) as connection:
        return model.Found(
            instance=instance,
            users=client.users(connection),
            saved=client.users_in(Path(group.state_folder, instance, "users.acl")),
        )


def apply_users(group: Group, port: int, planned: plan.Plan) -> None:
    if not planned.actions:
        return
    with connected(group.host, port, group.access) as connection:
        if planned.set:
            client.set_users(connection, planned.set)
        if planned.remove:
            client.remove_users(connection, planned.remove)
        if planned.save:
            client.save_users(connection)


def watched_by(group: Group) -> dict[str, dict[str, dict[str, Any]]]:
    """Of each member whose Sentinel answers, the services that it watches."""
    views = {}
    for member in group.members:
        view = client.asked(partial(_watched, group, member))
        if view is not None:
            views[member] = view
    return views


def _watched(group: Group, member: str) -> dict[str, dict[str, Any]]:
    with connected(member, group.sentinel_port, group.access) as connection:
        return client.monitored(connection)


def member_of(group: Group, host: str, port: int) -> topology.Member:
    with connected(host, port, group.access) as connection:
        state = client.replication(connection)
    return topology.Member(
        host=host,
        role=state.get("role", topology.PRIMARY),
        follows=state.get("master_host", ""),
        replicas=int(state.get("connected_slaves", 0)),
    )


def members_of(group: Group, port: int) -> list[topology.Member]:
    found = []
    for host in group.members:
        member = client.asked(partial(member_of, group, host, port))
        found.append(member or topology.Member(host=host, answers=False))
    return found


def primary_of(group: Group, wanted: topology.Wanted, views: Mapping[str, Any], *, assume_new: bool) -> str:
    """The host that takes writes. ``assume_new``: where nobody answers at all, it will be the first member."""
    named = [str(view[wanted.name]["ip"]) for view in views.values() if wanted.name in view]
    if named:
        return topology.primary_of(wanted.name, (), named)
    members = members_of(group, wanted.port)
    if assume_new and not any(member.answers for member in members):
        return group.members[0]
    return topology.primary_of(wanted.name, members, ())


def instance_found(
    group: Group, wanted: topology.Wanted, views: Mapping[str, Any], *, assume_new: bool
) -> topology.Found:
    """An instance on this host; one that was never started is as its files will start it."""
    if assume_new and not group.started_once(wanted.name):
        return topology.Found(present=False, parameters=wanted.parameters, itself=topology.Member(host=group.host))
    with connected(group.host, wanted.port, group.access) as connection:
        parameters = client.parameters(connection, list(wanted.parameters))
    watched = views.get(group.host, {}).get(wanted.name, {})
    return topology.Found(
        parameters=parameters,
        itself=member_of(group, group.host, wanted.port),
        watched=_settings(watched),
        companions=_companions(group, wanted.name) if watched else frozenset(),
    )


def _settings(watched: Mapping[str, Any]) -> dict[str, str]:
    names = ("ip", "quorum", "down-after-milliseconds", "failover-timeout")
    return {name: str(watched[name]) for name in names if name in watched}


def _companions(group: Group, service: str) -> frozenset[str]:
    with connected(group.host, group.sentinel_port, group.access) as connection:
        return frozenset(client.companions(connection, service))


def _follows(group: Group, wanted: topology.Wanted, primary: str) -> None:
    """Wait until the primary counts this host among its replicas: before, it may refuse every write for want of them.

    A first copy that takes longer is let go on.
    """
    end = time.monotonic() + FOLLOW_SECONDS
    while not client.asked(partial(_counted, group, wanted, primary)):
        if time.monotonic() > end:
            with connected(group.host, wanted.port, group.access) as connection:
                state = client.replication(connection)
            if state.get("master_sync_in_progress") == "1":
                return
            raise Unreachable(
                f"Redis {wanted.name} does not come to follow {primary} within {FOLLOW_SECONDS} seconds.",
                [Problem(f"host {group.host}", "master_link_status", state.get("master_link_status", ""),
                         f"Look at the journals of both hosts: journalctl -u erpops-redis@{wanted.name}.")],
            )  # fmt: skip
        time.sleep(POLL_SECONDS)


def _counted(group: Group, wanted: topology.Wanted, primary: str) -> bool:
    with connected(primary, wanted.port, group.access) as connection:
        return client.counts(connection, group.host)


def apply_instance(
    group: Group, planned: topology.Plan, watch: topology.Watch | None, login: Sequence[tuple[str, str]]
) -> None:
    """Carry out a plan. ``login``: how the Sentinel logs in to what it watches."""
    wanted = planned.wanted
    if planned.parameters or planned.follow or planned.lead:
        with connected(group.host, wanted.port, group.access) as connection:
            if planned.parameters:
                client.set_parameters(connection, dict(planned.parameters))
            if planned.follow:
                client.follow(connection, planned.follow, wanted.port)
            if planned.lead:
                client.lead(connection)
            client.keep(connection)
    if planned.follow:
        _follows(group, wanted, planned.follow)
    if watch is None or not (planned.monitor or planned.tune):
        return
    with connected(group.host, group.sentinel_port, group.access) as connection:
        if planned.monitor:
            client.monitor(connection, wanted.name, planned.monitor, wanted.port, watch.quorum)
            client.tune(connection, wanted.name, [*login, *watch.settings().items()])
        elif planned.tune:
            client.tune(connection, wanted.name, list(planned.tune.items()))
