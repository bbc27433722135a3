# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wanted units and what systemd says of them -> the verbs, in the order in which they are safe.

Restarts are decided by time: a file that is newer than the unit's last start has not been read by it. So the next
run heals one that was killed between writing and restarting. In check mode the files are not written yet: there the
caller names those that would be.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import Action
from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import Problem
from ansible_collections.erpops.odoo.plugins.module_utils.host.model import UnitFound, UnitsFound, WantedUnit

RUNNING = ("active", "reloading", "refreshing")
AT_REST = ("inactive", "failed")
# Whatever is not "disabled" needs no enabling: it has no [Install] section, or a generator does it.
ENABLED = ("enabled", "enabled-runtime", "static", "generated", "alias", "indirect", "transient", "linked")
UNIT_FOLDERS = ("/etc/systemd/system/", "/etc/containers/systemd/")
QUADLET_FOLDER = "/etc/containers/systemd/"
QUADLET_SUFFIXES = {
    ".container": "",
    ".kube": "",
    ".network": "-network",
    ".volume": "-volume",
    ".pod": "-pod",
    ".image": "-image",
    ".build": "-build",
}
UNDONE = "what it loaded is no longer in effect"
UNIT_TYPES = ("service", "socket", "timer", "path", "mount", "automount", "swap", "target", "slice")


@dataclass(frozen=True, slots=True)
class Verb:
    """One thing to do to one unit; ``detail``: why."""

    name: str
    unit: str
    detail: str = ""


# The order in which verbs are done.
VERBS = ("stop", "mask", "unmask", "enable", "disable", "start", "restart", "reload")


def input_problems(units: Sequence[WantedUnit]) -> tuple[Problem, ...]:
    problems: list[Problem] = []
    seen: set[str] = set()
    for index, unit in enumerate(units):
        subject, place = f"unit {unit.name}", f"units[{index}]"
        if unit.name.rpartition(".")[2] not in UNIT_TYPES or "/" in unit.name:
            cure = "Give the full name with its type, such as 'example.service'."
            problems.append(Problem(subject, f"{place}.name", unit.name, cure))
        if unit.name in seen:
            problems.append(Problem(subject, f"{place}.name", unit.name, "It is declared twice: keep one of them."))
        if unit.template and unit.state in ("started", "stopped"):
            cure = "A template itself never runs: name an instance, 'example@one.service'."
            problems.append(Problem(subject, f"{place}.state", unit.state, cure))
        if unit.state == "masked" and unit.enabled:
            problems.append(Problem(subject, f"{place}.enabled", "true", "A masked unit cannot be enabled."))
        seen.add(unit.name)
    return tuple(problems)


def quadlet_unit(path: str) -> str:
    """The service that podman's generator makes of a file; empty for other files."""
    stem, suffix = posixpath.splitext(posixpath.basename(path))
    if posixpath.dirname(path) + "/" != QUADLET_FOLDER or suffix not in QUADLET_SUFFIXES:
        return ""
    return f"{stem}{QUADLET_SUFFIXES[suffix]}.service"


def reload_reasons(
    units: Iterable[WantedUnit], found: UnitsFound, changed: Collection[str], quadlets: Collection[str]
) -> tuple[str, ...]:
    """Why systemd must read its files anew; empty where it need not."""
    reasons = [path for path in changed if path.startswith(UNIT_FOLDERS)]
    if reasons:  # what else systemd says then follows from them, and check mode could not know it
        return tuple(reasons)
    for unit in units:
        here = found.units[unit.name]
        if here.needs_reload:
            reasons.append(f"{unit.name} differs from its files")
        elif here.load == "not-found" and _needed(unit) and unit.name in quadlets:
            reasons.append(f"{unit.name} is not generated yet")
    return tuple(reasons)


def _needed(unit: WantedUnit) -> bool:
    return unit.state == "started" or bool(unit.enabled)


def missing(units: Iterable[WantedUnit], found: UnitsFound) -> tuple[Problem, ...]:
    """Units that shall run and do not exist. In check mode an earlier step may bring them."""
    return tuple(
        Problem(f"unit {unit.name}", "", found.units[unit.name].load, "Install its package, or write its file before.")
        for unit in units
        if _needed(unit) and found.units[unit.name].load in ("not-found", "error", "bad-setting")
    )


def plan(units: Sequence[WantedUnit], found: UnitsFound, changed: Collection[str], *, assume: bool) -> tuple[Verb, ...]:
    """All verbs, by kind and within a kind in the order of the units. ``assume``: nothing is written yet."""
    told = frozenset(changed) | {posixpath.dirname(path) for path in changed}
    generated = {quadlet_unit(path) for path in changed}
    verbs: list[Verb] = []
    for unit in units:
        here = found.units[unit.name]
        if unit.state == "masked":
            verbs += _masking(unit, here)
            continue
        if assume and unit.started_by_package and here.load == "not-found":
            continue
        verbs += _enabling(unit, here, generated=unit.name in generated)
        if unit.state == "stopped" and here.active not in AT_REST:
            verbs.append(Verb("stop", unit.name))
        elif unit.state != "stopped" and not unit.template:
            newer = _Newer(found.modified_at, told if assume else told - found.modified_at.keys())
            verbs += _running(unit, here, newer, undone=unit.name in found.undone)
    return tuple(sorted(verbs, key=lambda verb: VERBS.index(verb.name)))


@dataclass(frozen=True, slots=True)
class _Newer:
    """Tells which files a unit has not read. ``told``: paths that count as new whatever their time."""

    modified_at: Mapping[str, float]
    told: Collection[str]

    def than(self, paths: Iterable[str], at: float) -> str:
        return ", ".join(path for path in paths if path in self.told or self.modified_at.get(path, 0.0) > at)


def _masking(unit: WantedUnit, here: UnitFound) -> list[Verb]:
    stop = [Verb("stop", unit.name)] if here.active not in AT_REST else []
    return stop + ([Verb("mask", unit.name)] if here.load != "masked" else [])


def _enabling(unit: WantedUnit, here: UnitFound, *, generated: bool) -> list[Verb]:
    verbs: list[Verb] = []
    if here.load == "masked" and (unit.state is not None or unit.enabled):
        verbs.append(Verb("unmask", unit.name))
    only_by_alias = here.file_state == "enabled" and not here.wanted
    if unit.enabled and (here.file_state not in ENABLED or only_by_alias) and not generated:
        verbs.append(Verb("enable", unit.name))
    if unit.enabled is False and here.file_state in ("enabled", "enabled-runtime"):
        verbs.append(Verb("disable", unit.name))
    return verbs


def _running(unit: WantedUnit, here: UnitFound, newer: _Newer, *, undone: bool) -> list[Verb]:
    if here.active in RUNNING:
        return _refresh(unit, here, newer, undone=undone)
    if unit.state is None:
        return []
    files = (*unit.restart_when, *unit.reload_when)
    if here.active == "inactive" and here.condition_failed_at:
        news = newer.than(files, here.condition_failed_at)
        return [Verb("start", unit.name, f"newer: {news}")] if news else []
    ran_at = max(here.started_at, here.stamped_at)
    if here.active == "inactive" and here.type == "oneshot" and here.result == "success" and ran_at:
        news = newer.than(files, ran_at)
        return [Verb("start", unit.name, f"newer: {news}")] if news else []
    # A start job would wait behind the pause of a unit that systemd starts again and again.
    looping = here.active == "activating" and (here.sub == "auto-restart" or newer.than(files, here.started_at))
    return [
        Verb("restart" if looping else "start", unit.name, f"was {here.active}" if here.active != "inactive" else "")
    ]


def _refresh(unit: WantedUnit, here: UnitFound, newer: _Newer, *, undone: bool) -> list[Verb]:
    news = newer.than(unit.restart_when, here.started_at)
    if news:
        return [Verb("restart", unit.name, f"newer: {news}")]
    news = newer.than(unit.reload_when, max(here.started_at, here.stamped_at))
    if news:
        return [Verb("reload", unit.name, f"newer: {news}")]
    return [Verb("reload", unit.name, UNDONE)] if undone else []


def actions(reasons: Sequence[str], verbs: Sequence[Verb]) -> list[Action]:
    reload = [Action("daemon-reload", "systemd", ", ".join(reasons))] if reasons else []
    return reload + [Action(verb.name, f"unit {verb.unit}", verb.detail) for verb in verbs]


def snapshot(
    units: Sequence[WantedUnit], found: UnitsFound, verbs: Sequence[Verb], *, after: bool
) -> dict[str, dict[str, Any]]:
    """Either side of the diff: of every unit what is declared of it."""
    done = {(verb.name, verb.unit) for verb in verbs}
    return {
        unit.name: _shown(unit, found.units[unit.name], done, after=after, undone=unit.name in found.undone)
        for unit in units
    }


def _shown(
    unit: WantedUnit, here: UnitFound, done: Collection[tuple[str, str]], *, after: bool, undone: bool
) -> dict[str, Any]:
    def does(*verbs: str) -> bool:
        return any((verb, unit.name) in done for verb in verbs)

    shown: dict[str, Any] = {}
    if unit.state is not None:
        shown["state"] = unit.state if after or not does("start", "stop", "mask", "unmask") else _state(here)
    if unit.enabled is not None:
        shown["enabled"] = unit.enabled if after or not does("enable", "disable") else not unit.enabled
    if unit.restart_when or unit.reload_when or unit.in_effect:
        former = "not in effect" if undone else "older than its files"
        shown["configuration"] = former if does("restart", "reload") and not after else "current"
    return shown


def _state(here: UnitFound) -> str:
    if here.load in ("not-found", "masked"):
        return here.load
    return {"active": "started", "inactive": "stopped"}.get(here.active, here.active)
