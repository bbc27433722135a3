# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks wave_map, wave_plan and wave_status as operators run them, on a host with Debian's own libraries.

It wants a host (``ERPOPS_TEST_HOST``) with python3-psycopg and PostgreSQL, as tests/integration/ledger/test_roles.py.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ..tenant_databases import live

ROOT = Path(__file__).resolve().parents[3]
FIXTURES = ROOT / "tests" / "unit" / "planning" / "fixtures" / "discovery"
NAMES = ("acme", "birch", "cedar")
SECRET = "the estate's secret of the tests, long enough"
CA_FILE = "/etc/erpops/pki/ca.crt"


@pytest.fixture
def inventory(cluster: live.LiveCluster, tmp_path: Path) -> Path:
    """Two legacy hosts that nobody can reach, and the estate's PostgreSQL."""
    if not cluster.ssh:
        pytest.skip("no host: ERPOPS_TEST_HOST is not set")
    cluster.shell("install", "-D", "-m", "0644", "/dev/stdin", CA_FILE, stdin=cluster.ca_file.read_text())
    db1 = {
        "ansible_host": cluster.address,
        "estate_address": cluster.address,
        "ansible_user": "root",
        "ansible_ssh_private_key_file": os.environ["ERPOPS_TEST_KEY"],
        "ansible_ssh_common_args": "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null",
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    legacy = {"legacy1": {"ansible_host": "192.0.2.1"}, "legacy2": {"ansible_host": "192.0.2.2"}}
    variables = {
        "estate_name": "north",
        "estate_secret": SECRET,
        "estate_secret_overrides": {"erpops_admin": live.PASSWORD},
        "postgres_clusters": [{"name": "main", "members": ["db1"], "port": cluster.port}],
        "odoo_instances": [{"name": "shared14", "environment": "test", "version": "14.0", "image": "x"}],
        "odoo_tenants": [
            {"name": name, "instance": "shared14", "hostnames": [f"{name}.test"], "tier": "bronze"} for name in NAMES
        ],
        "wave_members": [{"name": name, "host": "legacy1", "database": f"{name}_prod"} for name in NAMES],
        "wave_plan_first": "2027-01-11",
        "wave_plan_last": "2027-02-28",
        "wave_plan_window": {"days": ["tue", "wed"], "start": "20:00", "end": "23:00", "timezone": "Europe/Berlin"},
        "wave_plan_members": [{"name": "cedar", "pilot": True}],
    }
    hosts = {"all": {"vars": variables, "children": {"postgres": {"hosts": {"db1": db1}}, "legacy": {"hosts": legacy}}}}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump(hosts))
    shutil.copytree(FIXTURES, tmp_path / "discovery")
    return tmp_path


def play(inventory: Path, name: str, *options: str, fails: bool = False) -> str:
    ansible = str(Path(sys.executable).with_name("ansible-playbook"))
    done = subprocess.run(
        [ansible, "-i", str(inventory / "hosts.yml"), f"playbooks/{name}.yml", *options],
        cwd=ROOT, env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    assert SECRET not in done.stdout + done.stderr and live.PASSWORD not in done.stdout + done.stderr
    return done.stdout + done.stderr


def discovered(cluster: live.LiveCluster) -> None:
    steps = [{"name": name, "kind": "record", "verb": "wave_discover", "outcome": "discovered", "host": "legacy1",
              "database": f"{name}_prod"} for name in NAMES]  # fmt: skip
    call = {**cluster.access, "operation": "4b5a8f3e-0000-4000-8000-000000000001", "steps": steps}
    live.run_module("wave_members", call)


def members(cluster: live.LiveCluster) -> dict[str, tuple[str, Any]]:
    rows = cluster.rows("erpops", "SELECT name, state, wave FROM wave.member ORDER BY name")
    return {row["name"]: (row["state"], row["wave"]) for row in rows}


def test_the_plan_is_made_recorded_and_shown(cluster: live.LiveCluster, inventory: Path) -> None:
    play(inventory, "wave_map")
    drawn = json.loads((inventory / "reports" / "wave_map.json").read_text())
    assert [group["members"] for group in drawn["groups"]] == [["acme", "birch"]]
    discovered(cluster)
    play(inventory, "wave_plan", "--check", "--diff")
    assert not (inventory / "wave_plan.yml").exists() and members(cluster)["acme"] == ("discovered", None)
    assert "changed=1" in play(inventory, "wave_plan").split("db1 ")[-1]
    assert members(cluster) == {"acme": ("planned", 2), "birch": ("planned", 2), "cedar": ("planned", 1)}
    again = play(inventory, "wave_plan")
    assert "changed=0" in again.split("db1 ")[-1], again
    events = [row["event"] for row in cluster.rows("erpops", "SELECT event FROM ledger.entry ORDER BY position")]
    assert events == ["wave"] * 3 + ["begin", *["wave"] * 3, "end", "begin", "end"]
    play(inventory, "wave_status")
    seen = json.loads((inventory / "reports" / "wave_status.json").read_text())
    assert {each["name"]: (each["state"], each["next_verbs"]) for each in seen["members"]}["cedar"] == (
        "planned", ["wave_plan", "wave_prepare"],
    )  # fmt: skip
    assert seen["members"][0]["planned"].startswith("2027-01-13T20:")
    assert 'erpops_wave_members{state="planned"} 3' in (inventory / "reports" / "wave_status.prom").read_text()
    assert "wave 1" in (inventory / "reports" / "wave_plan.html").read_text()


def test_an_edited_plan_that_keeps_no_constraint_records_nothing(cluster: live.LiveCluster, inventory: Path) -> None:
    discovered(cluster)
    play(inventory, "wave_plan", "-e", "wave_plan_record=false")
    path = inventory / "wave_plan.yml"
    text = path.read_text().replace("2027-01-13", "2027-01-16")
    path.write_text(text)
    said = " ".join(play(inventory, "wave_plan", fails=True).split())
    assert "The estate's window is tue, wed 20:00 to 23:00 Europe/Berlin" in said
    assert path.read_text() == text and set(members(cluster).values()) == {("discovered", None)}
