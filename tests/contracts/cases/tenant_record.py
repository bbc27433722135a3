# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integration.tenant_databases import live

from contracts.cases.tenant_databases import INSTANCE, SECRETS, converged
from contracts.harness import Case, System
from contracts.postgres_system import everything, own_postgres

NEWER = "localhost/odoo@sha256:0123"


def running(image: str) -> Any:
    def arguments(system: System) -> Mapping[str, Any]:
        access = system.facts["cluster"].access
        return {
            **{name: value for name, value in access.items() if name.startswith("postgres_")},
            "images": [{"name": "acme", "image": image}, {"name": "unborn", "image": image}],
            "databases": [{"name": "acme", "database_bytes": 3 * 1024**3, "limit_bytes": 5 * 1024**3}],
            "filestores": [{"name": "acme", "filestore_bytes": 3 * 1024**3, "files": 1, "limit_gb": 5}],
        }

    return arguments


CASES = (
    Case(
        name="a unit runs another image",
        system=own_postgres(converged),
        arguments=running(NEWER),
        probe=everything,
        secrets=SECRETS,
    ),
    Case(
        name="a unit runs what is known",
        system=own_postgres(converged),
        arguments=running(INSTANCE["image"]),
        probe=everything,
        changes=False,
        secrets=SECRETS,
    ),
    Case(
        name="there is no registry yet",
        system=own_postgres(live.build_template),
        arguments=running(NEWER),
        probe=everything,
        changes=False,
        secrets=SECRETS,
    ),
)
