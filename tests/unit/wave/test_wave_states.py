# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every pair of state and verb; and that the table is the one of docs/waves.md."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.wave import states

PAGE = Path(__file__).resolve().parents[3] / "docs" / "waves.md"

# Written out by hand, so that a slip in the table is not a slip in its test.
ALLOWED = {
    "": {"wave_discover"},
    "discovered": {"wave_discover", "wave_plan"},
    "planned": {"wave_plan", "wave_prepare"},
    "preparing": {"wave_prepare", "wave_rollback"},
    "prepared": {"wave_prepare", "wave_seed", "wave_rollback"},
    "seeding": {"wave_seed", "wave_rollback"},
    "following": {"wave_seed", "wave_rehearse", "wave_cutover", "wave_rollback"},
    "diverged": {"wave_seed", "wave_rollback"},
    "cutting_over": {"wave_cutover"},
    "live": {"wave_keep", "wave_rollback", "wave_commit"},
    "rolling_back": {"wave_rollback"},
    "rolled_back": {"wave_prepare"},
    "withdrawn": {"wave_prepare"},
    "committing": {"wave_commit"},
    "committed": set(),
}
AGAIN = {("committed", "wave_commit")}  # to finish what stands around it; no way on
SERVES = {
    "target": {"live", "committing", "committed"},
    "nobody": {"cutting_over", "rolling_back"},
}
PAIRS = list(itertools.product(("", *states.STATES), states.VERBS))


@pytest.mark.parametrize(("state", "verb"), PAIRS)
def test_a_verb_starts_exactly_where_the_contract_says(state: str, verb: str) -> None:
    refusal = states.may(verb, state)
    assert (refusal == "") == (verb in ALLOWED[state] or (state, verb) in AGAIN)
    assert (verb in states.next_verbs(state)) == (verb in ALLOWED[state])
    if refusal:
        assert f"{verb} starts from " in refusal
        for possible in ALLOWED[state]:
            assert possible in refusal, "a refusal names what is possible"


@pytest.mark.parametrize("state", ["", *states.STATES])
def test_who_serves(state: str) -> None:
    expected = next((who for who, those in SERVES.items() if state in those), "source")
    assert states.who_serves(state) == expected


@pytest.mark.parametrize(("origin", "who"), [("live", "nobody"), ("prepared", "source"), ("following", "source")])
def test_a_rollback_from_before_the_cutover_leaves_the_source_serving(origin: str, who: str) -> None:
    assert states.who_serves("rolling_back", origin) == who


@pytest.mark.parametrize(
    ("verb", "origin", "ends"),
    [
        ("wave_rollback", "live", ("rolled_back", "live")),
        ("wave_rollback", "seeding", ("withdrawn",)),
        ("wave_rollback", "diverged", ("withdrawn",)),
        ("wave_cutover", "following", ("live", "following", "diverged", "rolled_back")),
        ("wave_commit", "live", ("committed", "live")),
        ("wave_commit", "committed", ("committed", "live")),
        ("wave_commit", "prepared", ()),
    ],
)
def test_outcomes_depend_on_where_a_run_came_from(verb: str, origin: str, ends: tuple[str, ...]) -> None:
    assert states.outcomes(verb, origin) == ends


@pytest.mark.parametrize("row", states.TABLE, ids=lambda row: f"{row.verb} from {row.sources[0] or 'none'}")
def test_every_outcome_and_nothing_else_ends_a_run(row: states.Transition) -> None:
    for origin, outcome in itertools.product(row.sources, states.STATES):
        at = row.running or origin
        refusal = states.may_end(row.verb, origin, at, outcome)
        assert (refusal == "") == (outcome in row.outcomes), (origin, outcome)
        if row.running:
            assert "begin it first" in states.may_end(row.verb, origin, origin, row.outcomes[0])


def test_a_verb_that_is_none_is_named_with_those_that_are() -> None:
    assert states.may("wave_fly", "live").startswith("There is no verb wave_fly. Verbs: wave_discover, ")


def test_every_running_state_is_left_by_its_own_verb() -> None:
    for state in states.RUNNING:
        assert [verb for verb in states.VERBS if states.resumes(verb, state)] == [
            verb for verb in ALLOWED[state] if any(row.running == state for row in states.TABLE if row.verb == verb)
        ]


def test_the_page_shows_this_table() -> None:
    """Each row of the page's table: the states that a verb starts from, the running state, the outcomes."""
    text = PAGE.read_text(encoding="utf-8").split("## States of a member")[1]
    rows = re.findall(r"^\| `(wave_\w+)` \|(.*?)\|(.*?)\|(.*?)\|$", text, re.MULTILINE)
    assert len(rows) == len(states.TABLE)
    for (verb, sources, running, ends), row in zip(rows, states.TABLE, strict=True):
        known = set(re.findall(r"\(none\)|\w+", sources))
        written = {states.shown(state) for state in row.sources} | ({row.running} & known)
        assert (verb, known) == (row.verb, written)
        assert "no state" in running or running.strip() == row.running
        assert [word for word in re.findall(r"\w+", ends) if word in states.STATES] == list(row.outcomes)
