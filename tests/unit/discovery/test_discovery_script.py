# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import shutil
import subprocess
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
