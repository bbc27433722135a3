# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError
from ansible_collections.erpops.odoo.plugins.module_utils.host import unit_client
from ansible_collections.erpops.odoo.plugins.module_utils.host.model import UnitFound, WantedUnit

# As systemd 257 prints it.
SHOW = """Type=notify
Result=success
ReloadResult=success
RemainAfterExit=no
ExecMainStartTimestamp=Sun 2026-11-22 13:52:42.123456 UTC
LoadState=loaded
ActiveState=active
SubState=running
UnitFileState=enabled
NeedDaemonReload=no
ConditionResult=yes
ConditionTimestamp=Sun 2026-11-22 13:52:42.1 UTC
ActiveEnterTimestamp=Sun 2026-11-22 13:52:43.000000 UTC

LoadState=loaded
ActiveState=active
SubState=waiting
UnitFileState=disabled
NeedDaemonReload=yes
Job=17
ConditionResult=no
ConditionTimestamp=
ActiveEnterTimestamp=Sun 2026-11-22 13:52:43.000000 UTC

LoadState=not-found
ActiveState=inactive
SubState=dead
UnitFileState=
ConditionResult=no
ConditionTimestamp=Sun 2026-11-22 13:52:44 UTC
"""


def at(second: int, micro: int = 0) -> float:
    return datetime(2026, 11, 22, 13, 52, second, micro, tzinfo=UTC).timestamp()


def test_show_is_read() -> None:
    service, timer, missing = (unit_client.unit_found(block, 5.0) for block in unit_client.parse_show(SHOW))
    assert service == UnitFound(
        load="loaded",
        active="active",
        sub="running",
        file_state="enabled",
        type="notify",
        reload_result="success",
        started_at=at(42, 123456),
        stamped_at=5.0,
    )
    assert (timer.started_at, timer.needs_reload, timer.job) == (at(43), True, True)
    assert timer.condition_failed_at == 0.0, "never checked is not failed"
    assert (missing.load, missing.condition_failed_at, missing.job) == ("not-found", at(44), False)


@pytest.mark.parametrize(
    ("install", "wanted_by", "wanted"),
    [
        ("WantedBy=multi-user.target\nAlias=etcd2.service", "multi-user.target", True),
        ("WantedBy=multi-user.target\nAlias=etcd2.service", "", False),
        ("Alias=display-manager.service", "", True),
    ],
)
def test_a_unit_that_only_has_an_alias_is_started_by_no_boot(
    tmp_path: Path, install: str, wanted_by: str, *, wanted: bool
) -> None:
    unit = tmp_path / "etcd.service"
    unit.write_text(f"[Service]\nExecStart=true\n\n[Install]\n{install}\n")
    block = {"UnitFileState": "enabled", "WantedBy": wanted_by, "RequiredBy": "", "FragmentPath": str(unit)}
    assert unit_client.unit_found(block, 0.0).wanted is wanted


@pytest.mark.parametrize(("text", "seconds"), [("", 0.0), ("n/a", 0.0), ("Thu 1970-01-01 00:00:01 UTC", 1.0)])
def test_seconds(text: str, seconds: float) -> None:
    assert unit_client.seconds_from(text) == seconds


@pytest.mark.parametrize(
    ("unit", "settled", "runs"),
    [
        (UnitFound(active="active"), True, True),
        (UnitFound(active="active", job=True), False, True),
        (UnitFound(active="activating"), False, False),
        (UnitFound(active="failed"), True, False),
        (UnitFound(active="inactive"), True, False),
        (UnitFound(active="inactive", type="oneshot"), True, True),
        (UnitFound(active="inactive", type="oneshot", result="exit-code"), True, False),
        (UnitFound(active="inactive", type="oneshot", remains=True), True, False),
        (UnitFound(active="inactive", condition_failed_at=1.0), True, True),
    ],
)
def test_settled_and_running(unit: UnitFound, settled: bool, runs: bool) -> None:
    assert unit_client.settled(unit) == settled
    assert unit_client.runs(unit, reloaded=False) == runs


def test_a_failed_reload_is_seen() -> None:
    unit = UnitFound(active="active", reload_result="exit-code")
    assert unit_client.runs(unit, reloaded=False)
    assert not unit_client.runs(unit, reloaded=True)


def checked(*command: str) -> WantedUnit:
    return WantedUnit(name="a.service", in_effect=command)


def test_a_units_own_command_says_whether_its_work_was_undone() -> None:
    assert not unit_client.undone(checked("/bin/true"), assume=False)
    assert unit_client.undone(checked("/bin/false"), assume=False)


def test_a_command_that_cannot_say_is_an_error() -> None:
    with pytest.raises(ErpopsError, match=r"unit a\.service.*no such rule"):
        unit_client.undone(checked("/bin/sh", "-c", "echo no such rule >&2; exit 2"), assume=True)


def test_only_check_mode_does_without_the_command() -> None:
    assert not unit_client.undone(checked("/nowhere/check"), assume=True)
    with pytest.raises(ErpopsError, match="/nowhere/check is not there"):
        unit_client.undone(checked("/nowhere/check"), assume=False)
