# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every module keeps the result contract on a real system."""

from __future__ import annotations

import pytest
from contracts.harness import Case, prove
from contracts.registry import cases, registered

ALL = [(module, case) for module in registered() for case in cases(module)]


@pytest.mark.parametrize(("module", "case"), ALL, ids=[f"{module}: {case.name}" for module, case in ALL])
def test_module_keeps_the_contract(module: str, case: Case) -> None:
    prove(module, case)
