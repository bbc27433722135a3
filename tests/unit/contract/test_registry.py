# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No module is left out of the contract test."""

from __future__ import annotations

import pytest
from contracts.registry import cases, modules, registered


@pytest.mark.parametrize("module", modules())
def test_module_has_a_case(module: str) -> None:
    assert module in registered(), f"write tests/contracts/cases/{module}.py (see tests/contracts/harness.py)"
    assert cases(module)


def test_every_case_has_its_module() -> None:
    assert set(registered()) <= set(modules())
