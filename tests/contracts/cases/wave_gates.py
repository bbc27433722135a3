# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integration.tenant_databases import live

from contracts.cases.wave_members import discovered, probe
from contracts.harness import Case, System
from contracts.postgres_system import own_postgres

PROBED = {"member": "acme", "name": "relay", "target": "tcp://relay.example:25", "ok": True, "evidence": "connected"}


def arguments(system: System, **more: Any) -> Mapping[str, Any]:
    return {**system.facts["cluster"].access, "members": ["acme"], "runner": "ann", **more}


CASES = (
    Case(
        name="gates that are passed",
        system=own_postgres(discovered),
        arguments=lambda system: arguments(system, gates=["dispositions", "probes"], probes=[PROBED]),
        probe=probe,
        changes=False,
        secrets=(live.PASSWORD,),
    ),
    Case(
        name="every gate that is not passed is named",
        system=own_postgres(discovered),
        arguments=arguments,
        probe=probe,
        refused="member acme: gate approval",
        secrets=(live.PASSWORD,),
    ),
    Case(
        name="an integration that does not answer is named",
        system=own_postgres(discovered),
        arguments=lambda system: arguments(system, gates=["probes"], probes=[PROBED, {**PROBED, "ok": False}]),
        probe=probe,
        refused="gate probes is '1 of 2 passed; relay (tcp://relay.example:25): connected'",
        secrets=(live.PASSWORD,),
    ),
)
