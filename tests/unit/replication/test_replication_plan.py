# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a member stands by what both databases show, and what follows from it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError, Refused
from ansible_collections.erpops.odoo.plugins.module_utils.replication import plan, prepare, server
from ansible_collections.erpops.odoo.plugins.module_utils.replication.model import (
    Facts,
    Function,
    Grant,
    Identity,
    Member,
    Record,
    Slot,
    SourceFacts,
    Table,
    TargetFacts,
    record_from,
)
from ansible_collections.erpops.odoo.plugins.module_utils.replication.steps import Overrun, Steps, wait_until

MEMBER = Member(name="acme-corp", database="acme_prod")
SLOT = Slot(active=True, lost=False, lag_bytes=0)
UNTOUCHED = Facts(
    source=SourceFacts(version=130016, record=None, slot=None, back_enabled=None),
    target=TargetFacts(
        version=170000, database=False, grants=(), passing=False, subscribed="", enabled=False, back_slot=None
    ),
)


def facts(**given: object) -> Facts:
    source = {name: value for name, value in given.items() if name in ("record", "slot", "back_enabled")}
    target = {name: value for name, value in given.items() if name not in source}
    return Facts(
        source=replace(UNTOUCHED.source, **source),  # type: ignore[arg-type]
        target=replace(UNTOUCHED.target, **target),  # type: ignore[arg-type]
    )


OPEN = (Grant(grantee="acme-corp"),)
FENCED = Record(fenced=True)
STATES = {
    plan.PLANNED: facts(),
    plan.PREPARED: facts(record=Record()),
    plan.SEEDING: facts(record=Record(), slot=SLOT, passing=True),
    plan.FOLLOWING: facts(record=Record(), slot=SLOT, database=True, subscribed="acme-corp", enabled=True),
    plan.DIVERGED: facts(record=Record(), database=True, subscribed="acme-corp", enabled=True),
    plan.CUTTING_OVER: facts(record=FENCED, slot=SLOT, database=True, subscribed="acme-corp", enabled=True),
    plan.LIVE: facts(record=FENCED, back_enabled=True, database=True, grants=OPEN, back_slot=SLOT),
    plan.ROLLING_BACK: facts(record=FENCED, back_enabled=True, database=True, back_slot=SLOT),
    plan.ROLLED_BACK: facts(record=Record(), database=True),
    plan.COMMITTED: facts(record=replace(FENCED, committed=True), database=True, grants=OPEN),
}
DUMPED = Record(by_dump=True, copied=True)
STATES_BY_DUMP = {
    plan.PREPARED: facts(record=Record(by_dump=True)),
    plan.SEEDING: facts(record=Record(by_dump=True), passing=True),
    plan.FOLLOWING: facts(record=DUMPED, database=True),
    plan.CUTTING_OVER: facts(record=replace(DUMPED, fenced=True), passing=True),
    plan.LIVE: facts(record=replace(DUMPED, fenced=True, returning=True), database=True, grants=OPEN),
    plan.ROLLING_BACK: facts(record=replace(DUMPED, fenced=True, returning=True), database=True),
    plan.ROLLED_BACK: facts(record=Record(by_dump=True), database=True),
    plan.COMMITTED: facts(record=replace(DUMPED, fenced=True, committed=True), database=True, grants=OPEN),
}


@pytest.mark.parametrize("state", STATES)
def test_both_databases_tell_the_state(state: str) -> None:
    assert plan.stands(STATES[state]) == state


def test_a_lost_slot_is_diverged() -> None:
    lost = replace(SLOT, lost=True)
    found = replace(STATES[plan.FOLLOWING], source=replace(STATES[plan.FOLLOWING].source, slot=lost))
    assert plan.stands(found) == plan.DIVERGED


def test_a_lost_way_back_makes_nobody_committed() -> None:
    assert plan.stands(facts(record=FENCED, back_enabled=True, database=True, grants=OPEN)) == plan.LIVE


def test_an_open_database_that_no_cutover_opened_is_nobodys_to_replace() -> None:
    assert plan.stands(facts(record=Record(), database=True, grants=OPEN)) == plan.COMMITTED


@pytest.mark.parametrize("verb", plan.ALLOWED)
@pytest.mark.parametrize("state", STATES)
def test_a_verb_begins_where_it_may_and_nowhere_else(verb: str, state: str) -> None:
    if state in plan.ALLOWED[verb]:
        assert plan.check(verb, MEMBER, STATES[state]) == state
    else:
        with pytest.raises(Refused, match="member acme-corp"):
            plan.check(verb, MEMBER, STATES[state])


@pytest.mark.parametrize("why", [
    ("slot on the source is gone", facts(record=Record(), database=True, subscribed="acme-corp")),
    ("held back too much log",
     facts(record=Record(), slot=replace(SLOT, lost=True), database=True, subscribed="acme-corp")),
    ("table x: 1 rows",
     facts(record=Record(unequal=("table x: 1 rows",)), slot=SLOT, database=True, subscribed="acme-corp")),
])  # fmt: skip
def test_a_diverged_member_is_refused_with_the_reason(why: tuple[str, Facts]) -> None:
    reason, found = why
    for verb in ("wave_rehearse", "wave_cutover"):
        with pytest.raises(Refused) as refused:
            plan.check(verb, MEMBER, found)
        assert reason in str(refused.value) and "wave_seed" in str(refused.value)


def test_an_open_target_is_never_seeded_and_a_committed_member_has_no_way_back() -> None:
    for state in (plan.LIVE, plan.COMMITTED):
        assert state not in plan.ALLOWED["wave_seed"]
        assert state not in plan.ALLOWED["withdraw"]
    with pytest.raises(Refused, match="no way back"):
        plan.check("wave_rollback", MEMBER, STATES[plan.COMMITTED])


@pytest.mark.parametrize("state", STATES_BY_DUMP)
def test_what_the_record_shows_of_a_member_that_is_moved_by_dumps(state: str) -> None:
    assert plan.stands(STATES_BY_DUMP[state]) == state


def test_versions_that_cannot_be() -> None:
    plan.check_versions(90_624, 170_000)
    plan.check_versions(170_002, 170_000)
    with pytest.raises(Refused, match="too old"):
        plan.check_versions(90_525, 170_000)
    with pytest.raises(Refused, match="older than the source"):
        plan.check_versions(180_000, 170_000)


def test_identities() -> None:
    def table(name: str, identity: str, has_key: bool, index: str) -> plan.TableFacts:
        return plan.TableFacts(table=Table(schema="public", name=name), identity=identity, has_key=has_key, index=index)

    needed = plan.identities(
        [
            table("keyed", "d", True, "keyed_pkey"),
            table("full", "f", False, ""),
            table("indexed", "i", False, "u"),
            table("old_rel", "d", False, "old_rel_key"),
            table("log", "d", False, ""),
            table("nothing", "n", True, "nothing_pkey"),
        ]
    )
    assert [(one.before.table, one.before.was, one.index) for one in needed] == [
        ("old_rel", "d", "old_rel_key"),
        ("log", "d", ""),
        ("nothing", "n", "nothing_pkey"),
    ]


def test_differences_name_the_side() -> None:
    source = {("table", "a"): "p", ("column", "a.x"): "integer", ("index", "i"): "1"}
    target = {("table", "a"): "p", ("column", "a.x"): "bigint", ("table", "b"): "p"}
    assert plan.differences(source, target) == [
        "column a.x is 'integer' on the source and 'bigint' on the target",
        "index i is only on the source",
        "table b is only on the target",
    ]


def test_unequal_rows() -> None:
    assert plan.unequal({"a": (1, "x"), "b": (2, "y")}, {"a": (1, "x"), "b": (2, "y")}) == []
    assert plan.unequal({"a": (1, "x"), "b": (2, "y"), "c": (0, "")}, {"a": (1, "z"), "b": (3, "y")}) == [
        "table a: 1 rows on the source, 1 on the target, of other content",
        "table b: 2 rows on the source, 3 on the target",
        "table c is only on the source",
    ]


def test_a_record_survives_its_text_and_foreign_comments_are_not_one() -> None:
    record = Record(
        identities=(Identity(schema="public", table='odd "name"', was="n"),),
        functions=(Function(schema="public", name="f", arguments="text"),),
        fenced=True,
        grants=(Grant(grantee=""), Grant(grantee="odoo", grantable=True)),
        logins=("odoo",),
        digests=(("views", "abc"),),
    )
    assert record_from(record.text()) == record
    assert record_from(None) == Record()
    for text in ("a comment", "{}", "[]", '{"erpops": 2}'):
        with pytest.raises((ValueError, KeyError, AttributeError, TypeError)):
            record_from(text)


def test_settings_that_a_source_needs() -> None:
    found = [
        server.Setting(name="wal_level", setting="replica", written="replica"),
        server.Setting(name="max_replication_slots", setting="10", written="10"),
        server.Setting(name="max_wal_senders", setting="3", written="3"),
    ]
    used = {"max_replication_slots": 2, "max_wal_senders": 1}
    assert prepare.needed_settings(found, used, 4) == {"wal_level": "logical", "max_wal_senders": "5"}
    written = [replace(one, written="logical" if one.name == "wal_level" else "10") for one in found]
    assert prepare.needed_settings(written, used, 4) == {}


def test_all_that_was_not_allowed_is_told_at_once() -> None:
    before = Identity(schema="public", table="log", was="d")
    needs = prepare.Needs(
        settings={"wal_level": "logical"},
        role=True,
        identities=(plan.NewIdentity(before=before, index=""),),
        functions=(Function(schema="public", name="f", arguments="text"),),
        publication=True,
    )
    assert len(prepare.refusals(needs, [])) == 4
    others = ["role", "replica_identity", "functions"]
    (refused,) = prepare.refusals(needs, ["settings", *others])
    assert "Allow restart: nothing is written" in refused.cure, "a restart that somebody else makes"
    assert prepare.refusals(needs, ["settings", "restart", *others]) == []
    assert [action.verb for action in prepare.actions(needs, MEMBER)] == ["set", "make", "set", "set", "publish"]


def test_names_fit_slots() -> None:
    assert (MEMBER.forward, MEMBER.back) == ("erpops_acme_corp", "erpops_back_acme_corp")
    assert len(Member(name="a" * 40, database="x").back) <= 63


def test_the_window_ends_where_the_budget_does(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    steps = Steps(10)
    now[0] = 100
    assert steps.remaining() is None
    steps.start_window()
    now[0] = 104
    assert steps.remaining() == 6
    now[0] = 110
    with pytest.raises(Overrun), steps.step("late"):
        pass
    steps.end_window()
    assert (steps.window_seconds, steps.remaining()) == (10, None)


def test_waiting_ends() -> None:
    with pytest.raises(ErpopsError, match="the slot: not within"):
        wait_until("the slot", 0.05, Steps(), lambda: False)
    wait_until("the slot", 0.05, Steps(), lambda: True)
