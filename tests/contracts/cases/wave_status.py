# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

from integration.tenant_databases import live

from contracts.cases.wave_members import discovered, probe
from contracts.harness import Case, System
from contracts.postgres_system import own_postgres

FACTS = '{"cutover": {"at": "2026-11-23T05:00:00+00:00"}}'
LIVE = f"UPDATE wave.member SET state = 'live', origin = 'live', facts = '{FACTS}'"
MEASURED = {
    "host": "app1", "from": "x", "to": "y", "errors": 0, "routes": [],
    "requests": {"count": 3, "p50_seconds": 0.1, "p95_seconds": 0.2, "most_seconds": 0.2},
}  # fmt: skip


def live_member(cluster: live.LiveCluster) -> None:
    discovered(cluster)
    cluster.do("erpops", LIVE)


def measured(system: System) -> dict[str, Any]:
    cluster: live.LiveCluster = system.facts["cluster"]
    own = {"name": "main", "hosts": [cluster.address], "port": cluster.port}
    gone = {"name": "gone", "hosts": [cluster.address], "port": 1}  # what does not answer is left out
    return {**cluster.access, "measured": [{"acme": MEASURED}], "clusters": [own, gone]}


CASES = (
    Case(
        name="what was measured on the target is compared",
        system=own_postgres(live_member),
        arguments=measured,
        probe=probe,
        changes=False,
        secrets=(live.PASSWORD,),
    ),
    Case(
        name="the members are read",
        system=own_postgres(discovered),
        arguments=lambda system: system.facts["cluster"].access,
        probe=probe,
        changes=False,
        secrets=(live.PASSWORD,),
    ),
)
