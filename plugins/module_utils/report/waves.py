# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pages of waves draw: a calendar of weeks, each evening's cutovers as bars. Pure; numbers are pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

CELL_WIDTH, CELL_HEIGHT, LEFT, TOP = 112, 46, 70, 24
BAR_LEFT, BAR_WIDTH, BAR_ROW = 190, 900, 24


def weeks(calendar: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A row for each week, a cell for each date, with its wave, its freezes, and whether the window opens."""
    if not calendar:
        return {"width": 0, "height": 0, "cells": [], "labels": []}
    monday = _monday(calendar[0]["date"])
    cells: list[dict[str, Any]] = []
    labels: dict[int, dict[str, Any]] = {}
    for day in calendar:
        here = date.fromisoformat(day["date"])
        row = (here - monday).days // 7
        x, y = LEFT + here.weekday() * CELL_WIDTH, TOP + row * CELL_HEIGHT
        labels.setdefault(row, {"y": y + 27, "text": f"{monday + timedelta(days=7 * row):%d %b}"})
        cells.append({**day, "x": x, "y": y, "day": f"{here.day}", "kind": _kind(day),
                      "said": ", ".join(day["freezes"] or day["partly"])})  # fmt: skip
    height = TOP + (max(labels) + 1) * CELL_HEIGHT + 4
    return {"width": LEFT + 7 * CELL_WIDTH + 4, "height": height, "cells": cells, "labels": list(labels.values()),
            "cell_width": CELL_WIDTH - 4, "cell_height": CELL_HEIGHT - 4, "left": LEFT, "step": CELL_WIDTH}  # fmt: skip


def _monday(text: str) -> date:
    first = date.fromisoformat(text)
    return first - timedelta(days=first.weekday())


def _kind(day: Mapping[str, Any]) -> str:
    if day["wave"]:
        return "wave"
    if day["freezes"]:
        return "frozen"
    return "open" if day["open"] else "closed"


def evening(members: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The cutovers of a wave against the time of its evening, a row for each."""
    timed = [each for each in members if each.get("cutover_minutes")]
    if not timed:
        return {"height": 0, "bars": [], "ticks": []}
    begin = min(datetime.fromisoformat(each["start"]) for each in timed)
    end = max(_end(each) for each in timed)
    begin = begin.replace(minute=0)
    span = max(60, int((end - begin).total_seconds() // 60))
    scale = BAR_WIDTH / span
    bars = []
    for row, each in enumerate(timed):
        offset = (datetime.fromisoformat(each["start"]) - begin).total_seconds() / 60
        bars.append({"name": each["name"], "x": round(BAR_LEFT + offset * scale), "y": 20 + row * BAR_ROW,
                     "width": max(3, round(each["cutover_minutes"] * scale)), "minutes": each["cutover_minutes"],
                     "criticality": each["criticality"], "at": each["start"][11:16]})  # fmt: skip
    step = next(step for step in (15, 30, 60, 120, 240, 10_000) if span / step <= 10)
    ticks = [{"x": round(BAR_LEFT + minute * scale), "text": f"{begin + timedelta(minutes=minute):%H:%M}"}
             for minute in range(0, span + 1, step)]  # fmt: skip
    return {"height": 26 + len(timed) * BAR_ROW, "bars": bars, "ticks": ticks}


def _end(each: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(each["start"]) + timedelta(minutes=each["cutover_minutes"])
