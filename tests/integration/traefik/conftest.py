# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from . import live


@pytest.fixture(scope="session")
def edge(tmp_path_factory: pytest.TempPathFactory) -> live.Edge:
    inventory = live.inventory()
    if not inventory:
        pytest.skip("ERPOPS_EDGE_INVENTORY names no inventory with an edge and an app host")
    return live.begin(tmp_path_factory.mktemp("edge"), inventory)
