#!/usr/bin/python
# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
---
module: wave_members
short_description: Read the members of waves, and take their steps from state to state
version_added: 0.1.0
description:
  - Without O(steps) it only reads the members, their locks and the verbs that may come next.
  - With O(steps) all of them are taken in one transaction, each with its entry in the ledger, or none is. What the
    table of states forbids is refused with the member, its state and what is possible.
  - V(begin) takes the member's lock for O(operation) and V(end) releases it. Of two operations at the same instant
    exactly one gets it; the other is told who holds it, since when, and how to break it.
options:
  names:
    description: The members to return. All of them by default.
    type: list
    elements: str
  steps:
    description: Steps to take, one for each member.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The member.
        type: str
        required: true
      kind:
        description:
          - V(begin) brings it to the running state of O(steps[].verb); what a run that died left is taken up.
          - V(end) brings it to O(steps[].outcome).
          - V(record) is for a verb without a running state.
          - V(note) lays O(steps[].facts) over those that are there and leaves state and lock alone.
        type: str
        required: true
        choices: [begin, end, record, note]
      verb:
        description: The verb that runs; not for V(note).
        type: str
        choices:
          - wave_discover
          - wave_plan
          - wave_prepare
          - wave_seed
          - wave_rehearse
          - wave_cutover
          - wave_keep
          - wave_rollback
          - wave_commit
      outcome:
        description: The state that it ends in; not for V(begin) and V(note).
        type: str
        choices:
          - discovered
          - planned
          - preparing
          - prepared
          - seeding
          - following
          - diverged
          - cutting_over
          - live
          - rolling_back
          - rolled_back
          - withdrawn
          - committing
          - committed
      facts:
        description: Facts that are laid over those that are there; never secrets.
        type: dict
        default: {}
      host:
        description: The legacy host; needed once.
        type: str
      database:
        description: The database's name there; needed once.
        type: str
      wave:
        description: The member's wave in the plan, from 1.
        type: int
  operation:
    description: The ledger's operation, as M(erpops.odoo.ledger) returned it. Needed with O(steps).
    type: str
  owner:
    description: Who runs it.
    type: str
  playbook:
    description: The playbook that runs.
    type: str
  break_locks:
    description:
      - Names of members whose lock is taken over although another operation holds it. The ledger keeps from whom.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - erpops.odoo.postgres
  - erpops.odoo.absence
attributes:
  check_mode:
    description: Refuses and predicts what the run would, and writes nothing.
    support: full
  diff_mode:
    description: Shows the members' states and facts.
    support: full
  idempotent:
    description: A step that the same operation has taken already changes nothing.
    support: full
requirements:
  - psycopg >= 3.1 (python3-psycopg)
seealso:
  - module: erpops.odoo.ledger
author:
  - erpops maintainers (@erpops)
"""

EXAMPLES = r"""
- name: Members and what may come next
  erpops.odoo.wave_members:
    postgres_hosts: [10.0.0.21, 10.0.0.22]
    postgres_password: "{{ estate_secret | erpops.odoo.estate_password('erpops_admin') }}"
  register: members
  run_once: true

- name: Begin to seed
  erpops.odoo.wave_members:
    steps:
      - {name: acme, kind: begin, verb: wave_seed}
    operation: "{{ ledger_operation }}"
    owner: ann
    playbook: wave_seed
    postgres_hosts: [10.0.0.21, 10.0.0.22]
    postgres_password: "{{ estate_secret | erpops.odoo.estate_password('erpops_admin') }}"
  run_once: true
"""

RETURN = r"""
members:
  description: The members, in the order of their names; in check mode as the run would leave them.
  returned: success
  type: list
  elements: dict
  sample:
    - {name: acme, host: legacy1, database: acme_prod, state: following, wave: 1, serves: source}
  contains:
    name: {description: Its name and the tenant's., type: str}
    host: {description: Its legacy host., type: str}
    database: {description: Its database there., type: str}
    state: {description: Its state., type: str}
    origin: {description: The state that a running verb came from., type: str}
    wave: {description: Its wave in the plan., type: int}
    facts: {description: What runs have measured., type: dict}
    operation: {description: The operation that moved it last., type: str}
    since: {description: "Since when it is in its state, ISO 8601 in UTC.", type: str}
    serves: {description: "Who serves its users: V(source), V(target) or V(nobody).", type: str}
    next_verbs: {description: Verbs that may be run now., type: list, elements: str}
    lock: {description: "Who holds its lock, or null.", type: dict}
primary:
  description: The address, of O(postgres_hosts), of the server that accepts writes; empty where there is no store.
  returned: success
  type: str
  sample: 10.0.0.21
problems:
  description: Every reason against the steps.
  returned: failure
  type: list
  elements: dict
"""

from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import conclude, guarded
from ansible_collections.erpops.odoo.plugins.module_utils.estate.arguments import ABSENCE, POSTGRES
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import (
    PSYCOPG_ERROR,
    require_psycopg,
    server_from,
)
from ansible_collections.erpops.odoo.plugins.module_utils.wave import inputs, store
from ansible_collections.erpops.odoo.plugins.module_utils.wave.plan import snapshot

ARGUMENTS: dict[str, Any] = {
    **POSTGRES,
    **ABSENCE,
    "names": {"type": "list", "elements": "str"},
    "steps": {"type": "list", "elements": "dict", "options": inputs.STEP, "default": []},
    "operation": {"type": "str"},
    "owner": {"type": "str"},
    "playbook": {"type": "str"},
    "break_locks": {"type": "list", "elements": "str", "default": []},
}


def run(module: AnsibleModule) -> None:
    parameters = module.params
    absent = parameters["postgres_evidence_of_absence"] and not parameters["steps"]
    if absent and PSYCOPG_ERROR is not None:
        conclude(module, before={}, after={}, actions=(), primary="", members=[])
    require_psycopg(module)
    server, who = server_from(parameters), inputs.run_from(parameters)
    steps, names = inputs.steps_from(parameters["steps"]), parameters["names"]
    if steps and not who.operation:
        module.fail_json(msg="steps need an operation: give the one that erpops.odoo.ledger returned for the begin.")
    writes = bool(steps) and not module.check_mode
    opened: AbstractContextManager[Any] = store.opened(server) if writes else store.reading(server, absent=absent)
    with opened as connection:
        before = store.members(connection)
        take = store.applied if writes else store.predicted
        changes = take(connection, who, steps, parameters["break_locks"])
        held = store.locks(connection)
        primary = connection.info.host if connection is not None else ""
    after = inputs.after_changes(before, changes, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    touched = sorted({change.after.name for change in changes})
    conclude(
        module,
        before=snapshot({name: before.get(name) for name in touched}),
        after=snapshot({name: after[name] for name in touched}),
        actions=[inputs.action_of(change) for change in changes],
        primary=primary,
        members=[inputs.shown(each, held.get(name)) for name, each in after.items() if names is None or name in names],
    )


def main() -> None:
    module = AnsibleModule(
        argument_spec=ARGUMENTS,
        supports_check_mode=True,
    )
    guarded(module, lambda: run(module))


if __name__ == "__main__":
    main()
