# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import json
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

import pytest

from contracts.harness import Case, LabHost, System

FOLDER = "/srv/contract-traefik"
UNIT = "contract-traefik.service"
API = "http://127.0.0.1:18080"
HASH = "$apr1$zzzzzzzz$abcdefghijklmnopqrstu."
CLEAN = f"systemctl stop {UNIT} 2>/dev/null || true; systemctl reset-failed {UNIT} 2>/dev/null || true; rm -rf {FOLDER}"
STATIC = {
    "log": {"level": "INFO", "format": "json"},
    "api": {"insecure": True},
    "entryPoints": {"websecure": {"address": "127.0.0.1:18443"}, "traefik": {"address": "127.0.0.1:18080"}},
    "providers": {"file": {"directory": f"{FOLDER}/dynamic"}},
    "certificatesResolvers": {
        "acme": {
            "acme": {
                "email": "ops@contract.test",
                "caServer": "https://127.0.0.1:9/dir",  # nobody answers: no certificate is waited for
                "storage": f"{FOLDER}/acme.json",
                "tlsChallenge": {},
            }
        }
    },
}
# A Traefik beside the estate's own, with the same program, on loopback.
BEGIN = f"""{CLEAN}
mkdir -p {FOLDER}/dynamic
echo '{json.dumps(STATIC)}' > {FOLDER}/traefik.yml
systemd-run --quiet --unit={UNIT} --property=Type=notify \\
  "$(ls /opt/erpops/traefik-*/bin/traefik | tail -1)" --configFile={FOLDER}/traefik.yml"""
BROKEN = f"printf 'http:\\n  routers: }}\\n' > {FOLDER}/dynamic/hand.yml"
# Asks until Traefik listens, which it may not yet do when its unit counts as started.
LIVE = """
import json, sys, time, urllib.request
for left in range(50, -1, -1):
    try:
        with urllib.request.urlopen(sys.argv[1], timeout=10) as answer:
            found = json.load(answer)
        break
    except OSError:
        if not left:
            raise
        time.sleep(0.2)
for one in sorted(found, key=lambda one: one["name"]):
    if one["name"].endswith("@file"):
        print(one["name"], *(json.dumps(one.get(field), sort_keys=True) for field in sys.argv[2:]))
"""
INSTANCE = {"name": "shared19", "environment": "test", "version": "19.0", "image": "localhost/odoo:19"}
BASE = {
    "instances": [INSTANCE],
    "allocations": [{"name": name, "number": number, "app_host": "app1"} for number, name in enumerate("abc", 1)],
    "app_addresses": {"app1": "127.0.0.1"},
    "dynamic_dir": f"{FOLDER}/dynamic",
    "unit": UNIT,
    "group": "root",
    "api_url": API,
    "tls_mode": "acme",
}


def edge_host(*prepare: str) -> Callable[[], AbstractContextManager[System]]:
    @contextlib.contextmanager
    def opened() -> Iterator[System]:
        edges = [host for host in LabHost.all().values() if "edge" in host.groups]
        if not edges:
            pytest.skip("the lab has no edge host")
        host = edges[0]
        try:
            for command in prepare:
                host.shell(command)
            yield System(run=host.run, shell=host.shell)
        finally:
            host.shell(CLEAN)

    return opened


def tenant(name: str, **values: Any) -> dict[str, Any]:
    return {"name": name, "instance": "shared19", "hostnames": [f"{name}.contract.test"], **values}


def arguments(_system: System) -> Mapping[str, Any]:
    tenants = [
        tenant("a", workers=2, limits={"requests_per_second": 5, "body_mb": 1}),
        tenant("b", state="suspended"),
        tenant("c", state="absent"),
    ]
    users = [{"type": "basic", "tenant": "a", "users": [f"ann:{HASH}"]}]
    return {**BASE, "tenants": tenants, "authentication": users, "static_cache_seconds": 60}


def contradicting(_system: System) -> Mapping[str, Any]:
    return {**BASE, "tenants": [tenant("a"), tenant("a-websocket", hostnames=["x.contract.test"])], "allocations": []}


def live(system: System, kind: str, *fields: str) -> str:
    """What Traefik serves by its own account, told by the host's Python: there is no curl."""
    return system.shell(f"python3 -c {shlex.quote(LIVE)} '{API}/api/http/{kind}?per_page=9999' {' '.join(fields)}")


def probe(system: System) -> object:
    """The directory, and the routers and middlewares that Traefik serves by its own account."""
    files = (
        f"find {FOLDER}/dynamic -name '*.yml' -printf '%p %m %u %g %T@\\n' | sort; cat {FOLDER}/dynamic/*.yml || true"
    )
    return [system.shell(files), live(system, "routers"), live(system, "middlewares")]


CASES = (
    Case(name="routes of tenants", system=edge_host(BEGIN), arguments=arguments, probe=probe, secrets=(HASH,)),
    Case(
        name="tenants without an allocation are refused together",
        system=edge_host(BEGIN),
        arguments=contradicting,
        probe=probe,
        refused="tenant a-websocket: allocations",
    ),
    Case(
        name="a broken file of somebody else is refused with its line",
        system=edge_host(BEGIN, BROKEN),
        arguments=arguments,
        probe=probe,
        refused="hand.yml: line 2",
        secrets=(HASH,),
    ),
)
