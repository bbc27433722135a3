# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What integration tests of a converged estate stand on: its inventory, its hosts, its tenants as a browser sees them.

``ERPOPS_INVENTORY`` names the inventories, separated by colons (default: the quickstart's); ``LAB_NAME`` the lab whose
hosts carry them.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .estate.live import Estate

ROOT = Path(__file__).resolve().parents[2]
DEFAULT = "inventories/quickstart:build/quickstart/inventory"


@pytest.fixture(scope="session")
def estate() -> Estate:
    inventories = os.environ.get("ERPOPS_INVENTORY", DEFAULT).split(":")
    return Estate.load(ROOT, [ROOT / inventory for inventory in inventories])
