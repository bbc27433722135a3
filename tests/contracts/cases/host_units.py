# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contracts.harness import Case, System, lab_host

FOLDER = "/usr/local/lib/systemd/system"  # not /etc: there a unit cannot be masked
UNITS = ("running", "stale", "told", "broken", "unwanted", "hidden", "once", "refused", "undone")
NAMES = " ".join(f"contract-{name}.service" for name in UNITS)
CLEAN = f"""systemctl unmask -q contract-unwanted contract-hidden || true
systemctl stop {NAMES} contract-tick.timer 2>/dev/null || true
systemctl disable -q {NAMES} contract-tick.timer 2>/dev/null || true; systemctl reset-failed {NAMES} 2>/dev/null || true
rm -rf {FOLDER}/contract-* /etc/systemd/system/contract-* /srv/contract-units /run/erpops/units/contract-*
systemctl daemon-reload"""
BEGIN = f"""{CLEAN}
mkdir -p /srv/contract-units {FOLDER}; cd {FOLDER}
install='[Install]\\nWantedBy=multi-user.target\\n'
for unit in running stale told broken unwanted; do
  printf "[Service]\\nExecStart=/bin/sleep infinity\\nExecReload=/bin/true\\n$install" > contract-$unit.service
done
printf "[Service]\\nType=oneshot\\nExecStart=/bin/sh -c 'echo ran >> /srv/contract-units/log'\\n" \\
  > contract-once.service
printf "[Unit]\\nConditionPathExists=/none\\n[Service]\\nExecStart=/bin/sleep 9\\n$install" > contract-refused.service
printf "[Service]\\nExecStart=/bin/sleep infinity\\nExecReload=/bin/touch /srv/contract-units/effect\\n$install" \\
  > contract-undone.service
printf "[Timer]\\nOnCalendar=daily\\nUnit=contract-once.service\\n$install" > contract-tick.timer
systemctl daemon-reload
systemctl start contract-running contract-stale contract-told contract-unwanted contract-undone
sed -i 's/infinity/1000000/' contract-running.service
touch /srv/contract-units/conf"""


def arguments(_system: System) -> Mapping[str, Any]:
    conf = ["/srv/contract-units/conf"]
    return {
        "units": [
            {"name": "contract-running.service", "state": "started", "enabled": True},
            {"name": "contract-stale.service", "state": "started", "restart_when": conf},
            {"name": "contract-told.service", "state": "started", "reload_when": conf},
            {"name": "contract-broken.service", "state": "started", "enabled": True},
            {"name": "contract-unwanted.service", "state": "masked"},
            {"name": "contract-hidden.service", "state": "masked"},
            {"name": "contract-once.service", "state": "started", "restart_when": conf},
            {"name": "contract-refused.service", "state": "started", "enabled": True},
            {
                "name": "contract-undone.service",
                "state": "started",
                "in_effect": ["/bin/test", "-e", "/srv/contract-units/effect"],
            },
            {"name": "contract-tick.timer", "state": "started", "enabled": True},
        ]
    }


def probe(system: System) -> object:
    """What systemd and the file system say, by other commands than the module's."""
    pids = f"systemctl show -P MainPID {NAMES} | tr -d '\\n'"
    return system.shell(
        f"systemctl is-active {NAMES} || true; systemctl is-enabled {NAMES} contract-tick.timer || true; {pids}; "
        "find /etc/systemd/system {FOLDER} -name 'contract-*' | sort; cat /srv/contract-units/log || true; "
        "ls /srv/contract-units; stat -c %Y /run/erpops/units/contract-told.service || true"
    )


def unknown(_system: System) -> Mapping[str, Any]:
    return {"units": [{"name": "contract", "state": "started"}, {"name": "contract@.service", "state": "started"}]}


CASES = (
    Case(name="all states", system=lab_host(BEGIN, clean=CLEAN), arguments=arguments, probe=probe),
    Case(
        name="contradictions are refused together",
        system=lab_host(BEGIN, clean=CLEAN),
        arguments=unknown,
        probe=probe,
        refused="Give the full name",
    ),
)
