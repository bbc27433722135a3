# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a look at both sides of members shows: on the page, in a line for the terminal, as metrics."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from ansible_collections.erpops.odoo.plugins.filter.wave import wave_page
from ansible_collections.erpops.odoo.plugins.module_utils.ledger.model import Lock
from ansible_collections.erpops.odoo.plugins.module_utils.wave import states, status, watched
from ansible_collections.erpops.odoo.plugins.module_utils.wave.model import Member

NOW = datetime(2027, 1, 13, 12, 0, tzinfo=UTC)
MB = 1_000_000
SLOT = {"active": True, "lost": False, "lag_bytes": 0, "catch_up_seconds": 0, "kept_bytes": 0, "limit_bytes": 100 * MB,
        "used_percent": 12.5, "full_seconds": None}  # fmt: skip
COPY = {"part": "restore", "tables": 123, "tables_total": 430, "bytes": 3100 * MB, "bytes_total": 7400 * MB,
        "seconds_left": 260}  # fmt: skip


def member(name: str, state: str, **facts: Any) -> Member:
    return Member(name=name, host="legacy1", database=f"{name}_prod", state=state, origin=state, facts=facts, wave=2)


def seen(**values: Any) -> dict[str, Any]:
    nothing = {"source_problem": "", "target_problem": "", "problem": "", "lag": None, "subscription": None,
               "tables_waiting": 0, "copy": None, "way_back": None, "diverged": [], "differences": [],
               "findings": []}  # fmt: skip
    return {**nothing, **values}


def finding(severity: str, reason: str = "why", verb: str = "wave_seed") -> dict[str, str]:
    return {"reason": f"{reason}.", "cure": f"Run {verb}.", "verb": verb, "severity": severity}


def report(looked: dict[str, dict[str, Any]], *members: Member) -> dict[str, Any]:
    return status.report({each.name: each for each in members}, {}, (), NOW, seen=looked)


def test_only_members_with_something_on_both_sides_are_looked_at() -> None:
    every = {state: member(state.replace("_", "-"), state) for state in states.STATES}
    chosen = watched.chosen({each.name: each for each in every.values()}, {})
    assert [each.state for each in chosen] == [
        "seeding", "following", "diverged", "cutting_over", "live", "rolling_back",
    ]  # fmt: skip


def test_who_is_looked_at_says_what_is_known_of_it() -> None:
    each = member("acme", "following", prepare={"by_dump": True})
    lock = Lock(name="wave/acme", operation="op", owner="bob", playbook="wave_rehearse", since="x", age_seconds=1)
    (found,) = watched.chosen({"acme": each}, {"acme": lock})
    assert (found.member.database, found.host, found.by_dump, found.run) == (
        "acme_prod", "legacy1", True, "wave_rehearse",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("state", "looked", "said"),
    [
        ("following", seen(lag={**SLOT, "lag_bytes": 12_000}), "12.0 kB behind"),
        ("following", seen(lag={**SLOT, "lag_bytes": 5 * MB, "catch_up_seconds": 150}),
         "5.0 MB behind, caught up in 2 minutes"),
        ("following", seen(lag={**SLOT, "lag_bytes": 5 * MB, "catch_up_seconds": None}),
         "5.0 MB behind, when it will have caught up is not known"),
        ("following", seen(lag={**SLOT, "lost": True}), "lost"),
        ("following", seen(), ""),
        ("live", seen(way_back={**SLOT, "lag_bytes": 2 * MB, "catch_up_seconds": 30}),
         "2.0 MB behind, caught up in 30 seconds"),
        ("live", seen(way_back={**SLOT, "lost": True}), ""),
        ("seeding", seen(lag={**SLOT, "lag_bytes": 5 * MB}), "no rows are copied just now"),
        ("seeding", seen(), ""),
        ("seeding", seen(copy=COPY), "copying 123 of 430 tables, 3.1 GB of 7.4 GB, this part for another 4 minutes"),
        ("seeding", seen(copy={**COPY, "part": "dump", "seconds_left": None}),
         "dumping 123 of 430 tables, 3.1 GB of 7.4 GB"),
        ("seeding", seen(copy={**COPY, "part": "dump", "tables": None, "bytes": None, "seconds_left": None}),
         "dumping 430 tables, 7.4 GB"),
        ("seeding", seen(copy={**COPY, "part": "indexes"}), "all rows are copied, their indexes are being made"),
    ],
)  # fmt: skip
def test_how_far_behind(state: str, looked: dict[str, Any], said: str) -> None:
    (row,) = report({"acme": looked}, member("acme", state))["members"]
    assert row["lag"] == said


@pytest.mark.parametrize(
    ("slot", "word", "room", "tone"),
    [
        (SLOT, "open", "12.5 % of its room", "good"),
        ({**SLOT, "used_percent": None}, "open", "", "good"),
        ({**SLOT, "used_percent": 50.0}, "open", "50.0 % of its room", "high"),
        ({**SLOT, "active": False}, "not followed", "12.5 % of its room", "high"),
        ({**SLOT, "lost": True}, "lost", "", "high"),
    ],
)
def test_how_the_way_back_looks(slot: dict[str, Any], word: str, room: str, tone: str) -> None:
    (row,) = report({"acme": seen(way_back=slot)}, member("acme", "live"))["members"]
    assert row["way_back"] == {"word": word, "room": room, "tone": tone}


def test_a_member_does_not_stay_green_for_its_state_alone() -> None:
    looked = {"a": seen(lag=SLOT), "b": seen(lag=SLOT, findings=[finding("medium"), finding("high")])}
    first, second = report(looked, member("a", "following"), member("b", "following"))["members"]
    assert (first["tone"], second["tone"]) == ("low", "high")
    (live,) = report({"a": seen(findings=[finding("medium")])}, member("a", "live"))["members"]
    assert live["tone"] == "medium"


def test_what_is_gravest_comes_first() -> None:
    looked = {"a": seen(findings=[finding("medium", "one")]), "b": seen(findings=[finding("high", "two")])}
    found = report(looked, member("a", "following"), member("b", "diverged"), member("c", "following"))
    assert [(each["member"], each["severity"]) for each in found["attention"]] == [
        ("b", "high"), ("b", "high"), ("a", "medium"),
    ]  # fmt: skip
    (tile,) = [each for each in found["tiles"] if each["what"] == "following"]
    assert (tile["value"], tile["word"]) == (2, "1 with nothing in the way")


def test_what_the_last_run_gave_is_not_said_where_it_is_seen() -> None:
    looked = {"a": seen(diverged=["x"], findings=[finding("high", "It has diverged: x")])}
    (row,) = report(looked, member("a", "diverged"))["members"]
    assert [each["reason"] for each in row["blockers"]] == ["It has diverged: x."]


def test_ways_back_that_are_lost_are_counted() -> None:
    looked = {"a": seen(way_back=SLOT), "b": seen(), "c": seen(way_back={**SLOT, "lost": True}), "d": seen()}
    found = report(
        looked, *(member(name, "live") for name in ("a", "b", "c")), member("d", "live", prepare={"by_dump": True})
    )
    (tile,) = [each for each in found["tiles"] if each["what"] == "ways back lost"]
    assert (tile["value"], tile["word"], tile["tone"]) == (2, "of 3 live members", "high")
    assert not [each for each in report({}, member("a", "live"))["tiles"] if each["what"] == "ways back lost"]


def test_a_line_for_the_terminal() -> None:
    looked = {
        "a": seen(lag=SLOT, findings=[finding("high", "It has diverged")]),
        "b": seen(way_back=SLOT),
    }
    found = report(looked, member("a", "following"), member("b", "live"), member("c", "planned"))["said"]
    assert found == [
        "a: following, 0 B behind. It has diverged. Run wave_seed.",
        "b: live, 0 B behind, way back open 12.5 % of its room",
        "c: planned",
    ]


def test_metrics_of_both_directions() -> None:
    lost = {**SLOT, "lost": True, "lag_bytes": None, "catch_up_seconds": None}
    looked = {
        "a": seen(lag={**SLOT, "lag_bytes": 7, "catch_up_seconds": None}, diverged=["x"]),
        "b": seen(way_back=lost, source_problem="refused"),
        "c": seen(source_problem="refused"),
        "d": seen(copy=COPY),
    }
    rows = report(looked, member("a", "following"), member("b", "live"), member("c", "following"),
                  member("d", "seeding"), member("e", "planned"))["members"]  # fmt: skip
    text = watched.metrics(rows)
    for line in (
        'erpops_wave_member_lag_bytes{member="a",wave="2",direction="forward"} 7',
        'erpops_wave_member_slot_used_ratio{member="a",wave="2",direction="forward"} 0.125',
        'erpops_wave_member_slot_lost{member="a",wave="2",direction="forward"} 0',
        'erpops_wave_member_diverged{member="a",wave="2"} 1',
        'erpops_wave_member_slot_lost{member="b",wave="2",direction="back"} 1',
        'erpops_wave_member_source_answers{member="b",wave="2"} 0',
        'erpops_wave_member_copied_bytes{member="d",wave="2",part="restore"} 3100000000',
        'erpops_wave_member_copy_bytes{member="d",wave="2"} 7400000000',
    ):
        assert line in text.splitlines(), text
    assert 'catch_up_seconds{member="a"' not in text, "what is not known is not said"
    assert 'slot_lost{member="c"' not in text, "nobody knows, since its host did not answer"
    assert 'member="e"' not in text
    sample = re.compile(r'[a-z_]+\{([a-z_]+="[^"]*",?)+\} [0-9.]+')
    assert all(line.startswith("#") or sample.fullmatch(line) for line in text.splitlines())


def test_the_page_shows_it_and_escapes() -> None:
    looked = {
        "a": seen(lag=SLOT, diverged=["<x>"], findings=[finding("high", "It has diverged: <x>")]),
        "b": seen(way_back=SLOT),
    }
    text = wave_page(report(looked, member("a", "following"), member("b", "live")), "wave_status", "north")
    assert "It has diverged: &lt;x&gt;" in text and "<x>" not in text
    assert text.index("In the way") < text.index("Members</h2>") and "12.5 % of its room" in text
