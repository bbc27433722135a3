"""Lines of ACL files against users, and back."""

from __future__ import annotations

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.estate.model import Instance, Tenant, resolve
from ansible_collections.erpops.odoo.plugins.module_utils.redis.model import (
    COMMANDS,
    User,
    hash_of,
    parse_user,
    parse_users,
    tenant_user,
)

INSTANCE = Instance(name="shared", environment="test", version="19.0", image="x")


def resolved(state: str = "present"):
    tenant = Tenant(name="acme", instance="shared", hostnames=("a.example",), state=state)
    return resolve([tenant], [INSTANCE], [])[0]


def test_a_line_of_the_server_is_read() -> None:
    line = f"user acme on sanitize-payload #{'a' * 64} ~acme:* resetchannels &acme:* -@all +get +client|setname"
    assert parse_user(line) == User(
        name="acme",
        enabled=True,
        hashes=frozenset({"a" * 64}),
        keys=frozenset({"~acme:*"}),
        channels=frozenset({"&acme:*"}),
        commands=("-@all", "+get", "+client|setname"),
    )


def test_what_the_rules_set_is_what_the_server_would_show() -> None:
    user = tenant_user(resolved(), "sessions", "secret")
    shown = " ".join(rule for rule in user.rules() if rule != "reset")
    assert parse_user(f"user acme {shown}") == user


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("user x off allkeys allchannels allcommands", ("~*", "&*", "+@all")),
        ("user x off ~* &* +@all", ("~*", "&*", "+@all")),
    ],
)
def test_long_and_short_forms_are_the_same(line: str, expected: tuple[str, str, str]) -> None:
    user = parse_user(line)
    assert user is not None
    assert (set(user.keys), set(user.channels), user.commands) == ({expected[0]}, {expected[1]}, (expected[2],))


def test_a_selector_is_one_rule_and_counts() -> None:
    with_selector = parse_user("user x on ~x:* -@all +get (~y:* resetchannels -@all +set)")
    without = parse_user("user x on ~x:* -@all +get")
    assert with_selector != without
    assert with_selector is not None and with_selector.keys == frozenset({"~x:*"})


@pytest.mark.parametrize("line", ["", "# comment", "user", "client on"])
def test_other_lines_are_no_user(line: str) -> None:
    assert parse_users([line]) == {}


def test_no_tenant_may_list_keys_or_reach_others() -> None:
    for instance, commands in COMMANDS.items():
        assert not {"scan", "keys", "randomkey", "dbsize", "flushdb", "flushall", "config", "eval"} & set(commands)
        assert not any(command.startswith(("@", "acl", "config", "script")) for command in commands), instance


def test_a_suspended_tenant_s_user_is_off() -> None:
    assert tenant_user(resolved("suspended"), "cache", "x").enabled is False
    assert tenant_user(resolved(), "cache", "x").enabled is True


def test_passwords_are_kept_as_hashes_only() -> None:
    user = tenant_user(resolved(), "queue", "very-secret")
    assert user.hashes == frozenset({hash_of("very-secret")})
    assert "very-secret" not in repr(user)
