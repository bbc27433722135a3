#!/usr/bin/python
# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
---
module: wave_gates
short_description: Refuse a cutover whose gates are not passed
version_added: 0.1.0
description:
  - Holds what the store knows of members against the gates of a cutover. Every gate of every member is evaluated, and
    all that are not passed are said at once.
  - It only reads.
options:
  members:
    description: Names of the members.
    type: list
    elements: str
    required: true
  gates:
    description:
      - V(preflight) - nothing that stops a wave was found, or each was waived; see M(erpops.odoo.wave_preflight).
      - V(dispositions) - what discovery found is settled by a person.
      - V(probes) - every declared integration has answered; see O(probes).
      - V(hostname) - whoever asks for a hostname of it reaches the edge, and there its page; see O(hostnames).
      - V(rehearsal) - the last rehearsal passed, is not too old, and updated what the cutover would update.
      - V(update) - no module is updated by the cutover; see O(updates).
      - V(budget) - what rehearsals make expect fits into O(window_seconds).
      - V(window) - it is the time that the plan gives the member.
      - V(restore_point) - somebody has named one of the source, not too long ago; see O(restore_point_hours).
      - V(acceptance) - the business owner has accepted the rehearsal, since it was.
      - V(approval) - a second person has approved; neither the one who accepted nor the one who runs it.
    type: list
    elements: str
    choices:
      [preflight, dispositions, probes, hostname, rehearsal, update,
       budget, window, restore_point, acceptance, approval]
    default:
      [preflight, dispositions, probes, hostname, rehearsal, update,
       budget, window, restore_point, acceptance, approval]
  runner:
    description: Who runs the cutover.
    type: str
    required: true
  unsettled:
    description: Dispositions that are not settled, as sentences by member.
    type: dict
    default: {}
  probes:
    description: Results of M(erpops.odoo.wave_probes) for the members. Without them gate V(probes) is not passed.
    type: list
    elements: dict
  hostnames:
    description: Results of M(erpops.odoo.wave_hostnames) for the members. Without them gate V(hostname) is not passed.
    type: list
    elements: dict
  updates:
    description:
      - Modules that the cutover updates, as a list by member. Gate V(update) refuses them until it is waived, since an
        update that changes the schema ends the way back.
    type: dict
    default: {}
  preflight:
    description: What stops each member, as M(erpops.odoo.wave_preflight) returns it in C(stopping).
    type: dict
    default: {}
  rehearsal_hours:
    description: How old the last rehearsal may be.
    type: float
    default: 168.0
  restore_point_hours:
    description: How old the restore point of the source may be that C(wave_approve) recorded.
    type: float
    default: 24.0
  window_hours:
    description: How long a planned window lasts.
    type: float
    default: 8.0
  window_seconds:
    description: How long nobody may serve.
    type: float
    default: 300.0
extends_documentation_fragment:
  - erpops.odoo.postgres
  - erpops.odoo.waivers
attributes:
  check_mode:
    description: It only reads.
    support: full
  diff_mode:
    description: It only reads.
    support: none
  idempotent:
    description: It only reads.
    support: full
requirements:
  - psycopg >= 3.1 (python3-psycopg)
seealso:
  - module: erpops.odoo.wave_members
  - module: erpops.odoo.wave_probes
  - module: erpops.odoo.wave_hostnames
  - module: erpops.odoo.wave_cutover
  - module: erpops.odoo.wave_preflight
author:
  - erpops maintainers (@erpops)
"""

EXAMPLES = r"""
- name: Whether acme may be cut over
  erpops.odoo.wave_gates:
    members: [acme]
    runner: ann
    probes: "{{ probed.probes }}" # of wave_probes
    hostnames: "{{ outside.hostnames }}" # of wave_hostnames
    waivers:
      - {member: acme, gate: window, reason: "the customer asked for it today", until: "2027-01-31"}
    postgres_hosts: [10.0.0.21, 10.0.0.22]
    postgres_password: "{{ estate_secret | erpops.odoo.estate_password('erpops_admin') }}"
  run_once: true
"""

RETURN = r"""
gates:
  description: Every gate of every member.
  returned: success
  type: list
  elements: dict
  sample:
    - {member: acme, gate: approval, passed: true, evidence: "ann, 2027-01-11T18:00:00Z", cure: "", waived: ""}
problems:
  description: Every gate that is not passed.
  returned: failure
  type: list
  elements: dict
"""

from datetime import UTC, datetime
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import conclude, guarded
from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Problem
from ansible_collections.erpops.odoo.plugins.module_utils.estate.arguments import POSTGRES
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import require_psycopg, server_from
from ansible_collections.erpops.odoo.plugins.module_utils.wave import gates, inputs, store
from ansible_collections.erpops.odoo.plugins.module_utils.wave.chosen import names_from

ARGUMENTS: dict[str, Any] = {
    **POSTGRES,
    "members": {"type": "list", "elements": "str", "required": True},
    "gates": {"type": "list", "elements": "str", "choices": list(gates.GATES), "default": list(gates.GATES)},
    "runner": {"type": "str", "required": True},
    "unsettled": {"type": "dict", "default": {}},
    "probes": {"type": "list", "elements": "dict"},
    "hostnames": {"type": "list", "elements": "dict"},
    "updates": {"type": "dict", "default": {}},
    "preflight": {"type": "dict", "default": {}},
    "rehearsal_hours": {"type": "float", "default": 168.0},
    "restore_point_hours": {"type": "float", "default": 24.0},
    "window_hours": {"type": "float", "default": 8.0},
    "window_seconds": {"type": "float", "default": 300.0},
    "waivers": inputs.WAIVERS,
}


def run(module: AnsibleModule) -> None:
    parameters = module.params
    require_psycopg(module)
    waivers = gates.waivers_from(parameters["waivers"])
    with store.reading(server_from(parameters)) as connection:
        known = store.members(connection, parameters["members"])
    unknown = [name for name in parameters["members"] if name not in known]
    if unknown:
        cure = "The store does not know it yet; run wave_prepare first."
        raise InputError("Members are unknown.", [Problem(f"member {name}", "", "", cure) for name in unknown])
    choices = gates.Choices(
        runner=parameters["runner"],
        now=datetime.now(UTC),
        unsettled=parameters["unsettled"],
        probes=parameters["probes"],
        hostnames=parameters["hostnames"],
        updates={name: names_from(value) for name, value in parameters["updates"].items()},
        preflight=parameters["preflight"],
        rehearsal_hours=parameters["rehearsal_hours"],
        restore_point_hours=parameters["restore_point_hours"],
        window_hours=parameters["window_hours"],
        window_seconds=parameters["window_seconds"],
    )
    found = gates.found([known[name] for name in parameters["members"]], parameters["gates"], waivers, choices)
    gates.refuse(found)
    conclude(module, before={}, after={}, actions=(), gates=[each.as_dict() for each in found])


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    guarded(module, lambda: run(module))


if __name__ == "__main__":
    main()
