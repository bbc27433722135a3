#!/usr/bin/python
# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: odoo_update
short_description: Update modules of a tenant's database to what its image has
version_added: 0.1.0
description:
  - A container of the tenant's image updates the modules, ends and is removed. It has no network, and the database
    through the pooler's socket. The tenant's units rest meanwhile; one that rested before goes on resting.
  - Every named module then has the version of the image, and no module waits for anything; else it fails. What Odoo had
    committed by then stays. M(erpops.odoo.wave_cutover) holds a target, so that M(erpops.odoo.wave_rollback) throws
    that away.
author:
  - erpops maintainers (@erpops)
extends_documentation_fragment:
  - erpops.odoo.estate
  - erpops.odoo.secrets
  - erpops.odoo.allocations
  - erpops.odoo.residence
requirements:
  - psycopg >= 3.1 (python3-psycopg)
attributes:
  check_mode:
    description: Nothing is updated. Modules that the database lacks are refused, as far as it may be asked already.
    support: full
  diff_mode:
    description: Shows the modules' versions before, and that they are updated.
    support: full
  idempotent:
    description: Each run updates the modules.
    support: none
options:
  tenant:
    description: Name of the tenant.
    type: str
    required: true
  modules:
    description: The modules. V(all) is every module that is installed.
    type: list
    elements: str
    required: true
  seconds:
    description: How long it may take.
    type: int
    default: 3600
seealso:
  - module: erpops.odoo.odoo_smoke
  - module: erpops.odoo.odoo_modules
  - module: erpops.odoo.wave_cutover
"""

EXAMPLES = r"""
- name: Update sale_management of acme
  erpops.odoo.odoo_update:
    tenant: acme
    modules: [sale_management]
    instances: "{{ odoo_instances }}"
    tenants: "{{ odoo_tenants }}"
    allocations: "{{ tenant_databases_result.allocations }}"
    host: "{{ inventory_hostname }}"
    estate_secret: "{{ estate_secret }}"
"""

RETURN = r"""
seconds:
  description: How long it took; nothing in check mode.
  returned: success
  type: float
  sample: 21.4
actions:
  description: What was done or, in check mode, would be.
  returned: success
  type: list
  elements: dict
  sample: [{verb: update, subject: modules of tenant acme, detail: sale_management}]
problems:
  description: Everything that was wrong, one by one.
  returned: failure
  type: list
  elements: dict
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import conclude, guarded
from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import Unreachable
from ansible_collections.erpops.odoo.plugins.module_utils.estate import arguments
from ansible_collections.erpops.odoo.plugins.module_utils.odoo import (
    database,
    modules,
    modules_client,
    parameters,
    podman,
    smoke,
)
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.database import Login
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import require_psycopg

SPEC: dict[str, Any] = {
    **arguments.ESTATE,
    **arguments.SECRETS,
    **parameters.CLUSTERS,
    "tenant": {"type": "str", "required": True},
    "modules": {"type": "list", "elements": "str", "required": True},
    "seconds": {"type": "int", "default": 3600},
    "allocations": parameters.RESIDENCE["allocations"],
    "host": {"type": "str", "required": True},
    "pull": parameters.RESIDENCE["pull"],
}


def installed(login: Login, check_mode: bool) -> dict[str, str] | None:
    """None where check mode comes before the tenant's role may connect, as before a cutover."""
    try:
        return database.installed_modules(login)
    except Unreachable:
        if check_mode:
            return None
        raise


def run(module: AnsibleModule) -> None:
    params = module.params
    require_psycopg(module)
    resident = smoke.resident(
        params["tenant"], parameters.tenants(params), parameters.allocations(params), params["host"]
    )
    login, names = parameters.login(params, resident.tenant), params["modules"]
    present = installed(login, module.check_mode)
    if present is not None:
        modules.check_installed(resident.name, names, present)
    seconds = None
    if not module.check_mode:
        podman.ensure_images([resident.tenant.instance.image], params["pull"])
        begun = time.monotonic()
        modules_client.update(resident, names, login, params["seconds"])
        seconds = round(time.monotonic() - begun, 3)
    before, after, actions = modules.updated(resident.name, names, present or {})
    conclude(module, before=before, after=after, actions=actions, seconds=seconds)


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    guarded(module, lambda: run(module))


if __name__ == "__main__":
    main()
