# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be done, and whether Traefik serves what is declared."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError
from ansible_collections.erpops.odoo.plugins.module_utils.estate.allocation import Allocation
from ansible_collections.erpops.odoo.plugins.module_utils.estate.model import Instance, Limits, Tenant, resolve
from ansible_collections.erpops.odoo.plugins.module_utils.traefik import files, plan
from ansible_collections.erpops.odoo.plugins.module_utils.traefik.certificates import Own
from ansible_collections.erpops.odoo.plugins.module_utils.traefik.model import (
    Actual,
    Authentication,
    Edge,
    Live,
    Source,
)

EDGE = Edge(app_addresses={"app1": "10.0.0.21"})
OWN = "/d/tenants.yml"
INSTANCE = Instance(name="s19", environment="test", version="19.0", image="x")
BARE = Actual(installed=False)


def tenant(name: str, **values: Any) -> Tenant:
    return Tenant(name=name, instance="s19", **{"hostnames": (f"{name}.example",), **values})


def desired(*tenants: Tenant, actual: Actual = BARE, edge: Edge = EDGE) -> plan.Desired:
    names = ("acme", "birch", "cedar")
    allocations = {name: Allocation(name=name, number=number, app_host="app1") for number, name in enumerate(names, 1)}
    return plan.desire(resolve(tenants, [INSTANCE], []), allocations, edge, actual)


def live(wanted: plan.Desired, **changes: Any) -> Live:
    """What Traefik's API tells once it serves this: with a status, its defaults, and qualified references."""
    sections = dict(wanted.configuration.sections())
    values: dict[str, Any] = {
        "routers": {
            name: {**value, "status": "enabled", "using": ["websecure"]} for name, value in sections["routers"].items()
        },
        "services": {name: {**value, "status": "enabled"} for name, value in sections["services"].items()},
        "middlewares": {name: {**value, "status": "enabled"} for name, value in sections["middlewares"].items()},
        "certified": frozenset(name for request in wanted.requests.values() for name in request["names"]),
    }
    for router in values["routers"].values():
        router["middlewares"] = [f"{name}@file" for name in router["middlewares"]]
        router["tls"] = {"options": "default", **router["tls"]}
    return Live(**{**values, **changes})


def standing(wanted: plan.Desired, **changes: Any) -> Actual:
    values: dict[str, Any] = {
        "installed": True,
        "own": files.read(OWN, wanted.text),
        "live": live(wanted),
        "requests": wanted.requests,
        "issued": frozenset(wanted.requests),
    }
    return Actual(**{**values, **changes})


def verbs(steps: plan.Steps) -> list[tuple[str, str]]:
    return [(action.verb, action.subject) for action in steps.actions]


def test_on_a_bare_host_everything_is_made() -> None:
    wanted = desired(tenant("acme"))
    steps = plan.steps(wanted, BARE, EDGE, OWN)
    assert verbs(steps) == [("issue", "certificate edge-acme"), ("create", "route acme"), ("create", "shared routes")]
    assert steps.issue == ("edge-acme",) and steps.swap and not steps.reload


def test_what_stands_needs_nothing() -> None:
    wanted = desired(tenant("acme"), tenant("birch", state="suspended"))
    again = desired(tenant("birch", state="suspended"), tenant("acme"), actual=standing(wanted))
    assert again == wanted
    assert plan.steps(again, standing(wanted), EDGE, OWN) == plan.Steps()


def test_each_tenants_change_is_an_action_of_its_own() -> None:
    before = desired(tenant("acme"), tenant("birch"), tenant("cedar"))
    actual = standing(before)
    after = desired(
        tenant("acme", limits=Limits(body_mb=1)), tenant("birch", state="absent"), tenant("cedar"), actual=actual
    )
    steps = plan.steps(after, actual, EDGE, OWN)
    assert verbs(steps) == [("alter", "route acme"), ("remove", "route birch"), ("remove", "certificate edge-birch")]
    assert steps.forget == ("edge-birch",)


def test_what_all_share_is_one_action() -> None:
    before = desired(tenant("acme"))
    edge = replace(EDGE, hsts_seconds=60)
    steps = plan.steps(desired(tenant("acme"), actual=standing(before), edge=edge), standing(before), edge, OWN)
    assert verbs(steps) == [("alter", "shared routes")]


def test_another_text_of_the_same_routes_is_written_anew() -> None:
    wanted = desired(tenant("acme"))
    actual = standing(wanted, own=files.read(OWN, wanted.text + "# by hand\n"))
    steps = plan.steps(wanted, actual, EDGE, OWN)
    assert verbs(steps) == [("rewrite", f"file {OWN}")] and steps.swap


def test_owner_and_mode_alone_are_mended_without_a_swap() -> None:
    wanted = desired(tenant("acme"))
    steps = plan.steps(wanted, standing(wanted, own_guarded=False), EDGE, OWN)
    assert verbs(steps) == [("alter", f"file {OWN}")] and steps.guard and not steps.swap and not steps.reload


def test_the_marker_follows_the_content() -> None:
    one, other = desired(tenant("acme")), desired(tenant("acme"), tenant("birch"))
    assert one.marker != other.marker and one.marker.startswith("gen-")
    assert plan.marker_of(one.configuration) == one.marker


def test_a_vanished_tenant_keeps_its_route_its_guards_and_its_certificate() -> None:
    before = desired(tenant("acme"), tenant("birch", limits=Limits(requests_per_second=5, body_mb=1)))
    actual = standing(before)
    after = desired(tenant("acme"), actual=actual)
    assert after.undeclared == ("birch",)
    assert after.configuration == before.configuration and after.requests == before.requests
    assert plan.steps(after, actual, EDGE, OWN) == plan.Steps()


def test_a_vanished_tenant_is_found_in_the_last_verified_file_where_ours_is_broken() -> None:
    before = desired(tenant("acme"), tenant("birch"))
    served = files.read("/t/tenants.served.yml", before.text)
    actual = standing(before, own=files.read(OWN, "not: ["), served=served)
    after = desired(tenant("acme"), actual=actual)
    assert after.undeclared == ("birch",) and plan.steps(after, actual, EDGE, OWN).swap


def test_a_hostname_of_a_vanished_tenant_is_not_given_away() -> None:
    before = desired(tenant("acme"), tenant("birch"))
    with pytest.raises(InputError, match="Tenant birch still has this route"):
        desired(tenant("acme"), tenant("cedar", hostnames=("birch.example",)), actual=standing(before))


def test_a_missing_certificate_is_issued_and_loaded() -> None:
    wanted = desired(tenant("acme"))
    steps = plan.steps(wanted, standing(wanted, issued=frozenset()), EDGE, OWN)
    assert verbs(steps) == [("issue", "certificate edge-acme")] and steps.reload and not steps.swap


def test_requests_of_others_are_left_alone() -> None:
    wanted = desired(tenant("acme"))
    actual = standing(wanted, requests={**wanted.requests, "etcd": {"name": "etcd"}})
    assert plan.steps(wanted, actual, EDGE, OWN) == plan.Steps()


def test_live_drift_is_an_action_though_the_file_is_right() -> None:
    wanted = desired(tenant("acme"))
    steps = plan.steps(wanted, standing(wanted, live=live(wanted, routers={})), EDGE, OWN)
    assert verbs(steps) == [("reload", "traefik.service")] and steps.reload and not steps.swap


def differences(wanted: plan.Desired, found: Live, others: tuple[Source, ...] = ()) -> list[str]:
    return [str(problem) for problem in plan.differences(wanted, found, others)]


def test_what_traefik_adds_of_itself_is_no_difference() -> None:
    wanted = desired(tenant("acme", limits=Limits(requests_per_second=5)))
    assert differences(wanted, live(wanted)) == []


@pytest.mark.parametrize(
    ("section", "name", "key", "value", "words"),
    [
        ("routers", "acme", "status", "disabled", "disabled"),
        ("routers", "acme", "rule", "Host(`evil`)", "rule is 'Host(`evil`)'"),
        ("routers", "acme", "priority", 5, "priority is '5'"),
        ("routers", "acme", "middlewares", [], "middlewares"),
        ("routers", "acme", "tls", None, "tls"),
        ("services", "acme", "loadBalancer", {"servers": [{"url": "http://evil"}]}, "http://evil"),
        ("middlewares", "erpops-security", "headers", {}, "stsSeconds"),
    ],
)
def test_each_difference_is_named(section: str, name: str, key: str, value: Any, words: str) -> None:
    wanted = desired(tenant("acme"))
    good = live(wanted)
    changed = {**good.section(section), name: {**good.section(section)[name], key: value}}
    found = differences(wanted, replace(good, **{section: changed}))
    assert found and all(name in line for line in found) and any(words in line for line in found)


def test_what_nobody_declares_is_a_difference() -> None:
    wanted = desired(tenant("acme"))
    good = live(wanted)
    more = replace(good, routers={**good.routers, "evil": {}}, streams=("tunnel",))
    assert [line.split(".")[0] for line in differences(wanted, more)] == [
        "Traefik: routers is 'evil'",
        "Traefik: tcp or udp is 'tunnel'",
    ]
    declared = files.read("/d/other.yml", "http:\n  routers: {evil: {}}\n")
    assert len(differences(wanted, more, (declared,))) == 1


def test_an_error_of_traefik_is_quoted() -> None:
    wanted = desired(tenant("acme"))
    good = live(wanted)
    broken = {**good.routers["acme"], "status": "disabled", "error": ["the service does not exist"]}
    found = differences(wanted, replace(good, routers={**good.routers, "acme": broken}))
    assert found == ["Traefik: routers acme is 'disabled'. the service does not exist"]


def test_a_name_without_a_valid_certificate_is_a_difference() -> None:
    wanted = desired(tenant("acme"))
    assert "acme.example" in differences(wanted, live(wanted, certified=frozenset()))[0]


def test_the_snapshot_holds_no_password_hash_but_shows_that_one_changed() -> None:
    def shown(users: tuple[str, ...]) -> str:
        edge = replace(EDGE, authentication=(Authentication(kind="basic", tenant="acme", users=users),))
        return str(plan.snapshot(desired(tenant("acme"), edge=edge).configuration))

    assert "SECRET" not in shown(("ann:SECRET",))
    assert shown(("ann:SECRET",)) != shown(("ann:OTHER",))


def test_files_that_nobody_declares() -> None:
    actual = Actual(installed=True, others=(files.read("/d/tls.yml", ""), files.read("/d/sub/hand.yml", "")))
    assert [item.subject for item in plan.stray(actual, ["tls.yml"])] == ["file /d/sub/hand.yml"]


def test_a_name_in_two_files_is_refused() -> None:
    wanted = desired(tenant("acme"))
    other = files.read("/d/tls.yml", "http:\n  services: {acme: {}}\n")
    with pytest.raises(InputError, match=r"/d/tls\.yml"):
        plan.refuse_duplicates(OWN, wanted, Actual(installed=True, others=(other,)))


AT_SOURCE = {"source_url": "https://10.82.0.11"}


def test_a_source_is_verified_live() -> None:
    wanted = desired(tenant("acme", **AT_SOURCE))
    good = live(wanted)
    assert differences(wanted, good) == []
    changed = {
        **good.services["acme"],
        "loadBalancer": {**good.services["acme"]["loadBalancer"], "passHostHeader": False},
    }
    assert (
        "passHostHeader is 'False'"
        in differences(wanted, replace(good, services={**good.services, "acme": changed}))[0]
    )
    assert plan.steps(wanted, standing(wanted), EDGE, OWN).actions == ()


def test_a_cutover_alters_one_route() -> None:
    before = desired(tenant("acme", **AT_SOURCE), tenant("birch"))
    after = desired(tenant("acme"), tenant("birch"), actual=standing(before))
    assert verbs(plan.steps(after, standing(before), EDGE, OWN)) == [("alter", "route acme")]
    assert "erpops-source-acme" not in after.configuration.transports


def test_a_tenant_that_vanished_keeps_the_way_to_its_source() -> None:
    before = desired(tenant("acme", **AT_SOURCE), tenant("birch"))
    after = desired(tenant("birch"), actual=standing(before))
    assert after.undeclared == ("acme",)
    assert after.configuration.transports == before.configuration.transports
    assert plan.steps(after, standing(before), EDGE, OWN).actions == ()


FIRST = Own(tenant="acme", certificate="first", key="k1")
SECOND = Own(tenant="acme", certificate="second", key="k2")


def bringing(own: Own, edge: Edge = EDGE) -> Edge:
    return replace(edge, own={own.tenant: own})


def stored(wanted: plan.Desired, **changes: Any) -> Actual:
    certified = frozenset({"acme.example", "birch.example"})
    return standing(wanted, stored=wanted.own_files, live=live(wanted, certified=certified), **changes)


def test_a_certificate_that_a_tenant_brings_takes_the_place_of_an_issued_one() -> None:
    before = desired(tenant("acme"), tenant("birch"))
    edge = bringing(FIRST)
    after = desired(tenant("acme"), tenant("birch"), actual=standing(before), edge=edge)
    files_of = FIRST.files(edge.own_directory)
    steps = plan.steps(after, standing(before), edge, OWN)
    assert verbs(steps) == [
        *(("store", f"file {path}") for path in sorted(files_of)),
        ("alter", "route acme"),
        ("remove", "certificate edge-acme"),
    ]
    assert list(after.requests) == ["edge-birch"] and steps.swap
    assert plan.steps(after, stored(after), edge, OWN) == plan.Steps()
    assert "k1" not in repr(after) + repr(edge) + str(plan.snapshot(after.configuration))


def test_a_renewed_one_is_another_file_so_that_it_is_seen_to_be_loaded() -> None:
    before = desired(tenant("acme"), edge=bringing(FIRST))
    edge = bringing(SECOND)
    after = desired(tenant("acme"), actual=stored(before), edge=edge)
    steps = plan.steps(after, stored(before), edge, OWN)
    assert after.marker != before.marker and steps.swap
    assert set(steps.store) == set(SECOND.files(edge.own_directory))
    assert set(steps.discard) == set(FIRST.files(edge.own_directory))


def test_a_file_that_was_changed_is_written_and_loaded_again() -> None:
    edge = bringing(FIRST)
    wanted = desired(tenant("acme"), edge=edge)
    broken = dict.fromkeys(wanted.own_files, "")
    steps = plan.steps(wanted, replace(stored(wanted), stored=broken), edge, OWN)
    assert steps.store == tuple(sorted(wanted.own_files)) and steps.reload and not steps.swap


def test_one_of_a_tenant_that_nobody_declares_any_more_stays() -> None:
    before = desired(tenant("acme"), tenant("birch"), edge=bringing(FIRST))
    after = desired(tenant("birch"), actual=stored(before))
    assert plan.steps(after, stored(before), EDGE, OWN) == plan.Steps()


def test_one_that_traefik_does_not_show_is_a_difference() -> None:
    wanted = desired(tenant("acme"), edge=bringing(FIRST))
    assert list(plan.differences(wanted, live(wanted, certified=frozenset({"*.example"})), ())) == []
    (problem,) = plan.differences(wanted, live(wanted, certified=frozenset({"*.acme.example"})), ())
    assert problem.value == "acme.example"


def test_with_acme_it_is_not_asked_for() -> None:
    edge = bringing(FIRST, replace(EDGE, tls_mode="acme"))
    wanted = desired(tenant("acme"), tenant("birch"), edge=edge)
    assert wanted.configuration.routers["acme"]["tls"] == {}
    assert wanted.configuration.routers["birch"]["tls"] == {"certResolver": "acme"}


def test_one_of_nobody_is_refused() -> None:
    with pytest.raises(InputError, match=r"tenant acme: certificates\. It has no route"):
        desired(tenant("birch"), edge=bringing(FIRST))
