# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tries a database with its image: in a container without a network, or the unit that serves it."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import time
import urllib.error
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ansible.module_utils.urls import open_url

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError, Refused
from ansible_collections.erpops.odoo.plugins.module_utils.odoo import (
    database,
    model,
    podman,
    render,
    smoke,
    smoke_probes,
)
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.database import Login
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.model import Resident
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.podman import OneShot
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.smoke import Facts, Probe

CONFIG_ROOT = Path("/run/erpops/smoke")
DATA_ROOT = Path("/var/lib/erpops/smoke")
HTTP_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What the operator chose. users: logins of the copy, with one password for all."""

    resident: Resident
    login: Login  # of the database that is tried
    users: tuple[str, ...]
    password: str = field(repr=False)
    update: tuple[str, ...]
    dropped: tuple[str, ...]  # modules that it may go without
    boot_seconds: float
    seconds: float


def facts(login: Login) -> Facts:
    with database.connection(login) as opened:
        marked = opened.execute(
            "SELECT 1 FROM ir_config_parameter WHERE key = 'database.is_neutralized' AND lower(value) = 'true'"
        ).fetchone()
        crons = opened.execute("SELECT count(*) FROM ir_cron WHERE active").fetchone()
        there = opened.execute("SELECT to_regclass('public.mail_mail') IS NOT NULL").fetchone()
        mails = (
            opened.execute("SELECT state, count(*) FROM mail_mail GROUP BY state").fetchall()
            if there == (True,)
            else []
        )
    return Facts(
        neutralized=marked is not None,
        installed=database.installed_modules(login),
        crons=crons[0] if crons else 0,
        mails={str(state): int(count) for state, count in mails},
    )


def copy_facts(tenant: str, login: Login) -> Facts:
    """Raises Refused for anything but a neutralized copy."""
    smoke.check_name(tenant, login.database)
    found = facts(login)
    if not found.neutralized:
        raise smoke.not_a_copy(login.database)
    return found


def predict(tenant: str, login: Login) -> None:
    """Raises what a run would be refused for, as far as it can be known: the copy may not be there yet, which the
    pooler says in other words than PostgreSQL.
    """
    try:
        copy_facts(tenant, login)
    except Refused:
        raise
    except ErpopsError:
        return


def tried(trial: Trial) -> list[Probe]:
    """All probes of a copy, Odoo started and ended."""
    before = copy_facts(trial.resident.name, trial.login)
    probes = smoke.probes_from(_container(trial, sorted(before.installed)))
    after = facts(trial.login)
    return [
        *smoke.without(trial.dropped, probes),
        smoke.modules(after.installed, podman.manifests(trial.resident.tenant.instance.image), trial.dropped),
        smoke.crons(after.crons, copy=True),
        smoke.mail(before.mails, after.mails),
    ]


def _container(trial: Trial, installed: list[str]) -> list[dict[str, object]]:
    name, uid = trial.resident.name, trial.resident.allocation.uid
    config, data = CONFIG_ROOT / name, DATA_ROOT / name
    task = {
        "database": trial.login.database,
        "major": trial.resident.tenant.instance.major,
        "modules": installed,
        "users": list(trial.users),
        "password": trial.password,
        "update": list(trial.update),
        "update_seconds": trial.seconds,
        "boot_seconds": trial.boot_seconds,
    }
    _clear(config, data)
    try:
        _folder(config, uid)
        for file, content in _contents(trial).items():
            path = config / file
            path.touch(mode=0o400)
            path.write_text(content)
            os.chown(path, uid, uid)
        for folder in (data, data / "filestore"):
            _folder(folder, uid)
        said = podman.run(_shot(trial, config, data), json.dumps(task))
        found: list[dict[str, object]] = json.loads(said.splitlines()[-1])["probes"]
        return found
    except (IndexError, ValueError) as error:
        raise ErpopsError(f"The probes of database {trial.login.database} ended without a result.") from error
    finally:
        _clear(config, data)


def _clear(*folders: Path) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def _folder(path: Path, uid: int) -> None:
    path.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
    path.mkdir(mode=0o700)
    os.chown(path, uid, uid)


def _contents(trial: Trial) -> dict[str, str]:
    login, instance = trial.login, trial.resident.tenant.instance
    files = render.of_copy(instance, database=login.database, user=login.user, password=login.password, port=login.port)
    return {**files, "smoke.py": probes_source()}


def probes_source() -> str:
    """The probes as text, wherever this collection was unpacked or zipped."""
    spec = importlib.util.find_spec(smoke_probes.__name__)
    reader = getattr(spec.loader if spec else None, "get_source", None)
    source = reader(smoke_probes.__name__) if reader else None
    if not source:
        raise ErpopsError("The probes' own source cannot be read.")
    return str(source)


def _shot(trial: Trial, config: Path, data: Path) -> OneShot:
    resident, name = trial.resident, trial.login.database
    volumes = [
        f"{config}:/etc/odoo:ro",
        f"{data}:{render.DATA_PATH}:rw",
        f"{model.POOLER_SOCKETS}:/run/postgresql:ro",
    ]
    if Path(resident.filestore).is_dir():  # what the copy writes goes beside them, and away with the container
        volumes.append(f"{resident.filestore}:{render.DATA_PATH}/filestore/{name}:O")
    return OneShot(
        name=f"erpops-smoke-{resident.name}",
        image=resident.tenant.instance.image,
        command=("python3", "/etc/odoo/smoke.py"),
        user=resident.allocation.uid,
        volumes=tuple(volumes),
        environment=(("HOME", render.DATA_PATH), ("PGPASSFILE", "/etc/odoo/pgpass")),
        seconds=trial.seconds + trial.boot_seconds + 600,
    )


def served(resident: Resident, login: Login, url: str) -> list[Probe]:
    """Probes of the unit that serves a tenant; they only read, and log nobody in."""
    found = facts(login)
    probes = [_timed("login page", lambda: _page(url))]
    if resident.tenant.instance.major >= smoke_probes.HEALTH_SINCE:
        probes.append(_timed("health", lambda: _health(url)))
    return [
        *probes,
        _timed("asset", lambda: _asset(url)),
        smoke.modules(found.installed, podman.manifests(resident.tenant.instance.image)),
        smoke.crons(found.crons, copy=False),
    ]


def _timed(name: str, work: Callable[[], tuple[str, str]]) -> Probe:
    begun = time.monotonic()
    try:
        status, evidence = work()
    except OSError as error:
        status, evidence = smoke.FAILED, f"{type(error).__name__}: {error}"
    return Probe(name=name, status=status, seconds=round(time.monotonic() - begun, 3), evidence=evidence)


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


def _asset(url: str) -> tuple[str, str]:
    """The first stylesheet or script that the login page wants: it comes from the filestore or the database."""
    _status, body = get(f"{url}/web/login")
    found = re.search(rb'(?:src|href)="(/web/(?:assets|content|static)/[^"]+\.(?:js|css))"', body)
    if not found:
        return smoke.FAILED, "the login page names no stylesheet or script"
    path = found[1].decode()
    status, content = get(url + path)
    good = status == 200 and bool(content)
    return smoke.OK if good else smoke.FAILED, f"{path} {status}, {len(content)} bytes"
