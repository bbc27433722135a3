# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import stat
from pathlib import Path

from ansible_collections.erpops.odoo.plugins.module_utils.ledger import spool
from ansible_collections.erpops.odoo.plugins.module_utils.ledger.model import Pending


def entry(number: int, operation: str = "o") -> Pending:
    return Pending(
        id=f"i{number}", operation=operation, event="begin", at=f"2026-11-22T10:00:0{number}", content={"ü": 1}
    )


def test_entries_come_back_in_the_order_in_which_they_happened(tmp_path: Path) -> None:
    with spool.opened(tmp_path / "spool") as waiting:
        for one in (entry(3, "a"), entry(1, "b"), entry(2, "a")):
            waiting.append(one)
        assert waiting.entries() == [entry(1, "b"), entry(2, "a"), entry(3, "a")]
        waiting.clear()
        assert waiting.entries() == [] and waiting.files() == []


def test_nobody_else_reads_the_spool(tmp_path: Path) -> None:
    with spool.opened(tmp_path / "spool") as waiting:
        waiting.append(entry(1))
        (path,) = waiting.files()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "spool").stat().st_mode) == 0o700


def test_a_torn_line_neither_counts_nor_spoils_the_next(tmp_path: Path) -> None:
    (tmp_path / "o.jsonl").write_text('{"id": "torn')
    with spool.opened(tmp_path) as waiting:
        waiting.append(entry(1))
        assert waiting.entries() == [entry(1)]
        waiting.clear()
    assert (tmp_path / "o.jsonl.torn").exists() and not (tmp_path / "o.jsonl").exists()


def test_heads_are_added(tmp_path: Path) -> None:
    path = tmp_path / "heads"
    spool.append_head(path, "one")
    spool.append_head(path, "two")
    assert spool.read_lines(path) == ["one", "two"]
