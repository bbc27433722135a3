# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import psycopg.conninfo
import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.discovery.script import Settings, queries, script

RUN = "discover </dev/null 2>/dev/null\n"
SHELLS = [shell for shell in ("dash", "bash --posix", "busybox sh") if shutil.which(shell.split()[0])]


def within(shell: str, command: str, text: str = "") -> str:
    """What a command says in the script's own functions."""
    source = script(Settings(nonce="n1"))
    assert source.endswith(RUN)
    body = source.removesuffix(RUN) + command + "\n"
    done = subprocess.run(
        [*shell.split(), "-c", body], input=text, capture_output=True, text=True, check=True, timeout=30
    )
    return done.stdout


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("admin_passwd = two words, and more", "admin_passwd = ***"),
        ("; db_password=x", "; db_password=***"),
        ("smtp_password : 'x y'", "smtp_password : ***"),
        ('"api_key": "abc", "name": "x"', '"api_key": ***, "name": "x"'),
        ("PGPASSWORD=x psql -h y", "PGPASSWORD=***"),
        ("0 5 * * * root PGPASSWORD=x,y psql -h z", "0 5 * * * root PGPASSWORD=*** psql -h z"),
        ("curl -u ann:s3 https://a.example", "curl -u ann:*** https://a.example"),
        ("curl --user ann:s3 b", "curl --user ann:*** b"),
        ("curl 'https://ann:s3@a.example/x?token=abc&b=1'", "curl 'https://ann:***@a.example/x?token=***&b=1'"),
        ("run --token abc --name b", "run --token *** --name b"),
        ("run --db_password=abc", "run --db_password=***"),
        ("sshpass -p abc sftp ann@b", "sshpass -p *** sftp ann@b"),
        ("curl -H 'Authorization: Bearer abcdef123'", "curl -H 'Authorization: Bearer ***'"),
        ("proxy_set_header X-Api-Token abc;", "proxy_set_header X-Api-Token ***;"),
        ("curl https://hooks.example/T01/aB3dE5fG7hI9jK1lM3nO5pQ7", "curl https://hooks.example/T01/***"),
        ("Environment=DB_PASSWORD=abc", "Environment=DB_PASSWORD=***"),
    ],
)
def test_secrets_are_masked_on_the_host(shell: str, text: str, shown: str) -> None:
    assert within(shell, "mask", text + "\n") == shown + "\n"


@pytest.mark.parametrize(
    "text",
    [
        "proxy_pass http://odoo;",
        "location /longpolling { proxy_pass http://odoo-chat; }",
        "ssl_certificate_key /etc/ssl/a.pem;",
        "17 5 * * 1-5 root pg_dump -Fc acme > /srv/acme.dump",
        "server_name a.example b.example;",
        "http://127.0.0.1:8069",
        "--config /etc/odoo/odoo.conf --http-port 8070",
        "curl -u ann https://a.example:8443/x",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert within(SHELLS[0], "mask", text + "\n") == text + "\n"


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("name", ["acme", "a'b", "a\\b", "two words", "host=elsewhere", "a\nb", "\\'"])
def test_a_name_is_no_connection_string(shell: str, name: str) -> None:
    quoted = within(shell, 'name=$(cat; printf x); conninfo "${name%x}"', name)
    assert psycopg.conninfo.conninfo_to_dict(quoted) == {"dbname": name}


@pytest.mark.parametrize("shell", SHELLS)
def test_an_option_may_go_on_over_lines(shell: str, tmp_path: Path) -> None:
    path = tmp_path / "odoo.conf"
    path.write_text("[options]\naddons_path = /a,\n    /b,\n\t/c\n; addons_path = /no\ndata_dir=/d\n")
    assert within(shell, f"option {path} addons_path; option {path} data_dir; option {path} none") == "/a,/b,/c\n/d\n\n"


def test_statements_only_read() -> None:
    for scope in ("cluster", "database"):
        for query in queries(scope):
            assert query.statement.startswith("SELECT "), query.name
            assert ";" not in query.statement and "UPDATE" not in query.statement, query.name
    needs = {query.name: query.needs for query in queries("database")}
    assert needs["users"] == ("res_users", "ir_model_data") and needs["about"] == ()


def test_the_script_writes_no_here_documents_and_no_files() -> None:
    text = script(Settings(nonce="n1", checksums=False, log_lines=5, statement_seconds=7))
    for word in ("<<", "mktemp", " tee ", "touch ", "python3"):
        assert word not in text.replace("/usr/lib/python", "").replace("lib/python", "").replace("*python*", ""), word
    assert text.startswith("NONCE=n1\nSTATEMENT_SECONDS=7\nCHECKSUMS=false\nLOG_LINES=5\n")


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@a.example", "-c", "init.defaultBranch=14.0")
    subprocess.run(["git", *identity, "-C", folder, *arguments], check=True, capture_output=True, timeout=30)


def records_of(text: str) -> list[tuple[str, str]]:
    found = [chunk.partition("\n") for chunk in text.split("\n@n1 ")[1:]]
    return [(part, body) for part, _between, body in found]


@pytest.mark.parametrize("shell", SHELLS)
def test_patches_are_those_of_the_working_copy_and_of_commits_that_odoo_does_not_have(
    shell: str, tmp_path: Path
) -> None:
    theirs, ours, unpacked = tmp_path / "theirs", tmp_path / "ours", tmp_path / "unpacked"
    (theirs / "odoo").mkdir(parents=True)
    (theirs / "odoo" / "release.py").write_text("version_info = (14, 0, 0, FINAL, 0, '')\n")
    (theirs / "odoo" / "http.py").write_text("a\n")
    git(theirs, "init")
    git(theirs, "add", ".")
    git(theirs, "commit", "-m", "Odoo")
    git(tmp_path, "clone", str(theirs), str(ours))
    (ours / "odoo" / "http.py").write_text("b\n")
    git(ours, "commit", "-am", "Our fix with token=abc")
    (ours / "odoo" / "release.py").write_text("version_info = (14, 0, 0, FINAL, 0, '')\n# changed\n")
    git(ours, "config", "core.fsmonitor", f"touch {tmp_path}/owned")
    found = dict(records_of(within(shell, f"checkout {ours}/odoo")))
    assert found["git"].splitlines()[2:] == [" M odoo/release.py"]
    assert found["ahead"].strip() == "odoo/http.py"
    assert found["commits"].strip().endswith("Our fix with token=***")
    assert "problem" not in found and not (tmp_path / "owned").exists()
    git(ours, "remote", "remove", "origin")
    assert "no branch of Odoo's own" in dict(records_of(within(shell, f"checkout {ours}/odoo")))["problem"]
    shutil.copytree(theirs / "odoo", unpacked / "odoo")
    told = dict(records_of(within(shell, f"checkout {unpacked}/odoo")))["problem"]
    assert "is no git checkout: whether Odoo itself was patched cannot be told" in told


@pytest.mark.parametrize("shell", SHELLS)
def test_what_runs_leads_to_its_code_its_configuration_and_its_files(shell: str, tmp_path: Path) -> None:
    app = tmp_path / "some where" / "app"
    for folder in ("odoo", "more", "files/filestore"):
        (app / folder).mkdir(parents=True)
    (app / "odoo" / "release.py").write_text("version_info = (15, 0)\n")
    (app / "conf").touch()
    (app / "odoo-bin").write_text("import time\ntime.sleep(60)\n")
    options = ["-c", "conf", "-D", "files", "--addons-path=more", "--logfile", "/var/log/x"]
    with subprocess.Popen([sys.executable, f"{app}/odoo-bin", *options], cwd=app) as running:
        try:
            ask = f"""PROCESSES=/proc/{running.pid} CANDIDATES=$(candidates) UNIT_FILES= HOMES={tmp_path}
                CONFIGS=$(configs) DATA_FOLDERS=$(data_folders)
                case "$(odoo_processes)" in *"/proc/{running.pid}"*) echo seen ;; esac
                echo "$CONFIGS"; echo "$DATA_FOLDERS"; releases; addon_folders; given $PROCESSES --logfile"""
            found = within(shell, ask).splitlines()
        finally:
            running.kill()
    for line in ("seen", f"{app}/conf", f"{app}/files", f"{app}/odoo", f"{app}/more", "/var/log/x"):
        assert line in found, line


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("name", "pack"), [("odoo.log.1", "cat"), ("odoo.log.1.gz", "gzip"), ("odoo.log-20260101", "cat")]
)
def test_a_log_that_was_rotated_is_read_with_the_one_before(shell: str, name: str, pack: str, tmp_path: Path) -> None:
    log = tmp_path / "odoo.log"
    log.write_text("new 1\nnew 2\n")
    packed = subprocess.run([pack], input=b"old 1\nold 2\nold 3\n", capture_output=True, check=True).stdout
    (tmp_path / name).write_bytes(packed)
    assert within(shell, f"LOG_LINES=4; log_lines {log}") == "old 2\nold 3\nnew 1\nnew 2\n"
    assert within(shell, f"LOG_LINES=2; log_lines {log}") == "new 1\nnew 2\n"
    (tmp_path / name).unlink()
    assert within(shell, f"LOG_LINES=4; log_lines {log}") == "new 1\nnew 2\n"
