#!/usr/bin/python
# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
---
module: tenant_record
short_description: Keep in the registry what tenants run, and add up what they take
version_added: 0.1.0
description:
  - Ends a run over tenants. The registry remembers the image that each tenant's unit runs, so that a tenant whose host
    is lost, or that moves, is compared with it.
  - Adds up what database and filestore of each tenant take. Warns of those that take more than C(limits.storage_gb).
  - A tenant that is not registered is passed over. In check mode that is one which the run would bear with this image.
options:
  images:
    description: The image that each tenant's unit runs, as M(erpops.odoo.tenant_units) returns it. Others keep theirs.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the tenant.
        type: str
        required: true
      image:
        description: The image's reference.
        type: str
        required: true
  databases:
    description: What the databases take, as RV(erpops.odoo.tenant_databases#module:sizes).
    type: list
    elements: dict
    default: []
  filestores:
    description: What the filestores take, as RV(erpops.odoo.tenant_units#module:storage) of all app hosts.
    type: list
    elements: dict
    default: []
extends_documentation_fragment:
  - erpops.odoo.postgres
  - erpops.odoo.absence
attributes:
  check_mode:
    description: Nothing is written; the actions are those that a run would do.
    support: full
  diff_mode:
    description: Shows the image of each registered tenant before and after.
    support: full
  idempotent:
    description: A second run with the same input changes nothing.
    support: full
requirements:
  - psycopg >= 3.1 (python3-psycopg)
seealso:
  - module: erpops.odoo.tenant_databases
  - module: erpops.odoo.tenant_units
author:
  - erpops maintainers (@erpops)
"""

EXAMPLES = r"""
- name: What tenants run and take
  erpops.odoo.tenant_record:
    images: "{{ ansible_play_hosts_all | map('extract', hostvars, ['app_units', 'images']) | flatten }}"
    databases: "{{ tenant_databases_result.sizes }}"
    filestores: "{{ ansible_play_hosts_all | map('extract', hostvars, ['app_units', 'storage']) | flatten }}"
    postgres_hosts: "{{ groups['postgres'] | map('extract', hostvars, 'estate_address') }}"
    postgres_password: "{{ estate_secret | erpops.odoo.estate_password('erpops_admin') }}"
  run_once: true
"""

RETURN = r"""
storage:
  description: What each tenant takes; a part that nobody measured, and a missing limit, are null.
  returned: success
  type: list
  elements: dict
  sample:
    - name: acme
      database_bytes: 22300000
      filestore_bytes: 2616919
      total_bytes: 24916919
      limit_bytes: 42949672960
      over_limit: false
over_limit:
  description: Names of the tenants that take more than they are granted.
  returned: success
  type: list
  elements: str
  sample: []
actions:
  description: What was done or, in check mode, would be.
  returned: always
  type: list
  elements: dict
  sample: [{verb: update, subject: registry of tenant acme, detail: "image: odoo@sha256:01 -> odoo@sha256:02"}]
problems:
  description: Everything that was wrong, one by one.
  returned: failure
  type: list
  elements: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import conclude, guarded
from ansible_collections.erpops.odoo.plugins.module_utils.estate.arguments import ABSENCE, POSTGRES
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import (
    PSYCOPG_ERROR,
    require_psycopg,
    server_from,
)
from ansible_collections.erpops.odoo.plugins.module_utils.tenant import quota, record

IMAGE = {
    "name": {"type": "str", "required": True},
    "image": {"type": "str", "required": True},
}
ARGUMENTS = {
    **POSTGRES,
    **ABSENCE,
    "images": {"type": "list", "elements": "dict", "options": IMAGE, "required": True},
    "databases": {"type": "list", "elements": "dict", "default": []},
    "filestores": {"type": "list", "elements": "dict", "default": []},
}


def recorded(module: AnsibleModule) -> record.Recorded:
    absent, check_mode, images = (
        module.params["postgres_evidence_of_absence"],
        module.check_mode,
        module.params["images"],
    )
    if PSYCOPG_ERROR is not None and absent and check_mode:
        return record.plan((), images)
    require_psycopg(module)
    return record.record(server_from(module.params), images, absent=absent, check_mode=check_mode)


def run(module: AnsibleModule) -> None:
    done = recorded(module)
    storage = quota.added_up(module.params["databases"], module.params["filestores"])
    for warning in quota.warnings(storage):
        module.warn(warning)
    conclude(
        module,
        before={"images": done.before},
        after={"images": done.after},
        actions=done.actions,
        storage=[tenant.as_dict() for tenant in storage],
        over_limit=[tenant.name for tenant in storage if tenant.over_limit],
    )


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    guarded(module, lambda: run(module))


if __name__ == "__main__":
    main()
