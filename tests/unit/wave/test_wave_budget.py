# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What rehearsals say about a cutover, and when they say no."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.wave.budget import Budget, budget, percentile


def rehearsal(window: float | None, at: str = "2026-11-22T18:00:00Z", **more: Any) -> dict[str, Any]:
    return {"at": at, "window_seconds": window, "pause_seconds": 0.4, "timings": [], **more}


@pytest.mark.parametrize(
    ("values", "p50", "p95"),
    [([3], 3, 3), ([1, 2], 1, 2), ([5, 1, 3], 3, 5), (list(range(1, 101)), 50, 95), ([2] * 19 + [9], 2, 2)],
)
def test_percentiles_are_values_that_were_measured(values: list[float], p50: float, p95: float) -> None:
    assert (percentile(values, 0.5), percentile(values, 0.95)) == (p50, p95)


def test_a_budget_is_the_slow_rehearsal_and_some_more() -> None:
    timings = [{"step": "drain", "seconds": 0.2}, {"step": "drain", "seconds": 0.3}, {"step": "compare", "seconds": 3}]
    later = rehearsal(10.0, at="2026-11-22T19:00:00+00:00")
    found = budget([rehearsal(4.0, timings=timings), later, rehearsal(2.0), rehearsal(None)])
    assert found.as_dict() == {
        "runs": 3,
        "last": "2026-11-22T19:00:00+00:00",
        "p50": 4.0,
        "p95": 10.0,
        "pause_p95": 0.4,
        "steps": {"drain": {"p50": 0.5, "p95": 0.5}, "compare": {"p50": 3, "p95": 3}},
        "budget_seconds": 20.0,
    }


def test_without_rehearsals_there_is_none() -> None:
    for found in (budget([]), budget([rehearsal(None)]), Budget()):
        assert found.as_dict()["budget_seconds"] is None
