# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan is made from, and what it is: members, windows, freezes, capacities, and each member's place.

Dates are the estate's evenings; instants are whole minutes since 1970 in UTC, so that time zones end where input ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

CRITICALITIES = ("low", "medium", "high")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Weekly hours. ``end`` at or before ``start`` is on the next day. Minutes of the day; days: 0 is Monday."""

    days: tuple[int, ...]
    start: int
    end: int
    timezone: str

    @property
    def hours(self) -> str:
        days = ", ".join(DAYS[day] for day in self.days)
        return f"{days} {clock(self.start)} to {clock(self.end)} {self.timezone}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """Dates on which members stay where they are.

    first, last: a range of dates. month_end: (days before, days after) the first day of each month. month_days: the
    same days in every month; negative ones count from its end. members: whom it holds; empty is everybody.
    """

    name: str
    first: date | None = None
    last: date | None = None
    month_end: tuple[int, int] | None = None
    month_days: tuple[int, ...] = ()
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A member that is to be planned. Sizes are what it will need on the target."""

    name: str
    host: str
    database: str
    criticality: str = "medium"
    pilot: bool = False
    cutover_minutes: int = 10
    copy_minutes: int = 0
    memory_mb: int = 0
    files_mb: int = 0
    database_mb: int = 0
    connections: int = 0
    cluster: str = "main"
    app_host: str = ""  # pinned; else the plan chooses
    window: Window | None = None  # its own, within the estate's
    not_before: date | None = None
    not_after: date | None = None
    kept: date | None = None  # it is under way already, for this date
    notes: tuple[str, ...] = ()  # blockers and what an estimate is based on


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Members that must move together, and why."""

    members: tuple[str, ...]
    reasons: tuple[str, ...]

    @property
    def id(self) -> str:
        return f"group/{'+'.join(self.members)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AppHost:
    """An app host with the room that members may take."""

    name: str
    memory_mb: int
    storage_mb: int
    available: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A PostgreSQL cluster with the room that members may take."""

    name: str
    connections: int
    storage_mb: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    first: date
    last: date
    window: Window
    parallel: int = 2
    members_per_wave: int = 10
    copy_minutes_per_wave: int = 24 * 60
    settle_days: int = 1
    freezes: tuple[Freeze, ...] = ()

    @property
    def dates(self) -> tuple[date, ...]:
        return tuple(self.first + timedelta(days=offset) for offset in range((self.last - self.first).days + 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """All that a plan is made from. Candidates, hosts and clusters are in the order of their names."""

    candidates: tuple[Candidate, ...]
    rules: Rules
    groups: tuple[Group, ...] = ()
    hosts: tuple[AppHost, ...] = ()
    clusters: tuple[Cluster, ...] = ()

    @property
    def by_name(self) -> dict[str, Candidate]:
        return {candidate.name: candidate for candidate in self.candidates}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where and when a member moves. start: minutes; app_host: empty where no capacity is declared."""

    date: date
    start: int
    app_host: str = ""


Assignment = Mapping[str, Place]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What was reached, and what no plan can be better than."""

    name: str
    value: int
    at_least: int

    @property
    def proved(self) -> bool:
        return self.value == self.at_least


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    places: Assignment
    bounds: tuple[Bound, ...] = field(default=())


def clock(minutes: int) -> str:
    return f"{minutes // 60 % 24:02}:{minutes % 60:02}"


def instant(moment: datetime) -> int:
    return int(moment.timestamp()) // 60


def local(minutes: int, timezone: str) -> datetime:
    return datetime.fromtimestamp(minutes * 60, UTC).astimezone(ZoneInfo(timezone))


def waves_of(places: Assignment) -> tuple[date, ...]:
    """The dates that are waves, in order: the first is wave 1."""
    return tuple(sorted({place.date for place in places.values()}))
