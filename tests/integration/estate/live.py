# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A converged estate, read from outside: commands on its hosts, HTTPS as a browser, SQL and Redis as a tenant."""

from __future__ import annotations

import contextlib
import html
import http.client
import json
import re
import socket
import ssl
import subprocess
import time
import urllib.parse
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.estate.secrets import password

SECONDS = 60
PAGE_SECONDS = 180  # a freshly started Odoo answers only when it has loaded its registry


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")


class Pinned(http.client.HTTPSConnection):
    """HTTPS to a given address under a hostname's name and certificate, as a browser with that DNS entry would do."""

    def __init__(self, hostname: str, address: str, context: ssl.SSLContext) -> None:
        super().__init__(hostname, 443, timeout=SECONDS, context=context)
        self._address, self._ssl = address, context

    def connect(self) -> None:
        plain = socket.create_connection((self._address, 443), timeout=SECONDS)
        self.sock = self._ssl.wrap_socket(plain, server_hostname=self.host)


@dataclass
class Browser:
    """One visitor of one hostname: verified TLS, cookies kept, redirects not followed."""

    hostname: str
    address: str
    ca_file: Path
    cookies: dict[str, str] = field(default_factory=dict)

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        context = ssl.create_default_context(cafile=str(self.ca_file))
        connection = Pinned(self.hostname, self.address, context)
        cookie = (
            {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
        )
        try:
            connection.request(method, path, body, {**cookie, **(headers or {})})
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        finally:
            connection.close()
        for header in answer.headers.get_all("Set-Cookie") or []:
            self.cookies.update({name: morsel.value for name, morsel in SimpleCookie(header).items()})
        return answer

    def get(self, path: str) -> Answer:
        return self.request("GET", path)

    def post_form(self, path: str, fields: dict[str, str]) -> Answer:
        return self.request(
            "POST",
            path,
            urllib.parse.urlencode(fields).encode(),
            {"Content-Type": "application/x-www-form-urlencoded"},
        )

    def post_json(self, path: str, value: Any, headers: dict[str, str] | None = None) -> Answer:
        return self.request(
            "POST", path, json.dumps(value).encode(), {"Content-Type": "application/json", **(headers or {})}
        )

    def rpc(self, service: str, method: str, *arguments: Any) -> Any:
        """Odoo's JSON-RPC; the answer's ``result``, or its ``error`` as an exception."""
        value = {
            "jsonrpc": "2.0",
            "method": "call",
            "params": {"service": service, "method": method, "args": arguments},
        }
        answer = json.loads(self.post_json("/jsonrpc", value).body)
        if "error" in answer:
            raise PermissionError(json.dumps(answer["error"]))
        return answer["result"]

    def wait_for_page(self, seconds: int = PAGE_SECONDS) -> None:
        """Until the login page is served; a request that meets a database on its way up may hang and time out.

        Raises:
            TimeoutError: it never was; says what was seen last.
        """
        deadline = time.monotonic() + seconds
        seen = "no answer"
        while time.monotonic() < deadline:
            try:
                status = self.get("/web/login").status
                if status == 200:
                    return
                seen = f"HTTP status {status}"
            except OSError as error:
                seen = str(error)
            time.sleep(1)
        raise TimeoutError(f"https://{self.hostname}/web/login gave no page in {seconds} s; last: {seen}")

    def login(self, login: str, secret: str) -> Answer:
        page = self.get("/web/login").text
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page) or re.search(r'csrf_token: "([^"]+)"', page)
        assert token, f"{self.hostname}: no login form in: {page[:300]}"
        form = {"csrf_token": html.unescape(token.group(1)), "login": login, "password": secret}
        return self.post_form("/web/login", form)

    def uid(self) -> int | None:
        """Who this browser is to Odoo, None for nobody."""
        answer = self.post_json("/web/session/get_session_info", {"jsonrpc": "2.0", "method": "call", "params": {}})
        result = json.loads(answer.body).get("result") or {}
        uid = result.get("uid")
        return uid if isinstance(uid, int) and uid else None


@dataclass(frozen=True)
class Estate:
    root: Path
    inventories: tuple[Path, ...]
    groups: dict[str, list[str]]
    hostvars: dict[str, dict[str, Any]]

    @classmethod
    def load(cls, root: Path, inventories: list[Path]) -> Estate:
        options = [item for inventory in inventories for item in ("-i", str(inventory))]
        # Values are templated by asking each host for the ones we need: `ansible-inventory` alone leaves Jinja in them.
        listed = subprocess.run(
            ["ansible-inventory", *options, "--list"], cwd=root, capture_output=True, check=True, timeout=SECONDS
        )
        data = json.loads(listed.stdout)
        groups = {name: group.get("hosts", []) for name, group in data.items() if name not in ("_meta", "all")}
        return cls(root, tuple(inventories), groups, data["_meta"]["hostvars"])

    @property
    def variables(self) -> dict[str, Any]:
        return next(iter(self.hostvars.values()))

    @property
    def tenants(self) -> list[dict[str, Any]]:
        return self.variables["odoo_tenants"]

    def tenant(self, name: str) -> dict[str, Any]:
        return next(tenant for tenant in self.tenants if tenant["name"] == name)

    def running(self, version: str | None = None) -> list[str]:
        """Names of the tenants that serve, of one Odoo version or of all."""
        versions = {instance["name"]: instance["version"] for instance in self.variables["odoo_instances"]}
        return [
            tenant["name"]
            for tenant in self.tenants
            if tenant.get("state", "present") == "present" and version in (None, versions[tenant["instance"]])
        ]

    def address(self, host: str) -> str:
        return self.hostvars[host]["ansible_host"]

    def secret(self, purpose: str, subject: str = "", version: int = 1) -> str:
        overrides = self.variables.get("estate_secret_overrides") or {}
        return password(self.variables["estate_secret"], overrides, purpose, subject, version)

    @property
    def ca_file(self) -> Path:
        path = self.root / "build" / f"{self.variables['estate_name']}-ca.crt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(self.variables["estate_ca_certificate"], encoding="utf-8")
        return path

    def browser(self, tenant: str, hostname: str | None = None) -> Browser:
        name = hostname or self.tenant(tenant)["hostnames"][0]
        return Browser(name, self.address(self.groups["edge"][0]), self.ca_file)

    def lab(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.root / "tests/lab/lab"), *arguments], capture_output=True, text=True, timeout=600, check=True
        )

    def run(
        self, host: str, *command: str, timeout: int = 120, text: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """A command on a host, over SSH as root; never raises for its exit code."""
        variables = self.hostvars[host]
        quoted = " ".join("'" + part.replace("'", "'\\''") + "'" for part in command)
        ssh = ["ssh", "-i", variables["ansible_ssh_private_key_file"], "-o", "StrictHostKeyChecking=no"]
        ssh += ["-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "ConnectTimeout=10"]
        return subprocess.run(
            [*ssh, f"root@{self.address(host)}", quoted],
            capture_output=True,
            text=True,
            timeout=timeout,
            input=text,
            check=False,
        )

    def psql(self, host: str, statement: str, database: str = "postgres") -> list[str]:
        """Rows as the host's own psql prints them to PostgreSQL's superuser, fields separated by |."""
        command = ("runuser", "-u", "postgres", "--", "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database)
        asked = self.run(host, *command, text=f"{statement};")
        assert asked.returncode == 0, f"{host}: {asked.stderr}"
        return asked.stdout.splitlines()

    def primary(self, *hosts: str) -> str:
        """Which of these hosts writes, or of all PostgreSQL hosts; those that do not answer are passed over."""
        for host in hosts or self.groups["postgres"]:
            with contextlib.suppress(AssertionError):
                if self.psql(host, "select pg_is_in_recovery()") == ["f"]:
                    return host
        raise AssertionError("no PostgreSQL host is the primary")

    def app_host(self, tenant: str) -> str:
        """The app host on which the tenant's unit runs, found by looking, not by asking the registry."""
        for host in self.groups["app"]:
            if self.run(host, "systemctl", "is-active", f"odoo-{tenant}.service").stdout.strip() == "active":
                return host
        raise AssertionError(f"tenant {tenant} runs on none of {self.groups['app']}")

    def inside(self, tenant: str, program: str) -> subprocess.CompletedProcess[str]:
        """A Python program inside the tenant's own container, as its own user."""
        return self.run(
            self.app_host(tenant), "podman", "exec", "-i", f"odoo-{tenant}", "python3", "-", text=program, timeout=120
        )
