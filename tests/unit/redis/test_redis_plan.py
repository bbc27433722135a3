"""Which users are set, removed, saved and reported."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.erpops.odoo.plugins.module_utils.estate.model import Instance, Tenant, resolve
from ansible_collections.erpops.odoo.plugins.module_utils.redis.model import Found, User, hash_of
from ansible_collections.erpops.odoo.plugins.module_utils.redis.plan import declared_users, plan

BASE = {
    "default": User(name="default"),
    "erpops_admin": User(name="erpops_admin", enabled=True, hashes=frozenset({hash_of("admin")})),
}
TENANTS = resolve(
    [
        Tenant(name="acme", instance="shared", hostnames=("a.example",)),
        Tenant(name="birch", instance="shared", hostnames=("b.example",), state="suspended"),
        Tenant(name="cedar", instance="shared", hostnames=("c.example",), state="absent"),
    ],
    [Instance(name="shared", environment="test", version="19.0", image="x")],
    [],
)
DECLARED = declared_users("sessions", BASE, TENANTS, lambda tenant: f"password of {tenant.name}")
ABSENT = ["cedar"]


def found(users: dict[str, User], saved: dict[str, User] | None = None) -> Found:
    return Found(instance="sessions", users=users, saved=users if saved is None else saved)


def verbs(planned) -> list[tuple[str, str]]:
    return [(action.verb, action.subject.removesuffix(" of redis sessions")) for action in planned.actions]


def test_declared_are_the_estate_s_own_and_each_tenant_that_is_not_absent() -> None:
    assert set(DECLARED) == {"default", "erpops_admin", "acme", "birch"}


def test_new_users_are_created_and_saved() -> None:
    planned = plan(found(BASE), DECLARED, ABSENT)
    assert verbs(planned) == [("create", "user acme"), ("create", "user birch"), ("save", "users")]
    assert {user.name for user in planned.set} == {"acme", "birch"}


def test_nothing_is_done_where_all_is_as_declared() -> None:
    planned = plan(found(DECLARED), DECLARED, ABSENT)
    assert planned.actions == () and not planned.save and planned.before == planned.after


def test_what_was_set_and_not_saved_is_saved() -> None:
    planned = plan(found(DECLARED, saved=BASE), DECLARED, ABSENT)
    assert verbs(planned) == [("save", "users")]
    assert planned.save and not planned.set


def test_a_changed_user_names_what_differs() -> None:
    changed = replace(DECLARED["acme"], hashes=frozenset({"f" * 64}), commands=("+@all",))
    planned = plan(found({**DECLARED, "acme": changed}), DECLARED, ABSENT)
    assert (planned.actions[0].verb, planned.actions[0].detail) == ("alter", "password, commands")


def test_an_open_default_user_is_closed_again() -> None:
    opened = User(name="default", enabled=True, open=True, keys=frozenset({"~*"}), commands=("+@all",))
    planned = plan(found({**DECLARED, "default": opened}), DECLARED, ABSENT)
    assert planned.set == (BASE["default"],)
    assert planned.before["default"]["password"] == "any"
    assert planned.after["default"]["enabled"] is False


def test_an_absent_tenant_s_user_is_removed() -> None:
    planned = plan(found({**DECLARED, "cedar": User(name="cedar", enabled=True)}), DECLARED, ABSENT)
    assert planned.remove == ("cedar",)
    assert "cedar" not in planned.after


def test_an_undeclared_user_stays_and_is_reported() -> None:
    stranger = User(name="stranger", enabled=True)
    planned = plan(found({**DECLARED, "stranger": stranger}), DECLARED, ABSENT)
    assert planned.actions == () and planned.undeclared == ("stranger",)


def test_an_emptied_list_removes_nobody() -> None:
    planned = plan(found(DECLARED), BASE, [])
    assert planned.actions == () and planned.undeclared == ("acme", "birch")


def test_no_hash_and_no_password_in_the_diff() -> None:
    planned = plan(found(BASE), DECLARED, ABSENT)
    text = f"{planned.before}{planned.after}{planned.actions}"
    assert hash_of("password of acme") not in text and "password of acme" not in text
