# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what an app host has for its tenants, and carries out a plan."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError, Problem
from ansible_collections.erpops.odoo.plugins.module_utils.host import file_client, unit_client
from ansible_collections.erpops.odoo.plugins.module_utils.odoo import model, podman, render
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.desired import DesiredTenant
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.plan import Live, Start, UnitLive, UnitPlan, wanted

GENERATED = Path("/run/systemd/generator")
LIMIT_PROPERTIES = ("MemoryMax", "CPUQuotaPerSecUSec", "IOWeight", "TasksMax")
PROPERTIES = ("LoadState", "ActiveState", "InactiveExitTimestamp", *LIMIT_PROPERTIES)
ANSWER_SECONDS = 15


def observe(tenants: Sequence[DesiredTenant], *, assume_no_podman: bool = False, assume_images: bool = False) -> Live:
    """One look at files, units, containers, networks and images.

    ``assume_no_podman``: in check mode podman may only be predicted; then there are no containers.
    ``assume_images``: on a host where no tenant lives yet, the images' store may only be predicted too; then they are
    taken to be in it.
    """
    directories, files = wanted(tenants)
    services = [service for tenant in tenants for service in (*(unit.service for unit in tenant.units), *tenant.gone)]
    services += [tenant.network.service for tenant in tenants if tenant.network]
    images = {tenant.image for tenant in tenants if tenant.image}
    with_podman = podman.installed() or not assume_no_podman
    residents = _residents()
    look = with_podman and not (assume_images and not residents)
    return Live(
        files=file_client.observe(directories, files),
        modified_at={file.path: _modified(Path(file.path)) for file in files},
        units=_units(services),
        containers=podman.running_containers() if with_podman else {},
        networks=podman.networks() if with_podman else {},
        images=podman.images_present(images) if look else frozenset(images if assume_images else ()),
        residents=residents,
    )


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except (FileNotFoundError, NotADirectoryError):
        return 0.0


def _residents() -> frozenset[str]:
    """The tenants that have a Quadlet network here: every tenant has one, whatever its units are."""
    found = Path(model.QUADLET_DIRECTORY).glob("odoo-*.network")
    return frozenset(path.stem.removeprefix("odoo-") for path in found)


def _units(services: Sequence[str]) -> dict[str, UnitLive]:
    if not services:
        return {}
    names = sorted(set(services))
    done = unit_client.systemctl("show", "--timestamp=us+utc", f"--property={','.join(PROPERTIES)}", "--", *names)
    blocks = unit_client.parse_show(done.stdout)
    if done.returncode or len(blocks) != len(names):
        raise ErpopsError(f"systemctl show failed: {done.stderr.strip()[-2000:]}")
    return {
        name: UnitLive(
            load=block.get("LoadState", "not-found"),
            active=block.get("ActiveState", "inactive"),
            started_at=unit_client.seconds_from(block.get("InactiveExitTimestamp", "")),
            generated_at=_modified(GENERATED / name),
            limits={key: block[key] for key in LIMIT_PROPERTIES if key in block},
        )
        for name, block in zip(names, blocks, strict=True)
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a unit may take to answer, and how many may start at a time."""

    seconds: float
    at_a_time: int


def apply(plan: UnitPlan, tenants: Sequence[DesiredTenant], patience: Patience) -> None:
    """What ``plan.pulls`` names is here already: it is needed for the comparison of versions."""
    if plan.stops:
        unit_client.command("stop", [service for service, _why in plan.stops])
    for name in plan.network_removals:
        podman.remove_network(name)
    file_client.apply(plan.changes)
    if plan.reverts:
        unit_client.command("revert", [service for service, _what in plan.reverts])
    if plan.reload or plan.reverts:
        unit_client.command("daemon-reload", [])
    _start(plan.starts, tenants, patience)


def _start(starts: Sequence[Start], tenants: Sequence[DesiredTenant], patience: Patience) -> None:
    """A few tenants at a time; a tenant's units one after the other, each answering before the next begins."""
    by_tenant: dict[str, list[Start]] = {}
    for start in starts:
        by_tenant.setdefault(start.tenant, []).append(start)
    of_name = {tenant.name: tenant for tenant in tenants}
    with ThreadPoolExecutor(max_workers=patience.at_a_time) as pool:
        results = pool.map(lambda item: _start_tenant(of_name[item[0]], item[1], patience.seconds), by_tenant.items())
        problems = [problem for found in results for problem in found]
    if problems:
        raise ErpopsError("Units do not serve as they should. The others were started.", problems)


def _start_tenant(tenant: DesiredTenant, starts: Iterable[Start], seconds: float) -> list[Problem]:
    deadline = time.monotonic() + seconds
    for start in starts:
        # Its first try may fail, for instance while the registry cannot be asked: systemd goes on trying.
        unit_client.systemctl("reset-failed", "--", start.service)
        unit_client.systemctl("--no-block", start.verb, "--", start.service)
    for start in starts:
        fault = _wait(tenant, start, deadline)
        if fault:
            cure = f"Its last journal lines:\n{unit_client.journal(start.service)}"
            return [Problem(f"tenant {tenant.name}", start.service, fault, cure)]
    return []


def _wait(tenant: DesiredTenant, start: Start, deadline: float) -> str:
    pause = 0.2
    while True:
        fault = _fault(tenant, start)
        if not fault or time.monotonic() > deadline:
            return fault
        time.sleep(pause)
        pause = min(pause * 1.3, 2.0)


def _fault(tenant: DesiredTenant, start: Start) -> str:
    """What a started unit lacks, empty if it serves."""
    active = unit_client.systemctl("show", "--property=ActiveState,Job", "--", start.service).stdout
    if "ActiveState=active" not in active or _job(active):
        return "it is not active"
    if start.service == model.cron_service(tenant.name) or not tenant.resident:
        return ""
    path = render.health_path(tenant.resident.tenant.instance.major)
    return answer_fault(tenant.address, tenant.resident.allocation.http_port, path)


def _job(text: str) -> bool:
    return any(line not in ("Job=", "Job=0") for line in text.splitlines() if line.startswith("Job="))


def until_answers(service: str, host: str, port: int, path: str, seconds: float) -> None:
    """Returns when a unit of ours answers with this page. Raises ErpopsError with the end of its journal."""
    deadline = time.monotonic() + seconds
    while fault := answer_fault(host, port, path):
        if time.monotonic() > deadline:
            cure = f"Its last journal lines:\n{unit_client.journal(service)}"
            raise ErpopsError("A unit does not serve as it should.", [Problem(f"unit {service}", "", fault, cure)])
        time.sleep(1)


def answer_fault(host: str, port: int, path: str) -> str:
    """Why a server does not answer with 200, empty if it does."""
    connection = http.client.HTTPConnection(host, port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", path, headers={"User-Agent": "erpops"})
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"http://{host}:{port}{path}: {error}"
    finally:
        connection.close()
    return "" if status == 200 else f"http://{host}:{port}{path} answers {status}"
