# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks run against the estate with a changed declaration, and what the estate is, read without asking them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .live import Estate

Tenant = dict[str, Any]
PLAIN = {"ANSIBLE_FORCE_COLOR": "0", "ANSIBLE_NOCOLOR": "1"}  # recaps are read here
EVENTUALLY_SECONDS = 180
PIPE_BYTES = 1 << 20  # nobody reads what a run says before its end


def with_tenant(estate: Estate, name: str, **values: Any) -> list[Tenant]:
    """The declared tenants with one of them changed, or added."""
    known = [tenant["name"] for tenant in estate.tenants]
    tenants = [{**tenant, **values} if tenant["name"] == name else tenant for tenant in estate.tenants]
    return tenants if name in known else [*tenants, {"name": name, **values}]


def command(estate: Estate, playbook: str, variables: dict[str, Any], folder: Path, *options: str) -> list[str]:
    given = folder / "declared.json"
    given.write_text(json.dumps(variables), encoding="utf-8")
    inventories = [item for inventory in estate.inventories for item in ("-i", str(inventory))]
    return ["ansible-playbook", f"erpops.odoo.{playbook}", *inventories, "-e", f"@{given}", *options]


def run(estate: Estate, playbook: str, *options: str, **variables: Any) -> subprocess.CompletedProcess[str]:
    with tempfile.TemporaryDirectory(prefix="erpops-") as folder:
        return subprocess.run(
            command(estate, playbook, variables, Path(folder), *options),
            cwd=estate.root,
            env={**os.environ, **PLAIN},
            capture_output=True,
            text=True,
            timeout=1200,
            check=False,
        )


def done(estate: Estate, playbook: str, *options: str, **variables: Any) -> str:
    result = run(estate, playbook, *options, **variables)
    assert result.returncode == 0, result.stdout[-6000:] + result.stderr[-2000:]
    return result.stdout + result.stderr


def refused(estate: Estate, playbook: str, *options: str, **variables: Any) -> str:
    result = run(estate, playbook, *options, **variables)
    assert result.returncode != 0, "the run should have been refused:\n" + result.stdout[-6000:]
    # Long messages are wrapped in the terminal's way.
    return " ".join((result.stdout + result.stderr).split())


@contextmanager
def under_way(estate: Estate, playbook: str, **variables: Any) -> Iterator[subprocess.Popen[str]]:
    """A run, for as long as the context lasts; what it said is in its standard output."""
    with tempfile.TemporaryDirectory(prefix="erpops-") as folder:
        process = subprocess.Popen(
            command(estate, playbook, variables, Path(folder)),
            cwd=estate.root, env={**os.environ, **PLAIN}, text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, pipesize=PIPE_BYTES,
        )  # fmt: skip
        try:
            yield process
        finally:
            if process.poll() is None:
                kill(process)


def kill(process: subprocess.Popen[str]) -> None:
    """A run, with its forks."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(30)


def kill_when(estate: Estate, playbook: str, holds: Callable[[], bool], what: str, **variables: Any) -> None:
    """Kill a run, forks and all, in the moment when something holds."""
    with under_way(estate, playbook, **variables) as process:
        eventually(lambda: holds() or process.poll() is not None, what)
        assert process.poll() is None, f"control: it was still running\n{process.communicate()[0][-4000:]}"
        kill(process)


def eventually(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + EVENTUALLY_SECONDS
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


def changes(output: str) -> int:
    """What a run's recap counts as changed, over all hosts."""
    counted = [int(part.removeprefix("changed=")) for part in output.split() if part.startswith("changed=")]
    assert counted, f"there is no recap in this output: {output[-2000:]}"
    return sum(counted)


def sql(estate: Estate, statement: str, database: str = "postgres") -> list[str]:
    """Rows as the primary's own psql prints them, fields separated by |."""
    return estate.psql(estate.primary(), statement, database)


def databases(estate: Estate) -> set[str]:
    return set(sql(estate, "select datname from pg_database"))


def roles(estate: Estate) -> set[str]:
    return set(sql(estate, "select rolname from pg_roles"))


def active(estate: Estate, host: str, tenant: str) -> bool:
    return estate.run(host, "systemctl", "is-active", f"odoo-{tenant}.service").stdout.strip() == "active"


def running(estate: Estate) -> dict[str, str]:
    """Each tenant's unit that runs, with the moment it was started."""
    found = {}
    for host in estate.groups["app"]:
        listed = estate.run(
            host, "systemctl", "list-units", "--state=active", "--plain", "--no-legend", "odoo-*.service"
        )
        for line in listed.stdout.splitlines():
            unit = line.split()[0]
            since = estate.run(host, "systemctl", "show", "--value", "-p", "ActiveEnterTimestampMonotonic", unit)
            found[f"{host}/{unit}"] = since.stdout.strip()
    return found


def files(estate: Estate, tenant: str) -> set[str]:
    """The app hosts that hold the tenant's data."""
    place = f"/var/lib/erpops/tenants/{tenant}"
    return {host for host in estate.groups["app"] if estate.run(host, "test", "-d", place).returncode == 0}


def logs_in(estate: Estate, tenant: str, hostname: str) -> bool:
    """Whether its first administrator gets in, once the page is served."""
    browser = estate.browser(tenant, hostname)
    browser.wait_for_page()
    browser.login("admin", estate.secret("odoo_admin", tenant))
    return browser.uid() is not None
