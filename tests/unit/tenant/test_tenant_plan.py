# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From declared and found to steps. Most tests hold the plan against its own simulation: what a plan leaves behind,
the next plan finds in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Refused
from ansible_collections.erpops.odoo.plugins.module_utils.estate.model import (
    Instance,
    Limits,
    ResolvedTenant,
    Tenant,
    resolve,
)
from ansible_collections.erpops.odoo.plugins.module_utils.postgres import scram
from ansible_collections.erpops.odoo.plugins.module_utils.tenant.model import (
    READER,
    Actual,
    Birth,
    Cluster,
    Database,
    Desired,
    Registered,
    Role,
    RoleSpec,
    SetRole,
)
from ansible_collections.erpops.odoo.plugins.module_utils.tenant.plan import (
    awaiting_removal,
    empty,
    plan,
    undeclared,
)
from ansible_collections.erpops.odoo.plugins.module_utils.tenant.simulation import simulate, snapshot

NINETEEN = Instance(name="shared19", environment="production", version="19.0", image="odoo@sha256:19")
KUBE = Instance(name="kube19", environment="production", version="19.0", image="odoo@sha256:19", placement="kube")
TEMPLATE = Database(name="tpl19", owner="erpops_template", allows_connections=False, is_template=True)
HOSTS = ("app1", "app2")


def tenant(name: str, instance: Instance = NINETEEN, **values: Any) -> ResolvedTenant:
    hostnames = values.pop("hostnames", (f"{name}.example.test",))
    (resolved,) = resolve([Tenant(name=name, instance=instance.name, hostnames=hostnames, **values)], [instance], [])
    return resolved


def desired(*tenants: ResolvedTenant, **values: Any) -> Desired:
    given: dict[str, Any] = {
        "clusters": ("main",),
        "app_hosts": HOSTS,
        "templates": {("main", "shared19"): "tpl19", ("main", "kube19"): "tpl19"},
        "extensions": ("pg_trgm",),
        "passwords": {READER: "r", **{each.name: f"p-{each.name}" for each in tenants}},
        "admin": "erpops_admin",
    }
    return Desired(tenants=tenants, **{**given, **values})


def bare(**databases: Database) -> Actual:
    """A cluster with the template and nothing of ours."""
    return Actual(clusters={"main": Cluster(databases={"tpl19": TEMPLATE, **databases})})


def settled(*tenants: ResolvedTenant) -> Actual:
    """What a run left behind."""
    wanted, found = desired(*tenants), bare()
    return simulate(wanted, found, plan(wanted, found))


def shown(wanted: Desired, actual: Actual) -> list[str]:
    return [" ".join(filter(None, (a.verb, a.subject, a.detail))) for a in (s.action for s in plan(wanted, actual))]


def with_role(actual: Actual, name: str, **changes: Any) -> Actual:
    cluster = actual.clusters["main"]
    roles = {**cluster.roles, name: replace(cluster.roles[name], **changes)}
    return replace(actual, clusters={"main": replace(cluster, roles=roles)})


def with_database(actual: Actual, name: str, **changes: Any) -> Actual:
    cluster = actual.clusters["main"]
    databases = {**cluster.databases, name: replace(cluster.databases[name], **changes)}
    return replace(actual, clusters={"main": replace(cluster, databases=databases)})


def without(actual: Actual, *, database: str = "", role: str = "") -> Actual:
    cluster = actual.clusters["main"]
    databases = {key: value for key, value in cluster.databases.items() if key != database}
    roles = {key: value for key, value in cluster.roles.items() if key != role}
    return replace(actual, clusters={"main": replace(cluster, databases=databases, roles=roles)})


def with_row(actual: Actual, name: str, **changes: Any) -> Actual:
    return replace(
        actual, registry=tuple(replace(row, **changes) if row.name == name else row for row in actual.registry)
    )


def row(actual: Actual, name: str) -> Registered:
    found = actual.row(name)
    assert found is not None
    return found


def numbers(actual: Actual) -> Mapping[str, int]:
    return {row.name: row.number for row in actual.registry if row.alive}


A, B, C = tenant("acme"), tenant("birch"), tenant("cedar")


def test_from_nothing_everything_in_the_order_that_survives_a_kill() -> None:
    assert shown(desired(A, B), bare()) == [
        "create database erpops on cluster main",
        "create role erpops_registry on cluster main",
        "create tenant registry in database erpops",
        "grant tenant registry to role erpops_registry, to read",
        "register tenant acme number 1 on app host app1",
        "register tenant birch number 2 on app host app2",
        "create role acme on cluster main",
        "create role birch on cluster main",
        "adopt template database tpl19 on cluster main: owner erpops_admin",
        "create database acme on cluster main, from tpl19",
        "create database birch on cluster main, from tpl19",
    ]


def test_a_second_run_plans_nothing() -> None:
    assert shown(desired(A, B), settled(A, B)) == []


def test_a_run_that_was_killed_after_any_step_is_finished_by_the_next() -> None:
    wanted, found = desired(A, B), bare()
    steps = plan(wanted, found)
    for done in range(len(steps) + 1):
        midway = simulate(wanted, found, steps[:done])
        finished = simulate(wanted, midway, plan(wanted, midway))
        assert snapshot(wanted, finished) == snapshot(wanted, settled(A, B)), steps[done - 1].action
        assert plan(wanted, finished) == ()


def test_a_half_born_database_is_in_the_way_of_nothing() -> None:
    found = without(with_row(settled(A), "acme", born=False, base_url="", extensions=()), database="acme")
    leftover = Database(name="acme__new", owner="acme")
    cluster = found.clusters["main"]
    found = replace(found, clusters={"main": replace(cluster, databases={**cluster.databases, "acme__new": leftover})})
    (birth,) = plan(desired(A), found)
    assert isinstance(birth, Birth) and birth.leftover
    after = simulate(desired(A), found, [birth])
    assert "acme__new" not in after.clusters["main"].databases and row(after, "acme").born


def test_a_database_that_was_finished_but_not_recorded_is_recorded() -> None:
    found = with_row(settled(A), "acme", born=False, base_url="", extensions=())
    after = simulate(desired(A), found, plan(desired(A), found))
    assert after == settled(A) or snapshot(desired(A), after) == snapshot(desired(A), settled(A))
    assert plan(desired(A), after) == ()


def test_only_the_foundation_is_prepared() -> None:
    wanted = desired(prepare_only=True)
    assert len(shown(wanted, bare())) == 4
    assert shown(wanted, settled(A, B)) == []


def test_an_empty_system_is_all_of_the_plan() -> None:
    wanted = desired(A, templates_predicted=True)
    assert [step.action for step in plan(wanted, empty(("main",)))] == [
        step.action for step in plan(desired(A), bare())
    ]


# Numbers and places


def test_numbers_are_given_in_order_and_never_again() -> None:
    found = settled(A, B)
    gone = with_row(found, "birch", state="absent")
    gone = without(gone, database="birch", role="birch")
    after = simulate(desired(A, C), gone, plan(desired(A, C), gone))
    assert numbers(after) == {"acme": 1, "cedar": 3}
    reborn = simulate(desired(A, B, C), after, plan(desired(A, B, C), after))
    assert numbers(reborn) == {"acme": 1, "cedar": 3, "birch": 4}


def test_a_number_beyond_the_last_is_refused() -> None:
    found = with_row(settled(A), "acme", number=4000)
    with pytest.raises(InputError, match="number 4001 is beyond 4000"):
        plan(desired(A, B), found)


def test_the_host_with_the_fewest_tenants_is_chosen_and_kept() -> None:
    many = [tenant(f"t{number}") for number in range(5)]
    after = settled(*many)
    assert [row.app_host for row in after.registry] == ["app1", "app2", "app1", "app2", "app1"]
    assert shown(desired(*many, app_hosts=("app3", "app2", "app1")), after) == []


def test_undeclared_tenants_count_for_the_load() -> None:
    found = settled(A, B, C)
    wanted = desired(B, tenant("dill"), shrink_limit_percent=100)
    after = simulate(wanted, found, plan(wanted, found))
    assert row(after, "dill").app_host == "app2"


def test_a_pin_decides() -> None:
    assert "register tenant acme number 1 on app host app2" in shown(desired(tenant("acme", app_host="app2")), bare())


@pytest.mark.parametrize("hosts", [(), ("app1",)])
def test_a_pin_must_name_an_app_host(hosts: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match="tenant acme: app_host is 'app9'"):
        plan(desired(tenant("acme", app_host="app9"), app_hosts=hosts), bare())


def test_without_hosts_nothing_is_placed() -> None:
    with pytest.raises(InputError, match="give app_hosts"):
        plan(desired(A, app_hosts=()), bare())
    assert shown(desired(A, app_hosts=()), settled(A)) == []


def test_a_tenant_of_a_kubernetes_cluster_has_a_number_but_no_host() -> None:
    wanted = desired(tenant("acme", KUBE), app_hosts=())
    after = simulate(wanted, bare(), plan(wanted, bare()))
    assert (after.registry[0].number, after.registry[0].app_host) == (1, "")


def test_a_moved_pin_is_refused_until_the_files_have_moved() -> None:
    moved, found = tenant("acme", app_host="app2"), settled(A)
    with pytest.raises(Refused, match=r"app_host is 'app2'. Its filestore is on app1"):
        plan(desired(moved), found)
    assert shown(desired(moved, allow_move=True), found) == ["update registry of tenant acme app_host: app1 -> app2"]
    unborn = without(with_row(found, "acme", born=False), database="acme")
    assert "update registry of tenant acme app_host: app1 -> app2" in shown(desired(moved), unborn)


# What converges


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"powers": ("superuser", "createrole")}, "no superuser, no createrole"),
        ({"login": False}, "login"),
        ({"memberships": ("pg_read_all_data",)}, "no member of pg_read_all_data"),
        ({"verifier": None}, "password"),
        ({"verifier": scram.verifier("another")}, "password"),
        ({"spec": RoleSpec(name="acme", createdb=True)}, "no createdb"),
        ({"spec": RoleSpec(name="acme", connection_limit=3)}, "connection limit 3 -> -1"),
        ({"spec": RoleSpec(name="acme", statement_timeout="5s")}, "statement timeout 5s -> None"),
    ],
)
def test_a_role_is_brought_back(changes: dict[str, Any], text: str) -> None:
    found = with_role(settled(A), "acme", **changes)
    assert shown(desired(A), found) == [f"alter role acme {text}"]
    after = simulate(desired(A), found, plan(desired(A), found))
    assert plan(desired(A), after) == ()


def test_limits_become_the_roles() -> None:
    limited = tenant("acme", limits=Limits(connections=7, statement_timeout_seconds=30))
    assert shown(desired(limited), settled(A)) == [
        "alter role acme connection limit -1 -> 7, statement timeout None -> 30s"
    ]


def test_a_password_that_is_current_is_not_set_again() -> None:
    found = with_role(settled(A), "acme", login=False)
    (step,) = plan(desired(A), found)
    assert isinstance(step, SetRole) and not step.set_password


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"public": True}, "revoke database acme all privileges of PUBLIC"),
        ({"owner": "postgres"}, "alter database acme owner postgres -> acme"),
    ],
)
def test_a_database_is_brought_back(changes: dict[str, Any], text: str) -> None:
    assert shown(desired(A), with_database(settled(A), "acme", **changes)) == [text]


def test_the_estates_database_is_closed_again() -> None:
    found = with_database(settled(A), "erpops", public=True)
    assert shown(desired(A), found) == ["revoke database erpops all privileges of PUBLIC"]


def test_a_new_extension_costs_a_step_a_tenant() -> None:
    wanted = desired(A, B, extensions=("pg_trgm", "unaccent"))
    assert shown(wanted, settled(A, B)) == [
        "extend database acme extensions unaccent",
        "extend database birch extensions unaccent",
    ]


def test_a_new_first_hostname_is_told_to_the_database() -> None:
    renamed = tenant("acme", hostnames=("erp.acme.test", "acme.example.test"))
    assert shown(desired(renamed), settled(A)) == [
        "update registry of tenant acme hostnames: acme.example.test -> erp.acme.test acme.example.test",
        "alter database acme base URL https://acme.example.test -> https://erp.acme.test",
    ]
    added = tenant("acme", hostnames=("acme.example.test", "other.test"))
    assert len(shown(desired(added), settled(A))) == 1


def test_suspending_keeps_everything() -> None:
    assert shown(desired(tenant("acme", state="suspended")), settled(A)) == [
        "update registry of tenant acme state: present -> suspended"
    ]


def test_the_image_is_what_runs_and_not_what_is_declared() -> None:
    newer = tenant("acme", replace(NINETEEN, image="odoo@sha256:20"))
    assert shown(desired(newer), settled(A)) == []


@pytest.mark.parametrize(
    "changes",
    [{"owner": "erpops_template"}, {"is_template": False}, {"allows_connections": True}, {"public": True}],
)
def test_a_template_is_adopted_before_it_is_cloned(changes: dict[str, Any]) -> None:
    found = with_database(settled(A), "tpl19", **changes)
    assert shown(desired(A), found) == ["adopt template database tpl19 on cluster main: owner erpops_admin"]


# What is refused


def test_a_tenant_that_vanished_is_reported_and_left_alone() -> None:
    many = [tenant(f"t{number}") for number in range(10)]
    found, wanted = settled(*many), desired(*many[2:])
    assert shown(wanted, found) == []
    assert [row.name for row in undeclared(wanted, found)] == ["t0", "t1"]


@pytest.mark.parametrize(
    ("left", "limit", "refused"),
    [(8, 20, False), (7, 20, True), (0, 20, True), (0, 99, True), (0, 100, False), (9, 0, True), (10, 0, False)],
)
def test_a_list_that_shrank_too_far_stops_the_run(left: int, limit: int, refused: bool) -> None:
    many = [tenant(f"t{number}") for number in range(10)]
    found, wanted = settled(*many), desired(*many[:left], shrink_limit_percent=limit)
    if refused:
        with pytest.raises(Refused, match=f"{10 - left} of 10 registered tenants.*{limit} %") as caught:
            plan(wanted, found)
        assert [problem.subject for problem in caught.value.problems] == [f"tenant t{n}" for n in range(left, 10)]
    else:
        assert shown(wanted, found) == []


def test_an_emptied_list_on_a_fresh_system_is_just_that() -> None:
    assert shown(desired(), settled()) == []


def test_every_problem_is_reported_at_once() -> None:
    wanted = desired(tenant("acme", cluster="other"), tenant("birch", app_host="app9"), templates={})
    with pytest.raises(InputError) as caught:
        plan(wanted, bare())
    assert [(problem.subject, problem.field) for problem in caught.value.problems] == [
        ("tenant acme", "cluster"),
        ("tenant birch", "app_host"),
        ("tenant birch", "instance"),
    ]


def test_a_template_must_be_there_before_it_is_cloned() -> None:
    with pytest.raises(InputError, match="templates is 'tpl19'"):
        plan(desired(A), Actual(clusters={"main": Cluster()}))


def test_a_database_that_was_lost_is_not_born_again() -> None:
    with pytest.raises(Refused, match="restore it"):
        plan(desired(A), without(settled(A), database="acme"))


@pytest.mark.parametrize("kind", ["role", "database"])
def test_a_stranger_of_the_name_is_not_taken_over(kind: str) -> None:
    cluster = bare().clusters["main"]
    if kind == "role":
        cluster = replace(cluster, roles={"acme": Role(spec=RoleSpec(name="acme"))})
    else:
        cluster = replace(cluster, databases={**cluster.databases, "acme": Database(name="acme", owner="x")})
    with pytest.raises(Refused, match=f"tenant acme: {kind} is 'acme'"):
        plan(desired(A), Actual(clusters={"main": cluster}))


def test_a_database_is_never_moved_between_clusters() -> None:
    found = settled(A)
    found = replace(found, clusters={**found.clusters, "other": found.clusters["main"]})
    wanted = desired(tenant("acme", cluster="other"), clusters=("main", "other"))
    with pytest.raises(Refused, match="Its database is on cluster main"):
        plan(wanted, found)


# Removal

PROOF = {"acme": {"dump": "s3://dumps/acme", "restored": True}}
GONE = tenant("acme", state="absent")


def test_absent_alone_drops_nothing() -> None:
    wanted = desired(GONE, B)
    assert shown(wanted, settled(A, B)) == []
    assert awaiting_removal(wanted, settled(A, B)) == ("acme",)
    assert awaiting_removal(wanted, settled(B)) == ()


@pytest.mark.parametrize(
    "proof",
    [{}, {"acme": {}}, {"acme": {"dump": "x"}}, {"acme": {"restored": True}}, {"acme": {"dump": "", "restored": True}},
     {"acme": {"dump": "x", "restored": "yes"}}, {"birch": PROOF["acme"]}],
)  # fmt: skip
def test_removal_wants_a_proven_dump(proof: dict[str, Any]) -> None:
    wanted = desired(GONE, B, confirm_removal=("acme",), removal_proof=proof)
    with pytest.raises(Refused, match="removal_proof"):
        plan(wanted, settled(A, B))


def test_removal_leaves_a_tombstone() -> None:
    wanted = desired(GONE, B, confirm_removal=("acme",), removal_proof=PROOF)
    found = settled(A, B)
    assert shown(wanted, found) == ["remove tenant acme database and role; number 1 stays taken"]
    after = simulate(wanted, found, plan(wanted, found))
    assert after.registry[0].state == "absent" and after.row("acme") is None
    assert "acme" not in after.clusters["main"].roles and "acme" not in after.clusters["main"].databases
    assert plan(wanted, after) == ()


def test_a_killed_removal_goes_on() -> None:
    wanted = desired(GONE, B, confirm_removal=("acme",), removal_proof=PROOF)
    midway = without(settled(A, B), database="acme")
    assert shown(wanted, midway) == ["remove tenant acme database and role; number 1 stays taken"]


@pytest.mark.parametrize("name", ["birch", "nobody"])
def test_only_what_is_declared_absent_can_be_confirmed(name: str) -> None:
    with pytest.raises(InputError, match=f"confirm_removal is '{name}'"):
        plan(desired(A, B, confirm_removal=(name,)), settled(A, B))


# Several clusters


def test_each_cluster_has_its_own_roles_and_templates() -> None:
    found = Actual(
        clusters={
            "main": bare().clusters["main"],
            "gold": Cluster(databases={"tplgold": replace(TEMPLATE, name="tplgold")}),
        }
    )
    wanted = desired(
        A, tenant("birch", cluster="gold"), clusters=("main", "gold"),
        templates={("main", "shared19"): "tpl19", ("gold", "shared19"): "tplgold"},
    )  # fmt: skip
    after = simulate(wanted, found, plan(wanted, found))
    assert "birch" in after.clusters["gold"].databases and "birch" not in after.clusters["main"].roles
    assert "erpops" not in after.clusters["gold"].databases
    assert plan(wanted, after) == ()


# Secrets


def test_no_snapshot_or_action_holds_a_secret() -> None:
    wanted, found = desired(A), bare()
    steps = plan(wanted, found)
    after = simulate(wanted, found, steps)
    text = f"{snapshot(wanted, after)}{[step.action for step in steps]}{wanted!r}{after!r}"
    assert "p-acme" not in text and "SCRAM" not in text


def test_rows_are_compared_as_a_whole() -> None:
    one = Registered(
        number=1, name="a", app_host="h", image="i", state="present", instance="x", cluster="main", hostnames=("a",)
    )
    assert one == replace(one) and one != replace(one, image="j")


# Members of waves

AT_SOURCE = tenant("acme", source_url="http://10.82.0.11", limits=Limits(connections=5))


def test_a_tenant_at_its_source_is_registered_and_gets_a_role_and_no_database() -> None:
    wanted = desired(AT_SOURCE, templates={})
    assert shown(wanted, bare())[4:] == [
        "register tenant acme number 1 on app host app1",
        "create role acme on cluster main",
    ]
    after = simulate(wanted, bare(), plan(wanted, bare()))
    assert "acme" not in after.clusters["main"].databases and not row(after, "acme").born
    assert plan(wanted, after) == ()


def copied(**values: Any) -> Database:
    """What wave_seed leaves: the tenant's own, closed to all but in name."""
    return Database(name="acme", owner="acme", public=True, **values)


@pytest.mark.parametrize("database", [copied(), replace(copied(), owner="erpops_admin"), None])
def test_nothing_of_a_copy_that_follows_is_touched(database: Database | None) -> None:
    wanted = desired(AT_SOURCE)
    found = simulate(wanted, bare(), plan(wanted, bare()))
    found = with_role(found, "acme", login=False, powers=("createrole",), verifier="stale")
    cluster = found.clusters["main"]
    databases = {
        **cluster.databases,
        **({"acme": database} if database else {}),
        "acme__new": Database(name="n", owner="o"),
    }
    found = replace(found, clusters={"main": replace(cluster, databases=databases)})
    assert plan(wanted, found) == ()


def test_what_a_seed_made_before_the_tenant_was_registered_is_no_stranger() -> None:
    role = Role(spec=RoleSpec(name="acme"))
    found = Actual(clusters={"main": Cluster(databases={"tpl19": TEMPLATE, "acme": copied()}, roles={"acme": role})})
    assert shown(desired(AT_SOURCE), found)[4:] == [
        "register tenant acme number 1 on app host app1",
        "adopt template database tpl19 on cluster main: owner erpops_admin",
    ]


def at_target() -> Actual:
    """After the cutover: what wave_seed made serves, and the registry knows of no birth."""
    wanted = desired(AT_SOURCE)
    found = simulate(wanted, bare(), plan(wanted, bare()))
    cluster = found.clusters["main"]
    return replace(found, clusters={"main": replace(cluster, databases={**cluster.databases, "acme": copied()})})


def test_a_migrated_database_is_adopted_and_not_reborn() -> None:
    wanted = desired(A, migrated=("acme",))
    assert shown(wanted, at_target()) == [
        "alter role acme connection limit 5 -> -1",
        "revoke database acme all privileges of PUBLIC",
        "extend database acme extensions pg_trgm",
        "alter database acme base URL unknown -> https://acme.example.test",
    ]
    after = simulate(wanted, at_target(), plan(wanted, at_target()))
    assert row(after, "acme").born and plan(wanted, after) == ()
    assert not any(isinstance(step, Birth) for step in plan(wanted, at_target()))


def test_a_migrated_database_that_is_missing_is_a_loss() -> None:
    wanted = desired(A, migrated=("acme",))
    for found in (without(at_target(), database="acme"), bare()):
        with pytest.raises(Refused, match="It was there once and is gone"):
            plan(wanted, found)


def test_a_migrated_database_of_a_tenant_that_nobody_registered_is_adopted() -> None:
    found = replace(at_target(), registry=())
    with pytest.raises(Refused, match="unknown to the registry"):
        plan(desired(A), found)
    assert "register tenant acme number 1 on app host app1" in shown(desired(A, migrated=("acme",)), found)


def test_after_a_rollback_the_registry_forgets_what_the_database_was_told() -> None:
    served = desired(A, migrated=("acme",))
    found = simulate(served, at_target(), plan(served, at_target()))
    back = desired(AT_SOURCE)
    assert shown(back, found) == [
        "update registry of tenant acme its legacy host serves it: its database here is a copy",
    ]
    after = simulate(back, found, plan(back, found))
    assert plan(back, after) == ()
    assert plan(back, without(after, database="acme")) == (), "wave_seed drops it before it copies anew"
    assert "base URL unknown" in " ".join(shown(served, after)), "the next copy is told anew"
