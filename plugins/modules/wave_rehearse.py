#!/usr/bin/python
# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
---
module: wave_rehearse
short_description: Rehearse a member's cutover on a neutralized copy
version_added: 0.1.0
description:
  - Makes a copy of a following member's database on the target, named C(<member>__rehearsal), brings over what
    replication does not carry, compares every row with the source, and neutralizes it. The member goes on following.
  - For the comparison the source's writers rest for a moment, which is measured as RV(pause_seconds). Readers go on.
    Waiting for the locks is shorter than the source's C(deadlock_timeout), so that no writer is ended for it, and the
    source lets its writers go on by itself after O(rest_seconds), whatever becomes of this run.
  - Only a superuser may connect to the copy until its neutralization was read back from it. Whatever fails, the copy
    is dropped. Mails, crons, payments, letters, web hooks and credentials that Odoo knows are switched off or emptied;
    what a module of the customer's own does elsewhere is not known, so run it where nothing gets out
    (M(erpops.odoo.odoo_smoke)).
  - Of a member that is moved by dumps, a fresh copy is dumped and restored as of one moment; nobody rests for it, and
    RV(window_seconds) has what that took.
  - The target's disks need room for the copy, and its tables are read once. Drop it with O(state=absent) afterwards.
options:
  state:
    description: V(absent) drops the copy. The source is not asked for that.
    type: str
    choices: [present, absent]
    default: present
  pause_writers:
    description:
      - Let the source's writers rest until the target has caught up. Without it nothing is compared, and neither
        RV(pause_seconds) nor RV(window_seconds) is known.
    type: bool
    default: true
  lock_seconds:
    description:
      - How long one try waits for writers that are at work, while others wait behind it. It is also cut to eight tenths
        of the source's C(deadlock_timeout).
    type: float
    default: 2
  lock_tries:
    description: How often it is tried, a second apart. Afterwards the sessions that hold on are named.
    type: int
    default: 5
  rest_seconds:
    description: When the source ends the rest by itself, and the rehearsal fails.
    type: int
    default: 30
  drain_seconds:
    description: How long the last changes may take to arrive, and the member to follow again.
    type: int
    default: 20
  lag_bytes:
    description: How near the target must be before it begins. O(drain_seconds) is its time to come that near.
    type: int
    default: 1048576
  seconds:
    description: The longest that one statement may take, such as copying the database.
    type: int
    default: 3600
  strategy:
    description:
      - How the server copies. V(wal_log) writes all of it to the log, so for databases of some gigabytes at most.
      - V(file_copy) copies files between two checkpoints.
    type: str
    choices: [file_copy, wal_log]
    default: file_copy
  jobs:
    description: How many tables of each side are compared at once.
    type: int
    default: 4
  base_url:
    description: What the copy takes for its own address, frozen so that a login does not change it.
    type: str
    default: https://rehearsal.invalid
  login_password:
    description: A password for the sampled users of the copy. Without it no password is changed.
    type: str
  sampled_users:
    description:
      - How many active internal users get it. By turns one without all rights and one with them, of each kind who was
        there last.
    type: int
    default: 3
extends_documentation_fragment:
  - erpops.odoo.postgres
  - erpops.odoo.member
  - erpops.odoo.filestores
  - erpops.odoo.tools
  - erpops.odoo.copies
attributes:
  check_mode:
    description: Nothing is written on either side and nobody rests; the actions are those that a run would do.
    support: full
  diff_mode:
    description: Shows whether there is a copy before and after.
    support: full
  idempotent:
    description: Each run with O(state=present) is a rehearsal of its own and makes the copy anew.
    support: partial
requirements:
  - psycopg >= 3.1 (python3-psycopg)
seealso:
  - module: erpops.odoo.wave_cutover
  - module: erpops.odoo.odoo_smoke
author:
  - erpops maintainers (@erpops)
"""

EXAMPLES = r"""
- name: Rehearse acme
  erpops.odoo.wave_rehearse:
    member: acme
    database: acme_prod
    login_password: "{{ estate_secret | erpops.odoo.estate_password('rehearsal', 'acme') }}"
    source:
      host: [/run/erpops-sources/legacy1]
      user: postgres
    postgres_hosts: "{{ groups['postgres'] | map('extract', hostvars, 'estate_address') }}"
    postgres_password: "{{ estate_secret | erpops.odoo.estate_password('erpops_admin') }}"
  register: rehearsal

- name: Drop the copy
  erpops.odoo.wave_rehearse:
    state: absent
    member: acme
    database: acme_prod
    source:
      host: [/run/erpops-sources/legacy1]
    postgres_hosts: "{{ groups['postgres'] | map('extract', hostvars, 'estate_address') }}"
    postgres_password: "{{ estate_secret | erpops.odoo.estate_password('erpops_admin') }}"
"""

RETURN = r"""
rehearsal:
  description: Name of the copy, which the tenant's role may connect to.
  returned: when state is present
  type: str
  sample: acme__rehearsal
state:
  description: Where the member stands, which a rehearsal does not change.
  returned: when state is present
  type: str
  sample: following
timings:
  description: How long each step took; empty in check mode. Steps of a cutover have its names.
  returned: when state is present
  type: list
  elements: dict
  sample: [{step: drain, seconds: 0.21}, {step: clone, seconds: 1.4}]
crons:
  description: How many scheduled actions the source has, and how many of them are active; nothing in check mode.
  returned: when state is present
  type: dict
  sample: {active: 19, total: 27}
pause_seconds:
  description: How long the source's writers rested; nothing in check mode and without O(pause_writers).
  returned: when state is present
  type: float
  sample: 0.4
window_seconds:
  description:
    - How long nobody would serve, by what the steps took here that a cutover does in its window. Fencing and opening
      are not in it. Nothing in check mode and without O(pause_writers).
  returned: when state is present
  type: float
  sample: 2.9
compared:
  description: How many tables and rows were found equal on both sides.
  returned: when state is present
  type: dict
  sample: {tables: 436, rows: 52011}
carried:
  description: How many objects were brought over that replication does not carry.
  returned: when state is present
  type: dict
  sample: {sequences: 304, large_objects: 3, unlogged_tables: 1, materialized_views: 1}
filestore:
  description: What was copied and found; missing and corrupt are cut off after 50.
  returned: when state is present
  type: dict
  sample: {files: 240, copied: 12, missing: [], missing_count: 0, corrupt: [], corrupt_count: 0}
neutralized:
  description: How many of each kind were made harmless.
  returned: when state is present
  type: dict
  sample: {crons: 18, mail servers: 1, queued mails: 2, mail sinks: 1}
users:
  description: Logins of the sampled users.
  returned: when state is present
  type: list
  elements: str
  sample: [anna@acme.example, ben@acme.example]
actions:
  description: What was done or, in check mode, would be.
  returned: always
  type: list
  elements: dict
  sample: [{verb: rehearse, subject: member acme, detail: ""}]
problems:
  description: Everything that was wrong, one by one.
  returned: failure
  type: list
  elements: dict
"""

import signal

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.erpops.odoo.plugins.module_utils.replication import verbs
from ansible_collections.erpops.odoo.plugins.module_utils.replication.arguments import (
    COPIES,
    FILESTORE,
    MEMBER,
    TOOLS,
)

ARGUMENTS = {
    **MEMBER,
    **FILESTORE,
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "pause_writers": {"type": "bool", "default": True},
    "lock_seconds": {"type": "float", "default": 2},
    "lock_tries": {"type": "int", "default": 5},
    "rest_seconds": {"type": "int", "default": 30},
    "drain_seconds": {"type": "int", "default": 20},
    "lag_bytes": {"type": "int", "default": 1048576},
    "seconds": {"type": "int", "default": 3600},
    "strategy": {"type": "str", "choices": ["file_copy", "wal_log"], "default": "file_copy"},
    "jobs": {"type": "int", "default": 4},
    **TOOLS,
    **COPIES,
    "base_url": {"type": "str", "default": "https://rehearsal.invalid"},
    "login_password": {"type": "str", "no_log": True},
    "sampled_users": {"type": "int", "default": 3},
}


def ended(*_given: object) -> None:
    """A signal is an end like any other: what follows the member goes on, the source's writers too."""
    raise KeyboardInterrupt


def main() -> None:
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, ended)
    verbs.finish(AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True), verbs.rehearse)


if __name__ == "__main__":
    main()
