# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The probes of a rehearsal against a real Odoo 14, and what probes read of a database that has moved.

The legacy host's own Odoo stands in for the target's image: it serves a copy, without any network. The containers
themselves are looked at by tests/integration/wave_estate.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from contracts.harness import LabHost

from ansible_collections.erpops.odoo.plugins.module_utils.odoo import smoke, smoke_client, smoke_probes, smoke_unit
from integration.waves.live import FILESTORES, FOLDER, TENANT_PASSWORD, Waves
from integration.waves.test_moves import following

NAME, PLACE = "smoke", "/srv/erpops-smoke"
OLD = f"{NAME}_old"
FILES = f"{FILESTORES}/{OLD}"
# The server's own file, for one database; what the script does is as it is sent into a container.
SERVER = f"""
    install -d -o odoo -g odoo {PLACE} {PLACE}/bin
    grep -v -E '^(db_name|dbfilter|logfile|workers) ' /etc/odoo/odoo.conf >{PLACE}/odoo.conf
    printf '%s\\n' 'db_name = {OLD}' 'dbfilter = ^{OLD}$' 'workers = 0' >>{PLACE}/odoo.conf
    chown odoo: {PLACE}/odoo.conf
    ln -sf "$(command -v odoo)" "$(command -v id)" {PLACE}/bin/
    rm -rf {FILES}; cp -a {FILESTORES}/acme_prod {FILES}
"""
RUN = f"""
    import json, sys
    from pathlib import Path
    import smoke
    smoke.CONFIG, smoke.LOG = "{PLACE}/odoo.conf", Path("{PLACE}/smoke.log")
    smoke.LOG.unlink(missing_ok=True)
    print(json.dumps(smoke.main(json.load(sys.stdin))))
"""
ALONE = "unshare --net bash -c 'ip link set lo up; cd {place}; PATH={path} exec {python} run.py'"
PYTHON = "/sbin/runuser -u odoo -- /usr/bin/python3"
READ = """
import json, sys
from dataclasses import asdict
from ansible_collections.erpops.odoo.plugins.module_utils.odoo import smoke_data
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.database import Login

login = Login(**json.load(sys.stdin))
refused = ""
try:
    with smoke_data.reading(login) as opened:
        opened.execute("UPDATE res_partner SET name = name")
except Exception as error:
    refused = str(error)
json.dump({
    "facts": asdict(smoke_data.facts(login)), "behind": smoke_data.behind(login), "refused": refused,
    "attachments": [asdict(each) for each in smoke_data.attachments(login)],
}, sys.stdout)
"""
KINDS = {
    "projects": "SELECT count(*) FROM project_project WHERE active",
    "timesheets": "SELECT count(*) FROM account_analytic_line WHERE project_id IS NOT NULL",
    "attachments": "SELECT count(*) FROM ir_attachment WHERE type = 'binary' AND store_fname <> ''",
    "invoice": "SELECT count(*) FROM account_move WHERE move_type = 'out_invoice'",
    "sequence": "SELECT count(*) FROM ir_sequence WHERE active AND implementation = 'standard'",
}


def told(host: LabHost, command: str, value: Any) -> Any:
    done = subprocess.run(
        [*host.ssh, command], input=json.dumps(value), capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def sent(host: LabHost, path: str, text: str) -> None:
    subprocess.run([*host.ssh, f"cat >{path}"], input=text, text=True, check=True, timeout=60)


def there(waves: Waves) -> list[str]:
    return [name for name, query in KINDS.items() if waves.source_sql(query, OLD) != "0"]


@pytest.fixture(scope="module")
def legacy(waves: Waves) -> Iterator[Waves]:
    waves.remove(NAME)
    waves.make_source(NAME, "acme_prod")
    waves.legacy.shell(SERVER)
    sent(waves.legacy, f"{PLACE}/smoke.py", smoke_client.source_of(smoke_probes))
    sent(waves.legacy, f"{PLACE}/run.py", "\n".join(line[4:] for line in RUN.splitlines()))
    yield waves
    waves.legacy.shell(f"rm -rf {PLACE} {FILES}")
    waves.remove(NAME)


def tried(waves: Waves, path: str = "$PATH", **more: Any) -> dict[str, tuple[str, str]]:
    modules = waves.source_sql("SELECT name FROM ir_module_module WHERE state = 'installed'", OLD).split()
    task = {
        "database": OLD, "major": 14, "modules": modules, "there": there(waves), "known": lost(waves),
        "users": ["marc@acme.example"], "password": "admin", "update": [], "update_seconds": 300,
        "boot_seconds": 120, **more,
    }  # fmt: skip
    command = ALONE.format(place=PLACE, path=path, python=PYTHON)
    return {one["name"]: (one["status"], one["evidence"]) for one in told(waves.legacy, command, task)}


def lost(waves: Waves) -> list[str]:
    """What this host has been without for years, as the copy of its filestore would say."""
    query = "SELECT store_fname || ' ' || checksum FROM ir_attachment WHERE type = 'binary' AND store_fname <> ''"
    rows = dict(line.split() for line in waves.source_sql(query, OLD).splitlines())
    sums = told(waves.legacy, reader(FILES, PYTHON), {"folder": FILES, "names": list(rows)})
    return [name for name, checksum in rows.items() if sums.get(name) != checksum]


def reader(folder: str, python: str = "python3") -> str:
    """As it is run in a unit's container, by whoever owns the files."""
    return f"cd {folder} && {python} -c \"$(cat <<'X'\n{smoke_unit.READ}\nX\n)\""


def test_a_server_that_does_all_it_should_passes(legacy: Waves) -> None:
    """But for a module that nobody has any more, which Odoo goes on without."""
    assert lost(legacy), "control: this host lacks files"
    found = tried(legacy)
    assert {name for name, (status, _evidence) in found.items() if status != "ok"} == {"log"}, found
    names = {"network", "boot", "login marc@acme.example", "projects", "timesheets", "attachments", "sequence", "log"}
    assert found.keys() >= names
    assert "have their checksum" in found["attachments"][1]
    log = smoke.Probe(name="log", status=found["log"][0], seconds=0, evidence=found["log"][1])
    assert [each.status for each in smoke.without(["x_gone"], [log])] == ["ok"]
    assert [each.status for each in smoke.without(["x_other"], [log])] == ["failed"]


def test_one_file_of_many_that_is_gone_or_another_fails(legacy: Waves) -> None:
    query = (
        "SELECT store_fname FROM ir_attachment WHERE type = 'binary' AND store_fname <> '' AND res_field IS NULL"
        " ORDER BY id DESC"
    )
    known = lost(legacy)
    name = next(one for one in legacy.source_sql(query, OLD).split() if one not in known)
    for spoil in ("mv {file} {file}.away", "cp {file} {file}.away; chown odoo {file}; echo spoiled >>{file}"):
        legacy.legacy.shell(spoil.format(file=f"{FILES}/{name}"))
        try:
            status, evidence = tried(legacy, known=known)["attachments"]
        finally:
            legacy.legacy.shell(f"cp -p {FILES}/{name}.away {FILES}/{name}; rm {FILES}/{name}.away")
        assert status == "failed" and ", not " in evidence, evidence


def test_what_is_wrong_with_the_server_is_found(legacy: Waves) -> None:
    found = tried(legacy, there=list(KINDS), password="not hers")
    assert found["login marc@acme.example"][0] == "failed"
    assert found["projects"] == ("failed", "nobody is logged in")
    assert found["invoice"] == ("failed", "nobody is logged in")
    assert "invoice" in there(legacy), "control"
    found = tried(legacy, path=f"{PLACE}/bin")
    assert found["invoice"][0] == "failed" and "no wkhtmltopdf" in found["invoice"][1]
    assert found["timesheets"][0] == "ok", "control"


def test_modules_are_updated_first(legacy: Waves) -> None:
    found = tried(legacy, update=["x_acme_timesheet"])
    assert found["update"] == ("ok", "x_acme_timesheet") and found["boot"][0] == "ok"
    found = tried(legacy, update=["x_acme_timesheet"], update_seconds=0.5)
    assert found["update"][0] == "failed" and "boot" not in found


@pytest.fixture(scope="module")
def moved(legacy: Waves) -> Waves:
    following(legacy, NAME)
    legacy.done("cutover", NAME)
    return legacy


def read(waves: Waves) -> dict[str, Any]:
    login = {"user": NAME, "password": TENANT_PASSWORD, "database": NAME, "host": waves.target.address, "port": 5432}
    command = f"PYTHONPATH={FOLDER}/code python3 -c \"$(cat <<'X'\n{READ}\nX\n)\""
    found: dict[str, Any] = told(waves.target, command, login)
    return found


def test_a_database_that_has_moved_is_read_and_not_written(moved: Waves) -> None:
    found = read(moved)
    assert "read-only transaction" in found["refused"]
    counts = moved.source_sql("SELECT count(*) FILTER (WHERE active) || ' ' || count(*) FROM ir_cron", OLD)
    assert f"{found['facts']['crons']} {found['facts']['all_crons']}" == counts
    assert sorted(found["facts"]["there"]) == sorted(there(moved)) and found["facts"]["pending"] == []
    sequences, behind = found["behind"]
    assert sequences > 200 and behind == []


def test_a_sequence_behind_and_a_module_that_waits_are_seen(moved: Waves) -> None:
    highest = moved.target_sql("SELECT max(id) FROM res_country", NAME)
    moved.target_sql("SELECT setval('res_country_id_seq', 1)", NAME)
    moved.target_sql("UPDATE ir_module_module SET state = 'to upgrade' WHERE name = 'crm'", NAME)
    found = read(moved)
    assert found["behind"][1] == [f"res_country_id_seq: next 2, highest {highest}"]
    assert found["facts"]["pending"] == ["crm"]
    moved.target_sql(f"SELECT setval('res_country_id_seq', {highest}, false)", NAME)
    assert read(moved)["behind"][1] == [f"res_country_id_seq: next {highest}, highest {highest}"]
    moved.target_sql(f"SELECT setval('res_country_id_seq', {highest})", NAME)
    moved.target_sql("UPDATE ir_module_module SET state = 'installed' WHERE name = 'crm'", NAME)
    assert read(moved)["behind"][1] == [] and read(moved)["facts"]["pending"] == []


def test_files_that_have_moved_are_read_by_their_owner(moved: Waves) -> None:
    folder = f"{FOLDER}/filestores/{NAME}"
    sampled = [smoke.Attachment(**one) for one in read(moved)["attachments"]]
    assert 20 <= len(sampled) <= 40
    names, known = [each.name for each in sampled], lost(moved)

    def verdict(known: list[str]) -> tuple[str, str]:
        return smoke.attachments(sampled, told(moved.target, reader(folder), {"folder": folder, "names": names}), known)

    assert verdict(known)[0] == "ok", verdict(known)
    gone = next(name for name in names if name not in known)
    moved.target.shell(f"mv {folder}/{gone} {folder}/{gone}.away")
    try:
        status, said = verdict(known)
        assert status == "failed" and f"not {gone}" in said
        assert verdict([*known, gone])[0] == "ok"
    finally:
        moved.target.shell(f"mv {folder}/{gone}.away {folder}/{gone}")
