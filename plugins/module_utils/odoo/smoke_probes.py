# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probes of an Odoo server, run inside its container: plain Python from 3.9 on, nothing of this collection.

It gets its task as JSON on standard input and writes ``{"probes": [...]}`` as the last line of its standard output. It
starts nothing where the container has any network besides its loopback.
"""

from __future__ import annotations

import hashlib
import http.cookiejar
import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from functools import partial
from pathlib import Path
from typing import Any, Callable  # noqa: UP035

URL = "http://127.0.0.1:8069"
CONFIG = "/etc/odoo/odoo.conf"
LOG = Path("/var/lib/odoo/smoke.log")
HEALTH_SINCE = 16
SECONDS = 60.0
STOP_SECONDS = 30.0
SAMPLE = 5
FILES = 20
TAIL = 15
LOADING = ("Some modules are not loaded", "Some modules have inconsistent states", "not installable, skipped")

Call = Callable[..., Any]


class Failed(Exception):
    """What the probe wants is not so."""


class Skipped(Exception):
    """The probe cannot be tried here, and why."""


class Denied(Exception):
    """The server understood and refused, as it does for a user without the right."""


class User:
    """A browser of one user."""

    def __init__(self, login: str) -> None:
        self.login = login
        jar = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))

    def get(self, path: str) -> tuple[int, bytes]:
        try:
            with self.opener.open(URL + path, timeout=SECONDS) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def post(self, path: str, params: dict[str, Any]) -> Any:
        body = json.dumps({"jsonrpc": "2.0", "method": "call", "id": 1, "params": params}).encode()
        request = urllib.request.Request(URL + path, body, {"Content-Type": "application/json"})
        with self.opener.open(request, timeout=SECONDS) as answer:
            found = json.loads(answer.read())
        if "error" in found:
            data = found["error"].get("data") or {}
            raise Denied(str(data.get("message") or found["error"].get("message")).splitlines()[0])
        return found.get("result")

    def authenticate(self, database: str, password: str) -> int:
        params = {"db": database, "login": self.login, "password": password}
        return int((self.post("/web/session/authenticate", params) or {}).get("uid") or 0)

    def call(self, model: str, method: str, *args: Any, **kwargs: Any) -> Any:
        params = {"model": model, "method": method, "args": list(args), "kwargs": kwargs}
        return self.post(f"/web/dataset/call_kw/{model}/{method}", params)


def probed(name: str, work: Callable[[], str]) -> dict[str, Any]:
    begun = time.monotonic()
    try:
        status, evidence = "ok", work()
    except Failed as error:
        status, evidence = "failed", str(error)
    except Skipped as error:
        status, evidence = "skipped", str(error)
    except Exception as error:  # whatever it is, the other probes go on
        status, evidence = "failed", f"{type(error).__name__}: {error}"
    return {"name": name, "status": status, "seconds": round(time.monotonic() - begun, 3), "evidence": evidence}


def first(users: list[User], work: Callable[[User], str]) -> str:
    """The first user that may."""
    refusals = []
    for user in users:
        try:
            return f"{user.login}: {work(user)}"
        except Denied as error:
            refusals.append(f"{user.login}: {error}")
    raise Failed("; ".join(refusals) or "nobody is logged in")


def isolated() -> str:
    names = [name for _index, name in socket.if_nameindex()]
    if names != ["lo"]:
        raise Failed(f"the container has network interfaces {', '.join(names)}; nothing was started")
    return "only the loopback is there"


def tail() -> str:
    try:
        with LOG.open(errors="replace") as file:
            return " | ".join(line.strip() for line in file.readlines()[-TAIL:])
    except OSError as error:
        return str(error)


def update(modules: list[str], seconds: float) -> str:
    command = ["odoo", f"--config={CONFIG}", "--no-http", "--workers=0", "--max-cron-threads=0", "--stop-after-init"]
    with LOG.open("ab") as log:
        done = subprocess.run(
            [*command, f"--update={','.join(modules)}"], stdout=log, stderr=log, timeout=seconds, check=False
        )
    if done.returncode:
        raise Failed(f"it ended with {done.returncode}: {tail()}")
    return ", ".join(modules)


def start() -> subprocess.Popen[bytes]:
    with LOG.open("ab") as log:
        return subprocess.Popen(
            ["odoo", f"--config={CONFIG}", "--workers=0", "--max-cron-threads=0"], stdout=log, stderr=log
        )


def boot(server: subprocess.Popen[bytes], seconds: float) -> str:
    """The login page, which needs the database."""
    end = time.monotonic() + seconds
    said = "it did not answer"
    while time.monotonic() < end:
        if server.poll() is not None:
            raise Failed(f"it ended with {server.returncode}: {tail()}")
        try:
            status, body = User("").get("/web/login")
        except OSError:
            time.sleep(0.2)
            continue
        if status == 200 and b'name="login"' in body:
            return f"/web/login 200, {len(body)} bytes"
        said = f"/web/login answered {status}"
        time.sleep(1)
    raise Failed(f"{said} within {seconds:g} seconds: {tail()}")


def health() -> str:
    status, _body = User("").get("/web/health")
    if status != 200:
        raise Failed(f"/web/health answered {status}")
    return "/web/health 200"


def login(user: User, database: str, password: str) -> str:
    uid = user.authenticate(database, password)
    if not uid:
        raise Failed("no session")
    return f"user {uid}"


def count(model: str, domain: list[Any], fields: list[str]) -> Callable[[User], str]:
    def work(user: User) -> str:
        total = user.call(model, "search_count", domain)
        rows = user.call(model, "search_read", domain, fields, limit=SAMPLE)
        if not rows:
            raise Denied("sees none")
        return f"{total} there, {len(rows)} read"

    return work


def attachments(known: list[str]) -> Callable[[User], str]:
    """known: files that the source lacks as well; a file is named by its content."""
    lacking = {name.rpartition("/")[2] for name in known}

    def work(user: User) -> str:
        domain = [["type", "=", "binary"], ["store_fname", "!=", False], ["checksum", "!=", False]]
        found = user.call("ir.attachment", "search_read", domain, ["checksum"], limit=FILES, order="id desc")
        if not found:
            raise Denied("sees no attachment in the filestore")
        rows = [row for row in found if row["checksum"] not in lacking]
        different = []
        for row in rows:
            status, body = user.get(f"/web/content/{row['id']}")
            if status != 200 or hashlib.sha1(body).hexdigest() != row["checksum"]:
                different.append(f"{row['id']} ({status}, {len(body)} bytes)")
        said = f"{len(rows) - len(different)} of {len(rows)} have their checksum"
        said += f"; {len(found) - len(rows)} are missing on the source as well" if len(found) > len(rows) else ""
        if different:
            raise Failed(f"{said}, not {', '.join(different)}")
        return said

    return work


def invoice(user: User) -> str:
    fields = user.call("account.move", "fields_get", [], ["type"])
    kind = "move_type" if "move_type" in fields else "type"
    rows = user.call("account.move", "search_read", [[kind, "=", "out_invoice"]], ["name", "state"], limit=SAMPLE,
                     order="state desc, id desc")  # fmt: skip
    if not rows:
        raise Denied("sees no invoice")
    if shutil.which("wkhtmltopdf") is None:
        raise Failed(f"the image has no wkhtmltopdf: nobody can print invoice {rows[0]['name']}")
    status, body = user.get(f"/report/pdf/account.report_invoice/{rows[0]['id']}")
    if status != 200 or not body.startswith(b"%PDF"):
        raise Failed(f"invoice {rows[0]['name']} answered {status} with {body[:80]!r}")
    return f"{rows[0]['name']}, {len(body)} bytes"


def sequence(user: User) -> str:
    """Two numbers of the copy, which differ."""
    rows = user.call("ir.sequence", "search_read", [["implementation", "=", "standard"]], ["name"], limit=1)
    if not rows:
        raise Denied("sees no sequence")
    numbers = [user.call("ir.sequence", "next_by_id", [rows[0]["id"]]) for _time in range(2)]
    if not all(numbers) or numbers[0] == numbers[1]:
        raise Failed(f"sequence {rows[0]['name']} gave {numbers}")
    return f"{rows[0]['name']}: {' and '.join(map(str, numbers))}"


def judged(lines: list[str]) -> tuple[str, str]:
    """What Odoo's log says of modules that it goes on without, and of what it calls critical."""
    bad = [line for line in lines if " CRITICAL " in line or any(text in line for text in LOADING)]
    if bad:
        return "failed", " | ".join(bad[:SAMPLE])
    errors = [line for line in lines if " ERROR " in line]
    return "ok", f"{len(errors)} errors" + (f", first: {errors[0][:300]}" if errors else "")


def log() -> str:
    """Odoo goes on without modules that it cannot load, and says so here only."""
    with LOG.open(errors="replace") as file:
        status, said = judged([line.strip() for line in file])
    if status == "failed":
        raise Failed(said)
    return said


def needing(
    name: str, module: str, task: dict[str, Any], users: list[User], work: Callable[[User], str]
) -> Callable[[], str]:
    """Skipped only where there is nothing to try: the module is not installed, or the database has no such row."""

    def tried() -> str:
        if module not in task["modules"]:
            raise Skipped(f"module {module} is not installed")
        if name not in task["there"]:
            raise Skipped("the database has none")
        return first(users, work)

    return tried


def of_server(task: dict[str, Any]) -> list[dict[str, Any]]:
    """Everything that is asked of a server that answers."""
    probes = [probed("health", health)] if task["major"] >= HEALTH_SINCE else []
    users = []
    for name in task["users"]:
        user = User(name)
        probes.append(probed(f"login {name}", partial(login, user, task["database"], task["password"])))
        if probes[-1]["status"] == "ok":
            users.append(user)
    lines = [["project_id", "!=", False]]
    wanted = (
        ("projects", "project", count("project.project", [], ["name"])),
        ("timesheets", "hr_timesheet", count("account.analytic.line", lines, ["name", "unit_amount"])),
        ("attachments", "base", attachments(task["known"])),
        ("invoice", "account", invoice),
        ("sequence", "base", sequence),
    )
    probes += [probed(name, needing(name, module, task, users, work)) for name, module, work in wanted]
    return probes


def main(task: dict[str, Any]) -> list[dict[str, Any]]:
    probes = [probed("network", isolated)]
    if probes[-1]["status"] == "ok" and task["update"]:
        probes.append(probed("update", lambda: update(task["update"], task["update_seconds"])))
    if probes[-1]["status"] != "ok":
        return probes
    server = start()
    try:
        probes.append(probed("boot", lambda: boot(server, task["boot_seconds"])))
        if probes[-1]["status"] == "ok":
            probes += of_server(task)
    finally:
        server.terminate()
        try:
            server.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
    return [*probes, probed("log", log)]


if __name__ == "__main__":
    sys.stdout.write(json.dumps({"probes": main(json.load(sys.stdin))}) + "\n")
