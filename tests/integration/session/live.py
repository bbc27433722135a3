# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Odoo out of the images, on this machine's loopback, as any user on a read-only root, beside a real Redis.

The images are those in the cache that ``ERPOPS_IMAGE_CACHE`` names, as ``erpops.odoo.images`` leaves them.
"""

from __future__ import annotations

import http.cookiejar
import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis

CACHE = Path(os.environ.get("ERPOPS_IMAGE_CACHE", "/var/cache/erpops/images"))
USER = 20001
TENANT = "acme"
PASSWORD = "a password of the tests"
COMMANDS = ("get", "set", "expire", "del", "exists", "sadd", "srem", "smembers")
PATIENCE = 300

ENTER = """
set -euo pipefail
root=$1 etc=$2 data=$3; shift 3
mount --bind "$root" "$root"
mount --bind "$etc" "$root/etc/odoo"
mount --bind "$data" "$root/var/lib/odoo"
mount -t tmpfs tmpfs "$root/tmp"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -o remount,bind,ro "$root"
exec chroot --userspec=$ID:$ID "$root" "$@"
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(check: Any, what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not check():
        assert time.monotonic() < deadline, f"{what} did not come within {PATIENCE} seconds"
        time.sleep(0.3)


@dataclass(frozen=True)
class Image:
    """An image's file system, unpacked, and its configuration."""

    version: str
    root: Path
    environment: Mapping[str, str]
    labels: Mapping[str, str]


def layouts() -> dict[str, Path]:
    """By the version of Odoo."""
    found = {}
    for index in sorted(CACHE.glob("*/index.json")):
        found[documents(index.parent)[1]["config"]["Labels"]["erpops.odoo.version"]] = index.parent
    return found


def documents(layout: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """A layout's manifest and configuration."""

    def blob(digest: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((layout / "blobs" / digest.replace(":", "/")).read_bytes())
        return document

    manifest = blob(json.loads((layout / "index.json").read_bytes())["manifests"][0]["digest"])
    return manifest, blob(manifest["config"]["digest"])


def unpack(version: str, layout: Path, root: Path) -> Image:
    manifest, config = documents(layout)
    root.mkdir()
    for layer in manifest["layers"]:
        blob = layout / "blobs" / layer["digest"].replace(":", "/")
        subprocess.run(["tar", "--zstd", "-xpf", str(blob), "-C", str(root)], check=True)
    environment = dict(line.split("=", 1) for line in config["config"]["Env"])
    return Image(version, root, environment, config["config"]["Labels"])


@dataclass
class Redis:
    """A server with the tenant's user, which may do what the addon needs and no more."""

    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        user = ["--user", TENANT, "on", f">{PASSWORD.replace(' ', '')}", f"~{TENANT}:*", "-@all"]
        command = ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen(
            [*command, *user, *(f"+{name}" for name in COMMANDS)], stdout=subprocess.DEVNULL
        )
        wait_for(self.answers, "Redis")

    def answers(self) -> bool:
        try:
            return bool(self.admin.ping())
        except redis.ConnectionError:
            return False

    def stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        self.process.wait(30)

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    @property
    def admin(self) -> Any:
        return redis.Redis(port=self.port, decode_responses=True)

    def settings(self, **more: Any) -> dict[str, Any]:
        return {
            "servers": [["127.0.0.1", self.port]],
            "sentinels": [],
            "service": "sessions",
            "username": TENANT,
            "password": PASSWORD.replace(" ", ""),
            "prefix": f"{TENANT}:",
            "ca_file": None,
            "lifetime_seconds": 604_800,
            **more,
        }


@dataclass
class Odoo:
    """One Odoo with its own configuration and data folders."""

    image: Image
    folder: Path
    options: Mapping[str, str]
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        for name in ("etc", "data"):
            (self.folder / name).mkdir(parents=True)
            os.chown(self.folder / name, USER, USER)
        server_wide = "base,web" if self.image.version == "14.0" else "base,rpc,web"
        options = {
            "addons_path": "/usr/lib/python3/dist-packages/odoo/addons,/opt/erpops/addons",
            "data_dir": "/var/lib/odoo",
            "http_port": str(self.port),
            "http_interface": "127.0.0.1",
            "list_db": "False",
            "max_cron_threads": "0",
            "server_wide_modules": f"{server_wide},erpops_session_redis",
            **self.options,
        }
        text = "[options]\n" + "".join(f"{name} = {value}\n" for name, value in options.items())
        self.put("odoo.conf", text)

    def put(self, name: str, text: str) -> None:
        path = self.folder / "etc" / name
        path.unlink(missing_ok=True)
        path.write_text(text)
        path.chmod(0o400)
        os.chown(path, USER, USER)

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def command(self, *command: str) -> list[str]:
        enter = [
            "unshare",
            "--mount",
            "--propagation",
            "private",
            "bash",
            "-c",
            ENTER.replace("$ID", str(USER)),
            "enter",
        ]
        return [*enter, str(self.image.root), str(self.folder / "etc"), str(self.folder / "data"), *command]

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*command), env=dict(self.image.environment), capture_output=True, text=True, timeout=900,
            check=False,
        )  # fmt: skip

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command("odoo"), env=dict(self.image.environment), stdout=log, stderr=log
            )

    def stop(self) -> None:
        assert self.process is not None
        self.process.terminate()
        self.process.wait(60)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def serves(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()[-3000:]
        try:
            return Browser(self).get("/web/login").status == 200
        except OSError:
            return False


@dataclass(frozen=True)
class Answer:
    status: int
    text: str
    headers: Mapping[str, str]


class Browser:
    """A client with a cookie jar."""

    def __init__(self, odoo: Odoo) -> None:
        self._url = odoo.url
        self.cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def get(self, path: str, data: bytes | None = None, kind: str = "") -> Answer:
        request = urllib.request.Request(self._url + path, data=data)
        if kind:
            request.add_header("Content-Type", kind)
        try:
            with self._opener.open(request, timeout=120) as answer:
                return Answer(answer.status, answer.read().decode(errors="replace"), answer.headers)
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read().decode(errors="replace"), error.headers)

    @property
    def sid(self) -> str:
        return next(cookie.value or "" for cookie in self.cookies if cookie.name == "session_id")

    def log_in(self, login: str, password: str) -> Answer:
        page = self.get("/web/login").text
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert token is not None, page[:2000]
        form = {"login": login, "password": password, "csrf_token": token[1]}
        return self.get("/web/login", urllib.parse.urlencode(form).encode())

    def session(self) -> dict[str, Any]:
        """What the server says about the session: ``result`` or ``error``."""
        answer = self.get("/web/session/get_session_info", b'{"jsonrpc": "2.0", "params": {}}', "application/json")
        document: dict[str, Any] = json.loads(answer.text)
        return document
