#!/usr/bin/python
# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
---
module: wave_cutover
short_description: Switch a member from its source to the target
version_added: 0.1.0
description:
  - Holds both connections and does every step itself. Nobody serves from the fence until the target opens.
  - Every row of every table, every sequence and every large object is compared before the target opens.
  - Any failure before that, and a window that takes too long, returns to the source, which serves again.
  - From the opening on the source follows the target, so that M(erpops.odoo.wave_rollback) loses nothing.
  - Killed anywhere and run again, it goes on.
  - A member that is moved by dumps is dumped, restored and compared while nobody serves. There is nothing to make ready
    before, and the source follows nothing; M(erpops.odoo.wave_rollback) writes back the rows that differ.
options:
  back:
    description:
      - How the source's server reaches the target, so that it can follow it once the target serves.
      - Its user is always C(erpops_wave), which is made here with this password.
    type: dict
    required: true
    suboptions:
      host:
        description: Addresses of all members of the target's cluster, or folders with a socket.
        type: list
        elements: str
        required: true
      port:
        description: Port.
        type: int
        default: 5432
      user:
        description: Left empty.
        type: str
      password:
        description: Password of C(erpops_wave) on the target.
        type: str
      sslmode:
        description: How the source checks it. PostgreSQL before 15 matches names only, so V(verify-ca) for addresses.
        type: str
      sslrootcert:
        description: File on the source with the certificate of the target's authority.
        type: path
  state:
    description:
      - V(live) lets the target serve, also one that was held.
      - V(held) opens the target as V(live) does, for somebody who changes it before users are led there, such as
        M(erpops.odoo.odoo_update). The source does not follow it until V(live), so that M(erpops.odoo.wave_rollback)
        throws away what became of it, and opens the source as it was. What differs in the schema by then ends the way
        back.
      - V(ready) does what takes time and turns nobody away, and stops there. What stands in the way is said, the way
        back is prepared, and every standby of the target keeps its slot, so that a failover takes it along. Rights,
        settings and comments that changed since the seed are carried, and files copied. All rows are compared as of one
        moment, and those that changed meanwhile as of a later one, so that in the window only those are left that
        changed since then.
      - V(following) takes back what V(ready) made, or a cutover that died before the target opened; the source serves.
        What is ready holds back the log of the source's server, so no member stays so.
    type: str
    choices: [following, ready, held, live]
    default: live
  keep_seconds:
    description: How long the standbys may take with O(state=ready), or V(0) to go without.
    type: int
    default: 60
  compare_seconds:
    description: How long one table may take to be compared before the window.
    type: int
    default: 3600
  lag_bytes:
    description: How near the target must be before the window opens. O(drain_seconds) is its time to come that near.
    type: int
    default: 1048576
  source_gone:
    description:
      - The source is gone for good and is not asked. With O(state=live) the copy that followed it opens as it is,
        without a way back. What had not arrived is lost; sequences are raised to what their columns have.
      - With O(state=following) only what the target keeps for a way back is removed. O(state=ready) looks, and does
        nothing.
      - Refused while the source answers, and for a member that is moved by dumps, whose copy is as old as its seed.
    type: bool
    default: false
  allow_shared_roles:
    description: Keep a superuser of the application from logging in, though it owns databases of other members too.
    type: bool
    default: false
extends_documentation_fragment:
  - erpops.odoo.postgres
  - erpops.odoo.member
  - erpops.odoo.filestores
  - erpops.odoo.window
  - erpops.odoo.tools
  - erpops.odoo.copies
attributes:
  idempotent:
    description: A member that is live is left alone.
    support: full
requirements:
  - psycopg >= 3.1 (python3-psycopg)
seealso:
  - module: erpops.odoo.wave_seed
  - module: erpops.odoo.wave_rollback
  - module: erpops.odoo.wave_commit
author:
  - erpops maintainers (@erpops)
"""

EXAMPLES = r"""
- name: Switch acme
  erpops.odoo.wave_cutover:
    back:
      host: "{{ groups['postgres'] | map('extract', hostvars, 'estate_address') }}"
      password: "{{ wave_role_password }}"
      sslmode: verify-ca
      sslrootcert: /var/lib/postgresql/erpops-ca.crt
    window_seconds: 120
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
  description: Where both databases show the member to stand, or in check mode would; also where it failed.
  returned: always
  type: str
  sample: live
found:
  description: Where they stood before.
  returned: success
  type: str
  sample: following
timings:
  description: How long each step took; empty in check mode.
  returned: success
  type: list
  elements: dict
  sample: [{step: drain, seconds: 0.21}]
filestore:
  description: What was copied and found; missing and corrupt are cut off after 50.
  returned: success
  type: dict
  sample: {files: 240, copied: 12, missing: [], missing_count: 0, corrupt: [], corrupt_count: 0}
window_seconds:
  description: How long nobody served; nothing in check mode.
  returned: success
  type: float
  sample: 3.2
compared:
  description:
    - How many tables and rows were found equal on both sides, and, where that was before the window, how many rows
      changed since and were compared again.
    - With O(state=ready) also the reason, where they could not be compared before; then the window compares them.
  returned: success
  type: dict
  sample: {tables: 436, rows: 52011, again: 17}
carried:
  description: How many objects were brought over that replication does not carry.
  returned: success
  type: dict
  sample: {sequences: 304, large_objects: 3, unlogged_tables: 1, materialized_views: 1}
left:
  description:
    - Rights and settings that nobody takes over. In the window nothing is said of what did not change since V(ready).
  returned: success
  type: list
  elements: str
  sample: ["role bi_reader: SELECT on table public.res_partner and 12 more: there is no such role on the target"]
held:
  description: Whether the target is held, or in check mode would be.
  returned: success
  type: bool
  sample: false
schema_changes:
  description: What differed in the schema when a target that was held went live. Not empty, there is no way back.
  returned: success
  type: list
  elements: str
  sample: [column res_partner.x_score is only on the target]
statistics:
  description: What PostgreSQL had counted of the target's database when this run had opened it; else null.
  returned: success
  type: dict
  sample: {commits: 4120, rollbacks: 2, blks_read: 9120, blks_hit: 812000, temp_bytes: 0, deadlocks: 0}
arrived_until:
  description:
    - With O(source_gone) until when changes of the source had arrived, in UTC. C(written) is the last time that a row
      of the copy says it was written, C(heard) when the source was last heard of, where the server still knows.
  returned: success
  type: dict
  sample: {written: "2026-11-23T20:04:11Z", heard: "2026-11-23T20:04:19Z"}
behind:
  description: With O(source_gone) what the copy may lack, a sentence each.
  returned: success
  type: list
  elements: str
source_left:
  description: With O(source_gone) what is to be known of the source, should it ever come back, a sentence each.
  returned: success
  type: list
  elements: str
actions:
  description: What was done or, in check mode, would be.
  returned: always
  type: list
  elements: dict
  sample: [{verb: cut over, subject: member acme, detail: "member acme"}]
source_lost:
  description: The target is open, and the source was lost before the rest could be done there.
  returned: failure, when it is so
  type: bool
problems:
  description: Everything that was wrong, one by one.
  returned: failure
  type: list
  elements: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.erpops.odoo.plugins.module_utils.replication import verbs, verbs_alone
from ansible_collections.erpops.odoo.plugins.module_utils.replication.arguments import (
    COPIES,
    FILESTORE,
    LOGIN,
    MEMBER,
    TOOLS,
    WINDOW,
)

ARGUMENTS = {
    **MEMBER,
    **FILESTORE,
    "back": {"type": "dict", "required": True, "options": LOGIN},
    **WINDOW,
    **TOOLS,
    **COPIES,
    "state": {"type": "str", "choices": ["following", "ready", "held", "live"], "default": "live"},
    "keep_seconds": {"type": "int", "default": 60},
    "compare_seconds": {"type": "int", "default": 3600},
    "lag_bytes": {"type": "int", "default": 1048576},
    "allow_shared_roles": {"type": "bool", "default": False},
    "source_gone": {"type": "bool", "default": False},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    verbs.finish(module, verbs.cutover, verbs_alone.cutover)


if __name__ == "__main__":
    main()
