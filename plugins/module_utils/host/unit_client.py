# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Speaks to systemd through systemctl: one ``show`` for all units, one call a verb."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError, Problem, Unreachable
from ansible_collections.erpops.odoo.plugins.module_utils.host.model import UnitFound, UnitsFound, WantedUnit
from ansible_collections.erpops.odoo.plugins.module_utils.host.unit_plan import (
    QUADLET_FOLDER,
    RUNNING,
    VERBS,
    Verb,
    quadlet_unit,
)

STAMPS = Path("/run/erpops/units")  # a unit's file here has the time of the last start or reload that we did
COMMAND_SECONDS = 120
JOURNAL_LINES = 20
PROPERTIES = (
    "LoadState,ActiveState,SubState,UnitFileState,Type,Result,ReloadResult,RemainAfterExit,NeedDaemonReload,Job,"
    "ConditionResult,ConditionTimestamp,ActiveEnterTimestamp,ExecMainStartTimestamp,FragmentPath,WantedBy,RequiredBy"
)
INSTALL = re.compile(r"^(WantedBy|RequiredBy)\s*=\s*\S", re.MULTILINE)


def systemctl(*arguments: str, seconds: float = COMMAND_SECONDS) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["systemctl", "--no-ask-password", "--no-pager", *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
            env={**os.environ, "LC_ALL": "C", "SYSTEMD_COLORS": "0"},
        )
    except FileNotFoundError as error:
        raise Unreachable("This host has no systemctl: it is not run by systemd.") from error
    except subprocess.TimeoutExpired as error:
        raise Unreachable(f"systemctl {' '.join(arguments[:3])} did not end within {seconds:.0f} seconds.") from error


def command(verb: str, names: Sequence[str], *options: str, seconds: float = COMMAND_SECONDS) -> None:
    """Run a verb that must succeed."""
    done = systemctl(*options, verb, *(["--", *names] if names else []), seconds=seconds)
    if done.returncode:
        subject = f"unit {', '.join(names)}" if names else "systemd"
        problem = Problem(subject, verb, done.stderr.strip()[-2000:], "See the unit's file and its journal.")
        raise ErpopsError(f"systemctl {verb} failed.", [problem])


def seconds_from(text: str) -> float:
    """``Sun 2026-11-22 13:40:37.123456 UTC`` in seconds since the epoch; 0.0 for never."""
    words = text.split()
    if len(words) < 3:
        return 0.0
    stamp = f"{words[1]} {words[2] if '.' in words[2] else words[2] + '.0'}"
    return datetime.strptime(stamp, "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=UTC).timestamp()


def parse_show(text: str) -> list[dict[str, str]]:
    """The blocks of ``systemctl show``, in the order in which the units were named."""
    blocks = [block for block in text.split("\n\n") if block.strip()]
    return [dict(line.partition("=")[::2] for line in block.splitlines() if "=" in line) for block in blocks]


def unit_found(values: Mapping[str, str], stamped_at: float) -> UnitFound:
    # A timer, socket or target has no main process: it is as new as its last activation.
    started = values.get("ExecMainStartTimestamp") or values.get("ActiveEnterTimestamp", "")
    failed = values.get("ConditionResult") == "no"
    return UnitFound(
        load=values.get("LoadState", "not-found"),
        active=values.get("ActiveState", "inactive"),
        sub=values.get("SubState", "dead"),
        file_state=values.get("UnitFileState", ""),
        wanted=_wanted(values),
        type=values.get("Type", ""),
        result=values.get("Result", "success"),
        reload_result=values.get("ReloadResult", ""),
        remains=values.get("RemainAfterExit") == "yes",
        needs_reload=values.get("NeedDaemonReload") == "yes",
        job=values.get("Job", "0") not in ("", "0"),
        condition_failed_at=seconds_from(values.get("ConditionTimestamp", "")) if failed else 0.0,
        started_at=seconds_from(started),
        stamped_at=stamped_at,
    )


def _wanted(values: Mapping[str, str]) -> bool:
    """systemd calls a unit enabled that only has a link of an alias, and then no boot starts it."""
    if values.get("UnitFileState") != "enabled" or values.get("WantedBy") or values.get("RequiredBy"):
        return True
    try:
        text = Path(values.get("FragmentPath", "")).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return True
    return INSTALL.search(text) is None


def show(names: Sequence[str]) -> dict[str, UnitFound]:
    """The units by name; templates come from their files, since systemd shows only instances."""
    found = {name: _template(name) for name in names if "@." in name}
    plain = [name for name in names if name not in found]
    if plain:
        done = systemctl("show", "--timestamp=us+utc", f"--property={PROPERTIES}", "--", *plain)
        blocks = parse_show(done.stdout)
        if done.returncode or len(blocks) != len(plain):
            raise Unreachable(f"systemctl show failed: {done.stderr.strip()[-2000:]}")
        for name, block in zip(plain, blocks, strict=True):
            found[name] = unit_found(block, _modified(STAMPS / name))
    return found


def _template(name: str) -> UnitFound:
    words = systemctl("list-unit-files", "--no-legend", "--plain", "--", name).stdout.split()
    if len(words) < 2:
        return UnitFound()
    return UnitFound(load="masked" if words[1].startswith("masked") else "loaded", file_state=words[1])


def observe(units: Iterable[WantedUnit], *, assume: bool) -> UnitsFound:
    """``assume``: what an earlier step brings may not be there yet."""
    units = tuple(units)
    shown = show([unit.name for unit in units])
    paths = {path for unit in units for path in (*unit.restart_when, *unit.reload_when)}
    times = {path: _modified(Path(path)) for path in paths}
    return UnitsFound(
        units=shown,
        modified_at={path: at for path, at in times.items() if at},
        undone=frozenset(
            unit.name
            for unit in units
            if unit.in_effect and shown[unit.name].active in RUNNING and undone(unit, assume=assume)
        ),
    )


def undone(unit: WantedUnit, *, assume: bool) -> bool:
    """What the unit's own command says: 0 for in effect, 1 for undone."""
    try:
        done = subprocess.run(unit.in_effect, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False)
    except FileNotFoundError as error:
        if assume:
            return False
        raise _unsaid(unit, f"{error.filename} is not there") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _unsaid(unit, str(error)) from error
    if done.returncode not in (0, 1):
        raise _unsaid(unit, done.stderr.strip()[-2000:] or f"it ended with {done.returncode}")
    return done.returncode == 1


def _unsaid(unit: WantedUnit, why: str) -> ErpopsError:
    cure = f"Run the command on the host and mend what it says: {why}"
    problem = Problem(f"unit {unit.name}", "in_effect", " ".join(unit.in_effect), cure)
    return ErpopsError("It cannot be said whether what a unit loaded is in effect.", [problem])


def quadlets() -> frozenset[str]:
    """The services that podman's generator makes of the files that are there."""
    try:
        return frozenset(filter(None, (quadlet_unit(str(path)) for path in Path(QUADLET_FOLDER).iterdir())))
    except (FileNotFoundError, NotADirectoryError):
        return frozenset()


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except (FileNotFoundError, NotADirectoryError):
        return 0.0


def stamp(name: str, at: float) -> None:
    """Remember that the unit was told of everything that was there at ``at``."""
    STAMPS.mkdir(mode=0o755, parents=True, exist_ok=True)
    path = STAMPS / name
    path.touch()
    os.utime(path, (at, at))


def apply(verbs: Sequence[Verb], found: UnitsFound, timeout: float) -> None:
    """Do the verbs in their order: starts together, as systemd orders them; restarts and reloads one at a time."""
    for verb in VERBS:
        names = [step.unit for step in verbs if step.name == verb]
        if not names:
            continue
        if verb == "start":
            _begin(verb, names, found, timeout)
        elif verb in ("restart", "reload"):
            for name in names:
                _begin(verb, [name], found, timeout)
        else:
            command(verb, names, seconds=max(timeout, COMMAND_SECONDS))


def _begin(verb: str, names: Sequence[str], found: UnitsFound, timeout: float) -> None:
    began_at = time.time()
    failed = [name for name in names if found.units[name].active == "failed"]
    if failed:
        command("reset-failed", failed)
    command(verb, names, "--no-block")
    wait(names, timeout, reloaded=verb == "reload")
    for name in names:
        stamp(name, began_at)


def wait(names: Sequence[str], timeout: float, *, reloaded: bool) -> None:
    """Until each unit runs (or, one-shot, has succeeded). Raises with the journal of those that do not."""
    deadline = time.monotonic() + timeout
    pause = 0.05
    while True:
        found = show(names)
        pending = [name for name in names if not settled(found[name])]
        failed = [name for name in names if settled(found[name]) and not runs(found[name], reloaded=reloaded)]
        if failed or (pending and time.monotonic() > deadline):
            raise ErpopsError(
                "Units do not run as they should.",
                [_failure(name, found[name], timeout) for name in failed or pending],
            )
        if not pending:
            return
        time.sleep(pause)
        pause = min(pause * 1.5, 1.0)


def settled(unit: UnitFound) -> bool:
    return not unit.job and unit.active not in ("activating", "deactivating", "reloading", "refreshing")


def runs(unit: UnitFound, *, reloaded: bool) -> bool:
    """Active; or one-shot and through; or refused by its own conditions, which is no failure."""
    if unit.active == "active":
        return not reloaded or unit.reload_result in ("", "success")
    done = unit.type == "oneshot" and not unit.remains and unit.result == "success"
    return unit.active == "inactive" and (done or unit.condition_failed_at > 0)


def _failure(name: str, unit: UnitFound, timeout: float) -> Problem:
    outcome = unit.result if unit.reload_result in ("", "success") else f"{unit.result}, of reload {unit.reload_result}"
    state = f"{unit.active} ({unit.sub}), result {outcome}, after {timeout:.0f} seconds at most"
    return Problem(f"unit {name}", "state", state, f"Its last journal lines:\n{journal(name)}")


def journal(name: str) -> str:
    try:
        done = subprocess.run(
            ["journalctl", "--unit", name, "--lines", str(JOURNAL_LINES), "--no-pager", "--output", "short-iso"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"(journal: {error})"
    return done.stdout.rstrip()
