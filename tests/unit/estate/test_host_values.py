# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each host has in one variable, of the variables that Ansible hands out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[3]
HOSTS = {
    "db1": {"estate_address": "10.0.0.1"},
    "db2": {"ansible_host": "10.0.0.2"},
    "db3": {},  # its estate_address refers to an ansible_host that it lacks
}
INVENTORY = {"all": {"vars": {"estate_address": "{{ ansible_host }}"}, "hosts": HOSTS}}


def played(tmp_path: Path, *expressions: str) -> tuple[list[object], str]:
    """What each expression is for Ansible; and all that was printed. None where one fails."""
    tasks = [
        {"ansible.builtin.copy": {"dest": str(tmp_path / str(number)), "content": f"{{{{ ({text}) | to_json }}}}"}}
        for number, text in enumerate(expressions)
    ]
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump(INVENTORY))
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(tmp_path / "hosts.yml")]
    done = subprocess.run(
        [*command, str(tmp_path / "play.yml")], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    files = [tmp_path / str(number) for number in range(len(expressions))]
    return [json.loads(file.read_text()) if file.exists() else None for file in files], done.stdout + done.stderr


def test_each_host_has_its_own_value_and_a_default_stands_for_what_is_not_set(tmp_path: Path) -> None:
    found, printed = played(
        tmp_path,
        "['db2', 'db1'] | erpops.odoo.host_values(hostvars, 'estate_address')",
        "groups['all'] | erpops.odoo.host_values(hostvars, 'estate_address', default='')",
        "groups['all'] | erpops.odoo.host_values(hostvars, 'ansible_host', default='')",
    )
    assert found == [
        {"db2": "10.0.0.2", "db1": "10.0.0.1"},
        {"db1": "10.0.0.1", "db2": "10.0.0.2", "db3": ""},
        {"db1": "", "db2": "10.0.0.2", "db3": ""},
    ], printed


def test_all_hosts_without_a_value_are_named(tmp_path: Path) -> None:
    found, printed = played(tmp_path, "groups['all'] | erpops.odoo.host_values(hostvars, 'ansible_host')")
    assert found == [None]
    assert "There is no ansible_host for db1, db3: set it in the inventory." in " ".join(printed.split())
