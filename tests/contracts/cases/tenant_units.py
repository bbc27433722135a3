# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.estate.secrets import derive
from contracts.app_system import FILES, NAME, SECRET, UNIT, given, own_tenant
from contracts.harness import Case, System

SECRETS = (SECRET, *(derive(SECRET, purpose, NAME) for purpose in ("postgres", "redis", "odoo_master")))
SEE = f"""find {FILES} -type f -not -path '*/filestore/*' -not -path '*/sessions/*' -not -path '*/addons/*' \\
  2>/dev/null | sort | xargs -r sha256sum
systemctl show --property=LoadState,ActiveState,MemoryMax {UNIT}
podman ps --format '{{{{.Names}}}} {{{{.ID}}}}' | grep {NAME} || true
podman network ls --format '{{{{.Name}}}}' | sort"""


def probe(system: System) -> object:
    return system.shell(SEE)


def arguments(state: str = "present", **more: Any) -> Any:
    def made(system: System) -> Mapping[str, Any]:
        return given(state, address=system.facts["app"].address, start_timeout_seconds=600, **more)(system)

    return made


def served(system: System) -> None:
    done = system.run("tenant_units", arguments()(system), False)
    assert not done.get("failed"), done.get("msg")


def touched(system: System) -> None:
    """As a run leaves it that is killed between writing and restarting."""
    served(system)
    system.shell(f"sleep 1.1; touch /etc/erpops/tenants/{NAME}/pgpass")


def throttled(system: System) -> None:
    served(system)
    system.shell(f"systemctl set-property {UNIT} MemoryMax=900M")


CASES = (
    Case(name="starts a tenant", system=own_tenant(), arguments=arguments(), probe=probe, secrets=SECRETS),
    Case(name="heals a killed run", system=own_tenant(touched), arguments=arguments(), probe=probe, secrets=SECRETS),
    Case(name="takes back a limit", system=own_tenant(throttled), arguments=arguments(), probe=probe, secrets=SECRETS),
    Case(name="suspends", system=own_tenant(served), arguments=arguments("suspended"), probe=probe, secrets=SECRETS),
    Case(name="removes units", system=own_tenant(served), arguments=arguments("absent"), probe=probe, secrets=SECRETS),
    Case(
        name="refuses a tenant without a number",
        system=own_tenant(database=False),
        arguments=arguments(allocations=[]),
        probe=probe,
        refused="The registry gave it no number",
        secrets=SECRETS,
    ),
)
