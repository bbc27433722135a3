# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Three hosts: the primary dies, a replica takes over, and the dead one comes back as a replica."""

from __future__ import annotations

import redis

from ansible_collections.erpops.odoo.plugins.module_utils.estate.secrets import derive

from .live import PORTS, SECRET, SENTINEL_PORT, Tier, eventually


def roles(tier: Tier, instance: str = "sessions") -> dict[str, str]:
    return {address: str(tier.admin(address, instance).info("replication")["role"]) for address in tier.addresses}


def test_one_leads_and_two_follow(trio: Tier) -> None:
    for instance in PORTS:
        assert eventually(lambda name=instance: sorted(roles(trio, name).values()) == ["master", "slave", "slave"])


def test_a_killed_primary_is_replaced_and_returns_as_a_replica(trio: Tier) -> None:
    old = trio.primary()
    host = trio.host_of(old)
    client = trio.tenant("acme")
    client.setex("acme:session:failover", 600, "before")
    assert client.execute_command("PING")
    eventually(lambda: trio.admin(old).wait(2, 1000) >= 1)
    trio.ssh(
        host, "systemctl kill --signal=KILL erpops-redis@sessions.service; systemctl stop erpops-redis@sessions.service"
    )
    try:
        new = eventually(lambda: (found := trio.primary()) != old and found)
        # The tenant's user is there on every host, and what it had written too.
        assert eventually(lambda: trio.tenant("acme", new).get("acme:session:failover")) == "before"
        assert eventually(lambda: trio.tenant("acme", new).setex("acme:session:after", 600, "after"))
    finally:
        trio.ssh(host, "systemctl start erpops-redis@sessions.service")
    assert eventually(lambda: roles(trio) == {a: "master" if a == new else "slave" for a in trio.addresses})
    assert eventually(lambda: trio.tenant("acme", new).get("acme:session:after")) == "after"

    assert trio.converge() == dict.fromkeys(trio.hosts, 0)
    assert trio.primary() == new, "a run must not move the primary back"


def test_a_rebuilt_host_follows_even_if_it_is_the_first_of_the_inventory(trio: Tier) -> None:
    """Its data, users and what its Sentinel knew are gone."""
    trio.tenant("acme").setex("acme:session:rebuilt", 600, "kept")
    new = trio.primary() if trio.primary() != trio.addresses[0] else _moved_away(trio)
    trio.ssh(trio.first, "systemctl stop 'erpops-redis@*' erpops-redis-sentinel; rm -rf /var/lib/erpops-redis")
    trio.converge()
    assert trio.primary() == new
    assert eventually(lambda: roles(trio)[trio.addresses[0]] == "slave")
    assert trio.tenant("acme").get("acme:session:rebuilt") == "kept"


def _moved_away(tier: Tier) -> str:
    """The first host is primary: have the Sentinels move it, so that a rebuilt one has somebody to follow."""
    sentinel = tier.client(tier.addresses[1], SENTINEL_PORT, "erpops_admin", derive(SECRET, "redis_admin"))
    eventually(lambda: _asked_to_move(sentinel))
    return str(eventually(lambda: (found := tier.primary()) != tier.addresses[0] and found))


def _asked_to_move(sentinel: redis.Redis) -> bool:
    try:
        sentinel.execute_command("SENTINEL FAILOVER", "sessions")
    except redis.ResponseError:
        return False
    return True
