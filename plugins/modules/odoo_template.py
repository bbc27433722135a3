#!/usr/bin/python
# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: odoo_template
short_description: Build the template databases that new tenants are cloned from
version_added: 0.1.0
description:
  - For every instance on hosts, sees that a template database with its common modules exists on each PostgreSQL cluster
    where it has tenants, and on the first one otherwise.
  - A template's name is a hash of the image's digest and the modules. A changed image makes a new template; old ones
    stay and are reported as unused.
  - Odoo itself builds it, in a container of the instance's image that ends afterwards. It has no demo data, no
    password that works, its attachments in the database, and the assets that a first login needs.
  - It is built under a passing name and renamed at last, so that a killed build is done anew by the next run.
  - Runs once, on an app host, as role C(erpops_template), which may create databases and nothing else.
author:
  - erpops maintainers (@erpops)
extends_documentation_fragment:
  - erpops.odoo.estate
  - erpops.odoo.secrets
attributes:
  check_mode:
    description: Predicts the builds and writes nothing.
    support: full
  diff_mode:
    description: Shows which templates are there before and after.
    support: full
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
options:
  clusters:
    description: Names of the PostgreSQL clusters, in the order in which the estate declares them.
    type: list
    elements: str
    default: [main]
  elsewhere:
    description: >-
      Names of tenants whose databases come from elsewhere, such as members of waves. An instance that has only such
      tenants needs no template.
    type: list
    elements: str
    default: []
  postgres_address:
    description:
      - Where the primary of a cluster is reached; C({cluster}) stands for its name. The i-th cluster has the i-th port
        from 5000.
    type: str
    default: "{cluster}.postgres.internal"
  postgres_sslmode:
    description: How far the server's certificate is verified.
    type: str
    choices: [prefer, verify-ca, verify-full]
    default: verify-full
  postgres_evidence_of_absence:
    description: In check mode, whether a server that does not answer is known not to exist yet.
    type: bool
    default: false
  ca_file:
    description: The estate's root certificate.
    type: path
    default: /etc/erpops/pki/ca.crt
  pull:
    description: Whether an image that is not on the host may be pulled from its registry.
    type: str
    choices: [never, missing]
    default: never
  builds_at_a_time:
    description: How many templates are built at the same time.
    type: int
    default: 2
"""

EXAMPLES = r"""
- name: Template databases
  erpops.odoo.odoo_template:
    instances: "{{ odoo_instances }}"
    tenants: "{{ odoo_tenants }}"
    estate_secret: "{{ estate_secret }}"
  run_once: true
  register: odoo_templates
"""

RETURN = r"""
actions:
  description: What was done or, in check mode, would be.
  returned: success
  type: list
  elements: dict
  sample: [{verb: create, subject: template database tpl_51ec2b5eddd4, detail: "for shared19: base"}]
templates:
  description: The template of each instance on each cluster, for M(erpops.odoo.tenant_databases).
  returned: success
  type: list
  elements: dict
  sample: [{instance: shared19, cluster: main, database: tpl_51ec2b5eddd4}]
unused:
  description: Templates that no declared instance needs.
  returned: success
  type: list
  elements: dict
  sample: [{cluster: main, database: tpl_bedd308a0599}]
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import conclude, guarded
from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import Unreachable
from ansible_collections.erpops.odoo.plugins.module_utils.estate import arguments
from ansible_collections.erpops.odoo.plugins.module_utils.estate.model import instances_from
from ansible_collections.erpops.odoo.plugins.module_utils.estate.secrets import password
from ansible_collections.erpops.odoo.plugins.module_utils.odoo import parameters, podman, template, template_client
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.database import Login
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.template import Cluster, LiveDatabases
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import PSYCOPG_ERROR, require_psycopg

ROLE = "erpops_template"


def builder(params: dict[str, Any]) -> template_client.Builder:
    return template_client.Builder(
        login=Login(
            user=ROLE,
            password=password(params["estate_secret"], params["secret_overrides"], ROLE),
            database="postgres",
            host=params["postgres_address"],
            sslmode=params["postgres_sslmode"],
            ca_file=params["ca_file"],
        )
    )


def live(module: AnsibleModule, who: template_client.Builder, clusters: Sequence[Cluster]) -> LiveDatabases:
    """What the clusters have; nothing where check mode runs before they are there and the caller knows that."""
    assume = module.check_mode and module.params["postgres_evidence_of_absence"]
    if PSYCOPG_ERROR and assume:
        return {}
    require_psycopg(module)
    try:
        return template_client.live(who, clusters)
    except Unreachable:
        if assume:
            return {}
        raise


def run(module: AnsibleModule) -> None:
    params = module.params
    clusters = template.clusters_from(params["clusters"])
    tenants = parameters.tenants(params)
    wanted = template.templates(instances_from(params["instances"]), tenants, clusters, params["elsewhere"])
    who = builder(params)
    found = live(module, who, clusters)
    building = template.to_build(wanted, found)
    if building and not module.check_mode:
        podman.ensure_images({item.instance.image for item in building}, params["pull"])
        with ThreadPoolExecutor(max_workers=params["builds_at_a_time"]) as pool:
            list(pool.map(lambda item: template_client.build(who, item), building))
    conclude(
        module,
        before=template.snapshot(wanted, [item for item in wanted if item not in building]),
        after=template.snapshot(wanted, wanted),
        actions=template.actions(building),
        templates=[value for item in wanted for value in item.as_dicts()],
        unused=template.unused(wanted, found),
    )


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **arguments.ESTATE,
            **arguments.SECRETS,
            **parameters.CLUSTERS,
            "elsewhere": {"type": "list", "elements": "str", "default": []},
            "postgres_address": {"type": "str", "default": "{cluster}.postgres.internal"},
            "postgres_sslmode": {
                "type": "str",
                "choices": ["prefer", "verify-ca", "verify-full"],
                "default": "verify-full",
            },
            "postgres_evidence_of_absence": {"type": "bool", "default": False},
            "ca_file": {"type": "path", "default": "/etc/erpops/pki/ca.crt"},
            "pull": {"type": "str", "choices": ["never", "missing"], "default": "never"},
            "builds_at_a_time": {"type": "int", "default": 2},
        },
        supports_check_mode=True,
    )
    guarded(module, lambda: run(module))


if __name__ == "__main__":
    main()
