# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.estate.secrets import derive
from contracts.app_system import NAME, NUMBER, SECRET, given, own_tenant
from contracts.cases.odoo_smoke import copied, dropped
from contracts.harness import Case, System

UNIT = f"odoo-rehearsal-{NAME}"
PLACES = f"/etc/erpops/rehearsals/{NAME} /var/lib/containers/rehearsals/{NAME} /var/lib/systemd/timers/stamp-{UNIT}*"
UNITS = f"/etc/containers/systemd/{UNIT}* /etc/systemd/system/{UNIT}*"
SERVICES = f"{UNIT}.service {UNIT}_mail.service {UNIT}_net.service"
STORE = f"/var/lib/erpops/tenants/{NAME}/filestore/{NAME}"
SEE = f"""find {PLACES} {UNITS} -not -path '*/data/*' -not -path '*/work/*' -printf '%p %m %U\\n' 2>/dev/null | sort
cat {UNITS} 2>/dev/null || true
systemctl show --property=LoadState,ActiveState,UnitFileState {SERVICES} {UNIT}.socket {UNIT}_end.timer
find /run/netns -name {UNIT} 2>/dev/null || true
podman ps --format '{{{{.Names}}}}' | grep {UNIT} || true"""


def filed(system: System) -> None:
    copied(system)
    own = f"/var/lib/erpops/tenants/{NAME}"  # podman gives a layer the mode of what is beneath
    system.shell(f"mkdir -p {STORE}; chown -R {20000 + NUMBER}:{20000 + NUMBER} {own}; chmod -R u=rwX,go= {own}")


def gone(system: System) -> None:
    names = f"{UNIT}_end.timer {UNIT}.socket"
    system.shell(
        f"systemctl disable --now {names} 2>/dev/null || true; systemctl stop {SERVICES} 2>/dev/null || true;"
        f" rm -rf {PLACES} {UNITS}; systemctl daemon-reload"
    )
    dropped(system)


def arguments(state: str = "present", until: str = "2099-12-31") -> Any:
    def made(system: System) -> Mapping[str, Any]:
        values = {**given(tenant=NAME)(system), "state": state}
        return {**values, "until": until, "address": system.facts["app"].address} if state == "present" else values

    return made


def opened(system: System) -> None:
    filed(system)
    done = system.run("odoo_rehearsal", arguments()(system), False)
    assert not done.get("failed"), done.get("msg")


def probe(system: System) -> object:
    return system.shell(SEE)


def harmful(system: System) -> None:
    system.facts["postgres"].sql(f'CREATE DATABASE "{NAME}__rehearsal" TEMPLATE "{NAME}" OWNER "{NAME}"')


SECRETS = (SECRET, derive(SECRET, "postgres", NAME))
CASES = (
    Case(
        name="serves a copy",
        system=own_tenant(filed, clean=gone),
        arguments=arguments(),
        probe=probe,
        secrets=SECRETS,
    ),
    Case(
        name="another last day",
        system=own_tenant(opened, clean=gone),
        arguments=arguments(until="2099-12-30"),
        probe=probe,
        secrets=SECRETS,
    ),
    Case(
        name="takes it away",
        system=own_tenant(opened, clean=gone),
        arguments=arguments("absent"),
        probe=probe,
        secrets=SECRETS,
    ),
    Case(
        name="refuses a copy that is not neutralized",
        system=own_tenant(harmful, clean=gone),
        arguments=arguments(),
        probe=probe,
        refused="not a neutralized copy",
        secrets=SECRETS,
    ),
)
