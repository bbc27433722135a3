# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from integration.tenant_databases import live

from contracts.cases.wave_members import discovered, probe
from contracts.harness import Case
from contracts.postgres_system import own_postgres

CASES = (
    Case(
        name="the members are read",
        system=own_postgres(discovered),
        arguments=lambda system: system.facts["cluster"].access,
        probe=probe,
        changes=False,
        secrets=(live.PASSWORD,),
    ),
)
