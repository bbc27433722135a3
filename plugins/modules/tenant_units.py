#!/usr/bin/python
# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: tenant_units
short_description: Bring the Odoo units of all tenants on an app host to their declared state
version_added: 0.1.0
description:
  - Writes, for every tenant that lives on this host, its configuration, its secrets, its network and its units
    (Quadlet), and starts, restarts or stops what has to be. A unit is only restarted if something that it reads
    at its start has changed; a changed limit reaches it without.
  - Restarts are decided from live state (the time of files against the start of units, the image that runs), so that
    a killed run is healed by the next.
  - Where an image's digest changes, the versions of its modules are compared with those in the tenants' databases.
    If there are others, nothing on this host is changed, and the error names tenants, modules and the way to upgrade.
  - The units of a tenant that is absent, or that another host owns now, are removed; its data never is. Units of
    tenants that nobody declares are reported and left alone.
author:
  - erpops maintainers (@erpops)
extends_documentation_fragment:
  - erpops.odoo.estate
  - erpops.odoo.secrets
  - erpops.odoo.allocations
  - erpops.odoo.residence
attributes:
  check_mode:
    description: >-
      Predicts the changes and writes nothing. An image that is not on the host yet is not compared with databases.
    support: full
  diff_mode:
    description: Shows changed files, secrets as a digest, and units with their image and limits, before and after.
    support: full
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
options:
  address:
    description: The address on which units are published.
    type: str
    required: true
  container_network:
    description: The network of which every tenant gets a /28.
    type: str
    default: 10.90.0.0/16
  session_servers:
    description:
      - Redis servers of the sessions, each as C(HOST:PORT). With no server and no sentinel, Odoo keeps its sessions
        itself.
    type: list
    elements: str
    default: []
  session_sentinels:
    description: Sentinels that know the current server, each as C(HOST:PORT).
    type: list
    elements: str
    default: []
  session_service:
    description: What the sentinels call the sessions' servers.
    type: str
    default: sessions
  session_lifetime_seconds:
    description: How long a session lives without use.
    type: int
    default: 604800
  ca_file:
    description: The estate's root certificate, with which Redis is verified; empty to speak without TLS.
    type: path
    default: /etc/erpops/pki/ca.crt
  mail_relay:
    description: Where tenants' mail goes when they configure no server of their own, as C(HOST:PORT).
    type: str
  start_timeout_seconds:
    description: How long a tenant's units may take to answer.
    type: int
    default: 180
  starts_at_a_time:
    description: How many tenants are started at the same time.
    type: int
    default: 2
"""

EXAMPLES = r"""
- name: Units of tenants
  erpops.odoo.tenant_units:
    tiers: "{{ odoo_tiers }}"
    instances: "{{ odoo_instances }}"
    tenants: "{{ odoo_tenants }}"
    allocations: "{{ tenant_databases_result.allocations }}"
    host: "{{ inventory_hostname }}"
    address: "{{ estate_address }}"
    session_servers: ["10.0.0.7:6379"]
    estate_secret: "{{ estate_secret }}"
"""

RETURN = r"""
actions:
  description: What was done or, in check mode, would be.
  returned: success
  type: list
  elements: dict
  sample: [{verb: restart, subject: unit odoo-acme.service, detail: "changed: /etc/erpops/tenants/acme/odoo.conf"}]
undeclared:
  description: Tenants that have units here and that nobody declares.
  returned: success
  type: list
  elements: str
storage:
  description: What the filestore of each tenant on this host holds, and the limit that it shares with the database.
  returned: success
  type: list
  elements: dict
  sample: [{name: acme, filestore_bytes: 2616919, files: 223, limit_gb: 5}]
images:
  description: The image that each served tenant of this host runs.
  returned: success
  type: list
  elements: dict
  sample: [{name: acme, image: "registry.example.com/odoo@sha256:0f1e"}]
published:
  description: Where each tenant of this host is published, and which port and path its bus has.
  returned: success
  type: list
  elements: dict
  sample: [{name: acme, address: 10.0.0.5, http_port: 10004, bus_port: 10004, bus_path: /websocket}]
"""

from ansible.module_utils.basic import AnsibleModule

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
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import require_psycopg


def refuse_other_versions(module: AnsibleModule, tenants: tuple[DesiredTenant, ...]) -> None:
    """A changed digest may only come in where it brings no other versions of modules."""
    if tenants:
        require_psycopg(module)
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
    check, never = module.check_mode, params["pull"] == "never"
    live = client.observe(tenants, assume_no_podman=check, assume_images=check and never)
    problems = file_plan.system_problems(directories, files, live.files, assume=check)
    if problems:
        raise InputError("The tenants' files cannot be written. Nothing was changed.", problems)
    done = plan.plan(tenants, live)
    if not check or never:  # without pulls, the same refusal in check mode
        podman.ensure_images(done.pulls, params["pull"])
    compared = versions.to_compare(tenants, live)
    if check:
        compared = versions.can_be_compared(compared, live)
    refuse_other_versions(module, compared)
    if not check:
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
