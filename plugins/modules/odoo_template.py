#!/usr/bin/python
# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: odoo_template
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import conclude, guarded
from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import Unreachable
from ansible_collections.erpops.odoo.plugins.module_utils.estate import arguments
from ansible_collections.erpops.odoo.plugins.module_utils.estate.model import instances_from
from ansible_collections.erpops.odoo.plugins.module_utils.estate.secrets import password
from ansible_collections.erpops.odoo.plugins.module_utils.odoo import parameters, podman, template, template_client
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.database import Login
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.template import Cluster, LiveDatabases
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import PSYCOPG_ERROR

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


def live(module: AnsibleModule, who: template_client.Builder, clusters: list[Cluster]) -> LiveDatabases:
    """What the clusters have; nothing where check mode runs before they are there and the caller knows that."""
    assume = module.check_mode and module.params["postgres_evidence_of_absence"]
    if PSYCOPG_ERROR:
        if assume:
            return {}
        module.fail_json(msg=missing_required_lib("psycopg"), exception=PSYCOPG_ERROR)
    try:
        return template_client.live(who, clusters)
    except Unreachable:
        if assume:
            return {}
        raise


def run(module: AnsibleModule) -> None:
    params = module.params
    clusters = [Cluster(name=value["name"], port=value["port"]) for value in params["clusters"]]
    wanted = template.templates(instances_from(params["instances"]), parameters.tenants(params), clusters)
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
            "clusters": {
                "type": "list",
                "elements": "dict",
                "options": parameters.CLUSTER,
                "default": [{"name": "main", "port": 5000}],
            },
            "postgres_address": {"type": "str", "default": "127.0.0.1"},
            "postgres_sslmode": {"type": "str", "choices": ["prefer", "require", "verify-ca"], "default": "verify-ca"},
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
