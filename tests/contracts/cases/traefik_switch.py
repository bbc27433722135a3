# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from contracts.cases.traefik_routes import API, BEGIN, FOLDER, UNIT, edge_host, live, probe
from contracts.harness import Case, System

ROUTES = {
    "http": {
        "routers": {
            name: {
                "rule": "Host(`a.contract.test`)",
                "priority": priority,
                "entryPoints": ["websecure"],
                "service": name,
            }
            for name, priority in (("a", 100), ("a-websocket", 1000))
        },
        "services": {
            name: {"loadBalancer": {"servers": [{"url": "http://127.0.0.1:10004"}]}} for name in ("a", "a-websocket")
        },
        "serversTransports": {"erpops-odoo": {"forwardingTimeouts": {"dialTimeout": "5s"}}},
    }
}
WRITE = f"echo '{json.dumps(ROUTES)}' > {FOLDER}/dynamic/tenants.yml; sleep 3"  # Traefik takes files every two seconds


def arguments(_system: System, tenant: str = "a") -> Mapping[str, Any]:
    return {
        "switches": [{"tenant": tenant, "url": "http://127.0.0.1:8081"}],
        "dynamic_dir": f"{FOLDER}/dynamic",
        "unit": UNIT,
        "group": "root",
        "api_url": API,
    }


def where(system: System) -> object:
    """The files, and where Traefik itself says that the tenant's services lead."""
    return [probe(system), live(system, "services", "loadBalancer")]


CASES = (
    Case(name="a tenant's route to the page", system=edge_host(BEGIN, WRITE), arguments=arguments, probe=where),
    Case(
        name="a tenant without a route is refused",
        system=edge_host(BEGIN, WRITE),
        arguments=lambda system: arguments(system, "b"),
        probe=where,
        refused="tenant b: route",
    ),
)
