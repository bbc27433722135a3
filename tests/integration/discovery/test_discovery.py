# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What discovery says about the lab's legacy hosts against what SQL and the hosts' own tools say."""

from __future__ import annotations

import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.discovery.script import Settings, script

from .live import HOSTILE_NAME, Host, Run, playbook

SECRETS = [
    "Legacy-Master-77",
    "mail-secret-4711",
    "bi-secret-0815",
    "payroll-secret-99",
    "cron-secret-123",
    "ftp-secret-55",
    "gateway-secret-31337",
    "url-secret-1",
    "smtp-secret-42",
    "imap-secret-7",
    "htpasswd-secret",
    "legacy2-master-hash",
    "PRIVATE KEY",
    "SCRAM-SHA-256",
]


def test_nothing_was_written_on_the_host(run: Run) -> None:
    for part in run.before:
        assert run.after[part] == run.before[part], part
    assert len(run.before["files"].splitlines()) > 10_000


def test_python_was_not_usable_there(run: Run, legacy1: Host, legacy2: Host) -> None:
    for host in (legacy1, legacy2):
        assert host.shell("python3 -c 'print(1)' 2>/dev/null || echo $?").strip() == "126"
        assert run.result(host.name)["databases"]


def test_no_secret_left_the_hosts(run: Run) -> None:
    texts = {
        path: path.read_text() for path in run.folder.rglob("*") if path.is_file() and "inventory" not in str(path)
    }
    assert len(texts) == 5
    for path, text in {**texts, Path("output"): run.output}.items():
        assert [secret for secret in SECRETS if secret in text] == [], path
    assert "***" in texts[run.folder / "results/legacy1.json"]


def test_the_system_and_odoo(run: Run, legacy1: Host) -> None:
    result = run.result("legacy1")
    assert result["system"]["os"] == legacy1.shell(". /etc/os-release && echo $PRETTY_NAME").strip()
    assert str(result["system"]["cpus"]) == legacy1.shell("nproc").strip()
    (odoo,) = result["odoo"]
    assert odoo["version"] == "14.0"
    assert odoo["revision"] == legacy1.shell("dpkg-query -W -f '${Package} ${Version}' odoo-14")
    assert odoo["unit"] == "/lib/systemd/system/odoo.service"
    assert odoo["addons_path"][1:] == ["/opt/odoo/custom", "/opt/odoo/oca"]
    assert odoo["options"]["admin_passwd"] == "***" and odoo["options"]["workers"] == "2"
    assert odoo["patched_files"] == ["/usr/lib/python3/dist-packages/odoo/addons/project/models/project.py"]
    serving = run.result("legacy2")["odoo"][0]
    assert (serving["user"], serving["processes"] > 0) == ("odoo", True)


def test_each_odoo_of_a_host_has_its_own_release(run: Run) -> None:
    first, other = run.result("legacy2")["odoo"]
    assert (first["config"], first["version"], first["kind"]) == ("/etc/odoo/odoo.conf", "14.0", "package")
    assert (other["config"], other["version"], other["kind"]) == ("/srv/erp/odoo-erp.conf", "16.0", "unknown")
    said = [each["message"] for each in run.result("legacy2")["problems"] if each["part"] == "odoo"]
    assert [message for message in said if "/srv/erp/deep/src/odoo" in message and "cannot be told" in message], said


def test_the_host_says_what_it_is_called_and_that_it_has_the_tools(run: Run, legacy1: Host) -> None:
    system = run.result("legacy1")["system"]
    assert {legacy1.shell("hostname").strip(), *legacy1.shell("hostname -I").split()} <= set(system["names"])
    assert system["lacking"] == []


def test_a_folder_that_is_declared_is_looked_at_first(run: Run, legacy2: Host, tmp_path: Path) -> None:
    legacy2.shell("mkdir -p /srv/declared/cedar_prod")
    member = {"name": "cedar", "host": "legacy2", "database": "cedar_prod", "filestores": "/srv/declared"}
    gone = {"name": "gone", "host": "legacy2", "database": "gone"}
    values = {"wave_members": [member, gone], "wave_discover_record": False}
    output = playbook(tmp_path, "--limit", "legacy2", "-e", json.dumps(values))
    found = json.loads((tmp_path / "results/legacy2.json").read_text())["databases"]
    files = next(each["filestore"] for each in found if each["name"] == "cedar_prod")
    assert (files["path"], files["files"]) == ("/srv/declared/cedar_prod", 0)
    assert files["missing_count"] == files["referenced"] > 0
    assert "member gone: database is 'gone'" in output and "member cedar" not in output


def test_every_server_and_database_is_there(run: Run, legacy1: Host, legacy2: Host) -> None:
    assert run.result("legacy1")["postgres"]["wal_level"] == legacy1.sql("postgres", "SHOW wal_level")
    assert run.result("legacy1")["postgres"]["version"] == legacy1.sql("postgres", "SHOW server_version").split()[0]
    names = "SELECT json_agg(datname) FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres'"
    for host in (legacy1, legacy2):
        listed = sorted(each["name"] for each in run.result(host.name)["databases"])
        assert listed == sorted(json.loads(host.sql("postgres", names)))
    assert HOSTILE_NAME in [each["name"] for each in run.result("legacy2")["databases"]]
    assert [each["port"] for each in run.result("legacy2")["other_postgres"]] == [5433]


@pytest.mark.parametrize(("host", "name"), [("legacy1", "acme_prod"), ("legacy1", "birch"), ("legacy2", "cedar_prod")])
def test_a_database_is_as_sql_says(run: Run, host: str, name: str) -> None:
    found, live = run.database(host, name), Host(host)
    modules = json.loads(
        live.sql(
            name,
            "SELECT json_object_agg(name, state) FROM ir_module_module WHERE state NOT LIKE 'uninstall%'",
        )
    )
    assert {each["name"]: each["state"] for each in found["modules"]} == modules
    assert found["uuid"] == live.sql(name, "SELECT value FROM ir_config_parameter WHERE key = 'database.uuid'")
    assert str(found["tables"]) == live.sql(
        name, "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    )
    assert str(found["sequences"]) == live.sql(name, "SELECT count(*) FROM pg_sequences")
    assert len(found["crons"]) == int(live.sql(name, "SELECT count(*) FROM ir_cron"))
    assert found["users"]["administrator"] == live.sql(name, "SELECT login FROM res_users WHERE id = 2")
    assert str(found["users"]["internal"]) == live.sql(
        name, "SELECT count(*) FROM res_users WHERE active AND share IS NOT TRUE"
    )
    assert abs(found["bytes"] - int(live.sql(name, f"SELECT pg_database_size('{name}')"))) < 1_000_000
    largest = live.sql(
        name,
        "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname !~ '^pg_|information'"
        " ORDER BY pg_total_relation_size(format('%I.%I', schemaname, tablename)) DESC LIMIT 1",
    )
    assert found["largest_tables"][0]["name"] == largest


def test_the_filestore_is_compared_file_by_file(run: Run, legacy1: Host) -> None:
    found = run.database("legacy1", "acme_prod")["filestore"]
    wanted = set(
        legacy1.sql("acme_prod", "SELECT store_fname FROM ir_attachment WHERE store_fname IS NOT NULL").split()
    )
    sums = dict(
        reversed(line.split("  ./", 1))
        for line in legacy1.shell(
            f"cd {found['path']} && find . -path ./checklist -prune -o -type f -exec sha1sum {{}} +"
        ).splitlines()
    )
    assert found["files"] == len(sums)
    assert found["missing"] == sorted(wanted - set(sums)) and found["missing_count"] == 1
    assert found["orphan_files"] == sorted(set(sums) - wanted)  # Odoo removes one of two whenever its cleaning runs
    assert found["orphans"] == len(found["orphan_files"]) and f"ab/ab{'0' * 38}" in found["orphan_files"]
    assert found["corrupt"] == sorted(name for name in wanted & set(sums) if name.split("/")[1] != sums[name])
    assert len(found["corrupt"]) == 1
    assert hashlib.sha1(b"overwritten\n").hexdigest() == sums[found["corrupt"][0]]
    clean = run.database("legacy1", "birch")["filestore"]
    assert (clean["missing_count"], clean["corrupt"], clean["orphans"]) == (0, [], 0) and clean["hashed"] > 50


def test_the_origin_of_modules(run: Run) -> None:
    origins = {each["name"]: each["origin"] for each in run.database("legacy1", "acme_prod")["modules"]}
    assert {name: origin for name, origin in origins.items() if origin != "odoo"} == {
        "x_acme_timesheet": "custom",
        "web_quick_tabs": "community",
        "x_gone": "missing",
    }
    (own,) = [each for each in run.result("legacy1")["modules_on_disk"] if each["name"] == "x_acme_timesheet"]
    assert own["depends"] == ["hr_timesheet", "sale_timesheet"]
    assert own["mentions"] == ["/srv/acme/exports", "https://gateway.acme.example"]


def test_blockers_have_the_evidence_that_sql_has(run: Run, legacy1: Host) -> None:
    found = {each["id"]: each for each in run.database("legacy1", "acme_prod")["blockers"]}
    assert set(found) == {
        "missing_modules", "no_replica_identity", "unsafe_indexes", "core_patches", "filestore_corrupt",
        "filestore_missing", "large_objects", "other_roles", "queued_mail", "unlogged_tables", "wal_level",
        "attachments_in_database", "database_settings", "filestore_orphans", "materialized_views", "md5_passwords",
        "triggers",
    }  # fmt: skip
    without = (
        "SELECT string_agg(format('%s.%s', n.nspname, c.relname), ', ' ORDER BY c.relname)"
        " FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
        " WHERE relkind = 'r' AND relpersistence = 'p' AND nspname !~ '^pg_|information_schema'"
        " AND NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = c.oid AND contype = 'p')"
    )
    assert legacy1.sql("acme_prod", without) in found["no_replica_identity"]["evidence"]
    assert found["large_objects"]["evidence"].startswith(
        legacy1.sql("acme_prod", "SELECT count(*) FROM pg_largeobject_metadata")
    )
    assert all(each["cure"] and each["evidence"] for each in found.values())
    clean = {each["id"] for each in run.database("legacy2", "cedar_prod")["blockers"]}
    assert clean == {"wal_level", "md5_passwords"}
    assert run.database("legacy2", "wiki")["classification"]["tenancy"] == "none"
    assert run.database("legacy1", "acme_prod")["classification"]["tenancy"] == "dedicated"


def test_crons_routes_and_certificates(run: Run, legacy1: Host) -> None:
    result = run.result("legacy1")
    by_hand = {each["command"].split()[0] for each in result["crons"] if each["package"] in ("", "cron, changed")}
    assert {"psql", "curl", "/srv/acme/bin/fix-stuck-timesheets", "/srv/acme/bin/fetch-prices", "systemctl"} <= by_hand
    programs = {each["command"].split()[0]: each["program"] for each in result["crons"]}
    assert programs["/srv/acme/bin/fetch-prices"] == legacy1.shell("cat /srv/acme/bin/fetch-prices").rstrip("\n")
    secure = next(each for each in result["routes"] if each["certificate"])
    assert secure["hostnames"] == ["erp.acme.example", "acme.legacy.example"]
    assert secure["upstream"] == "http://127.0.0.1:8069"
    upstreams = {each["location"]: each["upstream"] for each in secure["options"]["locations"]}
    assert upstreams["/longpolling"] == "http://127.0.0.1:8072"
    (certificate,) = result["certificates"]
    until = legacy1.shell(
        'date -u -d "$(openssl x509 -in /etc/ssl/acme/fullchain.pem -noout -enddate | cut -d= -f2)" +%Y-%m-%dT%H:%M:%SZ'
    )
    assert (certificate["not_after"], certificate["names"]) == (until.strip(), secure["hostnames"])
    assert result["mail"]["relay"] == legacy1.shell("postconf -h relayhost").strip()


def test_the_logs_are_summed_up(run: Run, legacy1: Host) -> None:
    requests = {(each["database"], each["path"]): each for each in run.result("legacy1")["performance"]["requests"]}
    lines = legacy1.shell(
        "cd /var/log/odoo && { zcat odoo-server.log.1.gz; cat odoo-server.log; }"
        " | grep -c 'acme_prod werkzeug.*account.analytic.line/read_group'"
    )
    assert int(legacy1.shell("zcat /var/log/odoo/odoo-server.log.1.gz | grep -c werkzeug")) > 0, "control"
    grouped = requests["acme_prod", "/web/dataset/call_kw/account.analytic.line/read_group"]
    assert (grouped["count"], grouped["mean_seconds"]) == (int(lines), pytest.approx(2.3))
    assert run.result("legacy1")["performance"]["errors"]["acme_prod"] >= 1


def test_what_a_session_did_not_answer_is_said(legacy1: Host) -> None:
    ask = """AS_POSTGRES=$(as_postgres)
        {
            question first "SELECT '[1]'"
            question broken 'SELECT 1 / 0'
            absent other
            question second "SELECT '[2, \\"https://ann:s3@a.example\\"]'"
            question ended 'SELECT pg_terminate_backend(pg_backend_pid())'
            question never "SELECT '[3]'"
        } | session /var/run/postgresql 5432 "$DATABASE" """
    source = script(Settings(nonce="n1")).rpartition("discover </dev/null")[0]
    answer = legacy1.shell("sh -s", f"{source}\nDATABASE=postgres\n{ask}")
    found = [chunk.partition("\n") for chunk in answer.split("\n@n1 ")[1:]]
    assert [part for part, _between, body in found] == [
        "rows first", "failed broken", "absent other", "rows second", "failed ended", "failed session",
    ]  # fmt: skip
    bodies = {part: body for part, _between, body in found}
    assert bodies["rows first"] == "[1]\n" and bodies["rows second"] == '[2, "https://ann:***@a.example"]\n'
    assert "division by zero" in bodies["failed broken"] and "terminat" in bodies["failed ended"]
    refused = legacy1.shell("sh -s", f"{source}\nDATABASE=none\n{ask}")
    assert "@n1 failed session" in refused and 'database "none" does not exist' in refused and "rows" not in refused


def test_hostile_names_did_nothing(run: Run, legacy2: Host) -> None:
    assert legacy2.shell("ls /tmp/owned 2>/dev/null || echo none").strip() == "none"
    tables = [each["name"] for each in run.database("legacy2", HOSTILE_NAME)["without_identity"]]
    assert tables == ["$(touch /tmp/owned)", "a \"b\" | 'c'\n@x"]
    assert any("quoted name.example" in each["hostnames"] for each in run.result("legacy2")["routes"])


class Page(HTMLParser):
    """What of a page would be loaded or run, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.foreign: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in ("script", "link", "img", "iframe", "object") or any(key.startswith("on") for key in values):
            self.foreign.append(tag)
        if "src" in values or not (values.get("href") or "#").startswith("#"):
            self.foreign.append(str(values))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_stands_alone_and_shows_what_was_found(run: Run) -> None:
    page = Page()
    page.feed((run.folder / "results/index.html").read_text())
    assert page.foreign == []
    for word in ("acme_prod", "birch", "cedar_prod", "no_replica_identity", "x_gone", "erp.acme.example", HOSTILE_NAME):
        assert word in page.text
    assert re.search(r"url\(|@import", (run.folder / "results/index.html").read_text()) is None


def test_check_mode_predicts_and_writes_nothing(run: Run, tmp_path: Path) -> None:
    output = playbook(tmp_path, "--check", "--diff", "--limit", "legacy2")
    assert not (tmp_path / "results").exists() and not (tmp_path / "dispositions").exists()
    assert "changed=1" in output
    first = playbook(tmp_path, "--limit", "legacy2")
    assert "changed=1" in first
    assert (tmp_path / "dispositions/legacy2.yml").read_bytes() == (
        run.folder / "dispositions/legacy2.yml"
    ).read_bytes()
    assert "changed=0" in playbook(tmp_path, "--limit", "legacy2")


def test_what_people_wrote_stays(run: Run, legacy2: Host) -> None:
    path = run.folder / "dispositions/legacy2.yml"
    text = path.read_text()
    name = "/etc/cron.d/backup: pg_dump -Fc cedar_prod > /var/lib/postgresql/cedar.dump"
    settled = text.replace("settled: false\n  by: ''", "settled: true\n  by: Ann\n  note: as agreed", 1)
    assert settled != text
    path.write_text(settled)
    legacy2.shell("mv /etc/cron.d/backup /root/backup.cron; echo '5 5 * * * root /bin/true' > /etc/cron.d/new")
    try:
        playbook(run.folder, "--limit", "legacy2")
    finally:
        legacy2.shell("mv /root/backup.cron /etc/cron.d/backup; rm /etc/cron.d/new")
    items = {each["name"]: each for each in run.dispositions("legacy2")}
    assert items[name]["vanished"] is True
    assert items["/etc/cron.d/new: /bin/true"]["settled"] is False
    assert [(each["by"], each["note"]) for each in items.values() if each["settled"]] == [("Ann", "as agreed")]
    page = Page()
    page.feed((run.folder / "results/index.html").read_text())
    read = run.result("legacy1")["collected_at"]
    assert "acme_prod" in page.text and f"legacy1 read at {read}, not by this run" in page.text


def test_integrations_are_proposed_to_be_asked_as_odoo_speaks_to_them(run: Run) -> None:
    items = {each["name"]: each for each in run.dispositions("legacy1") if each["kind"] == "integration"}
    assert items["smtp://smtp.provider.example:587"]["probe"] == {
        "kind": "smtp",
        "host": "smtp.provider.example",
        "port": 587,
        "tls": "starttls",
    }
    assert items["imap://imap.provider.example:993"]["probe"]["tls"] == "implicit"
    gateway = items["https://gateway.acme.example"]
    assert gateway["probe"] == {"kind": "https", "host": "gateway.acme.example"}
    assert gateway["databases"] == ["acme_prod"]
    assert all("probe" not in each for each in run.dispositions("legacy1") if each["kind"] != "integration")


def test_an_account_that_may_not_read_says_what_is_missing(run: Run, legacy2: Host, tmp_path: Path) -> None:
    legacy2.shell(
        "useradd -m reader; install -d -o reader -m 700 /home/reader/.ssh"
        " && install -o reader -m 600 /root/.ssh/authorized_keys /home/reader/.ssh/"
    )
    try:
        playbook(tmp_path, "--limit", "legacy2", "-e", "ansible_user=reader")
        refused = playbook(tmp_path, "--limit", "legacy2", "-e", "ansible_user=reader ansible_become=true", fails=True)
    finally:
        legacy2.shell("userdel -rf reader 2>/dev/null || true")
    result = json.loads((tmp_path / "results/legacy2.json").read_text())
    said = {each["part"]: each["message"] for each in result["problems"]}
    assert {"system", "config"} <= set(said)
    messages = "\n".join(each["message"] for each in result["problems"])
    for place in ("port 5432", "port 5433", "/var/spool/cron/crontabs"):
        assert place in messages, messages
    assert "not root" in " ".join(each["message"] for each in result["problems"])
    assert result["databases"] == []
    assert re.search(r"It ended with [1-9][0-9]* and said: .*sudo: |Missing sudo password", refused), refused
