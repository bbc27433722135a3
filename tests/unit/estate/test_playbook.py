"""The validation as an operator meets it: with ansible-playbook, before any host is touched."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import yaml

from .test_validate import both, put, sound

ROOT = Path(__file__).resolve().parents[3]
PLAY = [{"name": "Validate", "hosts": "all", "gather_facts": False, "roles": [{"role": "erpops.odoo.estate"}]}]
PEM = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"
KEY = "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n"


def validated(tmp_path: Path, raw: dict) -> subprocess.CompletedProcess[str]:
    """Hosts have addresses that nobody answers on: a run that touched one would take long and say so."""
    names = raw.pop("groups")
    addresses = raw.pop("addresses")
    inventory = {
        "all": {
            "children": {
                group: {
                    "hosts": {host: {"estate_address": addresses[host], "ansible_host": "192.0.2.1"} for host in hosts}
                }
                for group, hosts in names.items()
                if group not in ("all", "ungrouped")
            }
        }
    }
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump(inventory))
    (tmp_path / "play.yml").write_text(yaml.safe_dump(PLAY))
    variables = {**raw, "estate_ca_certificate": PEM, "estate_ca_key": KEY}
    (tmp_path / "variables.json").write_text(json.dumps(variables))
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(tmp_path / "hosts.yml")]
    command += ["-e", f"@{tmp_path / 'variables.json'}", str(tmp_path / "play.yml")]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


def test_a_sound_estate_passes_and_changes_nothing(tmp_path: Path) -> None:
    done = validated(tmp_path, sound())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "changed=0" in done.stdout and "unreachable=0" in done.stdout


def test_wrong_types_and_contradictions_come_in_one_report(tmp_path: Path) -> None:
    raw = sound()
    both(
        put("odoo_tenants.0.workers", "many"),
        put("odoo_tenants.1.hostname", "x"),
        put("odoo_tenants.2.instance", "shared91"),
        put("odoo_instances.0.version", 19.0),
        put("estate_shrink_limit_percent", "some"),
    )(raw)
    done = validated(tmp_path, raw)
    assert done.returncode != 0
    said = " ".join((done.stdout + done.stderr).split())
    for text in (
        "The declared estate has 5 problems; nothing was changed.",
        "tenant acme: workers is 'many'. Give a whole number.",
        "tenant birch: hostname is 'x'. This key is not known. Did you mean 'hostnames'?",
        "tenant cedar: instance is 'shared91'. No such instance is declared. Did you mean 'shared19'?",
        "instance shared19: version is '19.0'. Write it in quotes",
        "estate: estate_shrink_limit_percent is 'some'. Give a whole number.",
    ):
        assert text in said, said
    assert "unreachable=1" not in said
