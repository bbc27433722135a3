# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integration.tenant_databases import live

from contracts.cases.tenant_databases import SECRETS, converged
from contracts.harness import Case, System
from contracts.postgres_system import everything, own_postgres


def declaring(*names: str, limit: int = 20) -> Any:
    def arguments(system: System) -> Mapping[str, Any]:
        access = system.facts["cluster"].access
        return {
            **{name: value for name, value in access.items() if name.startswith("postgres_")},
            "declared": list(names),
            "shrink_limit_percent": limit,
        }

    return arguments


CASES = (
    Case(
        name="everybody is declared",
        system=own_postgres(converged),
        arguments=declaring("acme", "birch"),
        probe=everything,
        changes=False,
        secrets=SECRETS,
    ),
    Case(
        name="half of them is left out, as is allowed",
        system=own_postgres(converged),
        arguments=declaring("acme", limit=50),
        probe=everything,
        changes=False,
        secrets=SECRETS,
    ),
    Case(
        name="too many are left out",
        system=own_postgres(converged),
        arguments=declaring("acme"),
        probe=everything,
        refused="1 of 2 registered tenants are no longer declared",
        secrets=SECRETS,
    ),
    Case(
        name="there is no registry yet",
        system=own_postgres(live.build_template),
        arguments=declaring(),
        probe=everything,
        changes=False,
        secrets=SECRETS,
    ),
)
