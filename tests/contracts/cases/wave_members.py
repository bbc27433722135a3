# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from integration.tenant_databases import live

from contracts.harness import Case, System
from contracts.postgres_system import own_postgres

OPERATION = str(uuid.UUID(int=1))
DISCOVERED = {
    "name": "acme",
    "kind": "record",
    "verb": "wave_discover",
    "outcome": "discovered",
    "host": "legacy1",
    "database": "acme_prod",
}


def discovered(cluster: live.LiveCluster) -> None:
    run = {"operation": OPERATION, "owner": "ann", "playbook": "wave_discover"}
    live.run_module("wave_members", {**cluster.access, **run, "steps": [DISCOVERED]})


def arguments(system: System, **step: Any) -> Mapping[str, Any]:
    taken = {"name": "acme", "kind": "record", "verb": "wave_plan", "outcome": "planned", "wave": 1, **step}
    run = {"operation": str(uuid.UUID(int=2)), "owner": "bob", "playbook": "wave_plan"}
    given = {key: value for key, value in taken.items() if value is not None}
    return {**system.facts["cluster"].access, **run, "steps": [given]}


def probe(system: System) -> object:
    cluster: live.LiveCluster = system.facts["cluster"]
    tables = ("wave.member", "ledger.entry", "ledger.lock")
    return [cluster.rows("erpops", f"SELECT * FROM {table} ORDER BY 1") for table in tables]


CASES = (
    Case(
        name="a member is planned",
        system=own_postgres(discovered),
        arguments=arguments,
        probe=probe,
        secrets=(live.PASSWORD,),
    ),
    Case(
        name="a verb that does not start here",
        system=own_postgres(discovered),
        arguments=lambda system: arguments(system, kind="begin", verb="wave_cutover", outcome=None),
        probe=probe,
        refused="wave_cutover starts from following",
        secrets=(live.PASSWORD,),
    ),
    Case(
        name="members are read",
        system=own_postgres(discovered),
        arguments=lambda system: system.facts["cluster"].access,
        probe=probe,
        changes=False,
        secrets=(live.PASSWORD,),
    ),
)
