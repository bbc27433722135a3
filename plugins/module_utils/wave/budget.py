# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What rehearsals measured, as a member's budget for its cutover. Pure.

A rehearsal is a mapping: ``at`` (ISO time of its end), ``window_seconds``, ``pause_seconds`` and ``timings``, a list of
``{"step", "seconds"}``, as ``wave_rehearse`` returns them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

# What a rehearsal does not do: to fence the source, to make the way back and to open, with a network in between.
UNMEASURED_SECONDS = 5.0
FACTOR = 1.5  # of the p95: few rehearsals know little of bad days


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Of one thing over all rehearsals, in seconds."""

    p50: float
    p95: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """runs: rehearsals with a known window. last: when the latest of them ended. budget_seconds: None without any."""

    runs: int = 0
    last: str = ""
    window: Spread | None = None
    pause: Spread | None = None
    steps: Mapping[str, Spread] = field(default_factory=dict)
    budget_seconds: float | None = None

    def as_dict(self) -> dict[str, Any]:
        return {
            "runs": self.runs,
            "last": self.last,
            "p50": self.window.p50 if self.window else None,
            "p95": self.window.p95 if self.window else None,
            "pause_p95": self.pause.p95 if self.pause else None,
            "steps": {name: {"p50": spread.p50, "p95": spread.p95} for name, spread in self.steps.items()},
            "budget_seconds": self.budget_seconds,
        }


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of all values does not exceed: one that was measured."""
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)), 1) - 1]


def spread(values: Sequence[float]) -> Spread | None:
    if not values:
        return None
    return Spread(p50=round(percentile(values, 0.5), 3), p95=round(percentile(values, 0.95), 3))


def budget(rehearsals: Iterable[Mapping[str, Any]]) -> Budget:
    """Rehearsals without a window (those that let the writers go on) measure nothing that counts here."""
    known = [each for each in rehearsals if each.get("window_seconds") is not None]
    window = spread([each["window_seconds"] for each in known])
    if window is None:
        return Budget()
    steps: dict[str, list[float]] = {}
    for each in known:
        for name, seconds in _steps(each).items():
            steps.setdefault(name, []).append(seconds)
    spreads = {name: spread(values) for name, values in steps.items()}
    return Budget(
        runs=len(known),
        last=max((str(each.get("at") or "") for each in known), key=_moment),
        window=window,
        pause=spread([each["pause_seconds"] for each in known if each.get("pause_seconds") is not None]),
        steps={name: value for name, value in spreads.items() if value},
        budget_seconds=round(window.p95 * FACTOR + UNMEASURED_SECONDS, 3),
    )


def update_seconds(rehearsals: Iterable[Mapping[str, Any]]) -> float:
    """What an update of modules takes by the latest rehearsal that tried one, and half as much again."""
    known = [
        probe["seconds"]
        for rehearsal in rehearsals
        for probe in rehearsal.get("probes") or ()
        if probe["name"] == "update"
    ]
    return round(known[-1] * FACTOR, 3) if known else 0.0


def _steps(rehearsal: Mapping[str, Any]) -> dict[str, float]:
    """A step that came twice counts with its sum."""
    sums: dict[str, float] = {}
    for timing in rehearsal.get("timings") or ():
        sums[timing["step"]] = sums.get(timing["step"], 0.0) + timing["seconds"]
    return sums


_NEVER = datetime.min.replace(tzinfo=UTC)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return _NEVER
    return moment.replace(tzinfo=moment.tzinfo or UTC)
