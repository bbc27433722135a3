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
        name="a live member",
        system=movers("prepare", "seed", "cutover"),
        arguments=partial(arguments, verb="rollback"),
        probe=both,
        secrets=SECRETS,
    ),
    Case(
        name="a target that is held",
        system=movers("prepare", "seed", "cutover=held"),
        arguments=partial(arguments, verb="rollback"),
        probe=both,
        secrets=SECRETS,
    ),
    Case(
        name="a following member is withdrawn",
        system=movers("prepare", "seed"),
        arguments=partial(arguments, verb="rollback"),
        probe=both,
        secrets=SECRETS,
    ),
    Case(
        name="a committed member",
        system=movers("prepare", "seed", "cutover", "commit"),
        arguments=partial(arguments, verb="rollback"),
        probe=both,
        refused="has no way back",
        secrets=SECRETS,
    ),
)
