# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from contracts.cases.traefik_routes import API, BEGIN, FOLDER, UNIT, edge_host, probe
from contracts.harness import Case, System

PASSWORD = "a-long-and-random-password-of-this-case"
# What traefik_routes shares with every route, and a tenant's own.
ROUTES = {
    "http": {
        "routers": {
            "a": {"rule": "Host(`a.contract.test`)", "priority": 100, "entryPoints": ["websecure"], "service": "a"}
        },
        "services": {"a": {"loadBalancer": {"servers": [{"url": "http://127.0.0.1:10004"}]}}},
        "middlewares": {"erpops-security": {"headers": {"contentTypeNosniff": True}}},
        "serversTransports": {"erpops-odoo": {"forwardingTimeouts": {"dialTimeout": "5s"}}},
    }
}
WRITE = f"echo '{json.dumps(ROUTES)}' > {FOLDER}/dynamic/tenants.yml; sleep 3"  # Traefik takes files every two seconds


def arguments(_system: System, hostname: str = "rehearsal.a.contract.test", **more: Any) -> Mapping[str, Any]:
    return {
        "member": "a",
        "hostname": hostname,
        "url": "http://127.0.0.1:10007",
        "user": "a",
        "secret": PASSWORD,
        "title": "Rehearsal of a, open to the end of 2099-12-31 (UTC)",
        "tls_mode": "acme",
        "dynamic_dir": f"{FOLDER}/dynamic",
        "unit": UNIT,
        "group": "root",
        "api_url": API,
        **more,
    }


def absent(system: System) -> Mapping[str, Any]:
    return arguments(system, state="absent")


def opened(system: System) -> None:
    done = system.run("traefik_rehearsal", arguments(system), False)
    assert not done.get("failed"), done.get("msg")


CASES = (
    Case(
        name="an address behind a password",
        system=edge_host(BEGIN, WRITE),
        arguments=arguments,
        probe=probe,
        secrets=(PASSWORD, "$2b$"),
    ),
    Case(
        name="it is taken away",
        system=edge_host(BEGIN, WRITE, then=opened),
        arguments=absent,
        probe=probe,
        secrets=(PASSWORD, "$2b$"),
    ),
    Case(
        name="a hostname that is a tenant's is refused",
        system=edge_host(BEGIN, WRITE),
        arguments=lambda system: arguments(system, "a.contract.test"),
        probe=probe,
        refused="member a: hostname",
        secrets=(PASSWORD, "$2b$"),
    ),
)
