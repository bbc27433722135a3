# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a member's copy and cutover take, and what it needs on the target: measured where it was, else estimated.

Rates are per second over one connection. A measured time (``facts.seed.seconds``, ``facts.rehearsal.seconds``) takes
the place of an estimate; both get the margin on top.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MB = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """fixed_minutes: stop, fence, switch, start, log in: what a cutover costs whatever the size."""

    copy_mb_per_second: int = 20
    compare_mb_per_second: int = 40
    files_per_second: int = 2000
    fixed_minutes: int = 5
    margin_percent: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    cutover_minutes: int
    copy_minutes: int
    database_mb: int
    files_mb: int
    basis: tuple[str, ...]  # what each time is based on, full sentences


def estimated(database: Mapping[str, Any], facts: Mapping[str, Any], rates: Rates) -> Estimate:
    """From a discovered database and what runs of the member have measured."""
    files = database.get("filestore") or {}
    size, files_size = int(database.get("bytes") or 0), int(files.get("bytes") or 0)
    number = int(files.get("files") or 0)
    cutover_seconds, cutover_basis = _cutover(size, number, facts, rates)
    copy_seconds, copy_basis = _copy(size + files_size, facts, rates)
    return Estimate(
        cutover_minutes=_minutes(cutover_seconds, rates),
        copy_minutes=_minutes(copy_seconds, rates),
        database_mb=math.ceil(size / MB),
        files_mb=math.ceil(files_size / MB),
        basis=(cutover_basis, copy_basis),
    )


def _minutes(seconds: float, rates: Rates) -> int:
    return max(1, math.ceil(seconds * (100 + rates.margin_percent) / 100 / 60))


def _cutover(size: int, number: int, facts: Mapping[str, Any], rates: Rates) -> tuple[float, str]:
    measured = _measured(facts, "rehearsal")
    if measured:
        return measured, f"The rehearsal took {measured:.0f} s."
    seconds = rates.fixed_minutes * 60 + size / MB / rates.compare_mb_per_second + number / rates.files_per_second
    return seconds, f"Cutover estimated from {size / MB:.0f} MB of database and {number} files."


def _copy(size: int, facts: Mapping[str, Any], rates: Rates) -> tuple[float, str]:
    measured = _measured(facts, "seed")
    if measured:
        return measured, f"The seed took {measured:.0f} s."
    return size / MB / rates.copy_mb_per_second, f"Copy estimated from {size / MB:.0f} MB."


def _measured(facts: Mapping[str, Any], name: str) -> float:
    fact = facts.get(name)
    seconds = fact.get("seconds") if isinstance(fact, Mapping) else None
    return float(seconds) if isinstance(seconds, (int, float)) and seconds > 0 else 0.0
