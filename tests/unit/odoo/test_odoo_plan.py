# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done for which state of a host."""

from __future__ import annotations

from dataclasses import replace

import pytest
from odoo_estates import HOST, NEW, OLD, STARTED_AT, allocation, converged, desired_of, nothing, tenant

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError
from ansible_collections.erpops.odoo.plugins.module_utils.host.model import Entry
from ansible_collections.erpops.odoo.plugins.module_utils.odoo import versions
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.plan import (
    Live,
    NetworkLive,
    UnitLive,
    UnitPlan,
    plan,
    snapshots,
    undeclared,
)

ACME = desired_of(tenant())
SOURCE = "/etc/containers/systemd/odoo-acme.container"
LIMITS = f"{SOURCE}.d/live.conf"
CONF = "/etc/erpops/tenants/acme/odoo.conf"


def verbs(done: UnitPlan) -> list[str]:
    return [f"{action.verb} {action.subject}" for action in done.actions if "file" not in action.subject]


def unit(live: Live, service: str = "odoo-acme.service", **values: object) -> Live:
    return replace(live, units={**live.units, service: replace(live.units[service], **values)})


def test_a_bare_host_gets_everything() -> None:
    done = plan(ACME, nothing(ACME))
    assert verbs(done)[-2:] == ["reload systemd", "start unit odoo-acme.service"]
    assert {change.path for change in done.changes} >= {SOURCE, LIMITS, CONF, "/var/lib/erpops/tenants/acme"}
    assert done.pulls == (OLD,)
    assert done.stops == done.network_removals == ()


def test_a_converged_host_gets_nothing() -> None:
    done = plan(ACME, converged(ACME))
    assert done.actions == ()
    before, after = snapshots(ACME, converged(ACME), done)
    assert before == after == {}


def test_a_changed_configuration_restarts() -> None:
    former = converged(desired_of(tenant(cron_threads=3)))
    done = plan(ACME, former)
    assert verbs(done) == ["restart unit odoo-acme.service"]
    assert done.starts[0].why == f"changed: {CONF}"


def test_a_changed_limit_reaches_the_unit_without_a_restart() -> None:
    former = converged(desired_of(tenant(limits={"cpu_percent": 50})))
    done = plan(ACME, former)
    assert [change.path for change in done.changes] == [LIMITS]
    assert verbs(done) == ["reload systemd"]


def test_a_run_that_was_killed_before_the_restart_is_healed() -> None:
    live = converged(ACME)
    late = replace(live, modified_at={**live.modified_at, CONF: STARTED_AT + 1})
    done = plan(ACME, late)
    assert verbs(done) == ["restart unit odoo-acme.service"]
    before, after = snapshots(ACME, late, done)
    assert before != after


def test_a_run_that_was_killed_before_the_reload_is_healed() -> None:
    live = unit(converged(ACME), generated_at=50.0)
    assert verbs(plan(ACME, live)) == ["reload systemd"]


def test_a_unit_that_was_written_and_never_made_is_started() -> None:
    live = unit(converged(ACME), load="not-found", active="inactive", generated_at=0.0)
    assert verbs(plan(ACME, live)) == ["reload systemd", "start unit odoo-acme.service"]


@pytest.mark.parametrize("active", ["inactive", "failed"])
def test_a_unit_that_is_down_is_started(active: str) -> None:
    assert verbs(plan(ACME, unit(converged(ACME), active=active))) == ["start unit odoo-acme.service"]


def test_a_unit_that_runs_another_image_than_its_file_names_is_restarted() -> None:
    live = replace(converged(ACME), containers={"odoo-acme": NEW})
    assert plan(ACME, live).starts[0].why == f"it runs {NEW}"


def test_the_same_digest_from_another_registry_is_the_same_image() -> None:
    live = replace(converged(ACME), containers={"odoo-acme": OLD.replace("registry.test", "mirror.test")})
    assert plan(ACME, live).actions == ()


def test_a_limit_that_was_changed_by_hand_is_taken_back() -> None:
    live = converged(ACME)
    limits = {**live.units["odoo-acme.service"].limits, "MemoryMax": "1048576"}
    done = plan(ACME, unit(live, limits=limits))
    assert done.reverts == (("odoo-acme.service", "MemoryMax"),)
    before, after = snapshots(ACME, unit(live, limits=limits), done)
    assert before["odoo-acme.service"]["MemoryMax"] == "1048576"
    assert after["odoo-acme.service"]["MemoryMax"] == "infinity"


def test_suspended_tenants_stop_and_keep_everything() -> None:
    suspended = desired_of(tenant(state="suspended"))
    done = plan(suspended, converged(ACME))
    assert done.stops == (("odoo-acme.service", "the tenant is suspended"),)
    assert done.starts == ()
    assert all(change.after.kind != "absent" for change in done.changes)
    assert plan(suspended, converged(suspended)).actions == ()


def test_resumed_tenants_start() -> None:
    done = plan(ACME, converged(desired_of(tenant(state="suspended"))))
    assert verbs(done) == ["reload systemd", "start unit odoo-acme.service"]


def test_an_absent_tenant_s_units_go_and_its_data_stays() -> None:
    gone = desired_of(tenant(state="absent"))
    live = converged(ACME)
    everything = nothing(gone)
    live = replace(live, files=replace(live.files, entries={**everything.files.entries, **live.files.entries}))
    done = plan(gone, live)
    assert [service for service, _why in done.stops] == ["odoo-acme.service", "odoo-acme-network.service"]
    assert done.network_removals == ("odoo-acme",)
    removed = {change.path for change in done.changes}
    assert {SOURCE, f"{SOURCE}.d", "/etc/erpops/tenants/acme", "/etc/containers/systemd/odoo-acme.network"} <= removed
    assert not any(path.startswith("/var/lib/erpops") for path in removed)
    assert done.reload
    assert plan(gone, everything).actions == ()


def test_a_tenant_that_moved_leaves_no_unit_here() -> None:
    moved = desired_of(tenant(), allocations=[allocation(app_host="app2")])
    assert moved[0].why == "it lives on app2"
    live = converged(ACME)
    live = replace(live, files=replace(live.files, entries={**nothing(moved).files.entries, **live.files.entries}))
    done = plan(moved, live)
    assert ("odoo-acme.service", "it lives on app2") in done.stops
    assert done.starts == ()
    assert not any(change.path.startswith("/var/lib/erpops") for change in done.changes)


def test_a_tenant_on_a_kubernetes_cluster_has_no_units_here() -> None:
    found = desired_of(tenant(instance={"placement": "north"}), allocations=[])
    assert found[0].resident is None
    assert plan(found, nothing(found)).actions == ()


def test_undeclared_tenants_are_reported_and_left_alone() -> None:
    live = replace(converged(ACME), residents=frozenset({"acme", "stray"}))
    assert undeclared(ACME, live) == ("stray",)
    assert plan(ACME, live).actions == ()


def test_an_emptied_list_removes_nothing() -> None:
    assert plan((), converged(ACME)).actions == ()


def test_crons_of_their_own_get_a_unit_and_lose_it_again() -> None:
    separate = desired_of(tenant(instance={"cron_placement": "separate"}))
    done = plan(separate, nothing(separate))
    assert [start.service for start in done.starts] == ["odoo-acme.service", "odoo-acme-cron.service"]
    live = converged(separate)
    live = replace(live, files=replace(live.files, entries={**nothing(ACME).files.entries, **live.files.entries}))
    back = plan(ACME, live)
    assert ("odoo-acme-cron.service", "it has no unit of its own any more") in back.stops
    assert any(change.path.endswith("-cron.container") for change in back.changes)
    assert [start.service for start in back.starts] == ["odoo-acme.service"]  # it runs the crons now


@pytest.mark.parametrize(
    "network",
    [
        NetworkLive("10.90.9.0/28", {"isolate": "strict"}, dns=False),
        NetworkLive("10.90.0.16/28", {"isolate": "true"}, dns=False),
        NetworkLive("10.90.0.16/28", {}, dns=False),
        NetworkLive("10.90.0.16/28", {"isolate": "strict"}, dns=True),
    ],
)
def test_a_network_that_does_not_isolate_is_made_anew(network: NetworkLive) -> None:
    live = replace(converged(ACME), networks={"odoo-acme": network})
    done = plan(ACME, live)
    assert [service for service, _why in done.stops] == ["odoo-acme.service", "odoo-acme-network.service"]
    assert done.network_removals == ("odoo-acme",)
    assert [(start.verb, start.service) for start in done.starts] == [("start", "odoo-acme.service")]


def test_tenants_without_a_number_are_refused_together() -> None:
    with pytest.raises(InputError) as error:
        desired_of(tenant("acme"), tenant("birch"), allocations=[])
    assert [problem.subject for problem in error.value.problems] == ["tenant acme", "tenant birch"]


def test_a_cluster_without_a_pooler_is_refused() -> None:
    with pytest.raises(InputError) as error:
        desired_of(tenant(cluster="third"))
    assert "third" in str(error.value)


def test_two_tenants_share_nothing_but_the_roots() -> None:
    first, second = desired_of(tenant("acme"), tenant("birch"))
    assert not {file.path for file in first.files} & {file.path for file in second.files}
    uids = {directory.owner for item in (first, second) for directory in item.directories}
    assert uids == {"root", "20001", "20002"}
    assert all(file.mode == 0o400 for file in first.files if file.secret)


def test_secrets_stand_in_secret_files_only() -> None:
    for file in ACME[0].files:
        text = (file.content or b"").decode()
        assert file.secret or not any(secret in text for secret in ("pg-acme", "redis-acme", "hash")), file.path


# Versions of modules

NEWER = desired_of(tenant(instance={"image": NEW}))


def test_a_changed_digest_is_compared() -> None:
    assert [item.name for item in versions.to_compare(NEWER, converged(ACME))] == ["acme"]


def test_an_unchanged_digest_is_not() -> None:
    assert versions.to_compare(ACME, converged(ACME)) == ()


def test_a_written_file_does_not_hide_what_runs() -> None:
    live = replace(converged(NEWER), containers={"odoo-acme": OLD})
    assert [item.name for item in versions.to_compare(NEWER, live)] == ["acme"]


def test_a_stopped_unit_is_known_by_its_file() -> None:
    live = replace(converged(ACME), containers={})
    assert [item.name for item in versions.to_compare(NEWER, live)] == ["acme"]


def test_a_new_tenant_is_not_compared_and_a_moved_one_by_the_registry() -> None:
    assert versions.to_compare(NEWER, nothing(NEWER)) == ()
    moved = desired_of(tenant(instance={"image": NEW}), allocations=[allocation(image=OLD)])
    assert [item.name for item in versions.to_compare(moved, nothing(moved))] == ["acme"]
    same = desired_of(tenant(), allocations=[allocation(image=OLD)])
    assert versions.to_compare(same, nothing(same)) == ()


def test_check_mode_looks_only_into_images_that_are_there() -> None:
    here = replace(converged(NEWER), images=frozenset({NEW}), residents=frozenset({"acme"}))
    assert versions.can_be_compared(NEWER, here) == NEWER
    assert versions.can_be_compared(NEWER, replace(here, images=frozenset())) == ()
    assert versions.can_be_compared(NEWER, replace(here, residents=frozenset())) == ()


def test_differences() -> None:
    installed = {"base": "19.0.1.3", "sale": "19.0.1.2", "mine": "19.0.1.0"}
    manifests = {"base": "19.0.1.3", "sale": "19.0.1.3", "other": "19.0.9.0"}
    found = versions.differences(installed, manifests)
    assert [str(item) for item in found] == ["mine 19.0.1.0 -> not in the image", "sale 19.0.1.2 -> 19.0.1.3"]
    text = str(versions.problem("acme", NEW, found))
    assert "tenant acme" in text
    assert "release" in text
    assert versions.differences({"base": "19.0.1.3"}, manifests) == ()


def test_image_line() -> None:
    assert versions.image_line(b"[Container]\nImage=a@sha256:b\n") == "a@sha256:b"
    assert versions.image_line(Entry().content) == ""


def test_hosts_name_their_clusters_in_order() -> None:
    assert (HOST.pooler_port("main"), HOST.pooler_port("second")) == (6432, 6433)
    assert UnitLive().up is False


def test_while_its_source_serves_a_tenant_has_its_files_and_rests() -> None:
    resting = desired_of(tenant(source_url="http://10.82.0.11"))
    done = plan(resting, nothing(resting))
    assert {change.path for change in done.changes} >= {SOURCE, LIMITS, CONF}
    assert done.starts == done.stops == done.pulls == ()
    done = plan(resting, converged(ACME))
    assert done.stops == (("odoo-acme.service", "its legacy host serves the tenant: http://10.82.0.11"),)
    assert plan(resting, converged(resting)).actions == ()
    assert verbs(plan(ACME, converged(resting))) == ["reload systemd", "start unit odoo-acme.service"]


def test_a_database_that_follows_is_not_asked_for_its_modules() -> None:
    resting = desired_of(tenant(source_url="http://10.82.0.11", instance={"image": NEW}))
    assert versions.to_compare(resting, converged(ACME)) == ()
