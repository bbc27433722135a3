#!/usr/bin/python
# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
---
module: wave_commit
short_description: Give up a member's way back
version_added: 0.1.0
description:
  - The declared point of no return. The source follows the target no longer; its database stays closed.
  - Before it, the target is dumped as of one moment while users work on, and the dump is restored beside it and
    compared row for row. The file stays in O(dumps) on the host that the module runs on.
  - Afterwards M(erpops.odoo.wave_rollback) is refused.
options:
  proved_dump:
    description: Whether there must be such a dump. Without it, only what else is backed up brings the data back.
    type: bool
    default: true
  dumps:
    description: Folder of the dumps.
    type: path
    default: /var/lib/erpops/commits
  source_gone:
    description:
      - The source is gone for good and is not asked. The target alone says where the member stands; its database must
        be open. The dump is taken and proved as ever.
      - Refused while the source answers.
    type: bool
    default: false
  jobs:
    description: How many tables are restored and compared at once.
    type: int
    default: 2
extends_documentation_fragment:
  - erpops.odoo.postgres
  - erpops.odoo.member
  - erpops.odoo.tools
attributes:
  idempotent:
    description: A member that is committed is left alone.
    support: full
requirements:
  - psycopg >= 3.1 (python3-psycopg)
seealso:
  - module: erpops.odoo.wave_cutover
  - module: erpops.odoo.wave_rollback
author:
  - erpops maintainers (@erpops)
"""

EXAMPLES = r"""
- name: Commit acme
  erpops.odoo.wave_commit:
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
  sample: committed
timings:
  description: How long each step took; empty in check mode.
  returned: success
  type: list
  elements: dict
  sample: [{step: drain, seconds: 0.21}]
dump:
  description:
    - The dump that was proved, for a committed member the one before it was. The same stands beside the file.
    - Empty in check mode, without O(proved_dump), and where this host has no such dump.
  returned: success
  type: dict
  sample: {path: /var/lib/erpops/commits/acme.20261122T210000Z.dump, sha256: 0f1e, bytes: 4000, tables: 9, rows: 52}
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
  sample: [{verb: commit, subject: member acme, detail: "member acme"}]
problems:
  description: Everything that was wrong, one by one.
  returned: failure
  type: list
  elements: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.erpops.odoo.plugins.module_utils.replication import verbs, verbs_alone
from ansible_collections.erpops.odoo.plugins.module_utils.replication.arguments import MEMBER, TOOLS

ARGUMENTS = {
    **MEMBER,
    "proved_dump": {"type": "bool", "default": True},
    "dumps": {"type": "path", "default": "/var/lib/erpops/commits"},
    "source_gone": {"type": "bool", "default": False},
    "jobs": {"type": "int", "default": 2},
    **TOOLS,
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    verbs.finish(module, verbs.commit, verbs_alone.commit)


if __name__ == "__main__":
    main()
