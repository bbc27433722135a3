# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every module keeps the result contract on a real system."""

from __future__ import annotations

import os

import pytest
from contracts.harness import Case, prove
from contracts.registry import cases, registered

# The modules that the lab at hand has systems for; all without.
CHOSEN = os.environ.get("ERPOPS_CONTRACT_MODULES", "").split() or registered()

# The first case of each module; `-m "not more"` leaves out the others.
ALL = [
    pytest.param(module, case, id=f"{module}: {case.name}", marks=[pytest.mark.more] if number else [])
    for module in CHOSEN
    for number, case in enumerate(cases(module))
]


@pytest.mark.parametrize(("module", "case"), ALL)
def test_module_keeps_the_contract(module: str, case: Case) -> None:
    prove(module, case)
