# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module wave_plan on the fixtures: it plans, explains, checks what people edited, and never writes over it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from integration.tenant_databases.live import run_module

from ansible_collections.erpops.odoo.plugins.module_utils.planning import estimate
from ansible_collections.erpops.odoo.plugins.module_utils.planning.dates import frozen, opening, within
from ansible_collections.erpops.odoo.plugins.module_utils.planning.model import Freeze, Window, instant

from .test_planning_graph import ADDRESSES, FIXTURES, MEMBERS

WINDOW = {"days": ["tue", "wed", "thu"], "start": "20:00", "end": "02:00", "timezone": "Europe/Berlin"}


EXPECTED = [
    ("2027-01-12", ["cedar"]),  # the pilot
    ("2027-01-13", ["fir", "gum"]),  # low criticality first; gum is frozen the day before
    ("2027-01-14", ["acme", "birch"]),
    ("2027-01-20", ["delta", "elm"]),
]


def estate(**values: Any) -> dict[str, Any]:
    tenants = [{"name": each["name"], "instance": "shared14", "hostnames": [f"{each['name']}.test"], "tier": "silver"}
               for each in MEMBERS]  # fmt: skip
    instance = {"name": "shared14", "environment": "test", "version": "14.0", "image": "x"}
    return {"odoo_instances": [instance], "odoo_tenants": tenants, **values}


def parameters(folder: Path, **values: Any) -> dict[str, Any]:
    return {
        "discovery": str(FIXTURES), "members": MEMBERS, "addresses": ADDRESSES, "file": str(folder / "wave_plan.yml"),
        "first": "2027-01-11", "last": "2027-02-28", "window": WINDOW, "members_per_wave": 3, "estate": estate(),
        "freezes": [{"name": "month end", "month_end": {"days_before": 2, "days_after": 3}},
                    {"name": "audit", "first": "2027-01-12", "members": ["gum"]}],
        "settings": [{"name": "cedar", "pilot": True}, {"name": "delta", "not_before": "2027-01-20"}],
        "app_hosts": [{"name": "app1", "memory_mb": 4096, "storage_gb": 60},
                      {"name": "app2", "memory_mb": 4096, "storage_gb": 60, "available": "2027-01-14"}],
        **values,
    }  # fmt: skip


def waves(result: dict[str, Any]) -> list[tuple[str, list[str]]]:
    return [(wave["date"], sorted(member["name"] for member in wave["members"])) for wave in result["waves"]]


def edited(path: Path, change: Any) -> None:
    value = yaml.safe_load(path.read_text())
    change(value["wave_plan"])
    path.write_text("# mine\n" + yaml.safe_dump(value))


def test_it_plans_proves_and_explains(tmp_path: Path) -> None:
    predicted = run_module("wave_plan", parameters(tmp_path), check=True)
    assert not (tmp_path / "wave_plan.yml").exists()
    result = run_module("wave_plan", parameters(tmp_path))
    assert (result["actions"], result["diff"]) == (predicted["actions"], predicted["diff"])
    assert waves(result) == EXPECTED
    assert result["waves"][0]["members"][0]["name"] == "cedar", "pilots come first"
    assert [bound["proved"] for bound in result["bounds"]] == [True, True]
    because = {member["name"]: member["because"] for wave in result["waves"] for member in wave["members"]}
    assert because["cedar"].startswith("in wave 1 because it is a pilot")
    assert "only pilots move then" in because["acme"] and "consolidate" in because["acme"]
    assert "its own dates forbid it" in because["delta"] and "its own dates forbid it" in because["elm"]
    starts = {member["name"]: member["start"] for wave in result["waves"] for member in wave["members"]}
    assert starts["cedar"] == "2027-01-12T20:00+01:00"
    notes = [note for wave in result["waves"] for member in wave["members"] for note in member["notes"]]
    assert any(note.startswith("Blocker replica_identity must be cured before") for note in notes)


def test_a_second_run_and_a_replacing_run_change_nothing(tmp_path: Path) -> None:
    first = run_module("wave_plan", parameters(tmp_path))
    text = (tmp_path / "wave_plan.yml").read_text()
    for values in ({}, {"replace": True}):
        again = run_module("wave_plan", parameters(tmp_path, **values))
        assert again["changed"] is False and again["diff"]["before"] == again["diff"]["after"]
        assert waves(again) == waves(first)
    assert (tmp_path / "wave_plan.yml").read_text() == text


def test_what_people_edited_stays_when_it_keeps_everything(tmp_path: Path) -> None:
    run_module("wave_plan", parameters(tmp_path))
    path = tmp_path / "wave_plan.yml"

    def later(plan: dict[str, Any]) -> None:
        plan["waves"][-1]["date"] = "2027-02-16"
        for number, member in enumerate(plan["waves"][-1]["members"]):
            member["start"] = f"2027-02-16 2{number}:30"

    edited(path, later)
    text = path.read_text()
    result = run_module("wave_plan", parameters(tmp_path))
    assert result["changed"] is False and waves(result)[-1][0] == "2027-02-16"
    assert path.read_text() == text
    replaced = run_module("wave_plan", parameters(tmp_path, replace=True))
    assert replaced["changed"] is True and waves(replaced)[-1][0] != "2027-02-16"
    assert replaced["diff"]["before"] != replaced["diff"]["after"]


@pytest.mark.parametrize(
    ("on_failure", "stopped"),
    [
        (None, {"acme": ["birch"], "birch": ["acme"], "cedar": [], "fir": ["gum"], "gum": ["fir"]}),
        (
            "stop_wave",
            {"acme": ["birch", "delta", "elm", "fir", "gum"], "gum": ["acme", "birch", "delta", "elm", "fir"]},
        ),
        ("go_on", {"acme": [], "birch": [], "cedar": [], "fir": [], "gum": []}),
    ],
)
def test_the_plan_says_whose_failure_stops_whom(
    tmp_path: Path, on_failure: str | None, stopped: dict[str, list[str]]
) -> None:
    wide = parameters(tmp_path, members_per_wave=10, freezes=[], app_hosts=[])
    result = run_module("wave_plan", wide)
    if on_failure:

        def say(plan: dict[str, Any]) -> None:
            for wave in plan["waves"]:
                wave["on_failure"] = on_failure

        edited(tmp_path / "wave_plan.yml", say)
        result = run_module("wave_plan", wide)
        replaced = run_module("wave_plan", {**wide, "replace": True})
        assert {wave["on_failure"] for wave in replaced["waves"]} == {on_failure}, "what people said stays"
    found = {member["name"]: member["stopped_by"] for wave in result["waves"] for member in wave["members"]}
    assert {name: found[name] for name in stopped} == stopped
    assert {wave["on_failure"] for wave in result["waves"]} == {on_failure or "stop_group"}


def test_a_word_of_on_failure_that_is_none_is_named(tmp_path: Path) -> None:
    run_module("wave_plan", parameters(tmp_path))
    edited(tmp_path / "wave_plan.yml", lambda plan: plan["waves"][1].update(on_failure="panic"))
    result = run_module("wave_plan", parameters(tmp_path), fails=True)
    assert [problem["field"] for problem in result["problems"]] == ["waves[1].on_failure"]
    assert "stop_group, stop_wave, go_on" in result["problems"][0]["cure"]


def test_everything_that_an_edited_plan_does_not_keep_is_reported(tmp_path: Path) -> None:
    run_module("wave_plan", parameters(tmp_path))
    path = tmp_path / "wave_plan.yml"

    def wrong(plan: dict[str, Any]) -> None:
        entries = {member["name"]: member for wave in plan["waves"] for member in wave["members"]}
        entries["acme"]["start"] = "2027-01-30 21:00"
        entries["birch"]["start"] = "2027-01-27 19:00"
        entries["gum"]["app_host"] = "app7"
        plan["waves"] = [
            {"wave": 1, "date": "2027-01-27", "members": [entries["birch"]]},
            {"wave": 2, "date": "2027-01-30", "members": [entries["acme"]]},
            {"wave": 3, "date": "2027-02-16", "members": [
                {**entries[name], "start": "2027-02-16 22:00"} for name in ("cedar", "elm", "gum", "delta")
            ]},
        ]  # fmt: skip

    edited(path, wrong)
    text = path.read_text()
    for check in (True, False):
        refused = run_module("wave_plan", parameters(tmp_path), check=check, fails=True)
        found = {(problem["subject"], problem["field"]) for problem in refused["problems"]}
        assert {
            ("member fir", "wave"),
            ("member acme", "date"),
            ("member acme", "start"),
            ("member birch", "start"),
            ("members acme, birch", "wave"),
            ("member cedar", "date"),
            ("member gum", "app_host"),
            ("wave 3 (2027-02-16)", "members"),
        } <= found
        assert all(problem["cure"].endswith(".") for problem in refused["problems"])
        assert path.read_text() == text


def test_an_edited_plan_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "wave_plan.yml"
    for text, said in (
        ("a: [", "It is no YAML"),
        ("a: 1", "It must be a list of waves"),
        ("wave_plan: {waves: [{date: soon}, {date: 2027-01-12, members: [{name: acme}]}]}", "Give each wave a date"),
    ):
        path.write_text(text)
        assert said in run_module("wave_plan", parameters(tmp_path), fails=True)["msg"]


def test_contradicting_input_is_answered_with_what_contradicts(tmp_path: Path) -> None:
    settings = [{"name": "delta", "not_before": "2027-01-20"}, {"name": "elm", "not_after": "2027-01-15"}]
    refused = run_module("wave_plan", parameters(tmp_path, settings=settings), fails=True)
    assert [problem["subject"] for problem in refused["problems"]] == [
        "members delta, elm", "member delta", "member elm"
    ]  # fmt: skip
    assert "reads delta_prod" in refused["msg"] and not (tmp_path / "wave_plan.yml").exists()


def test_members_under_way_stay_and_live_ones_are_left_out(tmp_path: Path) -> None:
    run_module("wave_plan", parameters(tmp_path))
    path = tmp_path / "wave_plan.yml"
    states = [
        {"name": "cedar", "state": "live", "facts": {}},
        {"name": "fir", "state": "following", "facts": {"rehearsal": {"seconds": 3600}}},
    ]
    before = {member["name"]: wave["date"] for wave in yaml.safe_load(path.read_text())["wave_plan"]["waves"]
              for member in wave["members"]}  # fmt: skip
    result = run_module("wave_plan", parameters(tmp_path, states=states, replace=True, first="2027-01-13"))
    after = {member["name"]: (wave["date"], member) for wave in result["waves"] for member in wave["members"]}
    assert after["cedar"][0] == before["cedar"] and after["cedar"][1]["because"] == "it has moved"
    assert after["fir"][0] == before["fir"] and "under way" in after["fir"][1]["because"]
    assert after["fir"][1]["cutover_minutes"] == 90, "a rehearsal's hour and the margin"


def test_capacity_counts_who_lives_there_already(tmp_path: Path) -> None:
    living = {"name": "oak", "instance": "shared14", "hostnames": ["oak.test"], "tier": "gold", "app_host": "app1"}
    tenants = [*estate()["odoo_tenants"], living]
    given = parameters(tmp_path, estate=estate(odoo_tenants=tenants))
    given["app_hosts"][1]["memory_mb"] = 8192
    result = run_module("wave_plan", given)
    rooms = {(row["subject"], row["resource"]): row["room"] for row in result["capacity"]}
    assert rooms["app host app1", "memory MB"] == 4096 - 2048
    assert rooms["postgres cluster main", "connections"] == 200 - 20 - 20


@pytest.mark.parametrize(
    ("change", "subject"),
    [
        ({"window": {**WINDOW, "timezone": "Mars/Base"}}, "plan"),
        ({"last": "2027-01-01"}, "plan"),
        ({"parallel": 0}, "plan"),
        ({"freezes": [{"name": "never"}]}, "freeze never"),
        ({"settings": [{"name": "acne", "pilot": True}]}, "member acne"),
        ({"settings": [{"name": "acme", "not_before": "soon"}]}, "member acme"),
        ({"members": [*MEMBERS, {"name": "x", "host": "legacy1", "database": "x"}]}, "member x"),
        ({"estate": {"odoo_instances": [], "odoo_tenants": []}}, "member acme"),
        ({"app_hosts": [{"name": "app9", "memory_mb": 1, "storage_gb": 1}],
          "estate": estate(odoo_tenants=[{**each, "app_host": "app1"} for each in estate()["odoo_tenants"]])},
         "member acme"),
    ],
)  # fmt: skip
def test_wrong_input_names_what_is_wrong(tmp_path: Path, change: dict[str, Any], subject: str) -> None:
    refused = run_module("wave_plan", parameters(tmp_path, **change), fails=True)
    assert refused["problems"][0]["subject"] == subject


def test_hours_over_midnight_and_time_zones() -> None:
    berlin = Window(days=(1,), start=20 * 60, end=2 * 60, timezone="Europe/Berlin")
    opens, closes = opening(berlin, date(2027, 1, 12)) or (0, 0)
    assert closes - opens == 360 and opening(berlin, date(2027, 1, 13)) is None
    summer = opening(Window(days=(5,), start=20 * 60, end=4 * 60, timezone="Europe/Berlin"), date(2027, 3, 27))
    assert summer is not None and summer[1] - summer[0] == 7 * 60, "the night of the change of clocks is shorter"
    tokyo = Window(days=(2,), start=0, end=6 * 60, timezone="Asia/Tokyo")  # Wednesday there is Tuesday evening here
    assert within(tokyo, date(2027, 1, 12), (opens, closes)) == (opens, min(closes, opens + 2 * 60))


@pytest.mark.parametrize(
    ("freeze", "days"),
    [
        (Freeze(name="f", month_end=(2, 1)), {1, 27, 28}),
        (Freeze(name="f", month_days=(15, -1)), {15, 28}),
        (Freeze(name="f", first=date(2027, 2, 10), last=date(2027, 2, 12)), {10, 11, 12}),
    ],
)
def test_freezes(freeze: Freeze, days: set[int]) -> None:
    assert {day for day in range(1, 29) if frozen(freeze, date(2027, 2, day))} == days


def test_measured_times_take_the_place_of_estimates() -> None:
    database = {"bytes": 4_000_000_000, "filestore": {"bytes": 2_000_000_000, "files": 20_000}}
    rates = estimate.Rates(margin_percent=0)
    guessed = estimate.estimated(database, {}, rates)
    assert (guessed.cutover_minutes, guessed.copy_minutes) == (7, 5)  # 300 + 100 + 10 s; 300 s
    measured = estimate.estimated(database, {"seed": {"seconds": 600}, "rehearsal": {"seconds": 61}}, rates)
    assert (measured.cutover_minutes, measured.copy_minutes) == (2, 10)
    assert measured.basis == ("The rehearsal took 61 s.", "The seed took 600 s.")


def test_instants_are_minutes() -> None:
    from datetime import UTC, datetime

    assert instant(datetime(1970, 1, 1, 1, 30, tzinfo=UTC)) == 90
