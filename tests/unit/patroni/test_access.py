# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

from ansible_collections.erpops.odoo.plugins.module_utils.patroni import access
from ansible_collections.erpops.odoo.plugins.module_utils.patroni.access import Found, RoleFound
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.scram import verifier

PASSWORDS = {
    name: f"secret-{name}" for name in ("erpops_admin", "erpops_template", "pgbouncer_auth", "replicator", "rewind")
}
ROLES = access.roles(PASSWORDS)
EXTENSIONS = ("pg_stat_statements",)


def whole() -> Found:
    """Everything as declared."""
    return Found(
        roles={
            role.name: RoleFound(attributes=dict(role.attributes), verifier=verifier(role.password)) for role in ROLES
        },
        function=access.expected_function(),
        public=dict(access.PUBLIC_MAY),
        extensions=frozenset(EXTENSIONS),
    )


def subjects(found: Found) -> list[tuple[str, str]]:
    steps = access.plan("main", ROLES, EXTENSIONS, found)
    return [(step.action.verb, step.action.subject.removesuffix(" of cluster main")) for step in steps]


def test_a_fresh_cluster_gets_all_of_it() -> None:
    assert subjects(Found()) == [
        ("create", "role erpops_admin"),
        ("create", "role erpops_template"),
        ("create", "role pgbouncer_auth"),
        ("create", "function erpops_pool.lookup"),
        ("alter", "privileges on database postgres"),
        ("alter", "privileges on database template1"),
        ("create", "extension pg_stat_statements"),
    ]


def test_nothing_to_do() -> None:
    assert subjects(whole()) == []
    found = whole()
    assert access.snapshot(found, ROLES) == access.desired_snapshot(found, ROLES, EXTENSIONS)


def test_one_role_alone_is_superuser() -> None:
    assert [role.name for role in ROLES if role.superuser] == ["erpops_admin"]
    assert [role.name for role in ROLES if role.createdb] == ["erpops_template"]


def test_a_right_too_many_is_taken_back() -> None:
    found = whole()
    attributes = {**found.roles["erpops_template"].attributes, "SUPERUSER": True, "CREATEDB": False}
    changed = replace(
        found, roles={**found.roles, "erpops_template": replace(found.roles["erpops_template"], attributes=attributes)}
    )
    (step,) = access.plan("main", ROLES, EXTENSIONS, changed)
    assert step.action.detail == "NOSUPERUSER CREATEDB"


def test_another_password_is_set_and_never_shown() -> None:
    found = whole()
    changed = replace(found, roles={**found.roles, "replicator": RoleFound(attributes={}, verifier="md5abc")})
    (step,) = access.plan("main", ROLES, EXTENSIONS, changed)
    assert (step.action.subject, step.action.detail) == ("role replicator of cluster main", "PASSWORD")
    assert step.password_only
    shown = f"{step!r} {access.snapshot(changed, ROLES)} {access.desired_snapshot(changed, ROLES, EXTENSIONS)}"
    assert "secret-" not in shown
    assert "md5abc" not in shown


def test_public_is_brought_to_exactly_what_is_allowed() -> None:
    found = replace(whole(), public={"postgres": frozenset(), "template1": frozenset({"CONNECT"})})
    steps = access.plan("main", ROLES, EXTENSIONS, found)
    assert [(step.name, step.action.detail) for step in steps] == [
        ("postgres", "PUBLIC may CONNECT"),
        ("template1", "PUBLIC may nothing"),
    ]


def test_a_function_that_anybody_may_run_is_made_anew() -> None:
    expected = access.expected_function()
    for wrong in (
        replace(expected, executors=expected.executors | {"PUBLIC"}),
        replace(expected, body="SELECT 1"),
        replace(expected, security_definer=False),
        replace(expected, settings=()),
        replace(expected, owner="erpops_template"),
    ):
        assert subjects(replace(whole(), function=wrong)) == [("alter", "function erpops_pool.lookup")]
