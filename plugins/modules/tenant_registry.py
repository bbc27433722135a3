#!/usr/bin/python
# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: tenant_registry
short_description: Read the tenant registry before anything is touched
version_added: 0.1.0
description:
  - Reads which tenants are registered, and compares them with the declared ones.
  - Refuses where so many are no longer declared that a mistake is likelier than an intention. Those that are only
    missing from the list go on serving; their hostnames are returned, so that certificates keep covering them.
  - It changes nothing.
options:
  declared:
    description: Names of all declared tenants, absent ones included.
    type: list
    elements: str
    required: true
  shrink_limit_percent:
    description: Refuse to go on when more than this share of the registered tenants is no longer declared.
    type: int
    default: 20
  required:
    description: Fail where PostgreSQL does not answer and nothing proves that it was never there.
    type: bool
    default: true
extends_documentation_fragment:
  - erpops.odoo.postgres
  - erpops.odoo.absence
attributes:
  check_mode:
    description: It changes nothing at all.
    support: full
  diff_mode:
    description: It changes nothing at all.
    support: full
  idempotent:
    description: The same registry gives the same answer.
    support: full
requirements:
  - psycopg >= 3.1 (python3-psycopg), once PostgreSQL is there
seealso:
  - module: erpops.odoo.tenant_databases
author:
  - erpops maintainers (@erpops)
"""

EXAMPLES = r"""
- name: Stop if the list of tenants has shrunk by mistake
  erpops.odoo.tenant_registry:
    declared: "{{ odoo_tenants | map(attribute='name') }}"
    postgres_hosts: "{{ groups['postgres'] | map('extract', hostvars, 'estate_address') }}"
    postgres_password: "{{ estate_secret | erpops.odoo.estate_password('erpops_admin') }}"
  run_once: true
  register: tenant_databases_registry
"""

RETURN = r"""
readable:
  description: Whether PostgreSQL answered, or was proved not to be there yet.
  returned: success
  type: bool
postgres_absent:
  description: Whether it was proved that PostgreSQL is not there yet (O(postgres_evidence_of_absence)).
  returned: success
  type: bool
undeclared:
  description: Registered tenants that nobody declares.
  returned: success
  type: list
  elements: dict
  sample: [{name: former, hostnames: [former.example.com]}]
allocations:
  description: What the registry has given the declared tenants, as M(erpops.odoo.tenant_databases) returns it.
  returned: success
  type: list
  elements: dict
  sample: [{name: acme, number: 1, app_host: app1, image: ""}]
actions:
  description: Always empty.
  returned: success
  type: list
  elements: dict
problems:
  description: Every tenant that is no longer declared, where they are too many.
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
from ansible_collections.erpops.odoo.plugins.module_utils.tenant import guards, registry
from ansible_collections.erpops.odoo.plugins.module_utils.tenant.model import Registered

ARGUMENTS = {
    **POSTGRES,
    **ABSENCE,
    "declared": {"type": "list", "elements": "str", "required": True},
    "shrink_limit_percent": {"type": "int", "default": 20},
    "required": {"type": "bool", "default": True},
}


def read(module: AnsibleModule) -> tuple[Registered, ...] | None:
    parameters = module.params
    absent, required = parameters["postgres_evidence_of_absence"], parameters["required"]
    if PSYCOPG_ERROR is None:
        return registry.rows(server_from(parameters), absent=absent, required=required)
    if absent:
        return ()
    if required:
        require_psycopg(module)
    return None


def run(module: AnsibleModule) -> None:
    rows = read(module)
    if rows is None:
        module.warn("PostgreSQL does not answer: who is registered is not known before it is brought up.")
    declared = module.params["declared"]
    gone = guards.shrink(declared, rows or (), module.params["shrink_limit_percent"])
    undeclared = [{"name": row.name, "hostnames": list(row.hostnames)} for row in gone]
    conclude(
        module,
        before={},
        after={},
        actions=(),
        readable=rows is not None,
        postgres_absent=module.params["postgres_evidence_of_absence"],
        undeclared=undeclared,
        allocations=[row.allocation.as_dict() for row in rows or () if row.alive and row.name in declared],
    )


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    guarded(module, lambda: run(module))


if __name__ == "__main__":
    main()
