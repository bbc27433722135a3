#!/usr/bin/python
# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
---
module: wave_rollback
short_description: Bring a member back to its source
version_added: 0.1.0
description:
  - Fences the target of a live member, lets the source take what is under way, compares every row, opens the source.
  - A target that is held (M(erpops.odoo.wave_cutover)) served nobody. What was done to it is thrown away, and the
    source opens as it was.
  - Any failure before that, and a window that takes too long, returns to the target, which serves again. That includes
    a source that is lost, unless it was just being opened, which then nobody knows.
  - What the target told the world while it served cannot be undone, and is listed, so that people can look after it.
    What the target itself wrote is told by the transactions of the rows, so no clock matters.
  - A member that was not cut over yet is withdrawn, which removes what preparing and seeding made on both sides.
  - With the last prepared member of a source its settings are put back, which takes a restart of its PostgreSQL to take
    effect, and role C(erpops_wave) is dropped, if it was made for it. What others need by now stays, and is said.
  - Killed anywhere and run again, it goes on. After M(erpops.odoo.wave_commit) it is refused.
options:
  roles:
    description:
      - Roles of the source and those of the target that have their rights there, as for M(erpops.odoo.wave_seed).
      - Rights, settings and comments that were changed on the target while it served are changed alike on the source.
        What was taken away is taken away there, of roles that had their rights on the target when it was opened. A role
        of the target that stands for several of the source's is left out, and so is, by dumps, what was taken away.
    type: dict
    default: {}
  state:
    description:
      - V(rolled_back) lets the source serve again.
      - V(ready) does what takes time and turns nobody away, and stops there. What stands in the way is said, rights and
        files are carried to the source, and all rows are compared as of one moment, and those that changed meanwhile as
        of a later one, for each of which the target's writers rest some milliseconds; so that in the window only those
        are compared that changed since then. Of a member that the target does not serve it looks what stands in the
        way, and does nothing.
      - V(live) takes back what V(ready) made; the target serves. It holds back the log of the target's server, so no
        member stays so.
    type: str
    choices: [live, ready, rolled_back]
    default: rolled_back
  compare_seconds:
    description: How long one table may take to be compared before the window.
    type: int
    default: 3600
  withdraw:
    description:
      - Withdraw the member, also where it has been live and is back. A member that the target serves is refused then.
      - Without it, one that has never been live is withdrawn, and one that is back is left alone, with the target's
        closed copy, which the next M(erpops.odoo.wave_seed) replaces.
    type: bool
    default: false
  source_gone:
    description:
      - The source is gone for good and is not asked. A target that was fenced for a rollback serves again; if the
        source was opened before it was lost, what it wrote from then on is lost.
      - With O(withdraw) what seeding made on the target is removed, which is the last copy unless there is a backup.
      - Refused while the source answers.
    type: bool
    default: false
extends_documentation_fragment:
  - erpops.odoo.postgres
  - erpops.odoo.member
  - erpops.odoo.filestores
  - erpops.odoo.window
attributes:
  idempotent:
    description: A member that is back is left alone.
    support: full
requirements:
  - psycopg >= 3.1 (python3-psycopg)
seealso:
  - module: erpops.odoo.wave_cutover
  - module: erpops.odoo.wave_commit
author:
  - erpops maintainers (@erpops)
"""

EXAMPLES = r"""
- name: Bring acme back
  erpops.odoo.wave_rollback:
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
  sample: rolled_back
found:
  description: Where they stood before.
  returned: success
  type: str
  sample: live
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
live_since:
  description: When the target was opened, in UTC by its own clock. Null where that is not known, or never happened.
  returned: success
  type: str
  sample: "2026-11-23T20:04:11Z"
outside:
  description:
    - What the target told the world since then, kind by kind; in check mode until now. Null where it is not known when
      the target was opened.
    - What Odoo deletes after it was sent, and calls that leave no row, are not in it.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: What it is, such as V(mails), V(received mails), V(payments), V(scheduled actions that ran).
      type: str
    table:
      description: The table of the database.
      type: str
    total:
      description: How many there are; null where they could not be read.
      type: int
    rows:
      description: The first 100, with what the table has of recipients, subject, references, state and time.
      type: list
      elements: dict
    problem:
      description: Why they could not be read.
      returned: when it is so
      type: str
  sample:
    - kind: payments
      table: payment_transaction
      total: 1
      rows: [{id: 12, reference: S00024, acquirer_reference: pi_3N, amount: "120.00", state: done}]
outside_problem:
  description: Why it is not known.
  returned: when the database did not answer
  type: str
left:
  description:
    - Rights and settings that nobody takes over; of a member that is withdrawn, what stays on its source, and settings
      that wait for a restart.
  returned: success
  type: list
  elements: str
source_left:
  description:
    - With O(source_gone) what nobody could ask or undo there, a sentence each, should its host ever come back.
    - Empty otherwise.
  returned: success
  type: list
  elements: str
  sample: ["Its database acme_prod lets nobody in: it was fenced for the cutover."]
actions:
  description: What was done or, in check mode, would be.
  returned: always
  type: list
  elements: dict
  sample: [{verb: roll back, subject: member acme, detail: "member acme"}]
problems:
  description: Everything that was wrong, one by one.
  returned: failure
  type: list
  elements: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.erpops.odoo.plugins.module_utils.replication import verbs, verbs_alone
from ansible_collections.erpops.odoo.plugins.module_utils.replication.arguments import FILESTORE, MEMBER, WINDOW

ARGUMENTS = {
    **MEMBER,
    **FILESTORE,
    **WINDOW,
    "roles": {"type": "dict", "default": {}},
    "state": {"type": "str", "choices": ["live", "ready", "rolled_back"], "default": "rolled_back"},
    "compare_seconds": {"type": "int", "default": 3600},
    "withdraw": {"type": "bool", "default": False},
    "source_gone": {"type": "bool", "default": False},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    verbs.finish(module, verbs.rollback, verbs_alone.rollback)


if __name__ == "__main__":
    main()
