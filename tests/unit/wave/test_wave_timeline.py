# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cutover as bars of its steps."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.wave import timeline

FACT: dict[str, Any] = {
    "at": "2027-01-11T20:10:00+00:00",
    "seconds": 9.25,
    "window_seconds": 2.5,
    "timings": [
        {"step": "check", "seconds": 0.5},
        {"step": "fence", "seconds": 0.5},
        {"step": "compare", "seconds": 2.0},
        {"step": "open", "seconds": 0.001},
        {"step": "finish", "seconds": 0.5},
    ],
    "compared": {"tables": 224, "rows": 22098},
    "filestore": {"files": 86, "missing_count": 1},
}


def test_bars_are_to_scale_and_follow_each_other() -> None:
    drawn = timeline.drawn(FACT)
    assert drawn is not None
    widths = {part["step"]: part["width"] for part in drawn["parts"]}
    assert abs(widths["compare"] - 4 * widths["fence"]) <= 4
    assert widths["open"] == timeline.LEAST
    ends = [part["x"] + part["width"] for part in drawn["parts"]]
    assert [part["x"] for part in drawn["parts"]] == [0, *ends[:-1]]


def test_who_serves_is_seen_in_the_tone() -> None:
    drawn = timeline.drawn(FACT)
    assert drawn is not None
    assert [part["tone"] for part in drawn["parts"]] == ["source", "moving", "moving", "moving", "target"]


def test_the_numbers_that_are_asked_for_first() -> None:
    drawn = timeline.drawn(FACT)
    assert drawn is not None
    assert drawn["said"] == (
        "9.2 s without a page; 2.50 s in which nobody served; 22098 rows of 224 tables equal;"
        " 86 files, 1 missing before"
    )


@pytest.mark.parametrize("fact", [None, {}, {"timings": []}, {"timings": [{"step": "check", "seconds": 0}]}])
def test_what_was_not_measured_is_not_drawn(fact: dict[str, Any] | None) -> None:
    assert timeline.drawn(fact) is None
