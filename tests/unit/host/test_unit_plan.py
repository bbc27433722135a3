# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.host import unit_plan
from ansible_collections.erpops.odoo.plugins.module_utils.host.model import UnitFound, UnitsFound, WantedUnit

NAME = "a.service"
RUNNING = UnitFound(load="loaded", active="active", sub="running", file_state="enabled", type="notify", started_at=100)
STOPPED = replace(RUNNING, active="inactive", sub="dead", started_at=0.0)
ONCE = replace(STOPPED, type="oneshot", started_at=100.0)
MISSING = UnitFound()
MASKED = UnitFound(load="masked", file_state="masked")


def unit(state: Any = "started", **fields: Any) -> WantedUnit:
    return WantedUnit(**{"name": NAME, "state": state, **fields})


def verbs(
    wanted: WantedUnit,
    here: UnitFound,
    times: dict[str, float] | None = None,
    changed: tuple[str, ...] = (),
    assume: bool = False,
) -> list[str]:
    found = UnitsFound(units={wanted.name: here}, modified_at=times or {})
    return [verb.name for verb in unit_plan.plan([wanted], found, changed, assume=assume)]


def test_what_somebody_undid_is_loaded_again() -> None:
    wanted = unit(in_effect=("/bin/check",), reload_when=("/a",))
    found = UnitsFound(units={NAME: RUNNING}, undone=frozenset({NAME}))
    for assume in (False, True):
        (verb,) = unit_plan.plan([wanted], found, (), assume=assume)
        assert (verb.name, verb.detail) == ("reload", unit_plan.UNDONE)
    before = unit_plan.snapshot([wanted], found, [verb], after=False)[NAME]["configuration"]
    after = unit_plan.snapshot([wanted], found, [verb], after=True)[NAME]["configuration"]
    assert (before, after) == ("not in effect", "current")


def test_news_explain_a_reload_better_than_what_was_undone() -> None:
    found = UnitsFound(units={NAME: RUNNING}, modified_at={"/a": 200.0}, undone=frozenset({NAME}))
    (verb,) = unit_plan.plan([unit(in_effect=("/bin/check",), reload_when=("/a",))], found, (), assume=False)
    assert verb.detail == "newer: /a"


@pytest.mark.parametrize(
    ("wanted", "here", "expected"),
    [
        (unit(), RUNNING, []),
        (unit(), replace(RUNNING, active="reloading"), []),
        (unit(), STOPPED, ["start"]),
        (unit(), replace(STOPPED, active="failed"), ["start"]),
        (unit(), replace(RUNNING, active="activating", sub="auto-restart"), ["restart"]),
        (unit(), replace(RUNNING, active="activating", sub="start"), ["start"]),
        (unit(), MISSING, ["start"]),
        (unit(), MASKED, ["unmask", "start"]),
        (unit(enabled=True), MASKED, ["unmask", "enable", "start"]),
        (unit(enabled=True), replace(RUNNING, file_state="disabled"), ["enable"]),
        (unit(enabled=True), replace(RUNNING, wanted=False), ["enable"]),
        (unit(enabled=True), replace(RUNNING, file_state="static"), []),
        (unit(enabled=True), replace(RUNNING, file_state="generated"), []),
        (unit(enabled=False), RUNNING, ["disable"]),
        (unit(enabled=False), replace(RUNNING, file_state="disabled"), []),
        (unit("stopped"), RUNNING, ["stop"]),
        (unit("stopped"), replace(RUNNING, active="activating"), ["stop"]),
        (unit("stopped"), replace(STOPPED, active="failed"), []),
        (unit("stopped"), MISSING, []),
        (unit("masked"), RUNNING, ["stop", "mask"]),
        (unit("masked"), STOPPED, ["mask"]),
        (unit("masked"), MISSING, ["mask"]),
        (unit("masked"), MASKED, []),
        (unit(None), STOPPED, []),
        (unit(None, enabled=True), replace(STOPPED, file_state="disabled"), ["enable"]),
        (unit(None), MASKED, []),
    ],
)
def test_states(wanted: WantedUnit, here: UnitFound, expected: list[str]) -> None:
    assert verbs(wanted, here) == expected


@pytest.mark.parametrize(
    ("restart", "reload", "here", "expected"),
    [
        (99.0, None, RUNNING, []),
        (100.5, None, RUNNING, ["restart"]),
        (None, 99.0, RUNNING, []),
        (None, 100.5, RUNNING, ["reload"]),
        (100.5, 100.5, RUNNING, ["restart"]),
        # A reload is remembered by its stamp; a restart is not made up for by a reload.
        (None, 100.5, replace(RUNNING, stamped_at=101.0), []),
        (None, 102.0, replace(RUNNING, stamped_at=101.0), ["reload"]),
        (100.5, None, replace(RUNNING, stamped_at=101.0), ["restart"]),
        (100.5, 100.5, STOPPED, ["start"]),
        (99.0, None, ONCE, []),
        (100.5, None, ONCE, ["start"]),
        (100.5, None, replace(ONCE, stamped_at=101.0), []),
        (None, 100.5, ONCE, ["start"]),
        (99.0, None, replace(ONCE, started_at=0.0), ["start"]),
        (99.0, None, replace(ONCE, active="failed", result="exit-code"), ["start"]),
        (99.0, None, replace(ONCE, result="exit-code"), ["start"]),
        (99.0, None, replace(STOPPED, condition_failed_at=100.0), []),
        (100.5, None, replace(STOPPED, condition_failed_at=100.0), ["start"]),
        (100.5, None, replace(RUNNING, active="activating", sub="start"), ["restart"]),
    ],
)
def test_times(restart: float | None, reload: float | None, here: UnitFound, expected: list[str]) -> None:
    times = {path: at for path, at in (("/r", restart), ("/l", reload)) if at is not None}
    assert verbs(unit(restart_when=("/r",), reload_when=("/l",)), here, times) == expected


def test_a_unit_without_state_restarts_only_when_it_runs() -> None:
    wanted = unit(None, restart_when=("/r",))
    assert verbs(wanted, RUNNING, {"/r": 101.0}) == ["restart"]
    assert verbs(wanted, STOPPED, {"/r": 101.0}) == []


@pytest.mark.parametrize(
    ("changed", "assume", "times", "expected"),
    [
        (("/d/r",), True, {"/d/r": 99.0}, ["restart"]),  # check mode: not written yet
        (("/d/r",), False, {"/d/r": 99.0}, []),  # a run: the time decides
        (("/d/r",), False, {}, ["restart"]),  # removed
        (("/other",), True, {"/d/r": 99.0}, []),
    ],
)
def test_changed_files(changed: tuple[str, ...], assume: bool, times: dict[str, float], expected: list[str]) -> None:
    assert verbs(unit(restart_when=("/d/r",)), RUNNING, times, changed, assume) == expected


def test_a_changed_file_tells_of_its_directory() -> None:
    assert verbs(unit(restart_when=("/d",)), RUNNING, {"/d": 99.0}, ("/d/r",), True) == ["restart"]
    assert verbs(unit(restart_when=("/d",)), RUNNING, {"/d": 99.0}, ("/d/below/r",), True) == []


def test_verbs_are_in_a_safe_order_and_keep_that_of_the_units() -> None:
    names = ("c", "a", "b")
    wanted = [
        WantedUnit(name="gone.service", state="masked"),
        *(WantedUnit(name=f"{name}.service", state="started", restart_when=("/r",)) for name in names),
        WantedUnit(name="new.service", state="started", enabled=True),
    ]
    here = {item.name: RUNNING for item in wanted} | {"new.service": replace(STOPPED, file_state="disabled")}
    done = unit_plan.plan(wanted, UnitsFound(units=here, modified_at={"/r": 101.0}), (), assume=False)
    assert [(verb.name, verb.unit.partition(".")[0]) for verb in done] == [
        ("stop", "gone"),
        ("mask", "gone"),
        ("enable", "new"),
        ("start", "new"),
        ("restart", "c"),
        ("restart", "a"),
        ("restart", "b"),
    ]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/etc/containers/systemd/odoo-acme.container", "odoo-acme.service"),
        ("/etc/containers/systemd/odoo-acme.network", "odoo-acme-network.service"),
        ("/etc/containers/systemd/x.volume", "x-volume.service"),
        ("/etc/containers/systemd/below/x.container", ""),
        ("/etc/systemd/system/x.service", ""),
    ],
)
def test_quadlet_names(path: str, name: str) -> None:
    assert unit_plan.quadlet_unit(path) == name


def test_a_unit_that_a_generator_will_make_is_not_enabled() -> None:
    changed = ("/etc/containers/systemd/a.container",)
    assert verbs(unit(enabled=True), MISSING, {}, changed, True) == ["start"]
    assert verbs(unit(enabled=True), MISSING, {}, (), True) == ["enable", "start"]


@pytest.mark.parametrize(
    ("here", "changed", "quadlets", "wanted", "needed"),
    [
        (RUNNING, (), (), unit(), False),
        (replace(RUNNING, needs_reload=True), (), (), unit(), True),
        (RUNNING, ("/etc/systemd/system/x.service.d/y.conf",), (), unit(), True),
        (RUNNING, ("/etc/containers/systemd/x.network",), (), unit(), True),
        (RUNNING, ("/etc/systemd/journald.conf",), (), unit(), False),
        (MISSING, (), (NAME,), unit(), True),
        (MISSING, (), (), unit(), False),
        (MISSING, (), (NAME,), unit("stopped"), False),
    ],
)
def test_daemon_reload(
    here: UnitFound, changed: tuple[str, ...], quadlets: tuple[str, ...], wanted: WantedUnit, needed: bool
) -> None:
    found = UnitsFound(units={NAME: here})
    assert bool(unit_plan.reload_reasons([wanted], found, changed, quadlets)) == needed


def test_missing_units() -> None:
    found = UnitsFound(units={NAME: MISSING})
    assert [problem.subject for problem in unit_plan.missing([unit()], found)] == [f"unit {NAME}"]
    assert unit_plan.missing([unit("stopped"), unit("masked"), unit(None)], found) == ()
    assert unit_plan.missing([unit(None, enabled=True)], found)


def test_input_problems_are_told_together() -> None:
    units = [
        WantedUnit(name="a"),
        WantedUnit(name="b.service"),
        WantedUnit(name="b.service"),
        WantedUnit(name="c@.service", state="started"),
        WantedUnit(name="d.service", state="masked", enabled=True),
    ]
    fields = [problem.field for problem in unit_plan.input_problems(units)]
    assert fields == ["units[0].name", "units[2].name", "units[3].state", "units[4].enabled"]
    good = [WantedUnit(name="c@.service", state="masked"), WantedUnit(name="c@1.timer", state="started")]
    assert unit_plan.input_problems(good) == ()


def test_snapshots_differ_exactly_where_something_is_done() -> None:
    wanted = unit(enabled=True, restart_when=("/r",))
    here = replace(STOPPED, file_state="disabled")
    found = UnitsFound(units={NAME: here})
    done = unit_plan.plan([wanted], found, (), assume=False)
    assert unit_plan.snapshot([wanted], found, done, after=False) == {
        NAME: {"state": "stopped", "enabled": False, "configuration": "current"}
    }
    assert unit_plan.snapshot([wanted], found, done, after=True) == {
        NAME: {"state": "started", "enabled": True, "configuration": "current"}
    }
    stale = UnitsFound(units={NAME: RUNNING}, modified_at={"/r": 101.0})
    done = unit_plan.plan([wanted], stale, (), assume=False)
    before, after = (unit_plan.snapshot([wanted], stale, done, after=side)[NAME] for side in (False, True))
    assert before["configuration"] == "older than its files"
    assert after["configuration"] == "current"
    quiet = UnitsFound(units={NAME: ONCE})
    assert unit_plan.snapshot([unit()], quiet, (), after=False) == unit_plan.snapshot([unit()], quiet, (), after=True)


def test_actions_say_why() -> None:
    found = UnitsFound(units={NAME: RUNNING}, modified_at={"/r": 101.0})
    done = unit_plan.plan([unit(restart_when=("/r",))], found, (), assume=False)
    reload, restart = unit_plan.actions(("/etc/systemd/system/a.service",), done)
    assert (reload.verb, reload.detail) == ("daemon-reload", "/etc/systemd/system/a.service")
    assert (restart.verb, restart.subject, restart.detail) == ("restart", f"unit {NAME}", "newer: /r")


def test_what_a_package_starts_is_not_predicted_and_is_started_where_it_does_not_run() -> None:
    wanted = unit(enabled=True, started_by_package=True)
    assert verbs(wanted, MISSING, assume=True) == []
    assert verbs(wanted, STOPPED, assume=True) == ["start"], "the package is there: nothing will start it for us"
    assert verbs(wanted, replace(MISSING, load="loaded", file_state="disabled")) == ["enable", "start"]
