# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All cases, by module: one file each under ``tests/contracts/cases``."""

from __future__ import annotations

import importlib
from pathlib import Path

from contracts.harness import ROOT, Case


def modules() -> list[str]:
    return sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py") if path.stem != "__init__")


def registered() -> list[str]:
    return sorted(path.stem for path in (Path(__file__).parent / "cases").glob("*.py") if path.stem != "__init__")


def cases(module: str) -> tuple[Case, ...]:
    found: tuple[Case, ...] = importlib.import_module(f"contracts.cases.{module}").CASES
    return found
