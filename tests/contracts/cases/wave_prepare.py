# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from functools import partial

from integration.tenant_databases import live

from contracts.harness import Case
from contracts.wave_system import TENANT_PASSWORD, WAVE_PASSWORD, arguments, both, movers

SECRETS = (live.PASSWORD, WAVE_PASSWORD, TENANT_PASSWORD, "SCRAM-SHA")
CASES = (
    Case(
        name="an untouched legacy database",
        system=movers(),
        arguments=partial(arguments, verb="prepare"),
        probe=both,
        secrets=SECRETS,
    ),
    Case(
        name="nothing is done that was not allowed",
        system=movers(),
        arguments=partial(arguments, verb="prepare", allow=["role"]),
        probe=both,
        refused="Allow replica_identity",
        secrets=SECRETS,
    ),
)
