# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tier is converged once for all tests, after a check run has been told to predict it."""

from __future__ import annotations

import pytest

from .live import Tier, begin


@pytest.fixture(scope="session")
def tier(tmp_path_factory: pytest.TempPathFactory) -> Tier:
    converged = begin(tmp_path_factory.mktemp("redis"))
    converged.converge()
    return converged


@pytest.fixture
def trio(tier: Tier) -> Tier:
    if len(tier.hosts) < 3:
        pytest.skip("a failover needs three hosts")
    return tier
