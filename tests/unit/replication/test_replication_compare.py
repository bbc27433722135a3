# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a comparison may take."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.replication import compare
from ansible_collections.erpops.odoo.plugins.module_utils.replication.model import Table
from ansible_collections.erpops.odoo.plugins.module_utils.replication.steps import Steps


class Connection:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def execute(self, text: bytes | str, _values: Any = None) -> None:
        self.told.append(text.decode() if isinstance(text, bytes) else text)


@pytest.mark.parametrize("inside", [True, False])
def test_rows_that_changed_are_compared_within_the_window(inside: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare, "_sum", lambda *_values: (1, "x"))
    connection, steps = Connection(), Steps(budget=20)
    if inside:
        steps.start_window()
    side = compare.Side(connection=connection, connect=lambda: connection)  # type: ignore[arg-type, return-value]
    sides: Any = SimpleNamespace(steps=steps)
    table = Table(schema="public", name="x")
    assert compare._sums_by_id(sides, side, 170_000, {table: frozenset({1})}) == {"public.x": (1, "x")}
    assert any("SET statement_timeout = '19" in text for text in connection.told) is inside
