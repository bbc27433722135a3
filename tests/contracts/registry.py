# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All cases, by module: one file each under ``tests/contracts/cases``."""

from __future__ import annotations

import importlib
from pathlib import Path

from contracts.harness import ROOT, Case

# They want hosts with PostgreSQL of two versions: tests/integration/waves/test_check_mode.py proves them.
MOVES = {"wave_prepare", "wave_seed", "wave_rehearse", "wave_cutover", "wave_rollback", "wave_commit"}


def modules() -> list[str]:
    """All modules but those of moves, and the documentation of action plugins, which run on the controller:
    tests/integration/discovery holds these to check mode and to a second run without changes.
    """
    plugins = {path.stem for path in (ROOT / "plugins" / "action").glob("*.py")}
    found = {path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")} - {"__init__"}
    return sorted(found - plugins - MOVES)


def registered() -> list[str]:
    return sorted(path.stem for path in (Path(__file__).parent / "cases").glob("*.py") if path.stem != "__init__")


def cases(module: str) -> tuple[Case, ...]:
    found: tuple[Case, ...] = importlib.import_module(f"contracts.cases.{module}").CASES
    return found
