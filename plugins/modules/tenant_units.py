#!/usr/bin/python
# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: tenant_units
"""

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import conclude, guarded
from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Refused
from ansible_collections.erpops.odoo.plugins.module_utils.estate import arguments
from ansible_collections.erpops.odoo.plugins.module_utils.host import file_plan
from ansible_collections.erpops.odoo.plugins.module_utils.odoo import (
    client,
    database,
    parameters,
    plan,
    podman,
    versions,
)
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.desired import DesiredTenant, desired
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import PSYCOPG_ERROR


def refuse_other_versions(module: AnsibleModule, tenants: tuple[DesiredTenant, ...]) -> None:
    """A changed digest may only come in where it brings no other versions of modules."""
    if tenants and PSYCOPG_ERROR:
        module.fail_json(msg=missing_required_lib("psycopg"), exception=PSYCOPG_ERROR)
    problems = []
    for tenant in tenants:
        if not tenant.resident:
            continue
        installed = database.installed_modules(parameters.login(module.params, tenant.resident.tenant))
        found = versions.differences(installed, podman.manifests(tenant.image))
        if found:
            problems.append(versions.problem(tenant.name, tenant.image, found))
    if problems:
        raise Refused("A changed image brings other versions of modules. Nothing was changed.", problems)


def run(module: AnsibleModule) -> None:
    params = module.params
    tenants = desired(
        parameters.tenants(params),
        parameters.allocations(params),
        parameters.app_host(params),
        parameters.secrets(params),
        parameters.relay(params),
    )
    directories, files = plan.wanted(tenants)
    live = client.observe(tenants, assume_no_podman=module.check_mode)
    problems = file_plan.system_problems(directories, files, live.files, assume=module.check_mode)
    if problems:
        raise InputError("The tenants' files cannot be written. Nothing was changed.", problems)
    done = plan.plan(tenants, live)
    if not module.check_mode:
        podman.ensure_images(done.pulls, params["pull"])
    compared = versions.to_compare(tenants, live)
    if module.check_mode:
        # An image that is not here yet cannot be looked into without a change.
        compared = tuple(tenant for tenant in compared if tenant.image in live.images)
    refuse_other_versions(module, compared)
    if not module.check_mode:
        patience = client.Patience(seconds=params["start_timeout_seconds"], at_a_time=params["starts_at_a_time"])
        client.apply(done, tenants, patience)
    before, after = plan.snapshots(tenants, live, done)
    conclude(
        module,
        before=before,
        after=after,
        actions=done.actions,
        undeclared=list(plan.undeclared(tenants, live)),
        storage=[parameters.storage(tenant) for tenant in tenants if tenant.resident],
        images=[{"name": tenant.name, "image": tenant.image} for tenant in tenants if tenant.state == "started"],
        published=[parameters.published(tenant) for tenant in tenants if tenant.resident],
    )


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **arguments.ESTATE,
            **arguments.SECRETS,
            **parameters.UNITS,
        },
        supports_check_mode=True,
    )
    guarded(module, lambda: run(module))


if __name__ == "__main__":
    main()
