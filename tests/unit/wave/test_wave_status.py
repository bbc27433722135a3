# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status of members: forecasts against measured times, what is in the way, metrics; and the pages of waves."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.erpops.odoo.plugins.filter.wave import wave_page, wave_plan_steps
from ansible_collections.erpops.odoo.plugins.module_utils.ledger.model import Lock
from ansible_collections.erpops.odoo.plugins.module_utils.report import waves
from ansible_collections.erpops.odoo.plugins.module_utils.wave import states, status
from ansible_collections.erpops.odoo.plugins.module_utils.wave.model import Member

NOW = datetime(2027, 1, 13, 12, 0, tzinfo=UTC)
PLAN = {"date": "2027-01-12", "start": "2027-01-12T20:00+01:00", "cutover_minutes": 10, "copy_minutes": 60}


def member(name: str, state: str, **values: Any) -> Member:
    given = {"host": "legacy1", "database": f"{name}_prod", "origin": state, "since": "2027-01-13T11:00:00Z", **values}
    return Member(name=name, state=state, **given)


def lock(seconds: int) -> Lock:
    return Lock(name="wave/a", operation="op", owner="bob", playbook="wave_seed", since="x", age_seconds=seconds)


def report(*members: Member, held: dict[str, Lock] | None = None, history: Any = ()) -> dict[str, Any]:
    return status.report({each.name: each for each in members}, held or {}, history, NOW)


def test_a_member_that_is_moved_by_dumps_is_shown_as_such() -> None:
    followed, dumped = (
        member("acme", "following", facts={"prepare": {"at": "now"}}),
        member("birch", "following", facts={"prepare": {"by_dump": True}}),
    )
    found = report(followed, dumped)
    assert [row["by_dump"] for row in found["members"]] == [False, True]


def test_what_nobody_took_over_is_told_and_shown() -> None:
    found = report(member("acme", "following", facts={"left": ["role <bi>: x"]}), member("birch", "planned"))
    assert [row["left"] for row in found["members"]] == [["role <bi>: x"], []]
    page = wave_page(found, "wave_status")
    assert "What nobody took over" in page and "<li>role &lt;bi&gt;: x</li>" in page
    assert "What nobody took over" not in wave_page(report(member("birch", "planned")), "wave_status")


def test_forecast_and_measured() -> None:
    facts = {"plan": PLAN, "seed": {"seconds": 840.0}, "cutover": {"seconds": 7.35}}
    (row,) = report(member("a", "live", facts=facts))["members"]
    assert row["timings"]["seed"] == {"actual": 840.0, "forecast": 3600.0}
    assert row["timings"]["rehearsal"] == {"actual": None, "forecast": 600.0}
    assert row["cutover"] == "cutover 7 seconds, forecast 10 minutes"
    assert row["next_verbs"] == ["wave_keep", "wave_rollback", "wave_commit"] and row["serves"] == "target"


@pytest.mark.parametrize(
    ("each", "held", "said"),
    [
        (member("a", "seeding", origin="prepared"), None,
         ["A run of wave_seed ended in between. Run wave_seed again."]),
        (member("a", "seeding", origin="prepared"), 60, []),
        (member("a", "seeding", origin="prepared"), 90_000,
         ['Its lock is held by bob for 25 hours. If that run is dead, use wave_break_locks=["a"].']),
        (member("a", "diverged"), None,
         ["Only a new copy leads on, for the reason that the last run gave. Run wave_seed."]),
        (member("a", "cutting_over", origin="following"), 60,
         ["Nobody serves its users now. The run that is under way ends that; else run it again."]),
        (member("a", "following", facts={"plan": PLAN}), None,
         ["Its planned start has passed. Run its next verb, or plan it anew."]),
        (member("a", "live", facts={"plan": PLAN}), None, []),
    ],
)  # fmt: skip
def test_what_is_in_the_way(each: Member, held: int | None, said: list[str]) -> None:
    (row,) = report(each, held={"a": lock(held)} if held else {})["members"]
    assert [f"{each['reason']} {each['cure']}" for each in row["blockers"]] == said


def test_hostnames_that_do_not_reach_the_edge_are_in_the_way_until_the_target_serves() -> None:
    well = {"hostname": "a.example", "level": "ok", "evidence": "", "cure": ""}
    stray = {"hostname": "www.a.example", "level": "warning", "evidence": "DNS: no address", "cure": "Move it."}
    facts = {"hostnames": {"at": "2027-01-13T10:00:00Z", "found": [well, stray]}}
    (row,) = report(member("a", "following", facts=facts))["members"]
    assert row["hostnames"] == facts["hostnames"]
    reason = "Hostname www.a.example, as of 2027-01-13T10:00:00Z: DNS: no address."
    assert row["blockers"] == [{"reason": reason, "cure": "Move it.", "verb": "", "severity": "medium"}]
    (row,) = report(member("a", "live", facts=facts))["members"]
    assert row["blockers"] == []


PROBES = [
    {"name": "boot", "status": "ok", "seconds": 2.0, "evidence": "200"},
    {
        "name": "invoice",
        "status": "excused",
        "seconds": 0.0,
        "evidence": "no wkhtmltopdf; excused: printed <elsewhere>",
    },
    {"name": "timesheets", "status": "skipped", "seconds": 0.0, "evidence": "module hr_timesheet is not installed"},
]


def test_what_was_not_tried_is_shown_with_its_reason() -> None:
    rehearsals = [{"at": "1"}, {"at": "2", "ok": True, "probes": PROBES, "updated": ["sale"]}, {"at": "3", "ok": False}]
    facts = {"rehearsals": rehearsals, "cutover": {"at": "4", "probes": PROBES[:1]}}
    found = report(member("acme", "live", facts=facts), member("birch", "planned"))
    first, second = found["members"][0]["tried"]
    assert (first["what"], first["at"], first["passed"], first["total"]) == ("rehearsal", "2", 1, 3)
    assert [each["name"] for each in first["others"]] == ["invoice", "timesheets"]
    assert (second["what"], second["passed"], second["others"]) == ("cutover", 1, [])
    assert found["members"][1]["tried"] == []
    page = wave_page(found, "wave_status", "north")
    assert "module hr_timesheet is not installed" in page and "printed &lt;elsewhere&gt;" in page
    assert "updated sale" in page and "1 of 3" in page


def test_metrics_are_prometheus_text() -> None:
    rows = report(member("a", "live", wave=1, facts={"plan": PLAN, "cutover": {"seconds": 7.5}}),
                  member("b", "cutting_over", origin="following"))["members"]  # fmt: skip
    text = status.metrics(rows, NOW)
    assert 'erpops_wave_members{state="live"} 1' in text and 'erpops_wave_members{state="planned"} 0' in text
    assert 'erpops_wave_member_served{member="b",wave="",by="nobody"} 0' in text
    assert 'erpops_wave_member_state_seconds{member="a",wave="1",state="live"} 3600' in text
    assert 'erpops_wave_member_actual_seconds{member="a",wave="1",part="cutover"} 7.5' in text
    sample = re.compile(r'[a-z_]+\{([a-z_]+="[^"]*",?)+\} [0-9.]+')
    for line in text.splitlines():
        assert line.startswith(("# HELP ", "# TYPE ")) or sample.fullmatch(line), line


class Checked(HTMLParser):
    """Every element is closed, nothing is loaded, nothing runs."""

    EMPTY = ("meta", "br", "rect", "line", "path")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag != "script" and not any(name in ("src", "onclick") for name, _value in attrs)
        assert not any(name == "href" and not (value or "").startswith("#") for name, value in attrs)
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.EMPTY:
            assert self.open.pop() == tag


def check(text: str) -> None:
    parser = Checked()
    parser.feed(text)
    assert parser.open == [], parser.open


def test_the_status_page_escapes_and_is_whole() -> None:
    content = {"member": "a", "verb": "wave_seed", "from": "", "to": "x", "owner": "<b>ann", "broken": {"owner": "bob"}}
    history = [{"at": "2027-01-13T10:00:00+00:00", "content": content}]
    every = [member(f"m{number}", state) for number, state in enumerate(states.STATES)]
    text = wave_page(report(*every, history=history), "wave_status", "north")
    check(text)
    assert "&lt;b&gt;ann" in text and "lock taken from bob" in text
    check(wave_page(report(), "wave_status"))


def plan_result() -> dict[str, Any]:
    entry = {"name": "a", "wave": 1, "date": "2027-01-12", "start": "2027-01-12T23:30+01:00", "app_host": "app1",
             "because": "in wave 1 because of <x>", "criticality": "low", "pilot": True, "cutover_minutes": 45,
             "copy_minutes": 60, "host": "legacy1", "notes": ["n"], "stopped_by": []}  # fmt: skip
    calendar = [{"date": f"2027-01-{day}", "weekday": "x", "open": day != 13, "freezes": ["audit"] if day == 14 else [],
                 "partly": [], "wave": 1 if day == 12 else None} for day in range(11, 20)]  # fmt: skip
    gone = {"name": "z", "wave": 1, "date": "2027-01-12", "start": "2027-01-12T20:00+01:00", "app_host": "",
            "because": "it has moved"}  # fmt: skip
    return {
        "waves": [{"wave": 1, "date": "2027-01-12", "members": [entry, gone]}],
        "calendar": calendar,
        "capacity": [{"subject": "app host app1", "resource": "memory MB", "used": 9, "room": 3, "percent": 300}],
    }


def test_the_plan_page_is_whole() -> None:
    text = wave_page(plan_result(), "wave_plan", "north")
    check(text)
    assert "of &lt;x&gt;" in text and "audit" in text and "it has moved" in text


def test_an_evening_over_midnight_is_drawn_in_order() -> None:
    drawn = waves.evening(plan_result()["waves"][0]["members"])
    (drawn_bar,) = drawn["bars"]
    assert drawn_bar["at"] == "23:30" and drawn_bar["x"] + drawn_bar["width"] <= waves.BAR_LEFT + waves.BAR_WIDTH + 1
    assert [tick["text"] for tick in drawn["ticks"]][:2] == ["23:00", "23:15"]


def test_weeks_begin_on_monday() -> None:
    drawn = waves.weeks(plan_result()["calendar"])
    assert [cell["kind"] for cell in drawn["cells"]][:4] == ["open", "wave", "closed", "frozen"]
    assert drawn["cells"][0]["x"] == waves.LEFT and drawn["cells"][7]["y"] == waves.TOP + waves.CELL_HEIGHT


def test_a_page_that_is_none() -> None:
    with pytest.raises(AnsibleFilterError, match="there are: wave_map, wave_plan, wave_preflight, wave_status"):
        wave_page({}, "wave_x")


def test_only_members_that_may_be_planned_are_recorded() -> None:
    result = plan_result()
    known = {"name": "a", "state": "discovered", "wave": None, "facts": {}}
    (step,) = wave_plan_steps(result, [known])
    assert (step["verb"], step["outcome"], step["wave"]) == ("wave_plan", "planned", 1)
    recorded = {**known, "state": "planned", "wave": 1, "facts": step["facts"]}
    assert wave_plan_steps(result, [recorded]) == []
    assert len(wave_plan_steps(result, [{**recorded, "wave": 2}])) == 1
    assert wave_plan_steps(result, [{**known, "state": "following"}]) == [] == wave_plan_steps(result, [])


def test_a_member_in_rollback_from_before_the_cutover_is_served() -> None:
    each = member("a", "rolling_back", origin="following")
    (row,) = report(each, held={"a": lock(1)})["members"]
    assert (row["serves"], row["blockers"]) == ("source", [])
    (row,) = report(replace(each, origin="live"), held={"a": lock(1)})["members"]
    assert row["serves"] == "nobody"
