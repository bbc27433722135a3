#!/usr/bin/python
# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
---
module: wave_preflight
short_description: Hold members against the catalogue of what can go wrong with a move
version_added: 0.1.0
description:
  - Holds what discovery found of each member, and what is declared of it, against every rule of the catalogue in
    C(docs/preflight.md). Each finding has its rule, severity, evidence and cure.
  - V(high) stops a wave. Such findings are refused, all of all members at once, unless something that is declared
    settles them (what O(allow) lets C(wave_prepare) do) or a waiver with a reason counts until its date.
  - It runs on the controller and changes nothing.
options:
  names:
    description: The members to look at; all of them by default. An empty list is refused.
    type: list
    elements: str
  allow:
    description: What C(wave_move_allow) lets C(wave_prepare) change on the source; it settles what it cures.
    type: list
    elements: str
    default: []
    choices: [settings, role, replica_identity, functions, dump, restart]
  roles:
    description: Roles of the source that get their rights on the target, as C(wave_move_roles).
    type: dict
    default: {}
  dropped_modules:
    description: Modules that nobody needs any more, as a list by member, as C(wave_move_dropped_modules).
    type: dict
    default: {}
  allow_shared_roles:
    description: As C(wave_move_allow_shared_roles).
    type: bool
    default: false
  clusters:
    description:
      - The PostgreSQL clusters that members move to, as the filter P(erpops.odoo.postgres_clusters#filter) gives them.
      - Nothing is said of one that is not among them.
    type: list
    elements: dict
    default: []
  source_ports:
    description: The port of PostgreSQL on each legacy host, as C(wave_source_port) says it; 5432 where none is given.
    type: dict
    default: {}
  refuse:
    description: Fail where something stops a member. Without, it is only said.
    type: bool
    default: true
extends_documentation_fragment:
  - erpops.odoo.discovered
  - erpops.odoo.estate
  - erpops.odoo.waivers
attributes:
  check_mode:
    description: It only reads.
    support: full
  diff_mode:
    description: It only reads.
    support: none
  idempotent:
    description: The same results of discovery and declarations give the same findings on one day.
    support: full
seealso:
  - module: erpops.odoo.wave_gates
  - module: erpops.odoo.wave_prepare
author:
  - erpops maintainers (@erpops)
"""

EXAMPLES = r"""
- name: Whether acme may be prepared
  erpops.odoo.wave_preflight:
    discovery: "{{ inventory_dir }}/discovery"
    members:
      - {name: acme, host: legacy1, database: acme_prod}
    allow: [settings, restart, role, replica_identity, functions]
    waivers:
      - member: acme
        gate: preflight
        rule: missing_modules
        reason: the customer looks for the code of x_gone
        until: "2027-01-31"
    instances: "{{ odoo_instances }}"
    tenants: "{{ odoo_tenants }}"
    tiers: "{{ odoo_tiers }}"
    clusters: "{{ postgres_clusters | default([]) | erpops.odoo.postgres_clusters(groups['postgres']) }}"
  delegate_to: localhost
"""

RETURN = r"""
findings:
  description: What was found, the gravest first within each member.
  returned: success
  type: list
  elements: dict
  sample:
    - {member: acme, rule: wal_disk, severity: high, evidence: "900 MB are free where the WAL is.", stops: true}
  contains:
    member: {description: Its name., type: str}
    rule: {description: The rule's id., type: str}
    area: {description: The rule's area in the catalogue., type: str}
    severity: {description: "V(high), V(medium) or V(low).", type: str}
    title: {description: What is wrong., type: str}
    evidence: {description: The values found., type: str}
    cure: {description: What an operator can do., type: str}
    settled: {description: "What is declared that settles it, or empty.", type: str}
    waived: {description: "The reason of the waiver that counts, or empty.", type: str}
    until: {description: Its last day., type: str}
    expired: {description: The last day of a waiver that does not count any more., type: str}
    stops: {description: Whether it stops the member., type: bool}
said:
  description: The findings as sentences.
  returned: success
  type: list
  elements: str
stopping:
  description: The sentences of what stops each member, by its name.
  returned: success
  type: dict
facts:
  description: What the store of members keeps, by member.
  returned: success
  type: dict
problems:
  description: Everything that stops a member.
  returned: failure
  type: list
  elements: dict
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import conclude, guarded
from ansible_collections.erpops.odoo.plugins.module_utils.estate.arguments import ESTATE
from ansible_collections.erpops.odoo.plugins.module_utils.planning import sources
from ansible_collections.erpops.odoo.plugins.module_utils.planning.arguments import DISCOVERED
from ansible_collections.erpops.odoo.plugins.module_utils.preflight import evaluate
from ansible_collections.erpops.odoo.plugins.module_utils.wave import inputs
from ansible_collections.erpops.odoo.plugins.module_utils.wave.gates import waivers_from

ARGUMENTS: dict[str, Any] = {
    **ESTATE,
    **DISCOVERED,
    "names": {"type": "list", "elements": "str"},
    "allow": {
        "type": "list",
        "elements": "str",
        "default": [],
        "choices": ["settings", "role", "replica_identity", "functions", "dump", "restart"],
    },
    "roles": {"type": "dict", "default": {}},
    "dropped_modules": {"type": "dict", "default": {}},
    "allow_shared_roles": {"type": "bool", "default": False},
    "clusters": {"type": "list", "elements": "dict", "default": []},
    "source_ports": {"type": "dict", "default": {}},
    "waivers": inputs.WAIVERS,
    "refuse": {"type": "bool", "default": True},
}


def run(module: AnsibleModule) -> None:
    parameters = module.params
    declared = sources.members_from(parameters["members"])
    names = evaluate.chosen(parameters["names"], declared)
    found = evaluate.findings(
        names,
        declared,
        sources.read(Path(parameters["discovery"])),
        evaluate.targets_from(parameters),
        waivers_from(parameters["waivers"]),
        datetime.now(UTC).date(),
    )
    if parameters["refuse"]:
        evaluate.refuse(found)
    conclude(module, before={}, after={}, actions=(), **evaluate.shown(found, names))


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    guarded(module, lambda: run(module))


if __name__ == "__main__":
    main()
