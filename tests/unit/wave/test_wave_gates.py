# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold before a member is cut over."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Refused
from ansible_collections.erpops.odoo.plugins.module_utils.wave import gates
from ansible_collections.erpops.odoo.plugins.module_utils.wave.model import Member

NOW = datetime(2027, 1, 11, 21, 0, tzinfo=UTC)
READY = {
    "plan": {"start": "2027-01-11T20:00:00+00:00"},
    "rehearsals": [{"at": "2027-01-10T10:00:00Z", "ok": True, "window_seconds": 10}],
    "restore_point": {"by": "ann", "at": "2027-01-11T19:00:00Z", "where": "snapshot 7 of legacy1"},
    "acceptance": {"by": "owner", "at": "2027-01-10T12:00:00Z"},
    "approval": {"by": "bob", "at": "2027-01-10T13:00:00Z"},
}
REACHED = {"member": "acme", "hostname": "erp.acme.example", "level": "ok", "evidence": "as it should", "cure": ""}
CHOICES = gates.Choices(
    runner="ann", now=NOW, unsettled={}, preflight={"acme": [], "birch": []}, probes=(),
    hostnames=[REACHED, {**REACHED, "member": "birch"}],
    rehearsal_hours=168, restore_point_hours=24, window_hours=8, window_seconds=60,
)  # fmt: skip


def rehearsed(at: str, **values: Any) -> dict[str, Any]:
    return {"rehearsals": [{"at": at, "ok": True, "window_seconds": 10, **values}]}


def member(**facts: Any) -> Member:
    return Member(name="acme", host="legacy1", database="old", state="following", origin="following",
                  facts={**READY, **facts})  # fmt: skip


def failed(one: Member, choices: gates.Choices = CHOICES, *waivers: gates.Waiver) -> dict[str, str]:
    found = gates.found([one], list(gates.GATES), waivers, choices)
    return {each.gate: each.cure for each in found if not each.passed}


def test_a_member_that_is_ready_passes_every_gate() -> None:
    assert failed(member()) == {}


def test_a_cutover_that_has_begun_goes_on() -> None:
    """Nobody may serve its users: no gate keeps a killed run from being run again."""
    assert failed(replace(member(approval=None, rehearsals=[]), state="cutting_over")) == {}


@pytest.mark.parametrize(
    ("facts", "gate", "cure"),
    [
        (rehearsed("2027-01-10T10:00:00Z", ok=False), "rehearsal", "Cure what failed"),
        (rehearsed("2026-12-01T10:00:00Z"), "rehearsal", "older than 168 hours"),
        (rehearsed("2027-01-10T10:00:00Z", window_seconds=None), "budget", "Run wave_rehearse"),
        (rehearsed("2027-01-10T10:00:00Z", window_seconds=50), "budget", "wave_move_window_seconds"),
        ({"plan": {}}, "window", "Plan it with wave_plan"),
        ({"plan": {"start": "2027-01-11T22:00:00Z"}}, "window", "wait for the window"),
        ({"plan": {"start": "2027-01-11T08:00:00Z"}}, "window", "wait for the window"),
        ({"restore_point": None}, "restore_point", "wave_approval=restore_point"),
        (
            {"restore_point": {"by": "ann", "at": "2027-01-10T19:00:00Z", "where": "snapshot 6"}},
            "restore_point",
            "older than 24 hours",
        ),
        ({"acceptance": None}, "acceptance", "wave_approval=acceptance"),
        ({"approval": None}, "approval", "wave_approval=approval"),
        ({"approval": {"by": "bob", "at": "2027-01-10T09:00:00Z"}}, "approval", "older than the rehearsal"),
        ({"approval": {"by": "ann", "at": "2027-01-10T13:00:00Z"}}, "approval", "ann runs this too"),
        ({"approval": {"by": "owner", "at": "2027-01-10T13:00:00Z"}}, "approval", "owner has accepted too"),
    ],
)
def test_what_is_missing_is_named_with_its_cure(facts: dict[str, Any], gate: str, cure: str) -> None:
    found = failed(member(**facts))
    assert list(found) == [gate]
    assert cure in found[gate]


def test_unsettled_dispositions_are_counted_and_the_first_are_named() -> None:
    choices = replace(CHOICES, unsettled={"acme": ["cron a", "cron b", "route c", "path d"]})
    (finding,) = gates.found([member()], ["dispositions"], (), choices)
    assert finding.evidence == "4 are not settled: cron a; cron b; route c; …"
    assert "host legacy1" in finding.cure


def probed(*results: tuple[str, str, bool]) -> gates.Choices:
    """Results by member, name and whether it answered."""
    found = [
        {"member": member, "name": name, "target": f"tcp://{name}:9", "ok": ok, "evidence": "asked"}
        for member, name, ok in results
    ]
    return replace(CHOICES, probes=found)


def test_every_integration_that_does_not_answer_is_named() -> None:
    choices = probed(("acme", "a", True), ("acme", "b", False), ("acme", "c", False), ("birch", "d", False))
    (finding,) = gates.found([member()], ["probes"], (), choices)
    assert finding.evidence == "1 of 3 passed; b (tcp://b:9): asked; c (tcp://c:9): asked"
    assert not finding.passed
    assert "host legacy1" in finding.cure


def test_the_probes_of_others_do_not_count() -> None:
    for choices, evidence in (
        (probed(("birch", "d", False)), "no integration is declared"),
        (probed(("acme", "a", True), ("birch", "d", False)), "1 of 1 passed"),
    ):
        (finding,) = gates.found([member()], ["probes"], (), choices)
        assert (finding.evidence, finding.passed) == (evidence, True)


def test_without_probes_the_gate_is_not_passed_and_may_be_waived() -> None:
    choices = replace(CHOICES, probes=None)
    assert list(failed(member(), choices)) == ["probes"]
    waiver = gates.waivers_from([{"member": "acme", "gate": "probes", "reason": "asked for", "until": "2027-01-11"}])
    assert failed(member(), choices, *waiver) == {}


def test_a_hostname_that_does_not_reach_the_edge_is_named_with_its_cure() -> None:
    stray = {
        **REACHED,
        "hostname": "www.acme.example",
        "level": "warning",
        "evidence": "DNS: none",
        "cure": "Have DNS.",
    }
    choices = replace(CHOICES, hostnames=[REACHED, stray, {**stray, "member": "birch"}])
    (finding,) = gates.found([member()], ["hostname"], (), choices)
    assert finding.evidence == "1 of 2 reach the edge and their page; www.acme.example: DNS: none"
    assert (finding.cure, finding.passed) == ("Have DNS.", False)


def test_hostnames_that_nobody_asked_for_do_not_pass_and_may_be_waived() -> None:
    for found in (None, [{**REACHED, "member": "birch"}]):
        choices = replace(CHOICES, hostnames=found)
        assert list(failed(member(), choices)) == ["hostname"]
        waiver = gates.waivers_from([{"member": "acme", "gate": "hostname", "reason": "no", "until": "2027-01-11"}])
        assert failed(member(), choices, *waiver) == {}


def test_a_waiver_counts_until_its_day_and_for_its_gate() -> None:
    waiver = gates.waivers_from([{"member": "acme", "gate": "window", "reason": "asked for", "until": "2027-01-11"}])
    late = member(plan={})
    assert failed(late, CHOICES, *waiver) == {}
    assert "window" in failed(late, replace(CHOICES, now=datetime(2027, 1, 12, 1, tzinfo=UTC)), *waiver)
    assert "rehearsal" in failed(member(rehearsals=[], plan={}), CHOICES, *waiver)


def test_without_a_rehearsal_nothing_is_known() -> None:
    assert failed(member(rehearsals=[])) == {
        "rehearsal": "Run wave_rehearse.",
        "budget": "Run wave_rehearse, which measures it.",
    }


def test_every_gate_of_every_member_is_refused_at_once() -> None:
    other = replace(member(plan={}, approval=None), name="birch")
    with pytest.raises(Refused) as caught:
        gates.refuse(gates.found([member(acceptance=None), other], list(gates.GATES), (), CHOICES))
    assert [(each.subject, each.field) for each in caught.value.problems] == [
        ("member acme", "gate acceptance"),
        ("member birch", "gate window"),
        ("member birch", "gate approval"),
    ]


def test_waivers_need_a_reason_and_a_day() -> None:
    with pytest.raises(InputError) as caught:
        gates.waivers_from([{"member": "acme", "gate": "window", "reason": " ", "until": "soon"}])
    assert [each.field for each in caught.value.problems] == ["reason", "until"]


def test_what_the_preflight_found_stops_and_is_not_waived_as_a_whole() -> None:
    choices = replace(CHOICES, preflight={"acme": ["wal_disk: 1 MB are free."]})
    assert failed(member(), choices) == {"preflight": "Cure each, or waive it with rule, reason and date."}
    assert list(failed(member(), replace(CHOICES, preflight={}))) == ["preflight"]
    waivers = [
        {"member": "acme", "gate": "preflight", "reason": "x", "until": "2027-01-31"},
        {"member": "acme", "gate": "window", "rule": "wal_disk", "reason": "x", "until": "2027-01-31"},
    ]
    with pytest.raises(InputError) as caught:
        gates.waivers_from(waivers)
    assert [each.field for each in caught.value.problems] == ["rule", "rule"]


def test_a_waiver_that_is_over_is_named() -> None:
    (over,) = gates.waivers_from([{"member": "acme", "gate": "window", "reason": "x", "until": "2027-01-10"}])
    found = failed(member(plan={}), CHOICES, over)
    assert "Its waiver ended on 2027-01-10." in found["window"]


def test_an_update_is_refused_until_it_is_waived() -> None:
    one, choices = member(), replace(CHOICES, updates={"acme": ["sale", "crm"], "birch": ["x"]})
    one = replace(one, facts={**one.facts, **rehearsed("2027-01-10T10:00:00Z", updated=["crm", "sale"])})
    found = failed(one, choices)
    assert list(found) == ["update"] and "way back ends" in found["update"]
    (finding,) = gates.found([one], ["update"], (), choices)
    assert "sale, crm on the target" in finding.evidence
    waiver = gates.waivers_from([{"member": "acme", "gate": "update", "reason": "wanted", "until": "2027-01-11"}])
    assert failed(one, choices, *waiver) == {}


@pytest.mark.parametrize(("tried", "wanted"), [([], ["sale"]), (["sale"], []), (["sale"], ["crm"])])
def test_a_rehearsal_counts_that_updated_what_the_cutover_does(tried: list[str], wanted: list[str]) -> None:
    facts = rehearsed("2027-01-10T10:00:00Z", updated=tried)
    (finding,) = gates.found([member(**facts)], ["rehearsal"], (), replace(CHOICES, updates={"acme": wanted}))
    assert "wave_move_update" in finding.cure
    assert f"updated {', '.join(tried) or 'nothing'}" in finding.evidence


def test_the_budget_has_the_update() -> None:
    facts = rehearsed("2027-01-10T10:00:00Z", probes=[{"name": "update", "seconds": 30}], updated=["sale"])
    choices = replace(CHOICES, updates={"acme": ["sale"]})
    (finding,) = gates.found([member(**facts)], ["budget"], (), choices)
    assert finding.evidence == "65 s expected, 45 s of them for the update, 60 s allowed" and not finding.passed
    (without,) = gates.found([member(**facts)], ["budget"], (), CHOICES)
    assert without.passed
