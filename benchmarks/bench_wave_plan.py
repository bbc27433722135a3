# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan of 200 members in 117 dates, on one core, against the minute that it may take."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from datetime import date

from comparison import Comparison

from ansible_collections.erpops.odoo.plugins.module_utils.planning import solver, validate
from ansible_collections.erpops.odoo.plugins.module_utils.planning.model import (
    CRITICALITIES,
    AppHost,
    Candidate,
    Cluster,
    Freeze,
    Group,
    Rules,
    Task,
    Window,
)

MEMBERS = 200
LIMIT_SECONDS = 60.0


def task(count: int = MEMBERS) -> Task:
    """Members of all sizes, twenty groups of two, three pilots, four app hosts, frozen month ends."""
    chance = random.Random(3)
    members = tuple(
        Candidate(
            name=f"m{number:03}",
            host=f"legacy{number % 20}",
            database=f"m{number:03}",
            criticality=chance.choice(CRITICALITIES),
            pilot=number < 3,
            cutover_minutes=chance.randint(8, 60),
            copy_minutes=chance.randint(5, 200),
            memory_mb=chance.choice((768, 1024, 2048)),
            files_mb=chance.randint(100, 20_000),
            database_mb=chance.randint(100, 9_000),
            connections=8,
        )
        for number in range(count)
    )
    pairs = [sorted(each.name for each in chance.sample(members[3:], 2)) for _number in range(count // 10)]
    return Task(
        candidates=members,
        groups=tuple(Group(members=tuple(pair), reasons=("one cron touches both",)) for pair in pairs),
        hosts=tuple(
            AppHost(name=f"app{number}", memory_mb=count * 350, storage_mb=count * 2_750) for number in range(4)
        ),
        clusters=(Cluster(name="main", connections=count * 8),),
        rules=Rules(
            first=date(2027, 1, 4),
            last=date(2027, 4, 30),
            window=Window(days=(1, 2, 3), start=20 * 60, end=2 * 60, timezone="Europe/Berlin"),
            parallel=3,
            members_per_wave=12,
            copy_minutes_per_wave=3_000,
            freezes=(Freeze(name="month end", month_end=(2, 3)),),
        ),
    )


def comparisons() -> Iterator[Comparison]:
    given = task()
    begin = time.process_time()  # of one core, whatever else the machine does
    solution = solver.solved(given, effort=30.0)
    taken = time.process_time() - begin
    if solution is None or validate.violations(given, solution.places):
        raise RuntimeError("there is a plan that keeps everything, and it was not found")
    for bound in solution.bounds:
        print(f"{bound.name}: {bound.value}, no plan is better than {bound.at_least}", flush=True)
    yield Comparison(
        work=f"plan of {MEMBERS} members",
        ours_seconds=taken,
        reference="the minute that it may take",
        reference_seconds=LIMIT_SECONDS,
    )
