# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from contracts.app_system import NAME, SECRET, given, own_tenant
from contracts.harness import Case, System

MODULE = "contacts"  # small, and no tenant of the examples has it


def probe(system: System) -> object:
    statement = "SELECT string_agg(name, ' ' ORDER BY name) FROM ir_module_module WHERE state <> 'uninstalled'"
    return system.facts["postgres"].sql(statement, NAME)


CASES = (
    Case(
        name="installs a module",
        system=own_tenant(),
        arguments=given(modules=(MODULE,)),
        probe=probe,
        secrets=(SECRET,),
    ),
    Case(
        name="refuses a module that the image does not have",
        system=own_tenant(),
        arguments=given(modules=("no_such_module",)),
        probe=probe,
        refused="no_such_module",
        secrets=(SECRET,),
    ),
)
