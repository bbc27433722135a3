# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integration.tenant_databases import live

from ansible_collections.erpops.odoo.plugins.module_utils.estate.secrets import derive
from contracts.harness import Case, System
from contracts.postgres_system import everything, own_postgres

SECRET = "the-secret-of-the-estate-of-this-case"
INSTANCE = {"name": "shared14", "environment": "test", "version": "14.0", "image": "localhost/odoo:14"}


def tenant(name: str, state: str = "present") -> dict[str, Any]:
    return {"name": name, "instance": "shared14", "hostnames": [f"{name}.test"], "state": state}


def arguments(system: System) -> Mapping[str, Any]:
    return {
        **system.facts["cluster"].access,
        "estate_secret": SECRET,
        "instances": [INSTANCE],
        "tenants": [tenant("acme"), tenant("birch", "suspended")],
        "app_hosts": ["app1"],
        "templates": [{"instance": "shared14", "database": live.TEMPLATE}],
    }


def converged(cluster: live.LiveCluster) -> None:
    live.build_template(cluster)
    system = System(run=lambda *_: {}, shell=lambda _: "", facts={"cluster": cluster})
    live.run_module("tenant_databases", dict(arguments(system)))


def drifted(cluster: live.LiveCluster) -> None:
    converged(cluster)
    cluster.do(
        "postgres",
        "ALTER ROLE acme SUPERUSER CONNECTION LIMIT 3 PASSWORD 'known'",
        "GRANT CONNECT ON DATABASE birch TO PUBLIC",
        "ALTER DATABASE acme OWNER TO birch",
    )


def removing(system: System) -> Mapping[str, Any]:
    return {
        **arguments(system),
        "tenants": [tenant("acme", "absent"), tenant("birch")],
        "confirm_removal": ["acme"],
        "removal_proof": {"acme": {"dump": "/srv/acme.dump", "restored": True}},
    }


SECRETS = (SECRET, live.PASSWORD, derive(SECRET, "postgres", "acme"), derive(SECRET, "odoo_admin", "acme"), "SCRAM-SHA")
CASES = (
    Case(
        name="from a bare cluster to tenants",
        system=own_postgres(live.build_template),
        arguments=arguments,
        probe=everything,
        secrets=SECRETS,
    ),
    Case(
        name="drift is put back",
        system=own_postgres(drifted),
        arguments=arguments,
        probe=everything,
        secrets=SECRETS,
    ),
    Case(
        name="a tenant with a proven dump is removed",
        system=own_postgres(converged),
        arguments=removing,
        probe=everything,
        secrets=SECRETS,
    ),
    Case(
        name="an emptied list prunes nothing",
        system=own_postgres(converged),
        arguments=lambda system: {**arguments(system), "tenants": []},
        probe=everything,
        refused="2 of 2 registered tenants",
        secrets=SECRETS,
    ),
)
