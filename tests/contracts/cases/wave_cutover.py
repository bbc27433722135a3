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
        name="a following member",
        system=movers("prepare", "seed"),
        arguments=partial(arguments, verb="cutover"),
        probe=both,
        secrets=SECRETS,
    ),
    Case(
        name="a member that is made ready",
        system=movers("prepare", "seed"),
        arguments=partial(arguments, verb="cutover", state="ready"),
        probe=both,
        secrets=SECRETS,
    ),
    Case(
        name="a member that shall not stay ready",
        system=movers("prepare", "seed", "cutover=ready"),
        arguments=partial(arguments, verb="cutover", state="following"),
        probe=both,
        secrets=SECRETS,
    ),
    Case(
        name="a target that is held",
        system=movers("prepare", "seed", "cutover=ready"),
        arguments=partial(arguments, verb="cutover", state="held"),
        probe=both,
        secrets=SECRETS,
    ),
    Case(
        name="a target that was held",
        system=movers("prepare", "seed", "cutover=held"),
        arguments=partial(arguments, verb="cutover"),
        probe=both,
        secrets=SECRETS,
    ),
    Case(
        name="a member that is not followed",
        system=movers("prepare"),
        arguments=partial(arguments, verb="cutover"),
        probe=both,
        refused="wave_cutover goes on from: following",
        secrets=SECRETS,
    ),
)
