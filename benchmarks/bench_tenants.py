# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""40 tenants (role, database, two extensions, privileges): one call of tenant_databases, against the same as looped
tasks of community.postgresql, and against bare SQL.

On a lab host with PostgreSQL 17: ``ERPOPS_TEST_HOST`` and ``ERPOPS_TEST_KEY`` name one that runs, else the lab of
``topology.yml`` is booted for it. Ours does more than the others: registry, identity, address, first administrator.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from comparison import CACHE, ROOT, Comparison, best, command, reference_environment, seconds
from integration.tenant_databases import live

from ansible_collections.erpops.odoo.plugins.module_utils.estate.secrets import derive

TENANTS = [f"tenant{number:02}" for number in range(1, 41)]
TEMPLATE = live.TEMPLATE
EXTENSIONS = ("pg_trgm", "unaccent")
PORT = 5499
LOOPS = "the same as looped community.postgresql tasks"
SQL = "bare SQL (psql, one script)"
SECRET = "the estate's secret of the benchmark"
FIRST, AGAIN = 2, 4  # how often it is measured; the shortest counts
CA_FILE = "/etc/erpops-bench-ca.crt"


def comparisons() -> Iterator[Comparison]:
    with lab(), tempfile.TemporaryDirectory() as folder:
        cluster = live.start(Path(folder), PORT)
        try:
            yield from measured(Bench(cluster, Path(folder)))
        finally:
            live.stop(cluster)


def measured(bench: Bench) -> Iterator[Comparison]:
    first, again = "40 tenants, first run", "40 tenants, nothing to change"
    sql = min(bench.first(bench.sql) for turn in range(FIRST))
    ours = min(bench.first(bench.module) for turn in range(FIRST))
    yield Comparison(work=f"{first}, on the host", ours_seconds=ours, reference=SQL, reference_seconds=sql)
    ours, sql = alternately(bench.module, bench.sql, AGAIN)
    yield Comparison(work=f"{again}, on the host", ours_seconds=ours, reference=SQL, reference_seconds=sql)
    ours_first, ours_again = bench.first(bench.playbook), best(bench.playbook, AGAIN)
    loops_first, loops_again = bench.first(bench.loops), seconds(bench.loops)
    yield Comparison(work=f"{first}, playbook", ours_seconds=ours_first, reference=LOOPS, reference_seconds=loops_first)
    yield Comparison(work=f"{again}, playbook", ours_seconds=ours_again, reference=LOOPS, reference_seconds=loops_again)
    start, reference_start = best(bench.idle, AGAIN), best(bench.idle_reference, AGAIN)
    yield Comparison(
        work=f"{again}, tasks without Ansible's own start",
        ours_seconds=ours_again - start,
        reference=LOOPS,
        reference_seconds=loops_again - reference_start,
    )


def alternately(ours: Callable[[], object], reference: Callable[[], object], times: int) -> tuple[float, float]:
    """The shortest of each, taken in turns, so that what else the machine does meets both."""
    pairs = [(seconds(ours), seconds(reference)) for turn in range(times)]
    return min(pair[0] for pair in pairs), min(pair[1] for pair in pairs)


class Bench:
    """The three ways, on one cluster. Each leaves the same roles and databases."""

    def __init__(self, cluster: live.LiveCluster, folder: Path) -> None:
        self.cluster, self.folder = cluster, folder
        self.reference = reference_environment()
        self._write()

    def wipe(self) -> None:
        """Back to a server with a template and nothing else."""
        databases = [row["datname"] for row in self.cluster.rows(
            "postgres", "SELECT datname FROM pg_database WHERE datname NOT IN ('postgres', 'template0', 'template1')"
        )]  # fmt: skip
        for name in databases:
            self.cluster.do(
                "postgres", f"ALTER DATABASE {name} IS_TEMPLATE false", f"DROP DATABASE {name} WITH (FORCE)"
            )
        for name in [*TENANTS, "erpops_registry"]:
            self.cluster.do("postgres", f"DROP ROLE IF EXISTS {name}")
        without = live.ODOO.replace("CREATE EXTENSION pg_trgm; CREATE EXTENSION unaccent;", "")
        live.build_template(self.cluster, TEMPLATE, without)
        self.cluster.do("postgres", "CHECKPOINT")

    def first(self, work: Callable[[], object]) -> float:
        self.wipe()
        return seconds(work)

    def idle(self) -> None:
        """Ansible with nothing to do."""
        self._play(Path(command("which", "ansible-playbook").strip()), "idle.json")

    def idle_reference(self) -> None:
        self._play(self.reference / "ansible-playbook", "idle.json")

    def playbook(self) -> None:
        """Ours, as an operator runs it."""
        self._play(Path(command("which", "ansible-playbook").strip()), "ours.json")

    def loops(self) -> None:
        self._play(self.reference / "ansible-playbook", "loops.json")

    def sql(self) -> None:
        """One script that may be run again, as an administrator would write it, on the host itself."""
        self.cluster.shell("runuser", "-u", "postgres", "--", "psql", "--quiet", "--no-psqlrc", "--tuples-only",
                           f"--host={self.cluster.folder}", f"--port={PORT}", "--set=ON_ERROR_STOP=1",
                           "--dbname=postgres", "--output=/dev/null", stdin=script())  # fmt: skip

    def module(self) -> None:
        """Ours without Ansible's part: the very file that Ansible sent, run on the host."""
        self.cluster.shell("python3", "/root/bench-module.py")

    def _play(self, ansible: Path, name: str, **environment: str) -> None:
        given = {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1", **environment}
        command(str(ansible), "-i", str(self.folder / "inventory.json"), str(self.folder / name), environment=given)

    def _write(self) -> None:
        key = os.environ["ERPOPS_TEST_KEY"]
        options = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
        variables = {"ansible_host": self.cluster.address, "ansible_user": "root", "ansible_ssh_private_key_file": key,
                     "ansible_python_interpreter": "/usr/bin/python3", "ansible_ssh_common_args": options}  # fmt: skip
        inventory = {"all": {"hosts": {"db1": variables}}}
        (self.folder / "inventory.json").write_text(json.dumps(inventory))
        (self.folder / "ours.json").write_text(json.dumps(play(self._ours())))
        (self.folder / "idle.json").write_text(json.dumps(play({"ansible.builtin.meta": "noop"})))
        (self.folder / "loops.json").write_text(json.dumps(play(*self._looped())))
        self.cluster.shell("install", "-m", "0644", "/dev/stdin", CA_FILE, stdin=self.cluster.ca_file.read_text())
        self._keep_module()

    def _keep_module(self) -> None:
        """Ansible leaves the file that it sent; the run itself is thrown away with the next wipe."""
        self.wipe()
        self.cluster.shell("rm", "-rf", "/root/.ansible/tmp")
        self._play(Path(command("which", "ansible-playbook").strip()), "ours.json", ANSIBLE_KEEP_REMOTE_FILES="1")
        found = self.cluster.shell("find", "/root/.ansible/tmp", "-name", "AnsiballZ_tenant_databases.py").split()
        self.cluster.shell("mv", found[0], "/root/bench-module.py")

    def _ours(self) -> dict[str, Any]:
        image = "registry.example.com/odoo@sha256:0"
        return {
            "erpops.odoo.tenant_databases": {
                **self.cluster.access,
                "postgres_ca_file": CA_FILE,
                "estate_secret": SECRET,
                "instances": [{"name": "shared14", "environment": "production", "version": "14.0", "image": image}],
                "tenants": [
                    {"name": name, "instance": "shared14", "hostnames": [f"{name}.example.com"],
                     "limits": {"connections": 10}}
                    for name in TENANTS
                ],
                "app_hosts": ["app1"],
                "templates": [{"instance": "shared14", "database": TEMPLATE}],
            }
        }  # fmt: skip

    def _looped(self) -> list[dict[str, Any]]:
        login = {"login_host": self.cluster.address, "login_port": PORT, "login_user": "erpops_admin",
                 "login_password": live.PASSWORD, "ssl_mode": "verify-full", "ca_cert": CA_FILE}  # fmt: skip
        name = "{{ item }}"
        extension = [
            {"community.postgresql.postgresql_ext": {**login, "name": each, "login_db": name}} for each in EXTENSIONS
        ]
        user = {**login, "login_db": "postgres", "name": name, "password": f"{SECRET} {name}", "conn_limit": 10,
                "role_attr_flags": "LOGIN,NOSUPERUSER,NOCREATEDB,NOCREATEROLE"}  # fmt: skip
        privileges = {**login, "login_db": name, "type": "database", "objs": name, "privs": "ALL", "role": "PUBLIC",
                      "state": "absent"}  # fmt: skip
        tasks: list[dict[str, Any]] = [
            {
                "community.postgresql.postgresql_user": user,
                "environment": {"PGOPTIONS": "-c password_encryption=scram-sha-256"},
            },
            {"community.postgresql.postgresql_db": {**login, "name": name, "owner": name, "template": TEMPLATE}},
            *extension,
            {"community.postgresql.postgresql_privs": privileges},
        ]
        return [{**task, "loop": TENANTS} for task in tasks]


def play(*tasks: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"hosts": "db1", "gather_facts": False, "tasks": list(tasks)}]


def password(name: str) -> str:
    """The one that ours derives, so that either way finds nothing to change after the other."""
    return derive(SECRET, "postgres", name)


def script() -> str:
    lines = ["SET password_encryption = 'scram-sha-256';"]
    for name in TENANTS:
        lines += [
            f"SELECT 'CREATE ROLE {name}' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{name}') \\gexec",
            f"ALTER ROLE {name} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE CONNECTION LIMIT 10"
            f" PASSWORD '{password(name)}';",
            f"SELECT 'CREATE DATABASE {name} TEMPLATE {TEMPLATE} OWNER {name}'"
            f" WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{name}') \\gexec",
            f"REVOKE ALL ON DATABASE {name} FROM PUBLIC;",
            f"\\connect {name}",
            *(f"CREATE EXTENSION IF NOT EXISTS {each};" for each in EXTENSIONS),
            "REVOKE CREATE ON SCHEMA public FROM PUBLIC;",
            "\\connect postgres",
        ]
    return "\n".join(["SET client_min_messages = error;", *lines]) + "\n"


@contextmanager
def lab() -> Iterator[None]:
    """A host to measure on: the one that the environment names, or one of our own."""
    if "ERPOPS_TEST_HOST" in os.environ:
        yield
        return
    own = {"LAB_NAME": "bench", "LAB_DIR": str(CACHE / "labs" / "bench")}
    command("tests/lab/lab", "up", "benchmarks/topology.yml", environment=own)
    try:
        inventory = json.loads(command("ansible-inventory", "-i", f"{own['LAB_DIR']}/inventory.yml", "--list"))
        host = inventory["_meta"]["hostvars"]["db1"]
        os.environ["ERPOPS_TEST_HOST"] = host["ansible_host"]
        os.environ["ERPOPS_TEST_KEY"] = host["ansible_ssh_private_key_file"]
        yield
    finally:
        for name in ("ERPOPS_TEST_HOST", "ERPOPS_TEST_KEY"):
            os.environ.pop(name, None)
        command("tests/lab/lab", "down", environment=own)
