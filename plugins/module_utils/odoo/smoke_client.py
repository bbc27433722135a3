# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tries a copy of a database with its image, in a container without a network."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError, Refused
from ansible_collections.erpops.odoo.plugins.module_utils.odoo import (
    model,
    podman,
    render,
    smoke,
    smoke_data,
    smoke_probes,
)
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.database import Login
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.model import Resident
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.podman import OneShot
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.smoke import Facts, Probe

CONFIG_ROOT = Path("/run/erpops/smoke")
DATA_ROOT = Path("/var/lib/erpops/smoke")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What the operator chose. users: logins of the copy, with one password for all. crons: what the source had.
    known: files that the source lacks as well.
    """

    resident: Resident
    login: Login  # of the database that is tried
    users: tuple[str, ...]
    password: str = field(repr=False)
    update: tuple[str, ...]
    dropped: tuple[str, ...]  # modules that it may go without
    crons: smoke.Crons | None
    known: tuple[str, ...]
    boot_seconds: float
    seconds: float


def copy_facts(tenant: str, login: Login) -> Facts:
    """Raises Refused for anything but a neutralized copy."""
    smoke.check_name(tenant, login.database)
    found = smoke_data.facts(login)
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
    probes = smoke.probes_from(_container(trial, before))
    after = smoke_data.facts(trial.login)
    return [
        *smoke.without(trial.dropped, probes),
        *of_database(after, trial.resident.tenant.instance.image, trial.dropped),
        smoke.crons(after, trial.crons, copy=True),
        smoke.ids(*smoke_data.behind(trial.login)),
        smoke.mail(before.mails, after.mails),
    ]


def of_database(found: Facts, image: str, dropped: Sequence[str]) -> list[Probe]:
    return [smoke.registry(found.pending), smoke.modules(found.installed, podman.manifests(image), dropped)]


def _container(trial: Trial, found: Facts) -> list[dict[str, Any]]:
    name, uid = trial.resident.name, trial.resident.allocation.uid
    config, data = CONFIG_ROOT / name, DATA_ROOT / name
    task = {
        "database": trial.login.database,
        "major": trial.resident.tenant.instance.major,
        "modules": sorted(found.installed),
        "there": list(found.there),
        "known": list(trial.known),
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
        probes: list[dict[str, Any]] = json.loads(said.splitlines()[-1])["probes"]
        return probes
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
    return {**files, "smoke.py": source_of(smoke_probes)}


def source_of(program: ModuleType) -> str:
    """A program of ours as text, wherever this collection was unpacked or zipped."""
    spec = importlib.util.find_spec(program.__name__)
    reader = getattr(spec.loader if spec else None, "get_source", None)
    source = reader(program.__name__) if reader else None
    if not source:
        raise ErpopsError(f"The source of {program.__name__} cannot be read.")
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
