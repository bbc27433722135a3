# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real edge host: its roles, the module, its files, and its answers as a client on the network sees them.

``ERPOPS_EDGE_INVENTORY`` names an inventory with one bare Debian 13 host in each of the groups ``edge`` and ``app``,
such as two lab hosts. Their Traefik belongs to these tests.
"""

from __future__ import annotations

import http.client
import json
import os
import shlex
import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
DYNAMIC = "/etc/traefik/dynamic"
OWN = f"{DYNAMIC}/tenants.yml"
PORTS = (10000, 11000)
PAGE = """
import ssl, sys, urllib.request
anyone = ssl._create_unverified_context()
sys.stdout.write(urllib.request.urlopen(sys.argv[1], timeout=30, context=anyone).read().decode())
"""

INSTANCES = [
    {"name": "s19", "environment": "production", "version": "19.0", "image": "odoo@sha256:" + "a" * 64},
    {"name": "s14", "environment": "production", "version": "14.0", "image": "odoo@sha256:" + "b" * 64},
]


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def told(self) -> dict[str, Any]:
        """What the backend says that reached it."""
        value: dict[str, Any] = json.loads(self.body)
        return value


@dataclass(frozen=True, slots=True)
class Edge:
    inventory: str
    variables: Path
    address: str
    app_address: str
    key: str
    ca_file: Path

    def ansible(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(BIN / program), "-i", self.inventory, "-e", f"@{self.variables}", *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1200, check=False)

    def converge(self, *arguments: str) -> str:
        done = self.ansible("ansible-playbook", str(HERE / "converge.yml"), *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def ssh(self, command: str, address: str = "") -> str:
        """A command on the edge host, or another; its output."""
        options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "BatchMode=yes"]
        flags = [flag for option in options for flag in ("-o", option)]
        done = subprocess.run(
            ["ssh", "-i", self.key, *flags, f"root@{address or self.address}", command],
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def put(self, path: str, text: str, address: str = "") -> None:
        self.ssh(f"cat > {path} <<'TEXT_ENDS_HERE'\n{text}\nTEXT_ENDS_HERE", address)

    def routes(self, *flags: str, **options: Any) -> dict[str, Any]:
        """Run the module; flags are ansible's, such as --check. Returns its result (the diff is in it at -vvv only)."""
        values = {"instances": INSTANCES, "app_addresses": {"app1": self.app_address}, **options}
        with tempfile.TemporaryDirectory() as tree:
            arguments = [
                "edge",
                "-m",
                "erpops.odoo.traefik_routes",
                "-a",
                json.dumps(values),
                "-t",
                tree,
                "-vvv",
                *flags,
            ]
            done = self.ansible("ansible", *arguments)
            found = list(Path(tree).iterdir())
            assert len(found) == 1, done.stdout + done.stderr
            result: dict[str, Any] = json.loads(found[0].read_text())
            return result

    def api(self, path: str) -> Any:
        """Traefik's API, read independently of the module."""
        return json.loads(self.page(f"http://127.0.0.1:8080/api/{path}"))

    def page(self, url: str) -> str:
        """What the edge host itself gets there, whoever signed it."""
        return self.ssh(shlex.join(["python3", "-c", PAGE, url]))

    def own(self) -> str:
        return self.ssh(f"cat {OWN}")

    def request(
        self, host: str, path: str = "/", *, method: str = "GET", body: bytes | None = None,
        headers: Mapping[str, str] | None = None, tls: bool = True, verify: bool = True,
        context: ssl.SSLContext | None = None,
    ) -> Answer:  # fmt: skip
        """One request over the network; certificates are verified with the estate's root alone."""
        connection = self.connect(host, tls, verify, context)
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            lower = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, lower, answer.read())
        finally:
            connection.close()

    def connect(
        self, host: str, tls: bool = True, verify: bool = True, context: ssl.SSLContext | None = None
    ) -> http.client.HTTPConnection:
        plain = socket.create_connection((self.address, 443 if tls else 80), timeout=30)
        connection = http.client.HTTPConnection(host, timeout=30)
        secure = context or self.context(verify)
        connection.sock = secure.wrap_socket(plain, server_hostname=host) if tls else plain
        return connection

    def context(self, verify: bool = True) -> ssl.SSLContext:
        if verify:
            return ssl.create_default_context(cafile=str(self.ca_file))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context


def allocations(names: Sequence[str]) -> list[dict[str, Any]]:
    return [{"name": name, "number": number, "app_host": "app1"} for number, name in enumerate(names, 1)]


def inventory() -> str | None:
    return os.environ.get("ERPOPS_EDGE_INVENTORY")


def begin(folder: Path, path: str) -> Edge:
    """Converge the edge's roles, and start what stands behind it."""
    hosts = _hosts(path)
    certificate, key = _authority(folder)
    values = {
        "estate_name": "edgetest",
        "estate_domain": "edge.test",
        "estate_address": "{{ ansible_host }}",
        "estate_ca_certificate": certificate.read_text(),
        "estate_ca_key": key.read_text(),
        "baseline_authority_names": ["example"],
        "baseline_unattended_upgrades": False,
        "baseline_time_service": "none",
    }
    variables = folder / "variables.json"
    variables.write_text(json.dumps(values))
    edge = Edge(
        inventory=path,
        variables=variables,
        address=hosts["edge"]["ansible_host"],
        app_address=hosts["app"]["ansible_host"],
        key=hosts["edge"]["ansible_ssh_private_key_file"],
        ca_file=certificate,
    )
    edge.converge()
    edge.put("/root/backend.py", (HERE / "backend.py").read_text(), edge.app_address)
    unit = f"systemd-run -q -u edge-backend python3 /root/backend.py {PORTS[0]} {PORTS[1]}"
    edge.ssh(f"systemctl stop edge-backend; systemctl reset-failed edge-backend; {unit}", edge.app_address)
    return edge


def _hosts(path: str) -> dict[str, dict[str, str]]:
    """The variables of the first host of each group."""
    command = [str(BIN / "ansible-inventory"), "-i", path, "--list"]
    found = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout)
    return {group: found["_meta"]["hostvars"][found[group]["hosts"][0]] for group in ("edge", "app")}


def _authority(folder: Path) -> tuple[Path, Path]:
    certificate, key = folder / "ca.crt", folder / "ca.key"
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    more = ["-addext", "keyUsage=critical,keyCertSign,cRLSign", "-days", "30", "-subj", "/CN=edge test root"]
    command = ["openssl", "req", "-x509", *curve, *more, "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, capture_output=True, timeout=60, check=True)
    return certificate, key
