# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evenings, weekly hours and freezes as intervals of minutes. Pure."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from ansible_collections.erpops.odoo.plugins.module_utils.planning.model import (
    Candidate,
    Freeze,
    Rules,
    Window,
    instant,
)

Interval = tuple[int, int]  # from, up to: minutes


@lru_cache(maxsize=100_000)
def opening(window: Window, day: date) -> Interval | None:
    """The hours of a weekly window that begin on this date, or None where it has none then."""
    if day.weekday() not in window.days:
        return None
    zone = ZoneInfo(window.timezone)
    until = day if window.end > window.start else day + timedelta(days=1)
    begin = datetime.combine(day, time(window.start // 60, window.start % 60), zone)
    end = datetime.combine(until, time(window.end // 60 % 24, window.end % 60), zone)
    return instant(begin), instant(end)


@lru_cache(maxsize=100_000)
def whole_day(timezone: str, day: date) -> Interval:
    zone = ZoneInfo(timezone)
    return (
        instant(datetime.combine(day, time(), zone)),
        instant(datetime.combine(day + timedelta(days=1), time(), zone)),
    )


@lru_cache(maxsize=100_000)
def within(window: Window, day: date, room: Interval) -> Interval | None:
    """The longest part of ``room`` that lies in the window's hours around this date."""
    around = (opening(window, day + timedelta(days=offset)) for offset in (-1, 0, 1))
    parts = [(max(room[0], hours[0]), min(room[1], hours[1])) for hours in around if hours]
    longest = max(parts, key=lambda part: part[1] - part[0], default=(0, 0))
    return longest if longest[1] > longest[0] else None


@lru_cache(maxsize=100_000)
def frozen(freeze: Freeze, day: date) -> bool:
    """Whether the freeze holds on this date, whomever it holds."""
    if freeze.first and freeze.last and freeze.first <= day <= freeze.last:
        return True
    if freeze.month_end and _near_month_end(day, *freeze.month_end):
        return True
    length = calendar.monthrange(day.year, day.month)[1]
    return day.day in freeze.month_days or day.day - length - 1 in freeze.month_days


def _near_month_end(day: date, before: int, after: int) -> bool:
    """The last ``before`` days of a month and the first ``after`` of the next."""
    length = calendar.monthrange(day.year, day.month)[1]
    return day.day > length - before or day.day <= after


def holds(freeze: Freeze, name: str) -> bool:
    return not freeze.members or name in freeze.members


def freezes_of(rules: Rules, name: str, day: date) -> Iterator[Freeze]:
    """The freezes that hold a member on a date."""
    for freeze in rules.freezes:
        if holds(freeze, name) and frozen(freeze, day):
            yield freeze


def evening(rules: Rules, day: date) -> Interval | None:
    """The estate's hours of a date."""
    return opening(rules.window, day)


def allowed_dates(candidate: Candidate, day: date) -> bool:
    """Whether the date lies between the member's own first and last date."""
    return not (
        (candidate.not_before and day < candidate.not_before) or (candidate.not_after and day > candidate.not_after)
    )
