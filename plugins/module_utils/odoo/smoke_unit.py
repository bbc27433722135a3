# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at the unit that serves a tenant, while users work: nobody is logged in, and nothing of theirs is changed."""

from __future__ import annotations

import json
import re
import subprocess
import time
import urllib.error
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ansible.module_utils.urls import open_url

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError
from ansible_collections.erpops.odoo.plugins.module_utils.host import unit_client
from ansible_collections.erpops.odoo.plugins.module_utils.odoo import (
    model,
    plan,
    podman,
    render,
    smoke,
    smoke_client,
    smoke_data,
    smoke_probes,
)
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.database import Login
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.model import Resident
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.smoke import Probe

HTTP_SECONDS = 30.0
ASSETS = 8  # of the login page's stylesheets and scripts
JOURNAL_LINES, JOURNAL_SECONDS = 20_000, 60
FILES_SECONDS = 120
LINK = re.compile(rb'(?:src|href)="(/web/(?:assets|content|static)/[^"]+\.(?:js|css))"')
# What a unit says that was started before its database let it in.
NOT_YET = "Failed to initialize database"
# Run in the unit's own container, as its own user, on the files that it is told: they are read, and nothing else.
READ = """
import hashlib, json, os, sys
task, sums = json.load(sys.stdin), {}
for name in task["names"]:
    try:
        with open(os.path.join(task["folder"], name), "rb") as file:
            found = hashlib.sha1()
            for part in iter(lambda: file.read(1 << 20), b""):
                found.update(part)
            sums[name] = found.hexdigest()
    except OSError:
        pass
print(json.dumps(sums))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """The unit, and what is known of its database. crons: what the source had. known: files that it lacked."""

    resident: Resident
    login: Login
    url: str
    dropped: tuple[str, ...]
    crons: smoke.Crons | None
    known: tuple[str, ...]


def served(serving: Serving) -> list[Probe]:
    tenant, url = serving.resident.tenant, serving.url
    probes = [_timed("unit", lambda: _unit(serving)), _timed("login page", lambda: _page(url))]
    if tenant.instance.major >= smoke_probes.HEALTH_SINCE:
        probes.append(_timed("health", lambda: _health(url)))
    probes += [_timed("assets", lambda: _assets(url)), _timed("attachments", lambda: _attachments(serving))]
    found = smoke_data.facts(serving.login)
    return [
        *probes,
        *smoke_client.of_database(found, tenant.instance.image, serving.dropped),
        smoke.crons(found, serving.crons, copy=False),
        smoke.ids(*smoke_data.behind(serving.login)),
        *smoke.without(serving.dropped, [_timed("log", lambda: _log(serving.resident.name))]),
    ]


def _timed(name: str, work: Callable[[], tuple[str, str]]) -> Probe:
    begun = time.monotonic()
    try:
        status, evidence = work()
    except (OSError, ErpopsError) as error:
        status, evidence = smoke.FAILED, f"{type(error).__name__}: {error}"
    return Probe(name=name, status=status, seconds=round(time.monotonic() - begun, 3), evidence=evidence)


def _unit(serving: Serving) -> tuple[str, str]:
    """It is up, with the image that is declared."""
    name, image = model.network_name(serving.resident.name), serving.resident.tenant.instance.image
    running = podman.running_containers().get(name)
    if running is None:
        return smoke.FAILED, f"no container {name} is running"
    same = "@" not in image or plan.digest(running) == plan.digest(image)
    return smoke.OK if same else smoke.FAILED, f"it runs {running}" + ("" if same else f", and {image} is declared")


def get(url: str) -> tuple[int, bytes]:
    try:
        with open_url(url, timeout=HTTP_SECONDS, use_proxy=False) as answer:  # a unit of ours, by its address
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def _page(url: str) -> tuple[str, str]:
    status, body = get(f"{url}/web/login")
    good = status == 200 and b'name="login"' in body
    return smoke.OK if good else smoke.FAILED, f"/web/login {status}, {len(body)} bytes"


def _health(url: str) -> tuple[str, str]:
    status, _body = get(f"{url}/web/health?db_server_status=1")
    return smoke.OK if status == 200 else smoke.FAILED, f"/web/health {status}"


def _assets(url: str) -> tuple[str, str]:
    """The stylesheets and scripts that the login page wants: they come from the filestore or the database."""
    _status, body = get(f"{url}/web/login")
    paths = [path.decode() for path in dict.fromkeys(LINK.findall(body))][:ASSETS]
    if not paths:
        return smoke.FAILED, "the login page names no stylesheet or script"
    wrong = []
    for path in paths:
        status, content = get(url + path)
        if status != 200 or not content:
            wrong.append(f"{path} {status}, {len(content)} bytes")
    said = f"{len(paths) - len(wrong)} of {len(paths)} stylesheets and scripts"
    return (smoke.FAILED, f"{said}, not {'; '.join(wrong)}") if wrong else (smoke.OK, said)


def _attachments(serving: Serving) -> tuple[str, str]:
    sampled = smoke_data.attachments(serving.login)
    sums = _read(serving, [each.name for each in sampled]) if sampled else {}
    return smoke.attachments(sampled, sums, serving.known)


def _read(serving: Serving, names: Sequence[str]) -> dict[str, str]:
    """By name, the sum of each file that the unit's own user can read."""
    folder = f"{render.DATA_PATH}/filestore/{serving.login.database}"
    command = ("python3", "-c", READ)
    name, task = model.network_name(serving.resident.name), json.dumps({"folder": folder, "names": list(names)})
    found: dict[str, str] = json.loads(podman.inside(name, command, task, FILES_SECONDS))
    return found


def _log(tenant: str) -> tuple[str, str]:
    """Odoo goes on without modules that it cannot load, and says so here only."""
    service = model.web_service(tenant)
    lines = _journal(service, unit_client.show([service])[service].started_at)
    status, said = smoke_probes.judged([line for line in lines if NOT_YET not in line])
    return status, f"{len(lines)} lines, {said}"


def _journal(service: str, since: float) -> list[str]:
    command = ["journalctl", "--unit", service, "--since", f"@{int(since)}", "--lines", str(JOURNAL_LINES)]
    try:
        done = subprocess.run(
            [*command, "--no-pager", "--quiet", "--output", "cat"],
            capture_output=True, text=True, errors="replace", timeout=JOURNAL_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise ErpopsError(f"The journal of {service} was not read within {JOURNAL_SECONDS} seconds.") from error
    if done.returncode:
        raise ErpopsError(f"The journal of {service} cannot be read: {done.stderr.strip()[-500:]}")
    return done.stdout.splitlines()
