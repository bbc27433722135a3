# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries of the ledger before and after they are chained, and the chain's head."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

GENESIS = "0" * 64  # what the first entry is chained to


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """What happened, not yet at a place in the chain. Its id makes a repeated replay harmless."""

    id: str
    operation: str
    event: str
    at: str  # when it happened, ISO 8601 in UTC; a spooled entry keeps it
    content: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A row. ``body`` is the exact text that was hashed."""

    position: int
    body: str
    prev_hash: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The last entry at some moment. Kept elsewhere, it shows a removed tail and a recomputed chain."""

    position: int
    hash: str


START = Head(position=0, hash=GENESIS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    name: str
    operation: str
    owner: str
    playbook: str
    since: str
    age_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong with the chain. kind: changed, removed, inserted, tail."""

    position: int
    kind: str
    detail: str
