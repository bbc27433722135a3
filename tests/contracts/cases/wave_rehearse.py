# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from functools import partial

from integration.tenant_databases import live

from contracts.harness import Case
from contracts.wave_system import (
    LOGIN_PASSWORD,
    ODOO,
    SCHEMA,
    TENANT_PASSWORD,
    WAVE_PASSWORD,
    arguments,
    both,
    movers,
)

SECRETS = (live.PASSWORD, WAVE_PASSWORD, TENANT_PASSWORD, LOGIN_PASSWORD, "SCRAM-SHA", "pbkdf2", "hunter2")
CASES = (
    Case(
        name="a following member",
        system=movers("prepare", "seed", schema=[*SCHEMA, *ODOO]),
        arguments=partial(arguments, verb="rehearse"),
        probe=both,
        repeats=True,
        secrets=SECRETS,
    ),
    Case(
        name="a copy that is there is dropped",
        system=movers("prepare", "seed", "rehearse", schema=[*SCHEMA, *ODOO]),
        arguments=partial(arguments, verb="rehearse", state="absent"),
        probe=both,
        secrets=SECRETS,
    ),
    Case(
        name="a database that is not Odoo's",
        system=movers("prepare", "seed"),
        arguments=partial(arguments, verb="rehearse"),
        probe=both,
        refused="nobody knows what to neutralize",
        secrets=SECRETS,
    ),
)
