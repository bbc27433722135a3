#!/usr/bin/python
# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
---
module: wave_seed
short_description: Copy a member's database to the target and go on following it
version_added: 0.1.0
description:
  - Copies schema and rows as of one snapshot, and subscribes from there on; the source serves all the while.
  - Killed anywhere and run again, it goes on, or starts anew what was not whole.
  - A member that can no longer be followed, since its schema changed or its slot was lost, is started anew as well.
  - The database on the target stays closed to everybody but superusers until M(erpops.odoo.wave_cutover) opens it.
  - A database that is open is never replaced.
  - A copy that would not fit onto the target is refused, before anything is written. Each server of the target's
    cluster that answers must have the database's locale and its extensions, and the disks need O(room).
  - A member that M(erpops.odoo.wave_prepare) took for one moved by dumps gets a first copy, which nothing follows. It
    shows that it can be done and how long it takes; the cutover makes another.
options:
  feed:
    description: How the target's servers reach the source, as role C(erpops_wave).
    type: dict
    required: true
    suboptions:
      host:
        description: Addresses, or folders with a socket.
        type: list
        elements: str
        required: true
      port:
        description: Port.
        type: int
        default: 5432
      user:
        description: By default C(erpops_wave).
        type: str
      password:
        description: Its password.
        type: str
      sslmode:
        description: As libpq takes it.
        type: str
      sslrootcert:
        description: As libpq takes it.
        type: path
  tenant_password:
    description: Password of the tenant's role, for where it is not there yet.
    type: str
    required: true
  allow:
    description: What may be changed on the source where the schema has grown since M(erpops.odoo.wave_prepare).
    type: list
    elements: str
    choices: [replica_identity, functions]
    default: []
  jobs:
    description: How many tables are dumped and restored at once.
    type: int
    default: 2
  lag_bytes:
    description: How near the target must be before the seed counts as done.
    type: int
    default: 1048576
  catch_up_seconds:
    description: How long that may take.
    type: int
    default: 3600
extends_documentation_fragment:
  - erpops.odoo.postgres
  - erpops.odoo.member
  - erpops.odoo.room
  - erpops.odoo.tools
  - erpops.odoo.copies
  - erpops.odoo.filestores
attributes:
  idempotent:
    description: A member that is followed and has not diverged is left alone, but for files that came since.
    support: full
requirements:
  - psycopg >= 3.1 (python3-psycopg)
  - setpriv (util-linux)
seealso:
  - module: erpops.odoo.wave_prepare
  - module: erpops.odoo.wave_cutover
author:
  - erpops maintainers (@erpops)
"""

EXAMPLES = r"""
- name: Seed acme
  erpops.odoo.wave_seed:
    feed:
      host: [/run/erpops-sources/legacy1]
      port: 5433
      password: "{{ wave_role_password }}"
    tenant_password: "{{ estate_secret | erpops.odoo.estate_password('postgres', 'acme', 1) }}"
    roles: {bi_reader: bi_reader}
    filestore:
      source:
        folder: /var/lib/odoo/.local/share/Odoo/filestore
        command: [ssh, -F, /var/lib/erpops/sources/legacy1.conf, filestore]
        forced: true
      target:
        folder: /var/lib/erpops/tenants/acme/filestore
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
  sample: following
timings:
  description: How long each step took; empty in check mode.
  returned: success
  type: list
  elements: dict
  sample: [{step: drain, seconds: 0.21}]
diverged:
  description: Why the member had to be started anew; empty where it had not.
  returned: success
  type: list
  elements: str
  sample: [table public.note_stage is only on the source]
filestore:
  description: What was copied and found; missing and corrupt are cut off after 50.
  returned: success
  type: dict
  sample: {files: 240, copied: 12, missing: [], missing_count: 0, corrupt: [], corrupt_count: 0}
copied:
  description: Whether this run made the copy. Else a copy that was there is followed, and times say nothing of copying.
  returned: success
  type: bool
lag_bytes:
  description: How far the target is behind at the end, or in check mode now; null for a member that nothing follows.
  returned: success
  type: int
  sample: 4096
caught_up_seconds:
  description: How long the target took to come that near, once its rows were copied; null in check mode.
  returned: success
  type: float
  sample: 3.2
left:
  description:
    - Rights and settings that nobody takes over, for each role that the target does not have, and settings that its
      server does not know. Empty in check mode.
  returned: success
  type: list
  elements: str
actions:
  description: What was done or, in check mode, would be.
  returned: always
  type: list
  elements: dict
  sample: [{verb: seed, subject: member acme, detail: "member acme"}]
problems:
  description: Everything that was wrong, one by one.
  returned: failure
  type: list
  elements: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.erpops.odoo.plugins.module_utils.replication import verbs
from ansible_collections.erpops.odoo.plugins.module_utils.replication.arguments import (
    COPIES,
    FILESTORE,
    LOGIN,
    MEMBER,
    ROOM,
    TOOLS,
)

ARGUMENTS = {
    **MEMBER,
    **ROOM,
    **FILESTORE,
    "feed": {"type": "dict", "required": True, "options": LOGIN},
    "tenant_password": {"type": "str", "required": True, "no_log": True},
    "allow": {"type": "list", "elements": "str", "choices": ["replica_identity", "functions"], "default": []},
    "jobs": {"type": "int", "default": 2},
    **TOOLS,
    **COPIES,
    "lag_bytes": {"type": "int", "default": 1048576},
    "catch_up_seconds": {"type": "int", "default": 3600},
}


def main() -> None:
    verbs.finish(AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True), verbs.seed)


if __name__ == "__main__":
    main()
