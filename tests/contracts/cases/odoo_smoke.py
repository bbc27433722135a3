# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.erpops.odoo.plugins.module_utils.odoo.passwords import stable_hash
from contracts.app_system import NAME, SECRET, given, own_tenant
from contracts.harness import Case, System

COPY = f"{NAME}__rehearsal"
PASSWORD = "the password of sampled users"
HARMLESS = (
    "UPDATE ir_cron SET active = false;"
    "INSERT INTO ir_config_parameter (key, value) VALUES ('database.is_neutralized', 'true');"
    f"UPDATE res_users SET password = '{stable_hash(PASSWORD)}' WHERE login = 'admin'"
)


def copied(system: System) -> None:
    postgres = system.facts["postgres"]
    postgres.sql(f'CREATE DATABASE "{COPY}" TEMPLATE "{NAME}" OWNER "{NAME}"')
    postgres.sql(HARMLESS, COPY)


def dropped(system: System) -> None:
    system.facts["postgres"].sql(f'DROP DATABASE IF EXISTS "{COPY}" WITH (FORCE)')


def probe(system: System) -> object:
    """Who has logged in."""
    postgres = system.facts["postgres"]
    return [
        postgres.sql("SELECT count(*) FROM res_users_log", name)
        for name in (NAME, COPY)
        if postgres.sql(f"SELECT 1 FROM pg_database WHERE datname = '{name}'")
    ]


CASES = (
    Case(
        name="refuses a tenant's own database",
        system=own_tenant(),
        arguments=given(tenant=NAME, database=NAME),
        probe=probe,
        refused="not a neutralized copy",
        secrets=(SECRET, PASSWORD),
    ),
    Case(
        name="tries a copy",
        system=own_tenant(copied, clean=dropped),
        arguments=given(tenant=NAME, users=["admin"], login_password=PASSWORD),
        probe=probe,
        repeats=True,
        secrets=(SECRET, PASSWORD),
    ),
)
