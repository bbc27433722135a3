# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hash chain: how an entry is hashed, and what a broken chain tells. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.ledger.model import START, Entry, Finding, Head, Pending


def canonical(value: Any) -> str:
    """The one text of a value: sorted keys, no spaces, no escapes where UTF-8 does."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(prev_hash: str, body: str) -> str:
    return hashlib.sha256(f"{prev_hash}\n{body}".encode()).hexdigest()


def chained(pending: Pending, head: Head) -> Entry:
    """The entry that follows ``head``. Its place is part of what is hashed."""
    position = head.position + 1
    body = canonical({**asdict(pending), "position": position})
    return Entry(position=position, body=body, prev_hash=head.hash, hash=digest(head.hash, body))


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    entries: int
    head: Head
    findings: tuple[Finding, ...]


def verify(entries: Iterable[Entry], known: Sequence[Head] = ()) -> Report:
    """Read the chain in order; ``known`` are heads that were kept elsewhere."""
    wanted = {head.position: head for head in known}
    last, count = START, 0
    findings: list[Finding] = []
    for entry in entries:
        findings += _entry(entry, last)
        head = wanted.pop(entry.position, None)
        if head and head.hash != entry.hash:
            detail = f"its hash is {entry.hash}, but the head that was kept elsewhere is {head.hash}"
            findings.append(Finding(position=entry.position, kind="changed", detail=detail))
        last, count = Head(position=entry.position, hash=entry.hash), count + 1
    findings += _missing_heads(wanted.values(), last)
    return Report(entries=count, head=last, findings=tuple(findings))


def _missing_heads(heads: Iterable[Head], last: Head) -> Iterator[Finding]:
    """Heads whose entry is not there: within the chain that is a gap, which is reported already."""
    beyond = [head for head in heads if head.position > last.position]
    if beyond:
        highest = max(head.position for head in beyond)
        detail = f"entries {last.position + 1} to {highest} were there once, as a head kept elsewhere shows"
        yield Finding(position=highest, kind="tail", detail=detail)


def _entry(entry: Entry, last: Head) -> Iterator[Finding]:
    if entry.position > last.position + 1:
        gap = f"entries {last.position + 1} to {entry.position - 1} are missing"
        yield Finding(position=last.position + 1, kind="removed", detail=gap)
    if entry.hash != digest(entry.prev_hash, entry.body):
        yield Finding(position=entry.position, kind="changed", detail="its content does not have its hash")
    elif written_at(entry) != entry.position:
        detail = f"it was written as entry {written_at(entry)}: others were inserted or removed before it"
        yield Finding(position=entry.position, kind="inserted", detail=detail)
    elif entry.position == last.position + 1 and entry.prev_hash != last.hash:
        detail = f"it does not follow entry {last.position}: one of the two was inserted or replaced"
        yield Finding(position=entry.position, kind="inserted", detail=detail)


def written_at(entry: Entry) -> int | None:
    """The position that the entry's own text names."""
    try:
        position = json.loads(entry.body).get("position")
    except (ValueError, AttributeError):
        return None
    return position if isinstance(position, int) else None
