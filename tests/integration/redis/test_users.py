# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tenants can and cannot do, and that the modules keep users and parameters as declared."""

from __future__ import annotations

import json

import pytest
import redis

from ansible_collections.erpops.odoo.plugins.module_utils.estate.secrets import derive
from ansible_collections.erpops.odoo.plugins.module_utils.redis.model import hash_of

from .live import PORTS, SECRET, TENANTS, Tier, eventually, tenant

BEYOND = [
    *("KEYS *", "SCAN 0", "DBSIZE", "RANDOMKEY", "FLUSHALL", "CONFIG GET *", "ACL LIST", "INFO", "CLIENT LIST"),
    *("MONITOR", "EVAL return(1) 0", "PSUBSCRIBE *", "SHUTDOWN", "REPLICAOF NO ONE"),
    *("SUBSCRIBE birch:x", "GET birch:x"),
]


def test_a_second_run_changes_nothing(tier: Tier) -> None:
    assert tier.converge() == dict.fromkeys(tier.hosts, 0)


def test_a_tenant_does_what_sessions_need(tier: Tier) -> None:
    client = tier.tenant("acme")
    client.setex("acme:session:1", 60, "text")
    assert client.get("acme:session:1") == "text"
    client.sadd("acme:device:1", "1")
    client.expire("acme:device:1", 60)
    assert client.smembers("acme:device:1") == {"1"}
    assert client.delete("acme:session:1") == 1


def test_a_tenant_reaches_no_other_s_keys(tier: Tier) -> None:
    tier.tenant("birch").setex("birch:session:1", 60, "private")
    stranger = tier.tenant("acme")
    for command in (("GET", "birch:session:1"), ("SETEX", "birch:session:1", 1, "x"), ("DEL", "birch:session:1")):
        with pytest.raises(redis.exceptions.NoPermissionError):
            stranger.execute_command(*command)
    assert tier.tenant("birch").get("birch:session:1") == "private"


@pytest.mark.parametrize("command", BEYOND)
@pytest.mark.parametrize("instance", sorted(PORTS))
def test_a_tenant_has_no_command_that_reaches_beyond_its_keys(tier: Tier, instance: str, command: str) -> None:
    with pytest.raises(redis.exceptions.NoPermissionError):
        tier.tenant("acme", instance=instance).execute_command(*command.split())


def test_nobody_enters_without_a_login_or_with_another_s_password(tier: Tier) -> None:
    with pytest.raises(redis.exceptions.AuthenticationError):
        tier.client(tier.addresses[0], PORTS["sessions"], None, None).get("acme:x")
    with pytest.raises(redis.exceptions.AuthenticationError):
        tier.client(tier.addresses[0], PORTS["sessions"], "acme", derive(SECRET, "redis", "birch")).ping()


def test_nothing_answers_without_tls_and_the_packaged_unit_is_masked(tier: Tier) -> None:
    for name in tier.hosts:
        assert tier.ssh(name, "systemctl is-enabled redis-server.service || true").strip() == "masked"
    plain = redis.Redis(host=tier.addresses[0], port=PORTS["sessions"], socket_timeout=5, socket_connect_timeout=5)
    with pytest.raises(redis.exceptions.RedisError):
        plain.ping()


def test_each_instance_has_its_own_memory_policy_and_persistence(tier: Tier) -> None:
    names = ("maxmemory", "maxmemory-policy", "appendonly")
    found = {
        name: tuple(tier.admin(tier.addresses[0], name).config_get(*names)[key] for key in names) for name in PORTS
    }
    assert found == {
        "sessions": (str(256 * 2**20), "volatile-lru", "yes"),
        "cache": (str(128 * 2**20), "allkeys-lru", "no"),
        "queue": (str(128 * 2**20), "noeviction", "yes"),
    }


def test_check_predicts_what_a_run_does_and_writes_nothing(tier: Tier) -> None:
    tenants = [*TENANTS, tenant("cedar"), tenant("delta", state="suspended")]
    gone = [*TENANTS, tenant("cedar", state="absent"), tenant("delta", state="absent")]
    tier.users(gone)
    predicted = tier.users(tenants, "--check")
    assert "cedar" not in tier.admin(tier.addresses[0]).acl_users()
    done = tier.users(tenants)
    assert predicted["changed"] and predicted["actions"] == done["actions"]
    assert tier.users(tenants)["actions"] == []
    users = tier.admin(tier.addresses[0]).acl_list()
    assert any(line.startswith("user cedar on ") for line in users)
    assert any(line.startswith("user delta off ") for line in users)

    removed = tier.users(gone)
    assert [action["verb"] for action in removed["actions"]].count("remove") == 2 * len(PORTS)
    assert not {"cedar", "delta"} & set(tier.admin(tier.addresses[0]).acl_users())


def test_results_hold_no_password_and_no_hash(tier: Tier) -> None:
    text = json.dumps(tier.users([*TENANTS, tenant("elm")], "--check", "--diff"))
    for password in (derive(SECRET, "redis", "elm"), derive(SECRET, "redis_admin")):
        assert password not in text and hash_of(password) not in text


def test_a_user_that_somebody_widened_is_put_back(tier: Tier) -> None:
    admin = tier.admin(tier.addresses[0])
    admin.execute_command("ACL SETUSER", "acme", "+@all", "~*")
    result = tier.users(TENANTS)
    assert {"verb": "alter", "subject": "user acme of redis sessions", "detail": "keys, commands"} in result["actions"]
    assert admin.acl_getuser("acme")["keys"] == ["~acme:*"]


def test_an_undeclared_user_is_reported_and_stays(tier: Tier) -> None:
    admin = tier.admin(tier.addresses[0])
    admin.execute_command("ACL SETUSER", "stranger", "on", "nopass", "~stranger:*", "+get")
    try:
        result = tier.users(TENANTS)
        assert result["undeclared"] == {"sessions": ["stranger"]}
        assert "stranger" in admin.acl_users()
        emptied = tier.users([])
        assert set(emptied["undeclared"]["sessions"]) == {"acme", "birch", "stranger"}
        assert "acme" in admin.acl_users()
    finally:
        admin.execute_command("ACL DELUSER", "stranger")
        tier.users(TENANTS)


def test_a_parameter_that_somebody_changed_is_predicted_and_put_back(tier: Tier) -> None:
    admin = tier.admin(tier.addresses[0], "cache")
    admin.config_set("maxmemory", "1mb")
    started = tier.ssh(tier.first, "systemctl show -p ActiveEnterTimestampMonotonic erpops-redis@cache.service")
    assert tier.converge("--check")[tier.first] == 1
    assert admin.config_get("maxmemory")["maxmemory"] == str(2**20)
    tier.converge()
    assert admin.config_get("maxmemory")["maxmemory"] == str(128 * 2**20)
    assert started == tier.ssh(tier.first, "systemctl show -p ActiveEnterTimestampMonotonic erpops-redis@cache.service")


def test_users_and_sessions_outlive_a_restart(tier: Tier) -> None:
    tier.tenant("acme").setex("acme:session:kept", 600, "here")
    # What is written within the last second may be lost by a kill; a clean stop loses nothing.
    host = tier.host_of(tier.primary())
    tier.ssh(host, "systemctl restart erpops-redis@sessions.service")
    assert eventually(lambda: tier.tenant("acme").get("acme:session:kept")) == "here"


def test_a_renewed_certificate_is_served_without_a_restart(tier: Tier) -> None:
    serial = (
        f"openssl s_client -connect {tier.addresses[0]}:{PORTS['sessions']} </dev/null 2>/dev/null"
        " | openssl x509 -noout -serial"
    )
    pid = "systemctl show -p MainPID --value erpops-redis@sessions.service"
    before, process = tier.ssh(tier.first, serial), tier.ssh(tier.first, pid)
    tier.ssh(tier.first, "rm /etc/erpops/pki/redis/tls.crt && /usr/local/lib/erpops/issue-certificates redis")
    assert before.startswith("serial=")
    assert eventually(lambda: tier.ssh(tier.first, serial) != before)
    assert tier.ssh(tier.first, pid) == process
