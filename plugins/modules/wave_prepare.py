#!/usr/bin/python
# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
---
module: wave_prepare
short_description: Make a member's source ready to be followed
version_added: 0.1.0
description:
  - Reads what the source lacks to be followed, and does of that what the operator allowed.
  - What was not allowed is refused, all of it at once.
  - A copy that would not fit onto the target is refused, before the source is changed. Each server of the target's
    cluster that answers must have the database's locale and its extensions, and the disks need O(room).
  - The settings take effect with a restart of the source's PostgreSQL, which is not done here. They are written only
    where it is allowed too, so that no restart that somebody else makes brings them about.
  - Replica identities and publication are made in one transaction, so that no update on the source ever fails.
  - A table that is made later is not published, and so cannot fail either.
  - How to take everything back is recorded on the source before it is done, in the comment of the publication, and of
    role C(erpops_wave) for what concerns all members of the source; for a member that is moved by dumps in that of the
    database. Comments that were there are put back later. M(erpops.odoo.wave_rollback) takes back what is recorded.
options:
  allow:
    description:
      - What may be changed on the source.
      - V(settings) are C(wal_level), slots and senders; V(restart) is the restart that these need, and both are needed.
      - V(dump) lets a member be moved by dumps, with nobody serving while it is dumped, restored and compared. That is
        done where PostgreSQL is older than 10 (9.6 is the oldest), and where its settings do not do for following and
        V(settings) is not allowed. It stays so until M(erpops.odoo.wave_rollback) withdraws the member.
    type: list
    elements: str
    choices: [settings, restart, role, replica_identity, functions, dump]
    default: []
  role_password:
    description: Password of role C(erpops_wave), which the target's subscription logs in with.
    type: str
    required: true
  source_evidence_of_absence:
    description:
      - There is proof that the way to the source was never made, so that check mode cannot look at it. Then check mode
        says that the member would be prepared, and that what its source lacks, and whether all of that is allowed, is
        not known yet. Without, a source that does not answer is an error. A run always looks.
    type: bool
    default: false
  spare_slots:
    description: Replication slots and senders that the source must have free, counted over what is in use.
    type: int
    default: 4
extends_documentation_fragment:
  - erpops.odoo.postgres
  - erpops.odoo.member
  - erpops.odoo.room
attributes:
  idempotent:
    description: A second run with the same input changes nothing.
    support: full
requirements:
  - psycopg >= 3.1 (python3-psycopg)
seealso:
  - module: erpops.odoo.wave_seed
author:
  - erpops maintainers (@erpops)
"""

EXAMPLES = r"""
- name: Make the source of acme ready
  erpops.odoo.wave_prepare:
    allow: [settings, restart, role, replica_identity, functions]
    role_password: "{{ wave_role_password }}"
    member: acme
    database: acme_prod
    source:
      host: [/run/erpops-sources/legacy1]
      user: postgres
    postgres_hosts: "{{ groups['postgres'] | map('extract', hostvars, 'estate_address') }}"
    postgres_password: "{{ estate_secret | erpops.odoo.estate_password('erpops_admin') }}"
"""

RETURN = r"""
state:
  description: Where both databases show the member to stand, or in check mode would.
  returned: success
  type: str
  sample: prepared
timings:
  description: How long each step took; empty in check mode.
  returned: success
  type: list
  elements: dict
  sample: [{step: drain, seconds: 0.21}]
restart_needed:
  description: Whether the source's PostgreSQL must be restarted before the seed.
  returned: success
  type: bool
known:
  description: Whether the source was looked at; V(false) only with O(source_evidence_of_absence) in check mode.
  returned: success
  type: bool
by_dump:
  description: Whether the member is moved by dumps.
  returned: success
  type: bool
undo:
  description: What takes back everything that was changed on the source, by this run and those before.
  returned: success
  type: list
  elements: str
  sample: ["ALTER SYSTEM RESET wal_level; -- was replica, and a restart"]
actions:
  description: What was done or, in check mode, would be.
  returned: always
  type: list
  elements: dict
  sample: [{verb: publish, subject: member acme, detail: "database acme_prod"}]
problems:
  description: Everything that was wrong, one by one.
  returned: failure
  type: list
  elements: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.erpops.odoo.plugins.module_utils.replication import verbs
from ansible_collections.erpops.odoo.plugins.module_utils.replication.arguments import MEMBER, ROOM

ARGUMENTS = {
    **MEMBER,
    **ROOM,
    "allow": {
        "type": "list",
        "elements": "str",
        "choices": ["settings", "restart", "role", "replica_identity", "functions", "dump"],
        "default": [],
    },
    "role_password": {"type": "str", "required": True, "no_log": True},
    "source_evidence_of_absence": {"type": "bool", "default": False},
    "spare_slots": {"type": "int", "default": 4},
}


def main() -> None:
    verbs.finish(AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True), verbs.prepare)


if __name__ == "__main__":
    main()
