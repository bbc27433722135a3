# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from jinja2 import UndefinedError

from ansible_collections.erpops.odoo.plugins.module_utils.report import page
from ansible_collections.erpops.odoo.plugins.module_utils.report.discovery import estate


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (58_970_671, "59.0 MB"),
        (4.2e9, "4.2 GB"),
        (3.4e15, "3400 TB"),
        (None, "unknown"),
    ],
)
def test_sizes(value: float | None, shown: str) -> None:
    assert page.size(value) == shown


@pytest.mark.parametrize(("value", "shown"), [(0.0352, "35 ms"), (2.3, "2.30 s"), (840, "14 min"), (None, "unknown")])
def test_durations(value: float | None, shown: str) -> None:
    assert page.seconds(value) == shown


def test_an_estate_without_an_answer_says_so() -> None:
    text = page.render("discovery.html.j2", page=estate("<north>", ["legacy1", "legacy2"], [{"failed": True}]))
    assert "legacy1, legacy2" in text and "Not discovered" in text
    assert "<north>" not in text and "&lt;north&gt;" in text


def test_a_missing_value_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        page.render("discovery.html.j2", page={})
