# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a bare machine to a small estate that people log in to; every step can be killed and run again."""

from __future__ import annotations

import fcntl
import json
import os
import re
import sys
import time
from dataclasses import asdict, dataclass

import estate_files
from integration.estate.live import Estate
from progress import Progress, StepError, fail, shown_of_ansible
from scenario_hosts import bring_up

NAME = "quickstart"
ROOT = estate_files.ROOT
RESULT = ROOT / "build" / f"{NAME}.json"
RECAP = re.compile(r"^(\S+)\s+: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)")


@dataclass(frozen=True)
class Reached:
    """A tenant as its first user finds it."""

    name: str
    url: str
    address: str
    ca_file: str
    login: str
    password: str
    version: str


@dataclass(frozen=True)
class Recap:
    tasks: int
    changed: int
    most_tasks_on_a_host: int


def recap_of(lines: list[str]) -> Recap:
    found = [match for match in map(RECAP.match, lines) if match]
    done = [int(match[2]) for match in found]
    return Recap(sum(done), sum(int(match[3]) for match in found), max(done, default=0))


def converge(progress: Progress) -> Recap:
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0"}
    command = ["ansible-playbook", "erpops.odoo.site", *estate_files.inventories(NAME)]
    return recap_of(progress.run(command, shown=shown_of_ansible, environment=environment))


def log_in(estate: Estate, name: str, version: str) -> Reached:
    """As a browser does it, over verified TLS; whether it worked is asked of Odoo in a request of its own."""
    tenant = estate.tenant(name)
    login = tenant.get("login", "admin")
    secret = estate.secret("odoo_admin", name, tenant.get("secret_version", 1))
    browser = estate.browser(name)
    try:
        browser.wait_for_page()
    except TimeoutError as error:
        raise StepError(str(error)) from error
    browser.login(login, secret)
    if not browser.uid():
        raise StepError(f"tenant {name}: https://{browser.hostname} serves a login page, but {login} is not logged in")
    return Reached(
        name=name,
        url=f"https://{browser.hostname}",
        address=browser.address,
        ca_file=str(estate_files.folder(NAME) / "ca.crt"),
        login=login,
        password=secret,
        version=version,
    )


def prove(progress: Progress) -> list[Reached]:
    estate = Estate.load(ROOT, [ROOT / "inventories" / NAME, estate_files.inventory(NAME)])
    versions = {instance["name"]: instance["version"] for instance in estate.variables["odoo_instances"]}
    reached = []
    for name in estate.running():
        reached.append(log_in(estate, name, versions[estate.tenant(name)["instance"]]))
        progress.say(f"   logged in to {reached[-1].url} (Odoo {reached[-1].version}) as {reached[-1].login}")
    hosts = [
        {"name": host, "groups": groups_of(estate, host), "address": estate.address(host)} for host in estate.hostvars
    ]
    value = {"tenants": [asdict(item) for item in reached], "hosts": hosts}
    estate_files.write(RESULT, json.dumps(value, indent=2) + "\n", mode=0o600)
    return reached


def groups_of(estate: Estate, host: str) -> list[str]:
    return sorted(group for group, members in estate.groups.items() if host in members and group != "ungrouped")


def print_table(reached: list[Reached]) -> None:
    rows = [
        ("URL", "Odoo", "login", "password"),
        *((item.url, item.version, item.login, item.password) for item in reached),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    print()
    for row in rows:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    names = " ".join(item.url.removeprefix("https://") for item in reached)
    address, ca_file = reached[0].address, reached[0].ca_file
    print(f"\nIn a browser on this machine: add the line\n  {address} {names}\nto /etc/hosts, and import {ca_file}")
    print("as an authority for web sites. From another machine, tunnel first, and give the line 127.0.0.1 instead:")
    print(f"  ssh -L 443:{address}:443 root@THIS-MACHINE\n")


def quickstart(progress: Progress) -> None:
    bring_up(progress, NAME)
    begin = time.monotonic()
    with progress.step("Converge inventories/quickstart"):
        recap = converge(progress)
    seconds = time.monotonic() - begin
    with progress.step("Log in to every tenant, through the edge"):
        reached = prove(progress)
    print_table(reached)
    tasks = f"{recap.tasks} tasks, at most {recap.most_tasks_on_a_host} on a host, in {seconds:.0f} s"
    if recap.changed:
        progress.say(
            f"The estate is up: {recap.changed} changes ({tasks}). Run `make quickstart` again: it changes nothing."
        )
    else:
        progress.say(f"The estate was as declared: nothing changed ({tasks}).")


def main() -> int:
    os.environ["LAB_NAME"] = NAME
    locks = estate_files.CACHE / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    with (locks / NAME).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return fail(StepError("Another `make quickstart` is running on this machine."))
        return run()


def run() -> int:
    progress = Progress(ROOT / "build" / f"{NAME}.log")
    try:
        quickstart(progress)
    except (StepError, OSError) as error:
        return fail(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
