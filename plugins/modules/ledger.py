#!/usr/bin/python
# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
---
module: ledger
short_description: Record who does what in the estate's append-only ledger
version_added: 0.1.0
description:
  - Adds an event to the hash-chained ledger in database C(erpops), which it makes on first use.
  - While the cluster is not there, the event waits in a spool on the host. The next call writes what waits, in order
    and once, even if several hosts have the same event.
  - Recording is never a change, and nothing is written in check mode.
options:
  event:
    description:
      - V(begin) and V(end) enclose an operation. V(end) releases the operation's locks.
      - V(approve) and V(evidence) belong to one.
      - V(lock) and V(unlock) take and release O(lock); they need the cluster and are never spooled.
    type: str
    required: true
    choices: [begin, end, approve, evidence, lock, unlock]
  operation:
    description: The operation's UUID. A V(begin) without one makes one.
    type: str
    default: ""
  playbook:
    description: What is run.
    type: str
    default: ""
  estate:
    description: Name of the estate.
    type: str
    default: ""
  operator:
    description: Who runs it.
    type: str
    default: ""
  awx_user:
    description: Who started the job in AWX.
    type: str
    default: ""
  awx_job:
    description: The job in AWX.
    type: str
    default: ""
  change_ticket:
    description: The change that it belongs to.
    type: str
    default: ""
  commit:
    description: The commit that the inventory is at.
    type: str
    default: ""
  limit:
    description: The hosts that the run is limited to.
    type: str
    default: ""
  tags:
    description: The tags that the run is limited to.
    type: list
    elements: str
    default: []
  result:
    description: How the operation ended, such as V(ok) or V(failed).
    type: str
    default: ""
  subject:
    description: What is approved, or what the evidence is about.
    type: str
    default: ""
  evidence:
    description: Documents that prove something, such as C({name, sha256, location}) each. Never secrets.
    type: list
    elements: dict
    default: []
  lock:
    description:
      - Name of a lock that only one operation may hold. With V(begin) it is taken in the same step.
      - The call fails when another operation holds it, and says who, since when and what to do.
    type: str
    default: ""
  break_lock:
    description: Take or release O(lock) although another operation holds it; the ledger keeps from whom.
    type: bool
    default: false
  spool:
    description: Folder for events that wait.
    type: path
    default: /var/lib/erpops/ledger-spool
  head_file:
    description: A file on the host that the chain's head is added to after each event, to be kept elsewhere.
    type: path
extends_documentation_fragment:
  - erpops.odoo.postgres
attributes:
  check_mode:
    description: Nothing is written, neither to the ledger nor to the spool.
    support: full
  diff_mode:
    description: There is nothing to show, since recording is no change.
    support: none
  idempotent:
    description: The begin, end and evidence of an operation are recorded once, however often they are given.
    support: full
requirements:
  - psycopg >= 3.1 (python3-psycopg); without it events are spooled
seealso:
  - module: erpops.odoo.ledger_verify
author:
  - erpops maintainers (@erpops)
"""

EXAMPLES = r"""
- name: Record that the operation begins
  erpops.odoo.ledger:
    event: begin
    playbook: site
    estate: "{{ estate_name }}"
    operator: "{{ lookup('ansible.builtin.env', 'USER') }}"
    change_ticket: CHG-1042
    lock: estate
    postgres_hosts: "{{ groups['postgres'] | map('extract', hostvars, 'estate_address') }}"
    postgres_password: "{{ estate_secret | erpops.odoo.estate_password('erpops_admin') }}"
  register: ledger_begin_result

- name: Record how it ended
  erpops.odoo.ledger:
    event: end
    operation: "{{ ledger_begin_result.operation }}"
    result: ok
    postgres_hosts: "{{ groups['postgres'] | map('extract', hostvars, 'estate_address') }}"
    postgres_password: "{{ estate_secret | erpops.odoo.estate_password('erpops_admin') }}"
"""

RETURN = r"""
operation:
  description: The operation that the event belongs to.
  returned: success
  type: str
  sample: 6c2a5a0e-4a11-4c8f-9a3e-0f3f1d6d2d11
recorded:
  description: Whether it stands in the ledger now.
  returned: success
  type: bool
spooled:
  description: Whether it waits on this host.
  returned: success
  type: bool
replayed:
  description: How many events that had waited were written.
  returned: success
  type: int
head:
  description: The last entry of the chain.
  returned: when recorded
  type: dict
  contains:
    position:
      description: Its position.
      type: int
    hash:
      description: Its hash.
      type: str
problems:
  description: Everything that was wrong, one by one.
  returned: failure
  type: list
  elements: dict
"""

from dataclasses import asdict
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import conclude, guarded
from ansible_collections.erpops.odoo.plugins.module_utils.estate.arguments import POSTGRES
from ansible_collections.erpops.odoo.plugins.module_utils.ledger.record import Recorded, event_from, record
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import server_from

EVENTS = ["begin", "end", "approve", "evidence", "lock", "unlock"]
TEXTS = (
    "operation",
    "playbook",
    "estate",
    "operator",
    "awx_user",
    "awx_job",
    "change_ticket",
    "commit",
    "limit",
    "result",
    "subject",
    "lock",
)
ARGUMENTS = {
    **POSTGRES,
    **{name: {"type": "str", "default": ""} for name in TEXTS},
    "event": {"type": "str", "required": True, "choices": EVENTS},
    "tags": {"type": "list", "elements": "str", "default": []},
    "evidence": {"type": "list", "elements": "dict", "default": []},
    "break_lock": {"type": "bool", "default": False},
    "spool": {"type": "path", "default": "/var/lib/erpops/ledger-spool"},
    "head_file": {"type": "path"},
}


def run(module: AnsibleModule) -> None:
    parameters = module.params
    event = event_from(parameters)
    done = Recorded()
    if not module.check_mode:
        head_file = Path(parameters["head_file"]) if parameters["head_file"] else None
        done = record(server_from(parameters), event, Path(parameters["spool"]), head_file)
    for warning in done.warnings:
        module.warn(warning)
    conclude(
        module,
        before={},
        after={},
        actions=(),
        operation=event.operation,
        recorded=done.recorded,
        spooled=done.spooled,
        replayed=done.replayed,
        head=asdict(done.head) if done.head else None,
    )


def main() -> None:
    module = AnsibleModule(
        argument_spec=ARGUMENTS,
        required_if=[("event", "lock", ["lock"]), ("event", "unlock", ["lock"])],
        supports_check_mode=True,
    )
    guarded(module, lambda: run(module))


if __name__ == "__main__":
    main()
