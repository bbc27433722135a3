# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The roles ledger and tenant_databases, as playbooks use them: over SSH, on a host with Debian's own libraries.

It wants a host (``ERPOPS_TEST_HOST``) with python3-psycopg.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ..tenant_databases import live

ROOT = Path(__file__).resolve().parents[3]
CA_FILE = "/etc/erpops/pki/ca.crt"
SPOOL = "/var/lib/erpops/ledger-spool"
HEADS = "/var/lib/erpops/test-heads"
SECRET = "the estate's secret of the tests, long enough"
ROLE = "ansible.builtin.import_role"


def play(server: live.LiveCluster, *tenants: str) -> list[dict[str, Any]]:
    variables = {
        "estate_name": "north",
        "estate_secret": SECRET,
        "estate_secret_overrides": {"erpops_admin": live.PASSWORD},
        "postgres_clusters": [{"name": "main", "members": ["db1"], "port": server.port}],
        "odoo_instances": [{"name": "shared14", "environment": "test", "version": "14.0", "image": "x"}],
        "odoo_tenants": [
            {"name": name, "instance": "shared14", "hostnames": [f"{name}.test"], "tier": "silver"} for name in tenants
        ],
        "tenant_databases_app_hosts": ["app1"],
        "tenant_databases_templates": [{"instance": "shared14", "database": live.TEMPLATE}],
        "ledger_playbook": "site",
        "ledger_lock": "estate",
        "ledger_head_file": HEADS,
        "change_ticket": "CHG-7",
        "awx_user_name": "ann",
        "awx_job_id": 17,
    }
    tasks = [
        {"name": "Begin", ROLE: {"name": "erpops.odoo.ledger", "tasks_from": "begin"}},
        {"name": "Prepare", ROLE: {"name": "erpops.odoo.tenant_databases", "tasks_from": "prepare"}},
        {"name": "Databases", ROLE: {"name": "erpops.odoo.tenant_databases"}},
        {"name": "End", ROLE: {"name": "erpops.odoo.ledger", "tasks_from": "end"}},
    ]
    return [{"name": "Test", "hosts": "postgres", "gather_facts": False, "vars": variables, "tasks": tasks}]


def run(server: live.LiveCluster, folder: Path, *tenants: str, options: tuple[str, ...] = ()) -> str:
    host = {
        "ansible_host": server.address,
        "estate_address": server.address,
        "ansible_user": "root",
        "ansible_ssh_private_key_file": os.environ["ERPOPS_TEST_KEY"],
        "ansible_ssh_common_args": "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null",
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    (folder / "inventory.json").write_text(json.dumps({"postgres": {"hosts": {"db1": host}}}))
    (folder / "play.json").write_text(json.dumps(play(server, *tenants)))
    ansible = str(Path(sys.executable).with_name("ansible-playbook"))
    done = subprocess.run(
        [ansible, "-i", str(folder / "inventory.json"), str(folder / "play.json"), *options],
        cwd=ROOT, env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def host(cluster: live.LiveCluster) -> live.LiveCluster:
    if not cluster.ssh:
        pytest.skip("no host: ERPOPS_TEST_HOST is not set")
    cluster.shell("install", "-D", "-m", "0644", "/dev/stdin", CA_FILE, stdin=cluster.ca_file.read_text())
    cluster.shell("rm", "-rf", HEADS, SPOOL)
    live.build_template(cluster)
    return cluster


def entries(cluster: live.LiveCluster) -> list[dict[str, Any]]:
    return [
        json.loads(row["body"]) for row in cluster.rows("erpops", "SELECT body FROM ledger.entry ORDER BY position")
    ]


def test_a_run_is_recorded_and_a_second_one_changes_nothing(host: live.LiveCluster, tmp_path: Path) -> None:
    checked = run(host, tmp_path, "acme", "birch", options=("--check", "--diff"))
    assert "changed=2" in checked and "unreachable=0" in checked
    assert host.rows("postgres", "SELECT 1 FROM pg_database WHERE datname IN ('erpops', 'acme')") == []
    first = run(host, tmp_path, "acme", "birch")
    assert "changed=2" in first
    second = run(host, tmp_path, "acme", "birch", options=("--tags", "all"))
    assert "changed=0" in second and SECRET not in first + second + checked
    events = [(each["event"], each["operation"]) for each in entries(host)]
    assert [found[0] for found in events] == ["begin", "end", "begin", "end"]
    assert len({found[1] for found in events}) == 2
    begun = entries(host)[0]["content"]
    assert begun["awx_user"] == "ann" and begun["awx_job"] == "17" and begun["change_ticket"] == "CHG-7"
    assert begun["playbook"] == "site" and begun["estate"] == "north" and begun["lock"] == "estate"
    assert entries(host)[1]["content"] == {"result": "ok", "released": ["estate"]}
    assert len(host.shell("cat", HEADS).splitlines()) == 4
    access = {
        **host.access,
        "head_position": 4,
        "head_hash": json.loads(host.shell("cat", HEADS).splitlines()[-1])["hash"],
    }
    assert live.run_module("ledger_verify", access)["findings"] == []
