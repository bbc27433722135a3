# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the state of a member makes of the tenant of the same name."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.erpops.odoo.plugins.filter import wave
from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Refused
from ansible_collections.erpops.odoo.plugins.module_utils.wave import serving, states

TENANTS = [
    {"name": "acme", "instance": "shared14", "hostnames": ["acme.test"]},
    {"name": "birch", "instance": "shared14", "hostnames": ["birch.test"], "state": "suspended"},
    {"name": "cedar", "instance": "shared14", "hostnames": ["cedar.test"], "state": "absent"},
    {"name": "elm", "instance": "shared14", "hostnames": ["elm.test"]},
]
MEMBERS = [{"name": "acme", "host": "legacy1", "database": "acme_prod"}]
ADDRESSES = {"legacy1": "10.82.0.11"}
SOURCE = {**TENANTS[0], "source_url": "http://10.82.0.11"}


def row(state: str, origin: str = "", name: str = "acme") -> dict[str, Any]:
    return {"name": name, "host": "legacy1", "database": f"{name}_prod", "state": state, "origin": origin or state}


def acme(*rows: dict[str, Any], members: list[dict[str, Any]] | None = None, **values: Any) -> Any:
    """None where it is left out."""
    declared = MEMBERS if members is None else members
    found = serving.derived(TENANTS, declared, rows, ADDRESSES, **values)
    return next((tenant for tenant in found if tenant["name"] == "acme"), None)


def test_every_state_is_one_of_three() -> None:
    found = {state: acme(row(state, "live" if state == "rolling_back" else "")) for state in states.STATES}
    at_target = {state for state, tenant in found.items() if tenant == TENANTS[0]}
    at_source = {state for state, tenant in found.items() if tenant == SOURCE}
    assert at_target == {"live", "committing", "committed"}
    assert at_source == set(states.STATES) - at_target - {"cutting_over", "rolling_back"}
    assert found["cutting_over"] is None and found["rolling_back"] is None, "left out, and so left alone"


def test_a_rollback_from_before_the_cutover_never_took_the_source_away() -> None:
    assert acme(row("rolling_back", "following"), refuse_moving=True) == SOURCE
    assert acme(row("rolling_back", "live")) is None


def test_a_member_that_the_store_does_not_know_is_served_by_its_source() -> None:
    assert acme(refuse_moving=True) == SOURCE


def test_without_members_nothing_is_derived() -> None:
    assert serving.derived(TENANTS, [], None, {}) == TENANTS


def test_unread_states_are_no_states() -> None:
    with pytest.raises(Refused, match="Nobody told the states"):
        serving.derived(TENANTS, MEMBERS, None, ADDRESSES)


@pytest.mark.parametrize(
    ("member", "address", "url"),
    [
        ({"url": "https://old.acme.test:8443"}, "10.82.0.11", "https://old.acme.test:8443"),
        ({"url": None}, "10.82.0.11", "http://10.82.0.11"),
        ({}, "legacy1.inner", "http://legacy1.inner"),
        ({}, "fd00::11", "http://[fd00::11]"),
    ],
)
def test_where_the_legacy_host_serves(member: dict[str, Any], address: str, url: str) -> None:
    (found,) = serving.derived(TENANTS[:1], [{**MEMBERS[0], **member}], [], {"legacy1": address})
    assert found["source_url"] == url


def test_a_host_without_an_address_is_named() -> None:
    with pytest.raises(InputError, match=r"member acme: host is 'legacy1'\. It has no ansible_host") as caught:
        serving.derived(TENANTS, MEMBERS, [], {"legacy1": ""})
    assert len(caught.value.problems) == 1


def test_the_others_stay_as_they_are_and_the_input_too() -> None:
    given = copy.deepcopy(TENANTS)
    assert serving.derived(TENANTS, MEMBERS, [row("cutting_over")], ADDRESSES) == TENANTS[1:]
    assert given == TENANTS


def test_an_operators_word_stands_beside_the_members() -> None:
    members = [{**MEMBERS[0], "name": name} for name in ("birch", "cedar")]
    found = {tenant["name"]: tenant for tenant in serving.derived(TENANTS, members, [], ADDRESSES)}
    assert found["birch"] == {**TENANTS[1], "source_url": "http://10.82.0.11"}, "suspended, and no database is made"
    assert found["cedar"] == TENANTS[2]
    assert serving.derived(TENANTS, members, [row("cutting_over", name="cedar")], ADDRESSES, refuse_moving=True)


def test_each_member_that_nobody_serves_is_refused_with_its_verb() -> None:
    rows = [row("cutting_over", "following"), row("rolling_back", "live", "elm")]
    members = [*MEMBERS, {**MEMBERS[0], "name": "elm"}]
    with pytest.raises(Refused) as caught:
        serving.derived(TENANTS, members, rows, ADDRESSES, refuse_moving=True)
    assert [(each.subject, each.field, each.value) for each in caught.value.problems] == [
        ("member acme", "state", "cutting_over"),
        ("member elm", "state", "rolling_back"),
    ]
    assert "since wave_cutover has it" in caught.value.problems[0].cure
    assert "since wave_rollback has it" in caught.value.problems[1].cure


def test_a_member_on_its_way_is_not_dropped_from_the_list_unnoticed() -> None:
    with pytest.raises(Refused, match="declare it in wave_members again"):
        acme(row("following"), members=[], refuse_moving=True)
    with pytest.raises(Refused, match="Nobody serves it"):
        acme(row("cutting_over"), members=[], refuse_moving=True)
    assert acme(row("following"), members=[]) is None, "nobody knows where its legacy host serves"
    for state in ("discovered", "planned", "withdrawn", "rolled_back", "live", "committed"):
        assert acme(row(state), members=[], refuse_moving=True) == TENANTS[0]


def test_what_the_target_serves_came_from_a_legacy_host() -> None:
    rows = [row("live", name="elm"), row("committed"), row("following", name="birch"), row("cutting_over", name="fir")]
    assert wave.wave_migrated(rows) == ["acme", "elm"]
    assert wave.wave_migrated(None) == []


def test_a_part_that_failed_or_was_not_recorded_is_not_finished() -> None:
    member = {"name": "acme"}
    assert wave.wave_finished([{"wave_member": member, "wave_move_recorded": {"changed": True}}]) == [member]
    for left in ({}, {"wave_move_recorded": {"failed": True}}, {"wave_move_recorded": {}, "wave_move_problem": "it"}):
        assert wave.wave_finished([{"wave_member": member, **left}]) == []


def test_committed_members_are_those_that_a_database_host_has_read() -> None:
    rows = [{"name": "acme", "state": "committed"}, {"name": "birch", "state": "live"}]
    assert wave.wave_committed([{}, {"wave_members_result": {"members": rows}}]) == ["acme"]
    assert wave.wave_committed([{}]) == []


def test_the_filter_fails_with_all_that_is_wrong() -> None:
    with pytest.raises(AnsibleFilterError) as caught:
        wave.wave_tenants(TENANTS, MEMBERS, [row("cutting_over")], ADDRESSES, refuse_moving=True)
    assert str(caught.value).splitlines() == [
        "Members of waves are between their hosts; nothing was changed.",
        "- member acme: state is 'cutting_over'. Nobody serves it, since wave_cutover has it: wait for its end, or"
        " run it again.",
    ]
    assert wave.wave_tenants(TENANTS, MEMBERS, [], ADDRESSES)[0] == SOURCE


def test_a_source_with_https_is_known_by_the_first_hostname() -> None:
    plain = {"name": "birch", "hostnames": ["birch.example"], "source_url": "http://10.82.0.11"}
    shown = {"name": "acme", "hostnames": ["erp.acme.example", "acme.example"], "source_url": "https://10.82.0.12"}
    assert wave.wave_source_switches([plain, shown]) == [
        {"tenant": "birch", "url": "http://10.82.0.11", "server_name": ""},
        {"tenant": "acme", "url": "https://10.82.0.12", "server_name": "erp.acme.example"},
    ]
