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
  - Afterwards M(erpops.odoo.wave_rollback) is refused.
extends_documentation_fragment:
  - erpops.odoo.postgres
  - erpops.odoo.member
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

from ansible_collections.erpops.odoo.plugins.module_utils.replication import verbs
from ansible_collections.erpops.odoo.plugins.module_utils.replication.arguments import MEMBER

ARGUMENTS = {**MEMBER}


def main() -> None:
    verbs.finish(AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True), verbs.commit)


if __name__ == "__main__":
    main()
