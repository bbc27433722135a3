# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from functools import partial

from integration.tenant_databases import live

from contracts.harness import Case
from contracts.wave_system import TENANT_PASSWORD, WAVE_PASSWORD, arguments, both, movers

SECRETS = (live.PASSWORD, WAVE_PASSWORD, TENANT_PASSWORD, "SCRAM-SHA")
DISK = {"folder": "/spool", "free_bytes": 10**6, "size_bytes": 10**9, "device": "1"}
CASES = (
    Case(
        name="a prepared member",
        system=movers("prepare"),
        arguments=partial(arguments, verb="seed"),
        probe=both,
        secrets=SECRETS,
    ),
    Case(
        name="a source that publishes nothing",
        system=movers(),
        arguments=partial(arguments, verb="seed"),
        probe=both,
        refused="Run wave_prepare first",
        secrets=SECRETS,
    ),
    Case(
        name="a host without room for the dump",
        system=movers("prepare"),
        arguments=partial(arguments, verb="seed", spool_room={"db1": {"room": {"spool": DISK}}}),
        probe=both,
        refused="host db1: /spool is '0 MB free'",
        secrets=SECRETS,
    ),
)
