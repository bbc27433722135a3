#!/usr/bin/python
# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: odoo_modules
short_description: Install the modules that tenants declare
version_added: 0.1.0
description:
  - Installs the modules of instances and tenants that the tenants' databases on this app host lack.
  - What is installed is read from the databases. A tenant's units are stopped only while a module is installed for
    it, which a container of the instance's image does; it ends afterwards.
  - A module that the image does not have, and an image whose modules have other versions than the database, are
    refused before anything is changed.
  - Modules that nobody declares are left alone.
author:
  - erpops maintainers (@erpops)
extends_documentation_fragment:
  - erpops.odoo.estate
  - erpops.odoo.secrets
  - erpops.odoo.allocations
  - erpops.odoo.residence
attributes:
  check_mode:
    description: Predicts the installations. A tenant that is not born yet has what its template will have.
    support: full
  diff_mode:
    description: Shows the missing modules of each tenant before and after.
    support: full
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
"""

EXAMPLES = r"""
- name: Modules of tenants
  erpops.odoo.odoo_modules:
    instances: "{{ odoo_instances }}"
    tenants: "{{ odoo_tenants }}"
    allocations: "{{ tenant_databases_result.allocations }}"
    host: "{{ inventory_hostname }}"
    estate_secret: "{{ estate_secret }}"
"""

RETURN = r"""
actions:
  description: What was done or, in check mode, would be.
  returned: success
  type: list
  elements: dict
  sample: [{verb: install, subject: modules of tenant acme, detail: "sale_management, stock"}]
"""

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
)
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.model import Resident
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import PSYCOPG_ERROR, require_psycopg

SPEC: dict[str, Any] = {
    **arguments.ESTATE,
    **arguments.SECRETS,
    "allocations": parameters.RESIDENCE["allocations"],
    "host": {"type": "str", "required": True},
    "pull": parameters.RESIDENCE["pull"],
    **parameters.CLUSTERS,
}


def installed(module: AnsibleModule, resident: Resident) -> dict[str, str]:
    if module.check_mode and not modules_client.has_units(resident.name):
        try:
            return _asked(module, resident)
        except Unreachable:
            return modules.newborn(resident.tenant)
    return _asked(module, resident)


def _asked(module: AnsibleModule, resident: Resident) -> dict[str, str]:
    if not module.check_mode:
        require_psycopg(module)
    if PSYCOPG_ERROR:
        raise Unreachable("psycopg is not installed yet")
    return database.installed_modules(parameters.login(module.params, resident.tenant))


def run(module: AnsibleModule) -> None:
    params = module.params
    found = modules.residents(parameters.tenants(params), parameters.allocations(params), params["host"])
    present = {resident.name: installed(module, resident) for resident in found}
    planned = modules.installations(found, present)
    images = {item.resident.tenant.instance.image for item in planned}
    if not module.check_mode:
        podman.ensure_images(images, params["pull"])
    elif planned:
        # An image that is not here yet cannot be looked into without a change.
        images = set(podman.images_present(images)) if podman.installed() else set()
    known = {image: podman.manifests(image) for image in images}
    modules.check([item for item in planned if item.resident.tenant.instance.image in known], present, known)
    if not module.check_mode:
        for item in planned:
            modules_client.install(item, parameters.login(params, item.resident.tenant))
    before, after = modules.snapshots(planned)
    conclude(module, before=before, after=after, actions=modules.actions(planned))


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    guarded(module, lambda: run(module))


if __name__ == "__main__":
    main()
