# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real PostgreSQL cluster for tests, and the real modules run against it.

It is made on the host that ``ERPOPS_TEST_HOST`` names (reached by SSH with the key ``ERPOPS_TEST_KEY``), such as a lab
host with PostgreSQL 17; without it on this machine's loopback, with the newest PostgreSQL that is installed.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from ansible.module_utils.testing import patch_module_args
from psycopg.rows import dict_row

SCRIPT = Path(__file__).with_name("cluster.sh")
COLLECTIONS = Path(__file__).resolve().parents[3] / "build" / "collections"
MODULES = "ansible_collections.erpops.odoo.plugins.modules"
PASSWORD = "a password of the tests"
TEMPLATE = "tpl_shared14"

# As much of Odoo as a birth touches, owned by the builder, with what a birth must replace or remove.
ODOO = """
CREATE EXTENSION pg_trgm; CREATE EXTENSION unaccent;
CREATE TABLE ir_config_parameter (id serial PRIMARY KEY, key varchar NOT NULL UNIQUE, value text NOT NULL,
    create_uid int, create_date timestamp, write_uid int, write_date timestamp);
CREATE TABLE ir_model_data (id serial PRIMARY KEY, module varchar, name varchar, model varchar, res_id int);
CREATE TABLE res_users (id serial PRIMARY KEY, login varchar NOT NULL UNIQUE, password varchar, active boolean);
CREATE TABLE res_users_log (id serial PRIMARY KEY, create_uid int);
CREATE TABLE res_users_apikeys (id serial PRIMARY KEY, key varchar);
CREATE TABLE ir_logging (id serial PRIMARY KEY, message text);
CREATE VIEW res_device_log AS SELECT 1 AS id;
INSERT INTO ir_config_parameter (key, value) VALUES ('database.uuid', 'template'), ('database.secret', 'template'),
    ('web.base.url', 'http://localhost:8069'), ('ir_attachment.location', 'db');
INSERT INTO res_users (id, login, password, active) VALUES (1, '__system__', NULL, false), (2, 'admin', 'admin', true),
    (3, 'demo', 'demo', true);
INSERT INTO ir_model_data (module, name, model, res_id) VALUES ('base', 'user_admin', 'res.users', 2);
INSERT INTO res_users_log (create_uid) VALUES (2);
INSERT INTO res_users_apikeys (key) VALUES ('left');
INSERT INTO ir_logging (message) VALUES ('left');
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveCluster:
    address: str
    port: int
    folder: str
    ca_file: Path
    ssh: tuple[str, ...] = field(default=())

    @property
    def access(self) -> dict[str, Any]:
        """What every module that speaks to PostgreSQL takes."""
        return {
            "postgres_hosts": [self.address],
            "postgres_port": self.port,
            "postgres_password": PASSWORD,
            "postgres_ca_file": str(self.ca_file),
        }

    def connect(
        self, database: str, user: str = "erpops_admin", password: str = PASSWORD
    ) -> psycopg.Connection[dict[str, Any]]:
        return psycopg.connect(
            host=self.address, port=self.port, dbname=database, user=user, password=password, sslmode="verify-full",
            sslrootcert=str(self.ca_file), autocommit=True, connect_timeout=10, row_factory=dict_row,
        )  # fmt: skip

    def rows(self, database: str, query: str, values: Any = None) -> list[dict[str, Any]]:
        with self.connect(database) as connection:
            return connection.execute(query.encode(), values).fetchall()

    def do(self, database: str, *statements: str, user: str = "erpops_admin") -> None:
        with self.connect(database, user) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def shell(self, *command: str, stdin: str = "") -> str:
        done = subprocess.run(
            [*self.ssh, *command], input=stdin, text=True, capture_output=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def power(self, verb: str) -> None:
        """``stop`` or ``start`` the server, its data kept."""
        binary = (
            self.shell("bash", "-c", "'ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1'").strip()
            if self.ssh
            else str(sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1])
        )
        self.shell(
            "runuser",
            "-u",
            "postgres",
            "--",
            f"{binary}/pg_ctl",
            f"--pgdata={self.folder}/data",
            "--wait",
            "--mode=immediate" if verb == "stop" else f"--log={self.folder}/server.log",
            verb,
        )


def start(folder: Path, port: int) -> LiveCluster:
    address, ssh = "127.0.0.1", tuple[str, ...]()
    if host := os.environ.get("ERPOPS_TEST_HOST"):
        address, ssh = host, _ssh(host)
    place = f"/tmp/erpops-test-{port}"
    script = SCRIPT.read_text()
    command = ("bash", "-s", "--")
    arguments = [place, address, str(port)]
    subprocess.run([*ssh, *command, "stop", *arguments], input=script, text=True, check=True, timeout=60)
    begun = subprocess.run(
        [*ssh, *command, "start", *arguments, f"'{PASSWORD}'" if ssh else PASSWORD],
        input=script, text=True, check=False, timeout=120, capture_output=True,
    )  # fmt: skip
    assert begun.returncode == 0, begun.stderr
    ca_file = folder / "ca.crt"
    ca_file.write_text(begun.stdout)
    return LiveCluster(address=address, port=port, folder=place, ca_file=ca_file, ssh=ssh)


def stop(cluster: LiveCluster) -> None:
    command = [*cluster.ssh, "bash", "-s", "--", "stop", cluster.folder, cluster.address, str(cluster.port)]
    subprocess.run(command, input=SCRIPT.read_text(), text=True, check=True, timeout=60)


@contextmanager
def running(folder: Path, port: int) -> Iterator[LiveCluster]:
    begun = start(folder, port)
    try:
        yield begun
    finally:
        stop(begun)


def _ssh(host: str) -> tuple[str, ...]:
    options = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "ConnectTimeout=10")
    key = ("-i", os.environ["ERPOPS_TEST_KEY"]) if "ERPOPS_TEST_KEY" in os.environ else ()
    return ("ssh", *key, *(part for option in options for part in ("-o", option)), f"root@{host}")


def run_module(name: str, parameters: dict[str, Any], *, check: bool = False, fails: bool = False) -> dict[str, Any]:
    """The real module with its real argument parsing, in this process; its result as JSON."""
    module = importlib.import_module(f"{MODULES}.{name}")
    arguments = {**parameters, "_ansible_check_mode": check, "_ansible_diff": True}
    output = io.StringIO()
    with patch_module_args(arguments), redirect_stdout(output), suppress(SystemExit):
        module.main()
    return _checked(output.getvalue(), fails)


def run_process(name: str, parameters: dict[str, Any], *, fails: bool = False) -> dict[str, Any]:
    """The same in a process of its own, so that several can run at once or be killed."""
    with process(name, parameters) as running:
        output, errors = running.communicate(timeout=300)
    assert output, errors
    return _checked(output, fails)


def process(name: str, parameters: dict[str, Any]) -> subprocess.Popen[str]:
    running = subprocess.Popen(
        [sys.executable, "-m", f"{MODULES}.{name}"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(COLLECTIONS)},
    )  # fmt: skip
    assert running.stdin
    running.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": {**parameters, "_ansible_diff": True}}))
    running.stdin.close()
    running.stdin = None
    return running


def _checked(output: str, fails: bool) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(output)
    assert bool(result.get("failed")) is fails, json.dumps(result, indent=1)
    return result


def build_template(cluster: LiveCluster, name: str = TEMPLATE, sql: str = ODOO) -> None:
    """As odoo_template leaves it: owned by its builder, sealed."""
    cluster.do("postgres", f'CREATE DATABASE "{name}" TEMPLATE template0', user="erpops_template")
    with cluster.connect(name, "erpops_template") as connection:
        connection.execute(sql.encode())
    cluster.do("postgres", f'ALTER DATABASE "{name}" IS_TEMPLATE true ALLOW_CONNECTIONS false')
