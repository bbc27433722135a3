# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real Redis hosts: their roles, the modules, and what a tenant's and an administrator's client see.

``ERPOPS_INVENTORY`` names inventories, separated by colons, whose group ``redis`` has one Debian 13 host, or three.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml
from contracts.harness import inventory_options

from ansible_collections.erpops.odoo.plugins.module_utils.estate.secrets import derive

ROOT = Path(__file__).resolve().parents[3]
HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
SECRET = "integration-test-secret-of-the-redis-tier"
PORTS = {"sessions": 6379, "cache": 6380, "queue": 6381}
SENTINEL_PORT = 26379
PATIENCE_SECONDS = 120
CHANGED = re.compile(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)", re.MULTILINE)
INSTANCE = {"name": "shared19", "environment": "test", "version": "19.0", "image": "localhost/odoo:19"}


def tenant(name: str, **values: Any) -> dict[str, Any]:
    return {"name": name, "instance": "shared19", "hostnames": [f"{name}.redis.test"], **values}


TENANTS = [tenant("acme"), tenant("birch")]


def eventually(question: Callable[[], Any]) -> Any:
    """The first true answer; the last error if there is none in time."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            answer = question()
        except redis.RedisError:
            if time.monotonic() > deadline:
                raise
        else:
            if answer:
                return answer
            assert time.monotonic() < deadline, f"never true: {answer!r}"
        time.sleep(1)


@dataclass(frozen=True, slots=True)
class Tier:
    inventories: tuple[str, ...]
    variables: Path
    ca_file: Path
    hosts: dict[str, dict[str, Any]]

    @property
    def addresses(self) -> list[str]:
        return [str(values["ansible_host"]) for values in self.hosts.values()]

    @property
    def first(self) -> str:
        return next(iter(self.hosts))

    def ansible(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(BIN / program), *inventory_options(self.inventories), "-e", f"@{self.variables}", *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1800, check=False)

    def converge(self, *arguments: str) -> dict[str, int]:
        """Run the roles; how many tasks changed each host."""
        done = self.ansible("ansible-playbook", str(HERE / "converge.yml"), *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return {host: int(changed) for host, changed in CHANGED.findall(done.stdout)}

    def run(self, module: str, host: str, options: dict[str, Any], *flags: str) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as tree:
            arguments = [host, "-m", f"erpops.odoo.{module}", "-a", json.dumps(options), "-t", tree, *flags]
            done = self.ansible("ansible", *arguments)
            found = list(Path(tree).iterdir())
            assert len(found) == 1, done.stdout + done.stderr
            result: dict[str, Any] = json.loads(found[0].read_text())
            return result

    def users(self, tenants: list[dict[str, Any]], *flags: str) -> dict[str, Any]:
        """redis_users on the first host."""
        options = {
            "host": self.addresses[0],
            "servers": [{"name": name, "port": port} for name, port in PORTS.items()],
            "admin_password": derive(SECRET, "redis_admin"),
            "estate_secret": SECRET,
            "instances": [INSTANCE],
            "tenants": tenants,
        }
        return self.run("redis_users", self.first, options, *flags)

    def ssh(self, host: str, command: str) -> str:
        values = self.hosts[host]
        options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "BatchMode=yes"]
        flags = [flag for option in options for flag in ("-o", option)]
        done = subprocess.run(
            ["ssh", "-i", values["ansible_ssh_private_key_file"], *flags, f"root@{values['ansible_host']}", command],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def client(self, address: str, port: int, user: str | None, password: str | None) -> redis.Redis:
        return redis.Redis(
            host=address,
            port=port,
            username=user,
            password=password,
            ssl=True,
            ssl_ca_certs=str(self.ca_file),
            ssl_check_hostname=True,
            socket_timeout=5,
            socket_connect_timeout=5,
            decode_responses=True,
        )

    def admin(self, address: str, instance: str = "sessions") -> redis.Redis:
        return self.client(address, PORTS[instance], "erpops_admin", derive(SECRET, "redis_admin"))

    def tenant(self, name: str, address: str = "", instance: str = "sessions") -> redis.Redis:
        return self.client(address or self.primary(instance), PORTS[instance], name, derive(SECRET, "redis", name))

    def primary(self, instance: str = "sessions") -> str:
        """As anybody may ask the Sentinels, without a login; a single host is its own."""
        if len(self.hosts) == 1:
            return self.addresses[0]
        for address in self.addresses:
            try:
                found = self.client(address, SENTINEL_PORT, None, None).sentinel_get_master_addr_by_name(instance)
            except redis.RedisError:
                continue
            if found:
                return str(found[0])
        raise redis.ConnectionError("no Sentinel answers")

    def host_of(self, address: str) -> str:
        return next(name for name, values in self.hosts.items() if values["ansible_host"] == address)


def begin(folder: Path) -> Tier:
    inventories = tuple(os.environ.get("ERPOPS_INVENTORY", "").split(":"))
    command = [str(BIN / "ansible-inventory"), *inventory_options(inventories), "--list"]
    found = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    if "redis" not in found:
        pytest.skip("ERPOPS_INVENTORY names no inventory with a group redis; make try-redis does")
    hosts = {name: found["_meta"]["hostvars"][name] for name in found["redis"]["hosts"]}
    key, certificate = folder / "ca.key", folder / "ca.crt"
    subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(key)], check=True)
    extensions = ("basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign")
    flags = [flag for extension in extensions for flag in ("-addext", extension)]
    request = ["openssl", "req", "-x509", "-new", "-key", str(key), "-days", "30", "-subj", "/CN=Test", *flags]
    subprocess.run([*request, "-out", str(certificate)], check=True)
    values = {
        "estate_name": "redistest",
        "estate_domain": "redis.test",
        "estate_address": "{{ ansible_host }}",
        "estate_secret": SECRET,
        "estate_ca_certificate": certificate.read_text(),
        "estate_ca_key": key.read_text(),
        "baseline_unattended_upgrades": False,
        "baseline_time_service": "none",
        # These tests ask from the machine that runs them.
        "baseline_firewall": False,
        "odoo_instances": [INSTANCE],
        "odoo_tenants": TENANTS,
        **{name: os.environ[name.upper()] for name in ("redis_engine",) if name.upper() in os.environ},
    }
    variables = folder / "variables.yml"
    variables.write_text(yaml.safe_dump(values))
    return Tier(inventories=inventories, variables=variables, ca_file=certificate, hosts=hosts)
