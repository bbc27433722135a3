# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stops a member, what settles it, and waivers with their dates."""

from __future__ import annotations

from datetime import date

import pytest
from unit.preflight.clean import MEMBER, TODAY, declared, found, record

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Refused
from ansible_collections.erpops.odoo.plugins.module_utils.planning.sources import Declared
from ansible_collections.erpops.odoo.plugins.module_utils.preflight import evaluate
from ansible_collections.erpops.odoo.plugins.module_utils.preflight.catalogue import BY_ID
from ansible_collections.erpops.odoo.plugins.module_utils.report import page
from ansible_collections.erpops.odoo.plugins.module_utils.wave.gates import Waiver

BROKEN = {"db/encoding": "LATIN1", "pg/standby": True, "pg/wal_level": "replica", "db/mail/queued": 3}
IDENTITY = {"db/without_identity": [{"schema": "public", "name": "x", "rows": 5, "usable_index": None}]}


def waiver(rule: str, until: date = TODAY, member: str = "acme") -> Waiver:
    return Waiver(member=member, gate="preflight", rule=rule, reason="agreed <with> ann", until=until)


def test_all_that_stops_is_refused_at_once_and_the_rest_is_said() -> None:
    with pytest.raises(Refused) as caught:
        evaluate.refuse(found(BROKEN))
    assert {each.field for each in caught.value.problems} == {"rule encoding", "rule standby"}
    shown = evaluate.shown(found(BROKEN), ["acme"])
    assert [each["rule"] for each in shown["findings"]][2:] == ["wal_level", "queued_mail"]
    assert "acme: medium wal_level: wal_level is replica." in shown["said"]
    assert shown["stopping"] == {"acme": ["standby: This server is a standby.", "encoding: The encoding is LATIN1."]}


def test_a_wave_that_nobody_is_planned_for_is_not_everybody() -> None:
    members = [Declared(name=name, host="legacy1", database=name) for name in ("acme", "birch")]
    assert evaluate.chosen(None, members) == ["acme", "birch"]
    assert evaluate.chosen([" birch", "birch"], members) == ["birch"]
    with pytest.raises(InputError, match="wave_number"):
        evaluate.chosen([], members)
    assert evaluate.chosen([], []) == []


def test_medium_and_low_stop_nobody() -> None:
    evaluate.refuse(found({"pg/wal_level": "replica", "db/users/active_30_days": 0}))


def test_what_wave_prepare_may_do_is_settled() -> None:
    assert [each.stops for each in found(IDENTITY)] == [True]
    (settled,) = found({**IDENTITY, "declared/allow": ["replica_identity"]})
    assert not settled.stops and "replica_identity is allowed" in settled.settled


def test_declarations_settle_what_they_are_about() -> None:
    roles = {"db/grants": [{"role": "bi"}], "declared/roles": {"bi": "acme_bi"}}
    assert found(roles) == ()
    shared = {"declared/allow_shared_roles": True, "pg/roles": [
        {"name": "odoo", "superuser": True, "login": True, "password": "scram"}
    ]}  # fmt: skip
    assert {each.rule.id for each in found(shared)} == {"superuser_role"}


def test_a_waiver_counts_on_its_last_day_and_for_its_rule_and_member_alone() -> None:
    first = found(BROKEN, [waiver("encoding")])[0]
    assert (first.rule.id, first.stops) == ("standby", True)
    waived = next(each for each in found(BROKEN, [waiver("encoding")]) if each.rule.id == "encoding")
    assert (waived.waived, waived.until, waived.stops) == ("agreed <with> ann", "2027-01-11", False)
    assert all(each.stops for each in found({"db/encoding": "LATIN1"}, [waiver("encoding", member="birch")]))


def test_a_waiver_that_is_over_is_named() -> None:
    over = [waiver("encoding", date(2027, 1, 9)), waiver("encoding", date(2027, 1, 10))]
    with pytest.raises(Refused, match="Its waiver ended on 2027-01-10"):
        evaluate.refuse(found({"db/encoding": "LATIN1"}, over))


def test_a_waiver_of_a_rule_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match="No rule has this id"):
        found({}, [waiver("encodings")])


def test_members_without_a_record_or_a_declaration() -> None:
    other = Declared(name="fir", host="legacy9", database="fir")
    targets = evaluate.targets_from(declared())
    with pytest.raises(InputError) as caught:
        evaluate.findings(["fir", "nobody"], [MEMBER, other], [record()], targets, [], TODAY)
    assert [each.subject for each in caught.value.problems] == ["member nobody", "member fir"]
    (finding,) = evaluate.findings(["acme"], [MEMBER], [], targets, [], TODAY)
    assert (finding.rule.id, finding.stops) == ("not_discovered", True) and "legacy1" in finding.evidence
    elsewhere = Declared(name="acme", host="legacy1", database="gone")
    (finding,) = evaluate.findings(["acme"], [elsewhere], [record()], targets, [], TODAY)
    assert "acme_prod" in finding.evidence


def test_what_the_store_keeps() -> None:
    assert evaluate.shown(found(BROKEN, [waiver("encoding")]), ["acme"])["facts"]["acme"] == {
        "high": ["encoding", "standby"], "medium": ["queued_mail", "wal_level"], "low": [], "settled": [],
        "waived": [{"rule": "encoding", "reason": "agreed <with> ann", "until": "2027-01-11"}],
    }  # fmt: skip


def test_a_member_without_findings_is_there_for_its_gate() -> None:
    assert evaluate.shown((), ["acme"])["stopping"] == {"acme": []}


def test_the_page_says_everything_and_escapes_it() -> None:
    both = [waiver("encoding"), waiver("standby", date(2026, 12, 31))]
    text = page.render("wave_preflight.html.j2", page=evaluate.shown(found(BROKEN, both), ["acme"]), estate="north")
    for part in ("stopped by 1", "waived until 2027-01-11", "agreed &lt;with&gt; ann", "waiver ended on 2026-12-31",
                 BY_ID["encoding"].title, "The encoding is LATIN1.", "Discover and move the primary"):  # fmt: skip
        assert part in text, part
    assert "<script" not in text and "href=" not in text and "src=" not in text
    nothing = page.render("wave_preflight.html.j2", page=evaluate.shown((), ["acme"]), estate="")
    assert "Nothing was found" in nothing
