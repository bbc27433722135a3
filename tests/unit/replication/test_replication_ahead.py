# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run that is killed while it compares ahead of the window leaves for the window of the next."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.replication import ahead
from ansible_collections.erpops.odoo.plugins.module_utils.replication.model import Record
from ansible_collections.erpops.odoo.plugins.module_utils.replication.steps import Steps

WANTED = ahead.Wanted(jobs=1, seconds=1)


class Killed(BaseException):
    pass


def killed(_way: Any) -> None:
    raise Killed


def test_a_new_slot_never_stands_beside_an_old_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Any] = []
    monkeypatch.setattr(ahead.source, "save_record", lambda _sides, record: record)
    monkeypatch.setattr(ahead.client, "in_transaction", lambda _source, _what, texts: written.extend(texts))
    monkeypatch.setattr(ahead, "forget", lambda _way: written.append("forgotten"))
    monkeypatch.setattr(ahead, "_remember", killed)
    monkeypatch.setattr(ahead, "timeline", lambda _sides: "00000001")
    sides: Any = SimpleNamespace(member=None, source=None, steps=Steps())
    before = Record(compared=(3, 50), committed=True)
    facts: Any = SimpleNamespace(source=SimpleNamespace(record=before))
    with pytest.raises(Killed):
        ahead.compared(ahead.Way(sides=sides), WANTED, facts)
    assert written == [Record(committed=True), "forgotten"]


@pytest.mark.parametrize("then", ["00000001", ""])  # a record of an older release has none
def test_what_another_primary_had_says_nothing_of_this_one(monkeypatch: pytest.MonkeyPatch, then: str) -> None:
    monkeypatch.setattr(ahead, "timeline", lambda _sides: "00000002")
    sides: Any = SimpleNamespace(member=SimpleNamespace(changes="erpops_changes_acme"))  # the source is not asked
    assert ahead.since(ahead.Way(sides=sides), Record(compared=(3, 50), timeline=then)) is None
