# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A member as the store keeps it, a step of it, and the run that takes the step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

LOCK_PREFIX = "wave/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A row of ``wave.member``. ``origin`` is the state before a running one, and the state itself otherwise.

    wave: its number in the plan, from 1; None until it is planned. since: ISO 8601 in UTC, of the last transition.
    """

    name: str
    host: str
    database: str
    state: str
    origin: str
    wave: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    operation: str = ""
    since: str = ""

    @property
    def lock(self) -> str:
        return lock_name(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One transition that is asked for.

    kind: ``begin`` (to the verb's running state), ``end`` (to ``outcome``), ``record`` (a verb that is one step) or
    ``note`` (facts only, whoever moves it). facts: laid over those that are there; a key with None is removed. host,
    database, wave: empty keeps what the store has.
    """

    name: str
    kind: str
    verb: str = ""
    outcome: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    host: str = ""
    database: str = ""
    wave: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Who takes the steps: the ledger's operation, the person or AWX user, the playbook."""

    operation: str
    owner: str
    playbook: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a step does to the store: the row before (None: it is new) and after, and its lock."""

    step: Step
    before: Member | None
    after: Member
    takes_lock: bool
    releases_lock: bool


def lock_name(member: str) -> str:
    return f"{LOCK_PREFIX}{member}"
