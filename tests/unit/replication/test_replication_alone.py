# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a member stands by what its target alone shows, once its source is gone for good."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import Refused
from ansible_collections.erpops.odoo.plugins.module_utils.replication import plan
from ansible_collections.erpops.odoo.plugins.module_utils.replication.model import Grant, Member, Slot, TargetFacts
from ansible_collections.erpops.odoo.plugins.module_utils.replication.steps import Steps

MEMBER = Member(name="acme", database="acme_prod")
NOTHING = TargetFacts(
    version=170000, database=False, grants=(), passing=False, subscribed="", enabled=False, back_slot=None
)
COPY = replace(NOTHING, database=True)
FOLLOWS = replace(COPY, subscribed="acme", enabled=True)
OPEN = replace(COPY, grants=(Grant(grantee="acme"),))
SINCE = "2026-11-23T20:04:11Z"
SLOT = Slot(active=False, lost=False, lag_bytes=0)
ALONE = [
    (plan.PLANNED, NOTHING),
    (plan.SEEDING, replace(NOTHING, passing=True)),
    (plan.SEEDING, replace(NOTHING, passing=True, subscribed="acme__new")),
    (plan.FOLLOWING, FOLLOWS),
    (plan.FOLLOWING, replace(FOLLOWS, back_slot=SLOT)),
    (plan.FOLLOWING, COPY),  # by dumps
    (plan.LIVE, replace(OPEN, opened=SINCE, back_slot=SLOT)),
    (plan.LIVE, replace(OPEN, opened=SINCE)),  # its slot was lost
    (plan.ROLLING_BACK, replace(COPY, opened=SINCE, back_slot=SLOT)),
    (plan.ROLLING_BACK, replace(COPY, opened=SINCE)),
    (plan.COMMITTED, OPEN),
]


@pytest.mark.parametrize(("state", "target"), ALONE)
def test_the_target_alone_tells_the_state(state: str, target: TargetFacts) -> None:
    assert plan.stands_alone(target) == state


@pytest.mark.parametrize("verb", plan.ALONE)
@pytest.mark.parametrize(("state", "target"), ALONE)
def test_a_verb_goes_on_without_the_source_where_it_may_and_nowhere_else(
    verb: str, state: str, target: TargetFacts
) -> None:
    if state in plan.ALONE[verb]:
        assert plan.check_alone(verb, MEMBER, target) == state
    else:
        with pytest.raises(Refused, match="member acme: state is") as caught:
            plan.check_alone(verb, MEMBER, target)
        assert caught.value.values == {"state": state}


def test_an_open_target_is_never_withdrawn_and_a_closed_one_never_committed() -> None:
    for state, target in ALONE:
        if not target.closed:
            assert state not in plan.ALONE["withdraw"]
        else:
            assert state not in plan.ALONE["wave_commit"]


@pytest.mark.parametrize("verb", ["wave_commit", "wave_rollback", "withdraw"])
def test_what_is_left_on_a_source_is_said_by_name(verb: str) -> None:
    said = " ".join(plan.left_on_source(verb, MEMBER, plan.ROLLING_BACK))
    assert "acme_prod" in said or "erpops_acme" in said


def test_what_a_copy_may_lack_is_named_and_long_lists_of_files_are_cut() -> None:
    said = plan.behind(["public.x_free"], [])
    assert "public.x_free" in said[-1] and "files" not in " ".join(said)
    many = [f"{number:03}" for number in range(plan.SHOWN + 2)]
    files = plan.behind([], many)[-1]
    assert many[-1] in plan.behind(many, [])[-1], "each has to be raised"
    assert f"{len(many)} files" in files and many[0] in files and many[-1] not in files


def test_a_source_is_called_closed_only_where_a_cutover_had_closed_it() -> None:
    known = " ".join(plan.left_on_source("wave_commit", MEMBER, plan.LIVE, way_back=True))
    unknown = " ".join(plan.left_on_source("wave_commit", MEMBER, plan.LIVE))
    assert "lets nobody in" in known and "erpops_back_acme" in known
    assert "lets nobody in" not in unknown and "may be open" in unknown


def test_a_rollback_that_opened_nothing_leaves_nothing_to_say() -> None:
    assert plan.left_on_source("wave_rollback", MEMBER, plan.LIVE) == []


def test_a_step_has_begun_once_something_of_it_may_be_done() -> None:
    steps = Steps(budget=0)
    with pytest.raises(ZeroDivisionError), steps.step("open"):
        raise ZeroDivisionError
    steps.start_window()
    with pytest.raises(Exception, match="window"), steps.step("finish"):
        pass
    assert steps.begun("open") and not steps.begun("finish")
