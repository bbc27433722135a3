#!/usr/bin/python
# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
---
module: tenant_databases
short_description: Registry, roles and databases of all tenants, in one call
version_added: 0.1.0
description:
  - Brings the tenant registry, each tenant's PostgreSQL role and each tenant's database to what is declared.
  - The whole list is read over one connection with a few queries. Only a new database, or a change inside one,
    costs a connection of its own.
  - A new database is cloned from its instance's template under a passing name, handed over to its tenant, given
    its own identity, base URL and first administrator, and then renamed. A killed run leaves nothing half-born.
  - A tenant with O(tenants[].source_url) is served by its legacy host. It is registered and gets a role where there is
    none; whatever database, role and settings the cluster has for it are left as they are.
  - A tenant that is registered but no longer declared is reported in RV(undeclared) and left alone.
  - Passwords reach the server as SCRAM verifiers only.
options:
  app_hosts:
    description: Names of the hosts that tenants may be placed on. One without a pin goes to the host with the fewest.
    type: list
    elements: str
    default: []
  templates:
    description: The template database of each instance, as M(erpops.odoo.odoo_template) returns them.
    type: list
    elements: dict
    default: []
    suboptions:
      instance:
        description: Name of the instance.
        type: str
        required: true
      database:
        description: Name of its template database.
        type: str
        required: true
      cluster:
        description: The cluster that it is on; by default the first.
        type: str
  clusters:
    description:
      - The estate's PostgreSQL clusters. The first holds the registry, and O(postgres_hosts) are its members.
      - If empty, there is one cluster, V(main).
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name that tenants give as their C(cluster).
        type: str
        required: true
      hosts:
        description: Addresses of its members.
        type: list
        elements: str
        required: true
      port:
        description: Its port, if it is not O(postgres_port).
        type: int
  extensions:
    description: Extensions that every tenant's database has. One that is left out later is not dropped.
    type: list
    elements: str
    default: [pg_trgm, unaccent]
  shrink_limit_percent:
    description: Refuse to run when more than this share of the registered tenants is no longer declared.
    type: int
    default: 20
  allow_move:
    description: Accept an C(app_host) other than the registered one, since the filestore was moved there.
    type: bool
    default: false
  confirm_removal:
    description: Names of tenants with C(state=absent) that this run drops.
    type: list
    elements: str
    default: []
  removal_proof:
    description:
      - "For each tenant of O(confirm_removal) its way back: C({tenant: {dump: WHERE, restored: true}})."
      - The final dump must have been restored once; nothing is dropped without.
    type: dict
    default: {}
  migrated:
    description:
      - Names of tenants whose databases came from legacy hosts and serve now. Such a database is adopted as it is, and
        its absence is a loss; a new one never takes its place.
    type: list
    elements: str
    default: []
  prepare_only:
    description: Only make database C(erpops), the registry and the role that app hosts read it with.
    type: bool
    default: false
  deep:
    description: Also read in each database whether it still has its base URL and extensions.
    type: bool
    default: false
extends_documentation_fragment:
  - erpops.odoo.estate
  - erpops.odoo.secrets
  - erpops.odoo.postgres
  - erpops.odoo.absence
attributes:
  check_mode:
    description: Nothing is written; the actions are those that a run would do.
    support: full
  diff_mode:
    description: Shows the registry, roles and databases before and after, without secrets.
    support: full
  idempotent:
    description: A second run with the same input changes nothing.
    support: full
requirements:
  - psycopg >= 3.1 (python3-psycopg)
seealso:
  - module: erpops.odoo.odoo_template
  - module: erpops.odoo.tenant_units
author:
  - erpops maintainers (@erpops)
"""

EXAMPLES = r"""
- name: Databases of all tenants
  erpops.odoo.tenant_databases:
    instances: "{{ odoo_instances }}"
    tenants: "{{ odoo_tenants }}"
    tiers: "{{ odoo_tiers }}"
    app_hosts: "{{ groups['app'] }}"
    templates: "{{ odoo_template_result.templates }}"
    estate_secret: "{{ estate_secret }}"
    postgres_hosts: "{{ groups['postgres'] | map('extract', hostvars, 'estate_address') }}"
    postgres_password: "{{ estate_secret | erpops.odoo.estate_password('erpops_admin') }}"
  run_once: true
  register: tenant_databases_result

- name: Remove a tenant whose final dump was restored
  erpops.odoo.tenant_databases:
    instances: "{{ odoo_instances }}"
    tenants: "{{ odoo_tenants }}"
    confirm_removal: [acme]
    removal_proof:
      acme:
        dump: /var/backups/erpops/acme-2026-11-22.dump
        restored: true
    estate_secret: "{{ estate_secret }}"
    postgres_hosts: [10.0.0.21, 10.0.0.22]
    postgres_password: "{{ estate_secret | erpops.odoo.estate_password('erpops_admin') }}"
  run_once: true
"""

RETURN = r"""
allocations:
  description: What the registry has given each declared tenant once and for ever.
  returned: success
  type: list
  elements: dict
  sample: [{name: acme, number: 1, app_host: app1, image: "registry.example.com/odoo@sha256:0123"}]
  contains:
    name:
      description: Name of the tenant.
      type: str
    number:
      description: Its number, from which its uid, ports and network follow.
      type: int
    app_host:
      description: The host that owns its filestore and runs its units; empty where a cluster runs them.
      type: str
    image:
      description: The image that its unit was last started with, which M(erpops.odoo.tenant_record) keeps.
      type: str
undeclared:
  description: Names of registered tenants that nobody declares. They go on serving.
  returned: success
  type: list
  elements: str
  sample: [former]
undeclared_allocations:
  description: What the registry has given these, as in RV(allocations).
  returned: success
  type: list
  elements: dict
awaiting_removal:
  description: Tenants with C(state=absent) that are still there, since no removal was confirmed.
  returned: success
  type: list
  elements: str
  sample: []
sizes:
  description: What each database takes on disk, beside the storage limit that it shares with the filestore.
  returned: success
  type: list
  elements: dict
  sample: [{name: acme, database_bytes: 22300000, limit_bytes: 42949672960}]
actions:
  description: What was done or, in check mode, would be.
  returned: always
  type: list
  elements: dict
  sample: [{verb: create, subject: role acme, detail: on cluster main}]
problems:
  description: Everything that was wrong, one by one.
  returned: failure
  type: list
  elements: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import conclude, guarded
from ansible_collections.erpops.odoo.plugins.module_utils.estate.arguments import ABSENCE, ESTATE, POSTGRES, SECRETS
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import PSYCOPG_ERROR, require_psycopg
from ansible_collections.erpops.odoo.plugins.module_utils.tenant import converge, inputs

TEMPLATE = {
    "instance": {"type": "str", "required": True},
    "database": {"type": "str", "required": True},
    "cluster": {"type": "str"},
}
CLUSTER = {
    "name": {"type": "str", "required": True},
    "hosts": {"type": "list", "elements": "str", "required": True},
    "port": {"type": "int"},
}
ARGUMENTS = {
    **ESTATE,
    **SECRETS,
    **POSTGRES,
    **ABSENCE,
    "app_hosts": {"type": "list", "elements": "str", "default": []},
    "templates": {"type": "list", "elements": "dict", "options": TEMPLATE, "default": []},
    "clusters": {"type": "list", "elements": "dict", "options": CLUSTER, "default": []},
    "extensions": {"type": "list", "elements": "str", "default": ["pg_trgm", "unaccent"]},
    "shrink_limit_percent": {"type": "int", "default": 20},
    "allow_move": {"type": "bool", "default": False},
    "confirm_removal": {"type": "list", "elements": "str", "default": []},
    "removal_proof": {"type": "dict", "default": {}},
    "migrated": {"type": "list", "elements": "str", "default": []},
    "prepare_only": {"type": "bool", "default": False},
    "deep": {"type": "bool", "default": False},
}


def run(module: AnsibleModule) -> None:
    parameters, check_mode = module.params, module.check_mode
    servers = inputs.servers_from(parameters)
    desired = inputs.desired_from(parameters, tuple(servers), check_mode)
    evidence = parameters["postgres_evidence_of_absence"]
    if PSYCOPG_ERROR and check_mode and evidence:
        outcome = converge.predicted(servers, desired)
    else:
        require_psycopg(module)
        outcome = converge.converge(
            servers,
            desired,
            inputs.administrators_from(parameters, desired.tenants),
            check_mode=check_mode,
            deep=parameters["deep"],
            evidence_of_absence=evidence,
        )
    for name in outcome.values["undeclared"]:
        module.warn(f"Tenant {name} is registered but not declared to this run; it is left as it is.")
    conclude(module, before=outcome.before, after=outcome.after, actions=outcome.actions, **outcome.values)


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    guarded(module, lambda: run(module))


if __name__ == "__main__":
    main()
