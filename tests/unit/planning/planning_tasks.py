# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small planning tasks: one to begin with, and random ones that are the same on every run."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.planning.model import (
    AppHost,
    Candidate,
    Cluster,
    Freeze,
    Group,
    Rules,
    Task,
    Window,
)

MONDAY = date(2027, 1, 4)
EVENINGS = Window(days=(0, 1, 2, 3, 4), start=20 * 60, end=22 * 60, timezone="Europe/Berlin")


def candidate(name: str, **values: Any) -> Candidate:
    given = {"host": "legacy1", "database": f"{name}_prod", "cutover_minutes": 30, "copy_minutes": 10, **values}
    return Candidate(name=name, **given)


def rules(**values: Any) -> Rules:
    given = {"first": MONDAY, "last": MONDAY + timedelta(days=4), "window": EVENINGS, "members_per_wave": 2, **values}
    return Rules(**given)


def task(*candidates: Candidate, **values: Any) -> Task:
    given = {"rules": rules(), **values}
    return Task(candidates=tuple(sorted(candidates, key=lambda each: each.name)), **given)


def random_task(seed: int) -> Task:
    """At most five members, three dates and two hosts, with some of every kind of constraint."""
    chance = random.Random(seed)
    names = [f"m{number}" for number in range(chance.randint(2, 5))]
    own = replace(EVENINGS, start=20 * 60 + 30, days=(0, 2))
    members = [
        candidate(
            name,
            criticality=chance.choice(("low", "medium", "high")),
            pilot=chance.random() < 0.15,
            cutover_minutes=chance.choice((20, 40, 60, 90)),
            copy_minutes=chance.choice((10, 50)),
            memory_mb=chance.choice((512, 1024)),
            files_mb=chance.choice((100, 900)),
            window=own if chance.random() < 0.3 else None,
            not_before=MONDAY + timedelta(days=1) if chance.random() < 0.15 else None,
        )
        for name in names
    ]
    groups = []
    if chance.random() < 0.5:
        groups.append(Group(members=tuple(sorted(chance.sample(names, 2))), reasons=("one cron writes both",)))
    freezes = []
    if chance.random() < 0.4:
        holds = (chance.choice(names),) if chance.random() < 0.5 else ()
        freezes.append(Freeze(name="audit", first=MONDAY, last=MONDAY, members=holds))
    hosts = (AppHost(name="app1", memory_mb=2560, storage_mb=2000), AppHost(name="app2", memory_mb=1536,
             storage_mb=2000, available=MONDAY + timedelta(days=1)))  # fmt: skip
    return task(
        *members,
        groups=tuple(groups),
        hosts=hosts if chance.random() < 0.6 else (),
        clusters=(Cluster(name="main", connections=100),),
        rules=rules(
            last=MONDAY + timedelta(days=3),
            parallel=chance.choice((1, 2)),
            members_per_wave=chance.choice((2, 3)),
            copy_minutes_per_wave=chance.choice((60, 500)),
            settle_days=chance.choice((1, 2)),
            freezes=tuple(freezes),
        ),
    )
