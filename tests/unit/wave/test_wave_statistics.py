# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL's counters of a member's database by the hour, before and after."""

from __future__ import annotations

from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.wave import statistics

BYTES = 4_000_000


def counted(at: str = "2026-11-23T05:00:00Z", **values: int) -> dict[str, Any]:
    return {"name": "acme", "bytes": BYTES, "at": at, **dict.fromkeys(statistics.COUNTED, 0), **values}


def discovery(**changed: Any) -> dict[str, Any]:
    row = {**counted(blks_hit=99, blks_read=1, commits=40, rollbacks=8), "port": 5432, "rows_written": 240,
           "stats_reset": "2026-11-21T05:00:00+00:00", **changed}  # fmt: skip
    other = {**row, "port": 5433, "commits": 9_000_000}
    return {"collected_at": "2026-11-23T05:00:00Z", "performance": {"databases": [other, row]}}


DATABASE = {"name": "acme", "port": 5432, "bytes": BYTES}


def test_the_baseline_is_of_the_right_server_and_by_the_hour() -> None:
    assert statistics.baseline(discovery(), DATABASE) == {
        "hours": 48.0, "bytes": BYTES, "hit_percent": 99.0, "transactions": 1.0, "rows_written": 5.0, "temp_bytes": 0,
        "deadlocks": 0.0,
    }  # fmt: skip
    assert statistics.baseline(discovery(stats_reset=None), DATABASE) is None, "nobody knows since when"
    assert statistics.baseline(discovery(), {**DATABASE, "port": 1}) is None
    assert statistics.baseline({}, DATABASE) is None


def test_the_target_counts_from_its_opening_on() -> None:
    opened = counted(commits=1000, blks_hit=5000, blks_read=5000)
    now = counted("2026-11-23T05:30:00Z", commits=1100, blks_hit=5300, blks_read=5100, deadlocks=1, temp_bytes=10)
    found = statistics.compared({"hours": 1}, opened, now)
    assert found["before"] == {"hours": 1} and found["missing"] == ""
    assert found["after"] == {
        "hours": 0.5, "bytes": BYTES, "hit_percent": 75.0, "transactions": 200.0, "rows_written": 0.0, "temp_bytes": 20,
        "deadlocks": 2.0,
    }  # fmt: skip


def test_counters_that_began_anew_are_said_and_not_shown() -> None:
    found = statistics.compared(None, counted(commits=1000), counted("2026-11-23T05:30:00Z", commits=7))
    assert found["after"] is None and "began anew" in found["missing"]


def test_what_is_not_known_is_nothing() -> None:
    nothing = {"before": None, "after": None, "missing": ""}
    assert statistics.compared(None, None, counted()) == nothing == statistics.compared(None, counted(), None)
    assert statistics.compared(None, counted(), counted())["after"] is None, "no time has passed"
    assert statistics.compared(None, counted(), counted("2026-11-23T06:00:00Z"))["after"]["hit_percent"] is None
