# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The starts of one wave's cutovers: never more than so many at a time, each within its hours. Pure.

A quick rule first, that starts low criticality first; then a search over the orders in which cutovers are put at their
earliest start, which finds starts wherever there are any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Starts = Mapping[str, int]
SEARCH_LIMIT = 200_000  # steps of the search before it gives up


class TooHard(Exception):
    """The search ended without an answer."""


@dataclass(frozen=True, slots=True, order=True)
class Job:
    """A cutover: ``rank`` orders where hours leave a choice. opens, closes, minutes: whole minutes."""

    rank: tuple[int, str]
    name: str
    opens: int
    closes: int
    minutes: int

    @property
    def latest(self) -> int:
        return self.closes - self.minutes


def starts(jobs: Sequence[Job], parallel: int) -> Starts | None:
    """The start of each job, or None where there are none. Raises TooHard."""
    quick = (sorted(jobs), sorted(jobs, key=lambda job: (job.latest, job)))
    for order in quick:
        found = _in_order(order, parallel)
        if found is not None:
            return found
    if _overfull(jobs, parallel):
        return None
    return _searched(sorted(jobs, key=lambda job: (job.latest, job)), parallel)


def _in_order(jobs: Sequence[Job], parallel: int) -> dict[str, int] | None:
    placed: list[tuple[int, int]] = []
    found = {}
    for job in jobs:
        start = earliest(job, placed, parallel)
        if start is None:
            return None
        placed.append((start, start + job.minutes))
        found[job.name] = start
    return found


def earliest(job: Job, placed: Sequence[tuple[int, int]], parallel: int) -> int | None:
    """The first start within the job's hours beside what is placed."""
    for start in sorted({job.opens, *(end for _begin, end in placed if job.opens < end <= job.latest)}):
        if start > job.latest:
            break
        end = start + job.minutes
        moments = [start, *(begin for begin, _end in placed if start < begin < end)]
        if all(sum(1 for begin, stop in placed if begin <= moment < stop) < parallel for moment in moments):
            return start
    return None


def _overfull(jobs: Sequence[Job], parallel: int) -> bool:
    """Whether some stretch of hours holds more work than it can: what must run in it, against its length."""
    for opens in {job.opens for job in jobs}:
        for closes in {job.closes for job in jobs}:
            work = sum(job.minutes for job in jobs if opens <= job.opens and job.closes <= closes)
            if work > max(0, closes - opens) * parallel:
                return True
    return False


def _searched(jobs: Sequence[Job], parallel: int) -> Starts | None:
    steps = 0

    def place(left: tuple[Job, ...], placed: tuple[tuple[int, int], ...]) -> dict[str, int] | None:
        nonlocal steps
        steps += 1
        if steps > SEARCH_LIMIT:
            raise TooHard
        if not left:
            return {}
        tried = set()
        for index, job in enumerate(left):
            alike = (job.opens, job.closes, job.minutes)
            if alike in tried:
                continue
            tried.add(alike)
            start = earliest(job, placed, parallel)
            if start is None:
                return None  # what is placed only grows: this job will not fit later either
            rest = place(left[:index] + left[index + 1 :], (*placed, (start, start + job.minutes)))
            if rest is not None:
                return {job.name: start, **rest}
        return None

    return place(tuple(jobs), ())
