#!/usr/bin/python
# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: estate_validate
short_description: Check everything an operator declares for an estate, at once
version_added: 0.1.0
description:
  - Takes an estate's variables as they stand in the inventory and reports every problem in one failure, each with the
    tenant, instance or host, the field, the value found and the cure.
  - It reads and changes nothing but its input, so it runs on the controller before any host is touched.
  - Options bear the names of the inventory's variables and take any type, so that a wrong type is reported with all
    other problems. What they must look like is documented with role P(erpops.odoo.estate#role).
options:
  estate_name:
    description: Name of the estate.
    type: raw
  estate_tenancy:
    description: V(multi_tenant) or V(dedicated).
    type: raw
  estate_domain:
    description: Domain of the estate's own names.
    type: raw
  estate_secret:
    description: The secret that passwords are derived from; only its length is checked.
    type: raw
  estate_ca_certificate:
    description: The estate's root certificate; only its form is checked.
    type: raw
  estate_ca_key:
    description: The key of the estate's root certificate; only its form is checked.
    type: raw
  estate_shrink_limit_percent:
    description: The share of tenants that may vanish from the list between two runs.
    type: raw
  estate_connection_overcommit_percent:
    description:
      - How far the sum of the tenants' connection limits may go beyond what a cluster holds for tenants; V(100) is
        not at all.
    type: raw
  odoo_tiers:
    description: Levels of service beside the built-in V(gold), V(silver) and V(bronze).
    type: raw
  odoo_instances:
    description: Release lines of Odoo.
    type: raw
  odoo_tenants:
    description: Tenants.
    type: raw
  postgres_clusters:
    description: PostgreSQL clusters; without any there is one, V(main), of all hosts of group C(postgres).
    type: raw
  postgres_max_connections:
    description: What a cluster holds that declares no C(parameters.max_connections) of its own.
    type: raw
  postgres_reserved_connections:
    description: Connections of each cluster that tenants cannot have (superuser, replication, monitoring, modules).
    type: raw
  kubernetes_clusters:
    description: Names of the Kubernetes clusters that an instance's placement may name.
    type: raw
  app_container_network:
    description: The network that tenants' containers have their subnets of.
    type: raw
  tenant_confirm_removal:
    description: Names of the tenants that the run is to remove; each must be declared with C(state=absent).
    type: raw
  estate_edge_addresses:
    description: IP addresses at which visitors reach the edge, where they are not those of its hosts.
    type: raw
  tenant_certificates:
    description:
      - Certificates that tenants bring, as filter P(erpops.odoo.certificates_public#filter) leaves them. Those that end
        within 30 days, or have ended, are warned of.
    type: raw
  tenant_certificate_keys:
    description: Their keys in the same order, as filter P(erpops.odoo.certificates_keys#filter) gives them.
    type: raw
  wave_members:
    description:
      - The members of waves, each a legacy database on its way to becoming the tenant of the same name.
    type: raw
  hosts_of_run:
    description:
      - The hosts that this run may touch, as C(--limit) left them. One of group C(postgres) must be among them, since
        modules speak to the databases, the registry and the ledger from there.
    type: raw
  groups:
    description: The inventory's groups, each with the list of its hosts.
    type: raw
  addresses:
    description: The address of each host between the tiers.
    type: raw
attributes:
  check_mode:
    description: It changes nothing at all.
    support: full
  diff_mode:
    description: It changes nothing at all.
    support: full
  idempotent:
    description: The same input has the same problems.
    support: full
author:
  - erpops maintainers (@erpops)
"""

EXAMPLES = r"""
- name: Check the declared estate
  erpops.odoo.estate_validate:
    estate_name: north
    estate_tenancy: multi_tenant
    estate_domain: north.example.com
    odoo_instances:
      - name: shared19
        environment: test
        version: "19.0"
        image: registry.north.example.com/odoo:19
    odoo_tenants:
      - name: acme
        instance: shared19
        hostnames: [acme.north.example.com]
        tier: gold
    groups:
      all: [one]
      edge: [one]
      app: [one]
      postgres: [one]
      etcd: [one]
      redis: [one]
    addresses:
      one: 10.0.0.11
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
actions:
  description: Always empty.
  returned: success
  type: list
  elements: dict
summary:
  description: How many of each kind the estate declares.
  returned: success
  type: dict
  sample: {tiers: 3, instances: 2, tenants: 5, clusters: 1, hosts: 9}
problems:
  description: Every problem found.
  returned: failure
  type: list
  elements: dict
  contains:
    subject:
      description: What it is about, with its kind.
      type: str
      sample: tenant acme
    field:
      description: The field at fault.
      type: str
      sample: hostnames[1]
    value:
      description: The value found; empty for secrets.
      type: str
    cure:
      description: What to do about it.
      type: str
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import conclude, guarded
from ansible_collections.erpops.odoo.plugins.module_utils.estate import rules_certificates
from ansible_collections.erpops.odoo.plugins.module_utils.estate.validate import checked


def argument_spec() -> dict[str, Any]:
    return {
        "estate_name": {"type": "raw"},
        "estate_tenancy": {"type": "raw"},
        "estate_domain": {"type": "raw"},
        "estate_secret": {"type": "raw", "no_log": True},
        "estate_ca_certificate": {"type": "raw"},
        "estate_ca_key": {"type": "raw", "no_log": True},
        "estate_shrink_limit_percent": {"type": "raw"},
        "estate_connection_overcommit_percent": {"type": "raw"},
        "odoo_tiers": {"type": "raw"},
        "odoo_instances": {"type": "raw"},
        "odoo_tenants": {"type": "raw"},
        "postgres_clusters": {"type": "raw"},
        "postgres_max_connections": {"type": "raw"},
        "postgres_reserved_connections": {"type": "raw"},
        "kubernetes_clusters": {"type": "raw"},
        "app_container_network": {"type": "raw"},
        "tenant_confirm_removal": {"type": "raw"},
        "estate_edge_addresses": {"type": "raw"},
        "tenant_certificates": {"type": "raw"},
        "tenant_certificate_keys": {"type": "raw", "no_log": True},
        "wave_members": {"type": "raw"},
        "hosts_of_run": {"type": "raw"},
        "groups": {"type": "raw"},
        "addresses": {"type": "raw"},
    }


def main() -> None:
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)

    def work() -> None:
        declared = checked(module.params)
        for sentence in rules_certificates.ending(module.params):
            module.warn(sentence)
        summary = {
            "tiers": len(declared.known_tiers),
            "instances": len(declared.instances),
            "tenants": len(declared.tenants),
            "clusters": len(declared.clusters),
            "hosts": len(declared.group("all")),
        }
        conclude(module, before=summary, after=summary, actions=(), summary=summary)

    guarded(module, work)


if __name__ == "__main__":
    main()
