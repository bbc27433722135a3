"""Who is primary, and what an instance needs."""

from __future__ import annotations

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import Refused
from ansible_collections.erpops.odoo.plugins.module_utils.redis.topology import (
    Found,
    Member,
    Wanted,
    Watch,
    plan,
    primary_of,
)

HOSTS = ["h1", "h2", "h3"]
WATCH = Watch(quorum=2, down_after_ms=3000, failover_timeout_ms=10000)
WANTED = Wanted(name="sessions", port=6379, parameters={"maxmemory": "10"})
SETTINGS = {"ip": "h1", **WATCH.settings()}


def replica(host: str, follows: str) -> Member:
    return Member(host=host, role="slave", follows=follows)


def test_of_new_members_the_first_leads() -> None:
    assert primary_of("sessions", [Member(host=host) for host in HOSTS], []) == "h1"


def test_a_rebuilt_first_member_follows_the_one_with_replicas() -> None:
    members = [Member(host="h1"), Member(host="h2", replicas=1), replica("h3", "h2")]
    assert primary_of("sessions", members, []) == "h2"


def test_sentinels_decide_before_members_do_and_the_majority_among_them() -> None:
    assert primary_of("sessions", [], ["h2", "h3", "h3"]) == "h3"


def test_a_silent_member_that_might_be_primary_stops_the_run() -> None:
    members = [Member(host="h1", answers=False), Member(host="h2"), Member(host="h3")]
    with pytest.raises(Refused) as caught:
        primary_of("sessions", members, [])
    assert [problem.subject for problem in caught.value.problems] == ["host h1"]


def test_a_silent_member_is_no_matter_where_a_leader_has_replicas() -> None:
    members = [Member(host="h1", answers=False), Member(host="h2", replicas=1), replica("h3", "h2")]
    assert primary_of("sessions", members, []) == "h2"


def test_replicas_without_a_primary_are_not_guessed_about() -> None:
    with pytest.raises(Refused, match="follows another"):
        primary_of("sessions", [replica("h1", "h9"), replica("h2", "h9")], [])


def test_the_only_member_leads_whatever_it_follows() -> None:
    assert primary_of("sessions", [replica("h1", "h9")], []) == "h1"


def found(itself: Member, **values) -> Found:
    return Found(itself=itself, parameters={"maxmemory": "10"}, **values)


def test_all_as_declared_is_nothing_to_do() -> None:
    planned = plan(WANTED, found(replica("h2", "h1"), watched=SETTINGS), "h1", WATCH, HOSTS)
    assert planned.actions == () and planned.before == planned.after


def test_a_new_replica_follows_and_is_watched() -> None:
    planned = plan(WANTED, found(Member(host="h2")), "h1", WATCH, HOSTS)
    assert [action.verb for action in planned.actions] == ["follow", "watch"]
    assert (planned.follow, planned.monitor) == ("h1", "h1")


def test_a_primary_is_only_watched() -> None:
    planned = plan(WANTED, found(Member(host="h1")), "h1", WATCH, HOSTS)
    assert [action.verb for action in planned.actions] == ["watch"]


def test_a_live_parameter_that_differs_is_set_alone() -> None:
    itself = Found(itself=Member(host="h1"), parameters={"maxmemory": "99"}, watched=SETTINGS)
    planned = plan(WANTED, itself, "h1", WATCH, HOSTS)
    assert planned.parameters == {"maxmemory": "10"}
    assert (planned.actions[0].subject, planned.actions[0].detail) == ("maxmemory of redis sessions", "'99' -> '10'")


def test_sentinel_settings_are_held() -> None:
    watched = {**SETTINGS, "quorum": "1"}
    planned = plan(WANTED, found(Member(host="h1"), watched=watched), "h1", WATCH, HOSTS)
    assert planned.tune == {"quorum": "2"}


def test_the_last_host_of_a_shrunk_group_leads_again() -> None:
    planned = plan(WANTED, found(replica("h1", "h2")), "h1", None, ["h1"])
    assert planned.lead and [action.verb for action in planned.actions] == ["promote"]


def test_a_replica_that_sentinels_made_primary_is_not_promoted_by_us() -> None:
    """Between the vote and the change the member still follows: Sentinel does the rest."""
    planned = plan(WANTED, found(replica("h2", "h1"), watched=SETTINGS), "h2", WATCH, HOSTS)
    assert not planned.lead and not planned.follow


def test_addresses_that_are_no_members_are_reported() -> None:
    planned = plan(
        WANTED, found(Member(host="h1"), watched=SETTINGS, companions=frozenset({"h2", "h9"})), "h1", WATCH, HOSTS
    )
    assert planned.stale == ("h9",) and planned.actions == ()
