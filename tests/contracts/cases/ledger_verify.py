# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import tempfile
from collections.abc import Mapping
from typing import Any

from integration.tenant_databases import live

from contracts.harness import Case, System
from contracts.postgres_system import own_postgres


def written(cluster: live.LiveCluster) -> None:
    with tempfile.TemporaryDirectory() as spool:
        given = {**cluster.access, "event": "begin", "playbook": "site", "spool": spool}
        for _turn in range(2):
            live.run_module("ledger", given)


def tampered(cluster: live.LiveCluster) -> None:
    written(cluster)
    cluster.do(
        "erpops",
        "ALTER TABLE ledger.entry DISABLE TRIGGER ALL",
        "ALTER TABLE ledger.entry DROP CONSTRAINT entry_hash",
        "UPDATE ledger.entry SET body = replace(body, 'site', 'tenant') WHERE position = 1",
    )


def arguments(system: System) -> Mapping[str, Any]:
    access: Mapping[str, Any] = system.facts["cluster"].access
    return access


def probe(system: System) -> object:
    return system.facts["cluster"].rows("erpops", "SELECT * FROM ledger.entry ORDER BY position")


CASES = (
    Case(
        name="a whole chain is read",
        system=own_postgres(written),
        arguments=arguments,
        probe=probe,
        changes=False,
        secrets=(live.PASSWORD,),
    ),
    Case(
        name="a changed entry is found",
        system=own_postgres(tampered),
        arguments=arguments,
        probe=probe,
        refused="entry 1 (changed)",
        secrets=(live.PASSWORD,),
    ),
)
