# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from contracts.app_system import NAME, SECRET, given, own_tenant
from contracts.harness import Case, System

MODULE = "web"  # every tenant has it


def probe(system: System) -> object:
    """When the module was updated last, as PostgreSQL itself saw it."""
    return system.facts["postgres"].sql(f"SELECT xmin FROM ir_module_module WHERE name = '{MODULE}'", NAME)


def arguments(module: str) -> Callable[[System], Mapping[str, Any]]:
    return lambda system: {**given(tenant=NAME)(system), "modules": [module]}


CASES = (
    Case(
        name="updates a module",
        system=own_tenant(),
        arguments=arguments(MODULE),
        probe=probe,
        repeats=True,
        secrets=(SECRET,),
    ),
    Case(
        name="refuses a module that is not installed",
        system=own_tenant(),
        arguments=arguments("no_such_module"),
        probe=probe,
        refused="no_such_module",
        secrets=(SECRET,),
    ),
)
