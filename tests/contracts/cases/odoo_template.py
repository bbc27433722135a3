# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.odoo.template import template_name
from contracts.app_system import given, own_tenant
from contracts.harness import Case, System
from contracts.patroni_system import tier

MODULES = ["base_setup"]  # no instance is so small


def estate() -> Mapping[str, Any]:
    variables = tier().variables
    return {
        "estate_secret": variables["estate_secret"],
        "secret_overrides": variables.get("estate_secret_overrides") or {},
    }


def arguments(system: System) -> Mapping[str, Any]:
    made = {key: value for key, value in given()(system).items() if key in ("instances", "tenants")}
    return {**made, "instances": [{**made["instances"][0], "modules": MODULES}], **estate()}


def probe(system: System) -> object:
    return system.facts["postgres"].sql(
        "SELECT string_agg(datname || datistemplate || datallowconn, ' ' ORDER BY datname) FROM pg_database"
        " WHERE datname LIKE 'tpl%'",
    )


def drop(system: System) -> None:
    name = template_name(system.facts["image"], MODULES)
    there = f"SELECT 1 FROM pg_database WHERE datname = '{name}'"
    if system.facts["postgres"].sql(there):
        system.facts["postgres"].sql(f'ALTER DATABASE "{name}" IS_TEMPLATE false')
        system.facts["postgres"].sql(f'DROP DATABASE "{name}"')


CASES = (
    Case(
        name="builds a template",
        system=own_tenant(drop, database=False, clean=drop),
        arguments=arguments,
        probe=probe,
    ),
)
