"""Every rule of the estate validation, with an input that breaks it and one that keeps it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Problem
from ansible_collections.erpops.odoo.plugins.module_utils.estate.allocation import HIGHEST_NUMBER
from ansible_collections.erpops.odoo.plugins.module_utils.estate.validate import checked, problems_of

DIGEST = "registry.test/odoo@sha256:" + "0123456789abcdef" * 4
Raw = dict[str, Any]
Break = Callable[[Raw], None]


def sound() -> Raw:
    """A multi-tenant estate without a fault."""
    return {
        "estate_name": "north",
        "estate_tenancy": "multi_tenant",
        "estate_domain": "north.example.com",
        "estate_secret": "s" * 40,
        "odoo_tiers": [{"name": "iron", "workers": 0, "limits": {"connections": 5}}],
        "odoo_instances": [
            {"name": "shared19", "environment": "production", "version": "19.0", "image": DIGEST, "modules": ["crm"]},
            {"name": "lab14", "environment": "test", "version": "14.0", "image": "localhost/odoo:14"},
        ],
        "odoo_tenants": [
            {"name": "acme", "instance": "shared19", "hostnames": ["acme.north.example.com"], "tier": "gold"},
            {"name": "birch", "instance": "shared19", "hostnames": ["birch.example"], "tier": "iron"},
            {"name": "cedar", "instance": "lab14", "hostnames": ["cedar.example"], "app_host": "app1"},
        ],
        "postgres_clusters": [{"name": "main", "members": ["db1", "db2"], "synchronous": True, "memory_mb": 512}],
        "groups": {
            "all": ["edge1", "app1", "db1", "db2", "core1"],
            "ungrouped": [],
            "edge": ["edge1"],
            "app": ["app1"],
            "postgres": ["db1", "db2"],
            "etcd": ["db1", "db2", "core1"],
            "redis": ["core1"],
        },
        "addresses": {"edge1": "10.0.0.1", "app1": "10.0.0.2", "db1": "10.0.0.3", "db2": "db2.inner", "core1": "::1"},
    }


def put(path: str, value: Any) -> Break:
    """Set the value at a path such as ``odoo_tenants.0.hostnames``."""

    def change(raw: Raw) -> None:
        at: Any = raw
        *way, last = path.split(".")
        for step in way:
            at = at[int(step)] if isinstance(at, list) else at.setdefault(step, {})
        if isinstance(at, list):
            at[int(last)] = value
        else:
            at[last] = value

    return change


def drop(path: str) -> Break:
    def change(raw: Raw) -> None:
        at: Any = raw
        *way, last = path.split(".")
        for step in way:
            at = at[int(step)] if isinstance(at, list) else at[step]
        del at[last]

    return change


def both(*changes: Break) -> Break:
    def change(raw: Raw) -> None:
        for one in changes:
            one(raw)

    return change


def broken(*changes: Break) -> tuple[Problem, ...]:
    raw = sound()
    for change in changes:
        change(raw)
    return problems_of(raw)


def many(count: int, **values: Any) -> list[Raw]:
    return [
        {"name": f"t{index}", "instance": "shared19", "hostnames": [f"t{index}.example"], **values}
        for index in range(count)
    ]


def test_a_sound_estate_has_no_problem() -> None:
    assert problems_of(sound()) == ()
    assert {tenant.name for tenant in checked(sound()).tenants} == {"acme", "birch", "cedar"}


def test_a_run_that_is_limited_or_removes_what_is_absent_is_sound() -> None:
    assert problems_of({**sound(), "hosts_of_run": ["app1", "db2"]}) == ()
    raw = {**sound(), "tenant_confirm_removal": ["birch"]}
    raw["odoo_tenants"][1]["state"] = "absent"
    assert problems_of(raw) == ()
    assert problems_of({**raw, "tenant_confirm_removal": "birch"}) == (), "as a survey gives it"


@pytest.mark.parametrize("url", ["http://10.82.0.11", "https://old.acme.example:8443", "http://[fd00::11]:8069"])
def test_members_and_their_sources_are_sound(url: str) -> None:
    assert broken(wave({"url": url}, {"name": "birch", "database": "birch_prod"})) == ()
    assert broken(put("odoo_tenants.0.source_url", url)) == ()


def test_the_input_stays_as_it_was() -> None:
    raw = sound()
    kept = copy.deepcopy(raw)
    problems_of(raw)
    assert raw == kept


def wave(*values: Raw) -> Break:
    """Members on legacy1; without values one of a host that is not there."""
    member = {"name": "acme", "host": "legacy1", "database": "acme_prod"}
    members = [{**member, **value} for value in values or [{"host": "legacy2"}]]
    hosts = both(put("groups.legacy", ["legacy1"]), put("addresses.legacy1", "10.82.0.11"))
    return both(lambda raw: raw["groups"]["all"].append("legacy1"), hosts, put("wave_members", members))


# change, subject, field, a piece of the cure
FAILING = [
    # shape
    (drop("estate_name"), "estate", "estate_name", "missing"),
    (put("estate_name", 7), "estate", "estate_name", "quotes"),
    (put("estate_tenancy", "multitenant"), "estate", "estate_tenancy", "Did you mean 'multi_tenant'?"),
    (put("odoo_tenants", {"name": "x"}), "estate", "odoo_tenants", "list"),
    (put("odoo_tenants", None), "estate", "odoo_tenants", "missing"),
    (put("odoo_tenants.0", "acme"), "odoo_tenants[0]", "", "mapping"),
    (put("odoo_tenants.0.hostname", "x"), "tenant acme", "hostname", "Did you mean 'hostnames'?"),
    (put("odoo_tenants.0.limits", {"conections": 4}), "tenant acme", "limits.conections", "'connections'"),
    (put("odoo_tenants.0.workers", "many"), "tenant acme", "workers", "whole number"),
    (put("odoo_tenants.0.workers", True), "tenant acme", "workers", "yes or no"),
    (put("odoo_tenants.0.hostnames", "acme.example"), "tenant acme", "hostnames", "Give a list"),
    (put("odoo_tenants.0.state", "gone"), "tenant acme", "state", "Known: present, suspended, absent"),
    (drop("odoo_tenants.0.instance"), "tenant acme", "instance", "missing"),
    (drop("odoo_tenants.0.name"), "odoo_tenants[0]", "name", "missing"),
    (put("odoo_instances.0.version", 19.0), "instance shared19", "version", "quotes"),
    (put("odoo_instances.0.environment", "prod"), "instance shared19", "environment", "'production'"),
    (put("postgres_clusters.0.synchronous", "perhaps"), "postgres cluster main", "synchronous", "true or false"),
    (put("postgres_clusters.0.member", []), "postgres cluster main", "member", "Did you mean 'members'?"),
    # the run
    (put("tenant_confirm_removal", {"acme": 1}), "estate", "tenant_confirm_removal", "list"),
    (put("tenant_confirm_removal", "acme"), "run", "tenant_confirm_removal", "declared present"),
    (put("tenant_confirm_removal", ["acme"]), "run", "tenant_confirm_removal", "declared present"),
    (put("tenant_confirm_removal", ["acne"]), "run", "tenant_confirm_removal", "'acme'"),
    (put("hosts_of_run", ["app1", "edge1"]), "run", "--limit", "Add a host of group postgres (db1, db2)"),
    # names
    (put("odoo_tenants.0.name", "Acme"), "tenant Acme", "name", "lower-case"),
    (put("odoo_tenants.0.name", "1acme"), "tenant 1acme", "name", "begin with a letter"),
    (put("odoo_tenants.0.name", "acme_x"), "tenant acme_x", "name", "lower-case"),
    (put("odoo_tenants.0.name", "acme-"), "tenant acme-", "name", "end with"),
    (put("odoo_tenants.0.name", 'a"b'), 'tenant a"b', "name", "lower-case"),
    (put("odoo_tenants.0.name", "a" * 54), "tenant " + "a" * 54, "name", "at most 53"),
    (put("odoo_tenants.0.name", "postgres"), "tenant postgres", "name", "superuser"),
    (put("odoo_tenants.0.name", "template1"), "tenant template1", "name", "template"),
    (put("odoo_tenants.0.name", "erpops"), "tenant erpops", "name", "own database"),
    (put("odoo_tenants.0.name", "tpl-x"), "tenant tpl-x", "name", "template databases"),
    (put("odoo_tenants.0.name", "acme-cron"), "tenant acme-cron", "name", "crons"),
    (put("odoo_tenants.0.name", "default"), "tenant default", "name", "Redis"),
    (put("odoo_tenants.1.name", "acme"), "tenant acme", "name", "more than once"),
    (put("odoo_instances.1.name", "shared19"), "instance shared19", "name", "more than once"),
    (put("odoo_tiers.0.name", "iron!"), "tier iron!", "name", "lower-case"),
    (put("estate_name", "North Estate"), "estate", "estate_name", "lower-case"),
    # hostnames
    (put("odoo_tenants.1.hostnames", ["ACME.north.Example.com."]), "tenant birch", "hostnames[0]", "Tenant acme has"),
    (
        both(
            put("odoo_tenants.0.hostnames", ["bücher.example"]),
            put("odoo_tenants.1.hostnames", ["XN--BCHER-KVA.example"]),
        ),
        "tenant birch",
        "hostnames[0]",
        "xn--bcher-kva.example",
    ),
    (put("odoo_tenants.0.hostnames", ["a.example", "A.example"]), "tenant acme", "hostnames[1]", "Tenant acme has"),
    (put("odoo_tenants.0.hostnames", []), "tenant acme", "hostnames", "at least one"),
    (put("odoo_tenants.0.hostnames", ["acme"]), "tenant acme", "hostnames[0]", "domain"),
    (put("odoo_tenants.0.hostnames", ["a_b.example"]), "tenant acme", "hostnames[0]", "letters, digits"),
    (put("odoo_tenants.0.hostnames", ["*.example"]), "tenant acme", "hostnames[0]", "wildcard"),
    (put("odoo_tenants.0.hostnames", ["a.example:8069"]), "tenant acme", "hostnames[0]", "port"),
    (put("odoo_tenants.0.hostnames", ["10.1.2.3"]), "tenant acme", "hostnames[0]", "not an address"),
    (put("odoo_tenants.0.hostnames", ["a..example"]), "tenant acme", "hostnames[0]", "labels"),
    (put("odoo_tenants.0.hostnames", ["-a.example"]), "tenant acme", "hostnames[0]", "hyphen"),
    (put("odoo_tenants.0.hostnames", ["a" * 64 + ".example"]), "tenant acme", "hostnames[0]", "63"),
    (put("odoo_tenants.0.hostnames", [".".join(["a" * 60] * 5)]), "tenant acme", "hostnames[0]", "253"),
    (put("estate_domain", "nowhere"), "estate", "estate_domain", "domain"),
    # sources
    (put("odoo_tenants.0.source_url", "10.82.0.11"), "tenant acme", "source_url", "http:// or https://"),
    (put("odoo_tenants.0.source_url", "http://10.82.0.11/web"), "tenant acme", "source_url", "http:// or https://"),
    (put("odoo_tenants.0.source_url", "http://u@old.test"), "tenant acme", "source_url", "http:// or https://"),
    (put("odoo_tenants.0.source_url", "https://"), "tenant acme", "source_url", "http:// or https://"),
    (put("odoo_tenants.0.source_url", "http://old.test:99999"), "tenant acme", "source_url", "http:// or https://"),
    (wave(), "member acme", "host", "group legacy. Did you mean 'legacy1'?"),
    (wave({"host": "app1"}), "member acme", "host", "No such host is in group legacy"),
    (wave({"url": "old.test"}), "member acme", "url", "http:// or https://"),
    (wave({"ulr": "http://old.test"}), "member acme", "ulr", "'url'"),
    (wave({"name": "acne"}), "member acne", "name", "Did you mean 'acme'?"),
    (wave({"database": None}), "member acme", "database", "missing"),
    (wave({}, {}), "member acme", "name", "more than once"),
    (wave({}, {"name": "birch"}), "members acme, birch", "database", "One database is one member"),
    (both(wave({}), put("odoo_tenants.0.state", "absent")), "member acme", "name", "could never be cut over"),
    (wave({"filestores": "data/filestore"}), "member acme", "filestores", "absolute path"),
    (wave({"filestores": "/srv/{name}"}), "member acme", "filestores", "absolute path"),
    (put("wave_members", "acme"), "estate", "wave_members", "Give a list"),
    # references
    (put("odoo_tenants.0.instance", "shared91"), "tenant acme", "instance", "Did you mean 'shared19'?"),
    (put("odoo_tenants.0.tier", "platinum"), "tenant acme", "tier", "Known: gold, silver, bronze, iron."),
    (put("odoo_tenants.0.cluster", "second"), "tenant acme", "cluster", "No such cluster"),
    (put("odoo_tenants.0.app_host", "app9"), "tenant acme", "app_host", "Did you mean 'app1'?"),
    (put("odoo_instances.0.placement", "kube1"), "instance shared19", "placement", "No such placement"),
    (
        both(put("kubernetes_clusters", ["kube1"]), put("odoo_instances.1.placement", "kube1")),
        "tenant cedar",
        "app_host",
        "does not run on hosts",
    ),
    # releases
    (put("odoo_instances.0.image", "registry.test/odoo:19"), "instance shared19", "image", "by digest"),
    (
        both(put("odoo_instances.1.environment", "uat"), put("odoo_instances.1.image", "localhost/odoo@sha256:12")),
        "instance lab14",
        "image",
        "64 hexadecimal",
    ),
    (
        put("odoo_instances.1.environment", "staging"),
        "instance lab14",
        "image",
        "by digest",
    ),
    (put("odoo_instances.1.image", "odoo 14"), "instance lab14", "image", "image reference"),
    (put("odoo_instances.1.version", "13.0"), "instance lab14", "version", "14.0, 19.0"),
    (put("odoo_instances.0.modules", ["crm", "Sale"]), "instance shared19", "modules[1]", "technical name"),
    (put("odoo_tenants.0.modules", ["crm", "crm"]), "tenant acme", "modules[1]", "twice"),
    (
        both(put("odoo_instances.0.cron_placement", "separate"), put("odoo_instances.0.cron_threads", 0)),
        "instance shared19",
        "cron_placement",
        "at least 1",
    ),
    (put("odoo_tenants.0.login", "the admin"), "tenant acme", "login", "without blanks"),
    # numbers
    (put("odoo_tenants.0.limits", {"storage_gb": -1}), "tenant acme", "limits.storage_gb", "from 1"),
    (put("odoo_tiers.0.limits.io_weight", 10001), "tier iron", "limits.io_weight", "to 10000"),
    (put("odoo_instances.0.workers", -1), "instance shared19", "workers", "from 0"),
    (put("odoo_tenants.0.cron_threads", 33), "tenant acme", "cron_threads", "to 32"),
    (put("odoo_tenants.0.secret_version", 0), "tenant acme", "secret_version", "from 1"),
    (put("estate_shrink_limit_percent", 101), "estate", "estate_shrink_limit_percent", "to 100"),
    (put("odoo_tenants", many(HIGHEST_NUMBER + 1, state="absent")), "estate", "odoo_tenants", "several inventories"),
    # hosts
    (drop("groups.edge"), "group edge", "", "no host"),
    (both(drop("groups.redis"), put("groups.rediss", ["core1"])), "group redis", "", "Did you mean 'rediss'?"),
    (put("groups.all", ["edge1", "app1", "db1", "db2", "core1", "lost"]), "host lost", "groups", "in no group"),
    (put("groups.app", ["app1", "app1"]), "host app1", "groups.app", "twice"),
    (put("groups.etcd", ["db1", "db2"]), "group etcd", "hosts", "odd number"),
    (put("groups.redis", ["db1", "db2"]), "group redis", "hosts", "three or more"),
    (put("postgres_clusters.0.members", ["db1", "db9"]), "postgres cluster main", "members[1]", "group postgres"),
    (put("postgres_clusters.0.members", ["db1"]), "host db2", "postgres_clusters", "member of no cluster"),
    (put("postgres_clusters.0.members", ["db1"]), "postgres cluster main", "synchronous", "second member"),
    (put("postgres_clusters.0.members", []), "postgres cluster main", "members", "at least one"),
    (put("postgres_clusters.0.members", ["db1", "db1"]), "postgres cluster main", "members[1]", "carries one"),
    (
        put("postgres_clusters", [{"name": "main", "members": ["db1", "db2"]}] * 2),
        "postgres cluster main",
        "name",
        "more than once",
    ),
    (
        put("postgres_clusters", [{"name": "main", "members": ["db1", "db2"]}, {"name": "two", "members": ["db1"]}]),
        "postgres cluster two",
        "members[0]",
        "in cluster main already",
    ),
    (
        both(put("postgres_clusters", None), put("groups.postgres", ["db1"])),
        "instance shared19",
        "environment",
        "no replica",
    ),
    (put("app_container_network", "10.90.0.0/20"), "estate", "app_container_network", "at least /16"),
    (put("app_container_network", "8.0.0.0/8"), "estate", "app_container_network", "private"),
    (put("app_container_network", "10.90.0.1/16"), "estate", "app_container_network", "host bits"),
    (put("addresses.app1", "10.90.3.4"), "host app1", "estate_address", "another network"),
    (put("addresses.app1", "10.0.0.1"), "host app1", "estate_address", "edge1 has the same"),
    (put("addresses.app1", ""), "host app1", "estate_address", "ansible_host"),
    # connections
    (put("odoo_tenants.0.limits", {"connections": 181}), "tenant acme", "limits.connections", "180 connections"),
    (put("odoo_tenants.0.limits", {"connections": 4}), "tenant acme", "limits.connections", "at least 5"),
    (
        put("postgres_clusters.0.parameters", {"max_connections": 40}),
        "postgres cluster main",
        "parameters.max_connections",
        "add up to 25",
    ),
    (
        put("odoo_tenants", many(91)),
        "postgres cluster main",
        "parameters.max_connections",
        "keep 182 sessions on database postgres",
    ),
    # secrets
    (put("estate_secret", "short"), "estate", "estate_secret", "at least 32"),
    (put("estate_ca_certificate", "x"), "estate", "estate_ca_certificate", "PEM"),
    (put("estate_ca_key", "x"), "estate", "estate_ca_key", "PEM"),
    # tenancy
    (
        both(put("estate_tenancy", "dedicated")),
        "tenant cedar",
        "cluster",
        "own cluster",
    ),
    (
        both(put("estate_tenancy", "dedicated"), put("odoo_tenants.0.app_host", "app1")),
        "tenant cedar",
        "app_host",
        "own app_host",
    ),
    (put("estate_edge_addresses", ["192.0.2.1", "lb.example"]), "estate", "estate_edge_addresses[1]", "Give an IP"),
]


@pytest.mark.parametrize(("change", "subject", "field", "cure"), FAILING)
def test_a_fault_is_reported_with_subject_field_and_cure(change: Break, subject: str, field: str, cure: str) -> None:
    matching = [found for found in broken(change) if (found.subject, found.field) == (subject, field)]
    assert any(cure in found.cure for found in matching), broken(change)


PASSING = [
    put("odoo_tenants.0.name", "a" * 53),
    put("odoo_tenants.0.name", "acme-cronos"),
    put("odoo_tenants.0.workers", "2"),
    put("odoo_tenants.0.hostnames", ["bücher.example", "acme.other-domain.test"]),
    both(put("odoo_tenants.1.hostnames", ["acme.north.example.com"]), put("odoo_tenants.1.state", "absent")),
    put("odoo_instances.1.environment", "development"),
    both(put("odoo_instances.1.environment", "uat"), put("odoo_instances.1.image", DIGEST)),
    both(put("kubernetes_clusters", ["kube1"]), put("odoo_instances.0.placement", "kube1")),
    both(put("odoo_tiers", None), put("odoo_tenants.1.tier", "bronze")),
    put("odoo_tenants", []),
    put("odoo_tenants", many(90)),
    both(put("odoo_tenants", many(91)), put("postgres_clusters.0.parameters", {"max_connections": 202})),
    put("odoo_tenants", many(91, state="suspended")),
    put("odoo_tenants.0.limits", {"connections": 5}),
    both(
        put("odoo_tenants.0.limits", {"connections": 100}),
        put("odoo_tenants.1.limits", {"connections": 100}),
        put("estate_connection_overcommit_percent", 112),
    ),
    put("groups.etcd", ["core1"]),
    put("groups.redis", ["db1", "db2", "core1"]),
    both(put("groups.all", ["edge1", "app1", "db1", "db2", "core1", "jump"]), put("groups.bastions", ["jump"])),
    put("postgres_clusters", []),
    put("app_container_network", "172.16.0.0/12"),
    both(
        put("estate_tenancy", "dedicated"),
        put("groups.postgres", ["db1", "db2", "db3"]),
        put(
            "postgres_clusters",
            [{"name": "main", "members": ["db1", "db2"]}, {"name": "test", "members": ["db3"]}],
        ),
        put("odoo_tenants.2.cluster", "test"),
    ),
    put("estate_edge_addresses", ["192.0.2.1", "2001:db8::1"]),
]


@pytest.mark.parametrize("change", PASSING)
def test_what_is_allowed_passes(change: Break) -> None:
    assert broken(change) == ()


def test_all_problems_come_at_once() -> None:
    """Many faults in one input are all there: none hides another."""
    changes = [
        put("estate_name", 7),
        put("odoo_tenants.0.instance", "nowhere"),
        put("odoo_tenants.1.hostnames", ["ACME.north.example.com"]),
        put("odoo_tenants.2.workers", "many"),
        put("odoo_instances.0.image", "odoo:19"),
        put("groups.etcd", ["db1", "db2"]),
        put("postgres_clusters.0.members", ["db1"]),
    ]
    found = {(problem.subject, problem.field) for problem in broken(*changes)}
    assert {
        ("estate", "estate_name"),
        ("tenant acme", "instance"),
        ("tenant birch", "hostnames[0]"),
        ("tenant cedar", "workers"),
        ("instance shared19", "image"),
        ("group etcd", "hosts"),
        ("postgres cluster main", "synchronous"),
        ("host db2", "postgres_clusters"),
    } <= found


def test_the_error_has_one_line_for_each_problem_and_says_that_nothing_changed() -> None:
    raw = sound()
    put("odoo_tenants.0.instance", "nowhere")(raw)
    put("groups.etcd", ["db1", "db2"])(raw)
    with pytest.raises(InputError) as caught:
        checked(raw)
    lines = str(caught.value).splitlines()
    assert lines[0] == "The declared estate has 2 problems; nothing was changed."
    assert lines[1].startswith("- tenant acme: instance is 'nowhere'. No such instance is declared.")
    assert lines[2].startswith("- group etcd: hosts is '2'.")


def test_a_secret_never_appears() -> None:
    found = broken(put("estate_secret", "hunter2"), put("estate_ca_key", "also-secret"))
    assert found
    assert not any("hunter2" in str(problem) or "also-secret" in str(problem) for problem in found)


@pytest.mark.parametrize("raw", [{}, {"odoo_tenants": 3, "groups": [], "addresses": "x"}, {"odoo_instances": [None]}])
def test_nonsense_is_reported_not_raised(raw: Raw) -> None:
    assert problems_of(raw)
