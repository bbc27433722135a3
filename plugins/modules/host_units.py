#!/usr/bin/python
# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: host_units
short_description: Bring all systemd units of a role to their wanted state in one call
version_added: 0.1.0
description:
  - Starts, stops, masks, enables, restarts and reloads units, and waits until those that shall run do.
  - Restarts are decided from live state. A unit restarts when one of its files is newer than its last start, so a
    run that was killed between writing and restarting is healed by the next.
  - Runs C(daemon-reload) when systemd says that it is needed, when a unit's file changed, or when a Quadlet file has
    no service yet.
  - Units are started together; restarts and reloads happen one at a time, and the first that fails ends the run.
author:
  - erpops maintainers (@erpops)
attributes:
  check_mode:
    description: Predicts the actions and does none. A unit that does not exist yet is taken as one that will.
    support: full
  diff_mode:
    description: Shows the declared aspects of all units before and after.
    support: full
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
options:
  units:
    description: The units, in the order in which they restart.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Full name with its type, such as V(example.service). Templates can be enabled and masked only.
        type: str
        required: true
      state:
        description:
          - V(started) for a one-shot service means that it has succeeded since boot, and since its files changed.
          - A unit that its own conditions keep from starting counts as started until one of its files is newer.
          - V(masked) stops it too, and works before its package is installed.
          - Without it, the unit stays as it is, but restarts and reloads when it runs.
        type: str
        choices: [started, stopped, masked]
      enabled:
        description: Whether it starts at boot. Without it, that stays as it is.
        type: bool
      restart_when:
        description: Restart the unit when one of these files or directories is newer than its last start.
        type: list
        elements: str
        default: []
      reload_when:
        description: Reload the unit when one of these files or directories is newer than its last start or reload.
        type: list
        elements: str
        default: []
      in_effect:
        description:
          - A command that ends with 0 while what the unit loaded is in effect, and with 1 where somebody changed that
            since. The unit is then reloaded. The command must write nothing, since check mode runs it too.
          - In check mode a command that is not there yet says nothing.
        type: list
        elements: str
        default: []
      started_by_package:
        description:
          - Its package enables and starts it by itself. In check mode a unit that does not exist yet is then taken for
            started, since that is what the installation before this task leaves.
        type: bool
        default: false
  changed_files:
    description:
      - Files that M(erpops.odoo.host_files) changed, or in check mode would change.
      - Check mode needs it to predict restarts, since the files are not there yet.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds within which the started units, and each restarted or reloaded one, must run.
    type: int
    default: 120
notes:
  - The time of the last start or reload is also kept as that of a file C(/run/erpops/units/UNIT). Whoever reloads a
    unit for its new files may touch it.
"""

EXAMPLES = r"""
- name: Units of a host
  erpops.odoo.host_units:
    units:
      - name: systemd-journald.service
        state: started
        restart_when: [/etc/systemd/journald.conf]
      - name: rpcbind.socket
        state: masked
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be.
  returned: success
  type: list
  elements: dict
  contains:
    verb:
      description:
        - V(daemon-reload), V(stop), V(mask), V(unmask), V(enable), V(disable), V(start), V(restart) or V(reload).
      type: str
    subject:
      description: The unit.
      type: str
    detail:
      description: Why, such as the files that are newer.
      type: str
  sample: [{"verb": "restart", "subject": "unit example.service", "detail": "newer: /etc/example.conf"}]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import conclude, guarded
from ansible_collections.erpops.odoo.plugins.module_utils.host import converge
from ansible_collections.erpops.odoo.plugins.module_utils.host.model import unit_from

UNIT = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["started", "stopped", "masked"]},
    "enabled": {"type": "bool"},
    "restart_when": {"type": "list", "elements": "str", "default": []},
    "reload_when": {"type": "list", "elements": "str", "default": []},
    "in_effect": {"type": "list", "elements": "str", "default": []},
    "started_by_package": {"type": "bool", "default": False},
}


def run(module: AnsibleModule) -> None:
    done = converge.units(
        [unit_from(value) for value in module.params["units"]],
        module.params["changed_files"],
        check_mode=module.check_mode,
        timeout=module.params["timeout"],
    )
    conclude(module, before=done.before, after=done.after, actions=done.actions)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "units": {"type": "list", "elements": "dict", "options": UNIT, "required": True},
            "changed_files": {"type": "list", "elements": "str", "default": []},
            "timeout": {"type": "int", "default": 120},
        },
        supports_check_mode=True,
    )
    guarded(module, lambda: run(module))


if __name__ == "__main__":
    main()
