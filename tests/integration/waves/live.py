# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real legacy host (PostgreSQL 13, Odoo 14's databases) and a real database host with PostgreSQL 17.

``make try-waves`` boots them. What is said of both sides is read with psql on the hosts themselves.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts.harness import ROOT, LabHost

HERE = Path(__file__).parent
CLUSTER = ROOT / "tests" / "integration" / "tenant_databases" / "cluster.sh"
FOLDER = "/srv/erpops-waves"
FILESTORES = "/var/lib/odoo/.local/share/Odoo/filestore"
WAVE_PASSWORD = "the password of the subscriptions"
TENANT_PASSWORD = "the password of the tenant"
ADMIN_PASSWORD = "the password of the administrator"
LOGIN_PASSWORD = "the password of sampled users"
MODULES = "ansible_collections.erpops.odoo.plugins.modules"
ALLOWED = ["settings", "restart", "role", "replica_identity", "functions"]
SECONDS = 300
PG_CTL = (
    f"cd {FOLDER}/pg && runuser -u postgres -- /usr/lib/postgresql/17/bin/pg_ctl -D {FOLDER}/pg/data -w"
    f" -l {FOLDER}/pg/server.log"
)
# The way to the source, which a cable that is pulled would cut alike; it is back once the source answers through it.
WAY = "systemctl {} erpops-source-legacy1"
ANSWERS = "for try in $(seq 100); do pg_isready -q -h /run/erpops-sources/legacy1 && exit; sleep 0.2; done; exit 1"
CUT, HEAL, RENEW = WAY.format("stop"), f"{WAY.format('start')}; {ANSWERS}", f"{WAY.format('restart')}; {ANSWERS}"
WRITER = r"""
import hashlib, os, sys, time, psycopg
where, notes, seconds, store = sys.argv[1:]
out, files = (open(notes + kind, "a", buffering=1) for kind in ("", ".files"))
deadline, count = time.time() + float(seconds), 0

def attach(cursor):
    # as Odoo does: the file first, then its row
    content = os.urandom(2000)
    name = hashlib.sha1(content).hexdigest()
    os.makedirs(os.path.join(store, name[:2]), exist_ok=True)
    with open(os.path.join(store, name[:2], name), "wb") as file:
        file.write(content)
    values = [name[:2] + "/" + name, name, len(content)]
    cursor.execute(
        "INSERT INTO ir_attachment (name, type, store_fname, checksum, file_size)"
        " VALUES ('acknowledged', 'binary', %s, %s, %s)", values)
    files.write(name + "\n")

while time.time() < deadline:
    try:
        connection = psycopg.connect(where, connect_timeout=3)
        connection.autocommit = True
        cursor = connection.cursor()
        while time.time() < deadline:
            cursor.execute("INSERT INTO x_acks (text) VALUES ('a') RETURNING id")
            out.write("%d\n" % cursor.fetchone()[0])
            count += 1
            if count % 20 == 0:
                attach(cursor)
            time.sleep(0.01)
    except psycopg.Error:
        time.sleep(0.05)
"""  # also with psycopg2, which is what Debian 11 has


@dataclass(frozen=True, slots=True, kw_only=True)
class Waves:
    legacy: LabHost
    target: LabHost
    tunnel: str
    certificate: str
    port: int = 5432  # of the source's PostgreSQL

    def source_sql(self, query: str, database: str = "postgres", user: str = "postgres") -> str:
        return self.legacy.sql(query, database, f"runuser -u {user} -- psql -p {self.port}")

    def target_sql(self, query: str, database: str = "postgres") -> str:
        return self.target.sql(query, database, f"runuser -u postgres -- psql -h {FOLDER}/pg")

    def login(self, host: list[str], **more: Any) -> dict[str, Any]:
        return {"host": host, "port": 5432, **dict.fromkeys(("user", "password", "sslmode", "sslrootcert")), **more}

    def parameters(self, verb: str, member: str, **more: Any) -> dict[str, Any]:
        copies = {
            "roles": {"bi_reader": "bi_reader"},
            "tools": "/usr/lib/postgresql/17/bin",
            "spool": f"{FOLDER}/spool",
            "dump_seconds": SECONDS,
        }
        own: dict[str, dict[str, Any]] = {
            "prepare": {"allow": ALLOWED, "role_password": WAVE_PASSWORD, "spare_slots": 2},
            "seed": {
                "feed": self.login([self.tunnel], port=5433, password=WAVE_PASSWORD),
                "tenant_password": TENANT_PASSWORD,
                "allow": [],
                "jobs": 2,
                **copies,
                "lag_bytes": 1_048_576,
                "catch_up_seconds": 60,
            },
            "cutover": {
                "back": self.login([self.target.address], password=WAVE_PASSWORD, sslmode="verify-ca",
                                   sslrootcert=self.certificate),
                "jobs": 4,
                "state": "live",
                "window_seconds": 60,
                "drain_seconds": 30,
                "quiet_seconds": 5,
                "keep_seconds": 20,
                "compare_seconds": 60,
                **copies,
                "lag_bytes": 1_048_576,
                "allow_shared_roles": False,
                "source_gone": False,
            },
            "rollback": {
                "state": "rolled_back",
                "compare_seconds": 60,
                "roles": copies["roles"],
                "withdraw": False,
                "source_gone": False,
                "jobs": 4,
                "window_seconds": 60,
                "drain_seconds": 30,
                "quiet_seconds": 5,
            },
            "commit": {
                "proved_dump": True,
                "source_gone": False,
                "dumps": f"{FOLDER}/commits",
                "jobs": 2,
                "tools": "/usr/lib/postgresql/17/bin",
                "dump_seconds": SECONDS,
            },
            "rehearse": {
                "state": "present",
                "pause_writers": True,
                "lock_seconds": 2.0,
                "lock_tries": 5,
                "rest_seconds": 30,
                "drain_seconds": 20,
                "lag_bytes": 1_048_576,
                "seconds": 120,
                "strategy": "file_copy",
                **copies,
                "jobs": 2,
                "base_url": "https://rehearsal.invalid",
                "login_password": LOGIN_PASSWORD,
                "sampled_users": 3,
            },
        }  # fmt: skip
        return {
            # Most members of the tests are databases alone, which know files of the database they were made of.
            "filestore": self.filestores(lost=True) if verb in ("seed", "cutover", "rollback") else None,
            "member": member,
            "database": f"{member}_old",
            "source": self.login([self.tunnel if self.port == 5432 else self.legacy.address], port=self.port),
            "postgres_hosts": [self.target.address],
            "postgres_port": 5432,
            "postgres_user": "erpops_admin",
            "postgres_password": ADMIN_PASSWORD,
            "postgres_ca_file": f"{FOLDER}/pg/ca.crt",
            **own[verb],
            **more,
        }

    def filestores(self, folder: str = FILESTORES, *, lost: bool = False) -> dict[str, Any]:
        return {
            "source": {
                "folder": folder,
                "command": ["ssh", "-F", "/var/lib/erpops/sources/legacy1.conf", "filestore"],
                "forced": True,
            },
            "target": {"folder": f"{FOLDER}/filestores"},
            "seconds": 120,
            "lost": lost,
        }

    def run(
        self, verb: str, member: str, *, check: bool = False, fail_at: str = "", at: tuple[str, ...] = (), **more: Any
    ) -> dict[str, Any]:
        """The verb's result, on the database host. at: a step, and a command that the host runs before it."""
        done = self._driven(verb, member, check=check, fail_at=fail_at, at=at, **more)
        assert done.returncode == 0, done.stderr
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    def done(self, verb: str, member: str, **more: Any) -> dict[str, Any]:
        result = self.run(verb, member, **more)
        assert not result.get("failed"), result["msg"]
        return result

    def killed(self, verb: str, member: str, die_at: str, **more: Any) -> bool:
        """Whether the run came to the step, where it was killed."""
        done = self._driven(verb, member, die_at=die_at, **more)
        if done.returncode == 0:
            assert "failed" not in json.loads(done.stdout), done.stdout
        return done.returncode != 0

    def module(self, name: str, arguments: Mapping[str, Any], check: bool) -> dict[str, Any]:
        """What the module itself returns, on the database host."""
        options = {"_ansible_check_mode": check, "_ansible_diff": True, "_ansible_remote_tmp": FOLDER}
        command = f"PYTHONPATH={FOLDER}/code _ANSIBLE_PROFILE=legacy python3 -m {MODULES}.{name}"
        done = subprocess.run(
            [*self.target.ssh, command], input=json.dumps({"ANSIBLE_MODULE_ARGS": {**arguments, **options}}),
            capture_output=True, text=True, timeout=SECONDS, check=False,
        )  # fmt: skip
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        assert lines, f"{name} gave no result:\n{done.stdout}{done.stderr}"
        result: dict[str, Any] = json.loads(lines[-1])
        return result

    def _driven(
        self, verb: str, member: str, check: bool = False, fail_at: str = "", die_at: str = "",
        at: tuple[str, ...] = (), **more: Any,
    ) -> subprocess.CompletedProcess[str]:  # fmt: skip
        wanted = {
            "verb": verb, "check": check, "fail_at": fail_at, "die_at": die_at, "at": at,
            "parameters": self.parameters(verb, member, **more),
        }  # fmt: skip
        command = f"PYTHONPATH={FOLDER}/code python3 {FOLDER}/code/driver.py"
        return subprocess.run(
            [*self.target.ssh, command], input=json.dumps(wanted), capture_output=True, text=True, timeout=SECONDS,
            check=False,
        )  # fmt: skip

    def make_source(self, member: str, template: str) -> None:
        """A database of its own on the legacy host, like the template, with a table of acknowledged writes."""
        self.source_sql(f'CREATE DATABASE "{member}_old" TEMPLATE "{template}" OWNER odoo')
        self.source_sql(
            "CREATE TABLE x_acks (id serial PRIMARY KEY, text text, at timestamptz DEFAULT now())",
            f"{member}_old",
            "odoo",
        )
        for host in (self.legacy, self.target):
            host.shell(f"rm -f {FOLDER}/{member}.acks*")

    def remove(self, member: str) -> None:
        back, forward = f"erpops_back_{member}", f"erpops_{member}"
        for run, database, name in (
            (self.source_sql, f"{member}_old", back),
            (self.target_sql, member, forward),
            (self.target_sql, f"{member}__new", forward),
        ):
            there = run(f"SELECT 1 FROM pg_subscription WHERE subname = '{name}'")
            if there and run(f"SELECT 1 FROM pg_database WHERE datname = '{database}'"):
                for text in ("DISABLE", "SET (slot_name = NONE)"):
                    run(f'ALTER SUBSCRIPTION "{name}" {text}', database)
                run(f'DROP SUBSCRIPTION "{name}"', database)
        copies = [member, f"{member}__new", f"{member}__rehearsal"]
        for run, databases in ((self.source_sql, [f"{member}_old"]), (self.target_sql, copies)):
            run(
                "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots"
                f" WHERE slot_name IN ('{back}', '{forward}') AND active"
            )
            time.sleep(0.3)
            run(
                "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
                f" WHERE slot_name IN ('{back}', '{forward}')"
            )
            for database in databases:
                run(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
        for host, folder in self.stores(member):
            host.shell(f"rm -rf {folder}")

    def stores(self, member: str) -> tuple[tuple[LabHost, str], tuple[LabHost, str]]:
        """Of the source and of the target."""
        return (self.legacy, f"{FILESTORES}/{member}_old"), (self.target, f"{FOLDER}/filestores/{member}")

    def acknowledged(self, host: LabHost, member: str) -> set[int]:
        text = host.shell(f"cat {FOLDER}/{member}.acks 2>/dev/null || true")
        return {int(line) for line in text.split()}

    def attached(self, member: str) -> set[str]:
        """SHA-1 of the files that any side acknowledged."""
        read = f"cat {FOLDER}/{member}.acks.files 2>/dev/null || true"
        return {name for host in (self.legacy, self.target) for name in host.shell(read).split()}

    @contextmanager
    def writing(self, member: str, side: str, seconds: float = 120) -> Iterator[None]:
        """Somebody inserts rows and attaches files all the while, and notes what the server has acknowledged."""
        host, store = self.stores(member)[side == "target"]
        if side == "source":
            where, user = f"dbname={member}_old host=/var/run/postgresql port={self.port} user=odoo", "odoo"
        else:
            where = f"dbname={member} host={self.target.address} user={member} password='{TENANT_PASSWORD}'"
            user = "root"  # whose the files are that were copied there
        notes = f"{FOLDER}/{member}.acks"
        host.shell(f"install -d {FOLDER}; touch {notes} {notes}.files; chown {user} {notes} {notes}.files")
        unit = f"writer-{member}-{side}"
        script = WRITER.replace("psycopg", "psycopg2") if side == "source" else WRITER
        command = shlex.join(["python3", "-c", script, where, notes, str(seconds), store])
        host.shell(f"systemd-run --quiet --collect --unit={unit} --uid={user} {command}")
        try:
            yield
        finally:
            host.shell(f"systemctl stop {unit} || true")


def prepared(megabytes: int = 0) -> Waves:
    """Both hosts, brought to where a wave begins: a tunnel, a target's cluster, the driver.

    megabytes: of the target's disk; 0: as much as the machine has.
    """
    hosts = LabHost.all()
    legacy, target = hosts["legacy1"], hosts["db1"]
    tunnel = "/run/erpops-sources/legacy1"
    _cluster(target, megabytes)
    _without_python(legacy)
    _access(legacy, target)
    _code(target)
    legacy.shell("systemctl stop odoo cron")  # only the tests write
    waves = Waves(legacy=legacy, target=target, tunnel=tunnel, certificate="/var/lib/postgresql/erpops-ca.crt")
    waves.target_sql("DO $$ BEGIN CREATE ROLE bi_reader; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    return waves


def _without_python(legacy: LabHost) -> None:
    """Nor rsync, for whoever is not Odoo: what is done there must do with what old hosts have."""
    legacy.shell((ROOT / "tests" / "lab" / "legacy" / "only-odoo").read_text())


def _cluster(target: LabHost, megabytes: int) -> None:
    if megabytes:
        mount = f"mount -t tmpfs -o size={megabytes}m,mode=755 target {FOLDER}"
        target.shell(f"install -d {FOLDER}; mountpoint -q {FOLDER} || {mount}")
    command = f"bash -s -- VERB {FOLDER}/pg {target.address} 5432 {shlex.quote(ADMIN_PASSWORD)}"
    for verb in ("stop", "start"):
        done = subprocess.run(
            [*target.ssh, f"install -d {FOLDER}; cd {FOLDER}; " + command.replace("VERB", verb)],
            input=CLUSTER.read_text(), text=True, capture_output=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    settings = r"wal_level = logical\nmax_worker_processes = 30\nmax_logical_replication_workers = 16"
    target.shell(f"printf '{settings}\\n' >> {FOLDER}/pg/data/postgresql.conf")
    target.shell(f"{PG_CTL} restart >/dev/null; chmod 755 {FOLDER}/pg")


def _code(target: LabHost) -> None:
    """The collection as it is now, and of Ansible what its modules import."""
    site = next((ROOT / "build" / "venv" / "lib").glob("python3*/site-packages"))
    parts = ["ansible/__init__.py", "ansible/_vendor", "ansible/_internal/__init__.py", "ansible/release.py"]
    pack = subprocess.Popen(
        ["tar", "-chf", "-", "-C", str(ROOT / "build" / "collections"), "ansible_collections/erpops/odoo/plugins",
         "-C", str(site), *parts, "ansible/module_utils", "-C", str(HERE), "driver.py"],
        stdout=subprocess.PIPE,
    )  # fmt: skip
    unpack = f"rm -rf {FOLDER}/code && mkdir -p {FOLDER}/code && tar -xf - -C {FOLDER}/code"
    subprocess.run([*target.ssh, unpack], stdin=pack.stdout, timeout=120, check=True)
    assert pack.wait() == 0


def _access(legacy: LabHost, target: LabHost) -> None:
    """By the playbook, as an operator does it; the second time it changes nothing."""
    groups: dict[str, Any] = {
        group: {"hosts": {host.name: {}}} for group, host in (("legacy", legacy), ("postgres", target))
    }
    variables = {
        "estate_name": "waves",
        "estate_address": "{{ ansible_host }}",
        "estate_ca_certificate": target.shell(f"cat {FOLDER}/pg/ca.crt"),
        "wave_members": [{"name": "any", "host": legacy.name, "database": "any_old", "filestores": FILESTORES}],
    }
    for _again in range(2):
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder, "groups.json")
            place.write_text(json.dumps({"all": {"vars": variables, "children": groups}}))
            done = subprocess.run(
                [ROOT / "build/venv/bin/ansible-playbook", ROOT / "playbooks/wave_access.yml", "-i", place,
                 "-i", legacy.inventories[0]], cwd=ROOT, text=True,
                env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}, capture_output=True, check=False,
                timeout=SECONDS,
            )  # fmt: skip
        assert done.returncode == 0, done.stdout
    assert not re.search(r"changed=[1-9]", done.stdout), done.stdout
