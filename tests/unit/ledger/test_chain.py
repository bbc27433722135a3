# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.ledger.chain import canonical, chained, digest, verify
from ansible_collections.erpops.odoo.plugins.module_utils.ledger.model import START, Entry, Head, Pending


def chain(length: int) -> list[Entry]:
    entries: list[Entry] = []
    head = START
    for number in range(1, length + 1):
        pending = Pending(
            id=f"i{number}", operation="o", event="begin", at="2026-11-22T10:00:00+00:00", content={"n": number}
        )
        entries.append(chained(pending, head))
        head = Head(position=entries[-1].position, hash=entries[-1].hash)
    return entries


def rehashed(entry: Entry, **changes: str) -> Entry:
    changed = replace(entry, **changes)
    return replace(changed, hash=digest(changed.prev_hash, changed.body))


def kinds(entries: list[Entry], *heads: Head) -> list[tuple[int, str]]:
    return [(finding.position, finding.kind) for finding in verify(entries, heads).findings]


def test_a_whole_chain_has_no_findings() -> None:
    entries = chain(5)
    report = verify(entries, [Head(position=each.position, hash=each.hash) for each in entries])
    assert report.findings == () and report.entries == 5 and report.head.hash == entries[-1].hash


def test_an_empty_chain_is_whole() -> None:
    assert verify([]).findings == () and verify([]).head == START


def test_the_text_of_a_value_does_not_depend_on_its_order() -> None:
    assert canonical({"b": 1, "a": "ä"}) == canonical({"a": "ä", "b": 1}) == '{"a":"ä","b":1}'


@pytest.mark.parametrize("position", [1, 3, 5])
def test_a_changed_entry(position: int) -> None:
    entries = chain(5)
    entries[position - 1] = replace(entries[position - 1], body=entries[position - 1].body.replace('"n":', '"m":'))
    assert kinds(entries) == [(position, "changed")]


@pytest.mark.parametrize("position", [1, 2, 4])
def test_a_changed_entry_with_its_hash_recomputed(position: int) -> None:
    entries = chain(5)
    entries[position - 1] = rehashed(entries[position - 1], body=entries[position - 1].body.replace('"n":', '"m":'))
    assert kinds(entries) == [(position + 1, "inserted")]


@pytest.mark.parametrize(
    ("gone", "found"), [([1], [(1, "removed")]), ([3], [(3, "removed")]), ([2, 3], [(2, "removed")])]
)
def test_removed_entries(gone: list[int], found: list[tuple[int, str]]) -> None:
    assert kinds([entry for entry in chain(5) if entry.position not in gone]) == found


def test_a_removed_tail_needs_a_head() -> None:
    entries = chain(5)
    head = Head(position=5, hash=entries[4].hash)
    assert kinds(entries[:3]) == []
    assert kinds(entries[:3], head) == [(5, "tail")]
    assert kinds([], head) == [(5, "tail")]


def test_a_rewritten_chain_needs_a_head() -> None:
    entries, others = chain(5), chain(5)
    forged = rehashed(others[4], body=others[4].body.replace('"n":5', '"n":9'))
    assert kinds([*others[:4], forged]) == []
    assert kinds([*others[:4], forged], Head(position=5, hash=entries[4].hash)) == [(5, "changed")]


def test_an_inserted_entry_at_a_place_made_for_it() -> None:
    entries = chain(4)
    moved = [replace(entry, position=entry.position + 1) for entry in entries[2:]]
    forged = rehashed(entries[2], body=entries[2].body.replace('"n":3', '"n":7'), prev_hash=entries[1].hash)
    found = kinds([*entries[:2], forged, *moved])
    assert (4, "inserted") in found and (5, "inserted") in found


@pytest.mark.parametrize("body", ["no json", "[]", '{"position":"1"}', "{}"])
def test_a_forged_body_is_no_reason_to_stop(body: str) -> None:
    entries = chain(2)
    entries[0] = rehashed(entries[0], body=body)
    assert [found[1] for found in kinds(entries)] == ["inserted", "inserted"]


@pytest.mark.parametrize(
    "change", [lambda e: replace(e, prev_hash="0" * 63 + "1"), lambda e: replace(e, hash="f" * 64)]
)
def test_the_hashes_themselves_are_covered(change: Callable[[Entry], Entry]) -> None:
    entries = chain(3)
    entries[1] = change(entries[1])
    assert (2, "changed") in kinds(entries)
