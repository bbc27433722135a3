# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole estate: a tenant's birth against ``-i base``, and a second run of `site` with few tenants and with many.

On the quickstart's hosts, which ``make quickstart`` boots and converges first where they are not up. The many tenants
are provisioned (role, database, registry, Redis user, route, certificate) and suspended, so that no unit runs for them;
they are removed again at the end; after a run that failed, `make quickstart-down` does it.
"""

from __future__ import annotations

import json
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from comparison import ROOT, Comparison, command, seconds

from ansible_collections.erpops.odoo.plugins.module_utils.estate.secrets import derive

BIN = ROOT / "build" / "venv" / "bin"
INVENTORIES = ("-i", str(ROOT / "inventories" / "quickstart"), "-i", str(ROOT / "build" / "quickstart" / "inventory"))
MANY = 200
BIRTHS = 5
INIT = "odoo -i base (Odoo 19, on the same host and cluster)"


@dataclass(frozen=True, slots=True)
class Run:
    """One run of ansible-playbook. memory_mb: the most that one of its processes took, as the kernel counts it."""

    seconds: float
    tasks_on_a_host: int
    changed: int
    memory_mb: int


def comparisons() -> Iterator[Comparison]:
    command("make", "quickstart")
    variables = host_variables()
    few: list[dict[str, Any]] = variables["odoo_tenants"]
    yield birth(variables, few)
    yield from growth(few)


def host_variables() -> dict[str, Any]:
    listed = command(str(BIN / "ansible-inventory"), *INVENTORIES, "--list")
    return json.loads(listed)["_meta"]["hostvars"]["db1"]


def hostname(few: list[dict[str, Any]], name: str) -> str:
    """Beside those of the estate's own tenants: the edge's authority signs for no other domain."""
    return f"{name}.{few[0]['hostnames'][0].split('.', 1)[1]}"


def given(folder: Path, tenants: list[dict[str, Any]]) -> tuple[str, ...]:
    path = folder / "tenants.json"
    values = {
        "odoo_tenants": tenants,
        "estate_connection_overcommit_percent": 10000,
        "estate_shrink_limit_percent": 100,
    }
    path.write_text(json.dumps(values), encoding="utf-8")
    return ("-e", f"@{path}")


def playbook(name: str, *options: str) -> Run:
    """In a process of its own, whose children's memory is counted."""
    begin = time.monotonic()
    read, write = os.pipe()
    if (process := os.fork()) == 0:
        os.close(read)
        try:
            output = command(str(BIN / "ansible-playbook"), f"erpops.odoo.{name}", *INVENTORIES, *options)
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
            answer: dict[str, Any] = {"output": output[-4000:], "memory_mb": peak}
        except RuntimeError as error:
            answer = {"error": str(error)}
        with os.fdopen(write, "w") as stream:
            json.dump(answer, stream)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as stream:
        said = json.load(stream)
    os.waitpid(process, 0)
    if "error" in said:
        raise RuntimeError(said["error"])
    return recap(time.monotonic() - begin, said)


def recap(took: float, said: dict[str, Any]) -> Run:
    counts = [dict(part.split("=") for part in line.split(":", 1)[1].split()) for line in said["output"].splitlines()
              if " ok=" in line and " unreachable=" in line]  # fmt: skip
    tasks = max(int(each["ok"]) for each in counts)
    return Run(took, tasks, sum(int(each["changed"]) for each in counts), said["memory_mb"])


def birth(variables: dict[str, Any], few: list[dict[str, Any]]) -> Comparison:
    """A database with its role, identity and first administrator: what one more costs in a run that makes several."""
    base = {"instance": few[0]["instance"], "state": "suspended"}
    with tempfile.TemporaryDirectory(prefix="erpops-") as place:
        folder = Path(place)

        def databases(*names: str) -> float:
            born = [{**base, "name": name, "hostnames": [hostname(few, name)]} for name in names]
            options = given(folder, [*few, *born])
            return seconds(lambda: playbook("tenant", *options, "--tags", "tenants"))

        one = databases("bench-first")
        several = databases("bench-first", *(f"bench-{number}" for number in range(BIRTHS)))
        remove(folder, few, ["bench-first", *(f"bench-{number}" for number in range(BIRTHS))])
    ours = (several - one) / (BIRTHS - 1)
    return Comparison(
        work="one more tenant, ready to log in",
        ours_seconds=ours,
        reference=INIT,
        reference_seconds=initialised(variables),
    )


def initialised(variables: dict[str, Any]) -> float:
    """Odoo's own way, as the role that builds templates."""
    image = variables["odoo_image_references"]["odoo19"]
    password = derive(variables["estate_secret"], "erpops_template", "", 1)
    run = (
        f"podman run --rm --network host -v /etc/hosts:/etc/hosts:ro -v /etc/erpops/pki/ca.crt:/ca.crt:ro -e PGPASSWORD"
        f" -e PGSSLMODE=verify-full -e PGSSLROOTCERT=/ca.crt {image} -d bench-init -i base --without-demo=all"
        " --stop-after-init --no-http --db_host main.postgres.internal --db_port 5000 --db_user erpops_template"
        " --data-dir /tmp"
    )
    host = address("app1")
    took = seconds(lambda: ssh(host, f"export PGPASSWORD='{password}'; {run}"))
    drop = "runuser -u postgres -- psql -qc 'drop database if exists \"bench-init\"'"
    for member in ("db1", "db2"):
        ssh(address(member), f"{drop} || true")
    return took


def address(host: str) -> str:
    listed = command(str(BIN / "ansible-inventory"), *INVENTORIES, "--host", host)
    return str(json.loads(listed)["ansible_host"])


def ssh(host: str, line: str) -> str:
    listed = command(str(BIN / "ansible-inventory"), *INVENTORIES, "--host", "app1")
    key = json.loads(listed)["ansible_ssh_private_key_file"]
    options = [
        "-i",
        key,
        "-o",
        "StrictHostKeyChecking=no",
        "-o",
        "UserKnownHostsFile=/dev/null",
        "-o",
        "LogLevel=ERROR",
    ]
    return command("ssh", *options, f"root@{host}", line)


def growth(few: list[dict[str, Any]]) -> Iterator[Comparison]:
    made = [
        {"name": f"many{number:03}", "instance": few[number % len(few)]["instance"], "state": "suspended",
         "hostnames": [hostname(few, f"many{number:03}")], "limits": {"connections": 8}}
        for number in range(MANY - len(few))
    ]  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="erpops-") as place:
        folder = Path(place)
        small = playbook("site")
        options = given(folder, [*few, *made])
        first = playbook("site", *options)
        large = playbook("site", *options)
        names = [tenant["name"] for tenant in made]
        remove(folder, few, names)
    for name, run in ((f"{len(few)} tenants", small), (f"{MANY} tenants", large)):
        print(
            f"second run of site, {name}: {run.seconds:.1f} s, at most {run.tasks_on_a_host} tasks on a host,"
            f" {run.changed} changed, {run.memory_mb} MB in the controller's largest process",
            flush=True,
        )
    print(f"the run that made {len(made)} tenants: {first.seconds:.0f} s", flush=True)
    if small.changed or large.changed:
        raise RuntimeError(f"a second run changed something: {small}, {large}")
    yield Comparison(
        work=f"second run of site, {len(few)} tenants",
        ours_seconds=small.seconds,
        reference=f"the same with {MANY} tenants",
        reference_seconds=large.seconds,
    )


def remove(folder: Path, few: list[dict[str, Any]], names: list[str]) -> None:
    """By the databases' own tools: two hundred final dumps would prove nothing here."""
    absent = [
        {"name": name, "instance": few[0]["instance"], "hostnames": [hostname(few, name)], "state": "absent"}
        for name in names
    ]
    proof = {name: {"dump": "none, a benchmark's", "restored": True} for name in names}
    values = {"tenant_databases_confirm_removal": names, "tenant_databases_removal_proof": proof}
    extra = folder / "removal.json"
    extra.write_text(json.dumps(values), encoding="utf-8")
    playbook("tenant", *given(folder, [*few, *absent]), "-e", f"@{extra}", "--tags", "tenants")
