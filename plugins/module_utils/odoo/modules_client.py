# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Installs or updates modules of a tenant: its units rest, a container of the same image does it and ends."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError
from ansible_collections.erpops.odoo.plugins.module_utils.host import unit_client
from ansible_collections.erpops.odoo.plugins.module_utils.odoo import (
    database,
    model,
    podman,
    render,
    smoke_data,
    versions,
)
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.database import Login
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.model import Resident
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.modules import Installation
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.podman import OneShot

WORK = Path("/run/erpops/modules")
INSTALL_SECONDS = 3600
UP = ("active", "activating", "reloading")


def has_units(name: str) -> bool:
    """Whether the tenant was served here before: then its database must answer, even in check mode."""
    return Path(model.web_source(name)).exists()


def install(installation: Installation, login: Login) -> None:
    resident = installation.resident
    with _resting(resident):
        _at_work(resident, login, f"--init={','.join(installation.modules)}", INSTALL_SECONDS)
    present = database.installed_modules(login)
    missing = [name for name in installation.modules if name not in present]
    if missing:
        raise ErpopsError(f"Tenant {resident.name}: Odoo ended well but did not install {', '.join(missing)}.")


def update(resident: Resident, names: Sequence[str], login: Login, seconds: float) -> None:
    """Brings modules of a database to what the image has of them. Raises ErpopsError where it did not come to that."""
    with _resting(resident):
        _at_work(resident, login, f"--update={','.join(names)}", seconds)
    known, present = podman.manifests(resident.tenant.instance.image), database.installed_modules(login)
    every = [name for name in present if name in known] if "all" in names else names
    found = {name: present.get(name, "") for name in every}
    wrong = [str(each) for each in versions.differences(found, known)]
    wrong += [f"{name} waits for something" for name in smoke_data.pending(login)]
    if wrong:
        raise ErpopsError(f"Tenant {resident.name}: Odoo ended well but left {', '.join(wrong)}.")


@contextmanager
def _resting(resident: Resident) -> Iterator[None]:
    running = _running(resident)
    if running:
        unit_client.command("stop", running)
    try:
        yield
    finally:
        if running:
            unit_client.command("start", running)


def _running(resident: Resident) -> list[str]:
    names = [model.web_service(resident.name)]
    names += [model.cron_service(resident.name)] if resident.separate_cron else []
    return [name for name, found in unit_client.show(names).items() if found.active in UP]


def _at_work(resident: Resident, login: Login, what: str, seconds: float) -> None:
    work = WORK / resident.name
    shutil.rmtree(work, ignore_errors=True)
    _data_directory(resident)
    try:
        _write(work, resident, _contents(resident, login))
        podman.run(_container(work, resident, what, seconds))
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _contents(resident: Resident, login: Login) -> dict[str, str]:
    # No session.json: this server never listens. No master password: nobody can ask it for anything.
    return {
        "odoo.conf": render.odoo_conf(resident.tenant, "", login.port),
        "pgpass": render.pgpass(login.user, login.password),
    }


def _data_directory(resident: Resident) -> None:
    path = Path(resident.data_directory)
    if not path.exists():
        path.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        path.mkdir(mode=0o700)
        os.chown(path, resident.allocation.uid, resident.allocation.uid)


def _write(work: Path, resident: Resident, contents: Mapping[str, str]) -> None:
    uid = resident.allocation.uid
    work.mkdir(mode=0o700, parents=True)
    for name, content in contents.items():
        path = work / name
        path.touch(mode=0o400)
        path.write_text(content)
        os.chown(path, uid, uid)
    os.chown(work, uid, uid)


def _container(work: Path, resident: Resident, what: str, seconds: float) -> OneShot:
    return OneShot(
        name=f"erpops-modules-{resident.name}",
        image=resident.tenant.instance.image,
        command=(
            "odoo",
            "--config=/etc/odoo/odoo.conf",
            "--no-http",
            "--workers=0",
            "--max-cron-threads=0",
            "--stop-after-init",
            what,
        ),
        user=resident.allocation.uid,
        volumes=(
            f"{work}:/etc/odoo:ro",
            f"{resident.data_directory}:{render.DATA_PATH}:rw",
            f"{model.POOLER_SOCKETS}:/run/postgresql:ro",
        ),
        environment=(("HOME", render.DATA_PATH), ("PGPASSFILE", "/etc/odoo/pgpass")),
        seconds=seconds,
    )
