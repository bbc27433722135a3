# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from integration.tenant_databases import live

from contracts.harness import Case, System
from contracts.postgres_system import own_postgres

OPERATION = str(uuid.UUID(int=1))


def arguments(system: System) -> Mapping[str, Any]:
    cluster: live.LiveCluster = system.facts["cluster"]
    folder = system.facts["folder"]
    return {
        **cluster.access,
        "event": "begin",
        "operation": OPERATION,
        "playbook": "site",
        "operator": "ann",
        "spool": f"{folder}/spool",
    }


def probe(system: System) -> object:
    """Everything but the ledger itself, whose growth is no change; of that, that no spool was left."""
    cluster: live.LiveCluster = system.facts["cluster"]
    databases = cluster.rows("postgres", "SELECT datname FROM pg_database WHERE datname <> 'erpops' ORDER BY 1")
    waiting = [path.name for path in Path(system.facts["folder"]).glob("spool/*.jsonl")]
    return databases, waiting


CASES = (
    Case(
        name="recording is no change",
        system=own_postgres(),
        arguments=arguments,
        probe=probe,
        changes=False,
        secrets=(live.PASSWORD,),
    ),
)
