# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A legacy host as somebody with a shell sees it, and the playbook that reads it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[3]
LAB = ROOT / "tests/lab/lab"
ENVIRONMENT = {**os.environ, "LAB_NAME": os.environ.get("LAB_NAME", "legacy")}
SECONDS = 300
HOSTILE_NAME = "we\"ird'; | \\ name\nsecond line"
HOSTILE = '"' + HOSTILE_NAME.replace('"', '""') + '"'

# What only the preflight asks for, and Odoo's own databases here do not have. A sequence ends with its column.
TRAPS = """
CREATE TABLE trap (id int4 PRIMARY KEY); CREATE SEQUENCE old OWNED BY trap.id; SELECT setval('old', 1900000000);
CREATE SEQUENCE free; SELECT setval('free', 1900000000);
CREATE TABLE child () INHERITS (trap); ALTER TABLE child ADD PRIMARY KEY (id);
CREATE RULE nothing AS ON DELETE TO trap DO INSTEAD NOTHING; ALTER TABLE trap ENABLE ROW LEVEL SECURITY;
CREATE LANGUAGE x_lang HANDLER plpgsql_call_handler; CREATE PUBLICATION bi; CREATE PUBLICATION erpops_x;
CREATE TABLE website (id int PRIMARY KEY, name text, domain text);
INSERT INTO website VALUES (1, 'Shop', 'shop.example');
CREATE TABLE iap_account (id int PRIMARY KEY); INSERT INTO iap_account VALUES (1);
CREATE TABLE res_users_apikeys (id int PRIMARY KEY); INSERT INTO res_users_apikeys VALUES (1), (2);
CREATE TABLE payment_provider (id int PRIMARY KEY, name jsonb, code text, state text);
INSERT INTO payment_provider VALUES (1, '{"en_US": "Stripe"}', 'stripe', 'enabled');
"""
# What a login by SSH itself leaves behind, and the statistics collector's own files.
NOISE = r"-path /var/log/journal -o -name wtmp -o -name lastlog -o -name btmp -o -path '*/pg_stat_tmp'"
# PostgreSQL's data are seen by counters: no transaction got a number, no WAL was written, no file was spilled.
COUNTERS = """
SELECT json_build_object('next_transaction', txid_snapshot_xmax(txid_current_snapshot()), 'wal', pg_current_wal_lsn(),
    'temp_files', (SELECT sum(temp_files) FROM pg_stat_database),
    'rows', (SELECT sum(tup_inserted + tup_updated + tup_deleted) FROM pg_stat_database))
"""


@dataclass(frozen=True)
class Host:
    """One host of the lab."""

    name: str

    def shell(self, command: str, text: str = "") -> str:
        """The output; ``text`` is the input."""
        done = subprocess.run(
            [str(LAB), "ssh", self.name, command],
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
            env=ENVIRONMENT,
        )
        assert done.returncode == 0, f"{self.name}: {command}: {done.stdout}{done.stderr}"
        return done.stdout

    def sql(self, database: str, statement: str) -> str:
        connection = "dbname='" + database.replace("\\", "\\\\").replace("'", "\\'") + "'"
        command = f"psql -XAt -v ON_ERROR_STOP=1 -d {shlex.quote(connection)} -c {shlex.quote(statement)}"
        return self.shell(f"cd / && runuser -u postgres -- {command}").rstrip("\n")

    def state(self) -> dict[str, Any]:
        """Every file's name, mode, owner, size, time and content; and PostgreSQL's counters."""
        files = self.shell(
            rf"find / -xdev \( {NOISE} -o -path /var/lib/postgresql \) -prune"
            r" -o -type f -printf '%m %u %s %T@ %p\n' | sort"
        )
        sums = self.shell(
            rf"find /etc /srv /opt /home /root /tmp /var -xdev \( {NOISE} -o -path /var/lib/postgresql \) -prune"
            r" -o -type f -exec sha1sum {} + | sort -k 2"
        )
        return {
            "files": files,
            "sums": sums,
            "run": self.shell("ls -R /dev/shm"),
            "postgres": self.sql("postgres", COUNTERS),
        }


@dataclass(frozen=True)
class Run:
    """What one run of the playbook left on the controller, and the state of legacy1 around it."""

    folder: Path
    output: str
    before: dict[str, Any]
    after: dict[str, Any]

    def result(self, host: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "results" / f"{host}.json").read_text())
        return found

    def database(self, host: str, name: str) -> dict[str, Any]:
        return next(each for each in self.result(host)["databases"] if each["name"] == name)

    def dispositions(self, host: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = yaml.safe_load((self.folder / "dispositions" / f"{host}.yml").read_text())[
            "dispositions"
        ]
        return found


def inventory(folder: Path) -> Path:
    """The lab's hosts, as group legacy."""
    text = subprocess.run(
        [str(LAB), "inventory"], capture_output=True, text=True, check=True, timeout=60, env=ENVIRONMENT
    )
    path = folder / "inventory"
    path.mkdir(exist_ok=True)
    (path / "lab.yml").write_text(text.stdout)
    (path / "groups.yml").write_text(yaml.safe_dump({"legacy": {"hosts": {"legacy1": {}, "legacy2": {}}}}))
    return path


def playbook(folder: Path, *arguments: str, fails: bool = False) -> str:
    command = [
        str(ROOT / "build/venv/bin/ansible-playbook"),
        "-i",
        str(inventory(folder)),
        "erpops.odoo.wave_discover",
        "-e",
        f"estate_name=north wave_discover_folder={folder}/results",
        "-e",
        f"wave_discover_dispositions_folder={folder}/dispositions",
        *arguments,
    ]
    environment = {**ENVIRONMENT, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=SECONDS, cwd=ROOT, env=environment
    )
    assert (done.returncode != 0) is fails, done.stdout + done.stderr
    return done.stdout + done.stderr


def rotate(host: Host) -> None:
    """The log as logrotate leaves it: most of it is in the packed one before."""
    host.shell(
        "cd /var/log/odoo && head -n 100 odoo-server.log | gzip > odoo-server.log.1.gz"
        " && tail -n +101 odoo-server.log > rest && cat rest > odoo-server.log && rm rest"
    )


def second(host: Host) -> None:
    """Another Odoo, unpacked where nobody would look for it; its configuration leads there."""
    host.shell(
        "mkdir -p /srv/erp/deep/src/odoo /srv/erp/deep/src/addons /srv/erp/data/filestore"
        " && echo \"version_info = (16, 0, 0, 'final', 0, '')\" > /srv/erp/deep/src/odoo/release.py"
        " && printf '[options]\\naddons_path = /srv/erp/deep/src/addons\\ndata_dir = /srv/erp/data\\n'"
        " > /srv/erp/odoo-erp.conf"
    )


def freeze(host: Host) -> None:
    """Stops what writes by itself, so that whatever changes afterwards was us; PostgreSQL rests after a checkpoint."""
    host.shell("systemctl stop odoo cron postfix")
    host.sql("postgres", "ALTER SYSTEM SET autovacuum = off")
    host.sql("postgres", "SELECT pg_reload_conf()")
    host.shell("cd / && runuser -u postgres -- vacuumdb --all --quiet")  # else whoever reads a page tidies it up
    host.sql("postgres", "CHECKPOINT")
    deadline = time.monotonic() + 120
    seen = ""
    while (now := host.sql("postgres", COUNTERS)) != seen:  # counters come late; a last note in the WAL within 15 s
        assert time.monotonic() < deadline, f"{host.name} does not come to rest: {seen}, then {now}"
        seen = now
        time.sleep(16)


def hostile(host: Host) -> None:
    """A database with a name that breaks scripts, a second server, and configurations that are not what they seem."""
    host.sql("postgres", f"DROP DATABASE IF EXISTS {HOSTILE}")
    host.sql("postgres", f"CREATE DATABASE {HOSTILE}")
    host.sql(HOSTILE_NAME, 'CREATE TABLE "a ""b"" | \'c\'\n@x" (line text); CREATE TABLE "$(touch /tmp/owned)" (x int)')
    host.sql(HOSTILE_NAME, TRAPS)
    if "second" not in host.shell("pg_lsclusters -h"):
        host.shell("pg_createcluster 13 second --start >/dev/null 2>&1")
    host.shell(
        "printf 'server {\\n server_name \"quoted name.example\" `touch /tmp/owned`; location / {'"
        " > /etc/nginx/conf.d/broken.conf"
    )
