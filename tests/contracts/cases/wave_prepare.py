# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from functools import partial

from integration.tenant_databases import live

from contracts.harness import Case
from contracts.wave_system import SCHEMA, TENANT_PASSWORD, WAVE_PASSWORD, arguments, both, movers

SECRETS = (live.PASSWORD, WAVE_PASSWORD, TENANT_PASSWORD, "SCRAM-SHA")
MISSING = "INSERT INTO pg_extension SELECT 99999, 'x_missing', 10, 2200, true, '1'"
DISK = {"folder": "/data", "free_bytes": 10**6, "size_bytes": 10**9, "device": "1"}
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
    Case(
        name="a target that lacks an extension",
        system=movers(schema=(*SCHEMA, "RESET ROLE", MISSING)),
        arguments=partial(arguments, verb="prepare"),
        probe=both,
        refused="the target's primary: extension is 'x_missing'",
        secrets=SECRETS,
    ),
    Case(
        name="a target whose disk is too small",
        system=movers(),
        arguments=partial(arguments, verb="prepare", room={"db1": {"room": {"data": DISK, "wal": DISK}}}),
        probe=both,
        refused="host db1: /data is '0 MB free'",
        secrets=SECRETS,
    ),
)
