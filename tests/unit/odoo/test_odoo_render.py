# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""odoo.conf and the secrets beside it, per version."""

from __future__ import annotations

import configparser
import http.server
import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from odoo_estates import tenant

from ansible_collections.erpops.odoo.plugins.module_utils.odoo import render
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.model import Sessions


def options(text: str) -> dict[str, str]:
    parser = configparser.RawConfigParser()
    parser.read_string(text)
    return dict(parser["options"])


def conf(version: str = "19.0", **values: Any) -> dict[str, str]:
    return options(render.odoo_conf(tenant(version=version, **values), "$pbkdf2-sha512$1$a$b", 6432))


@pytest.mark.parametrize("version", ["14.0", "19.0"])
def test_what_every_version_gets(version: str) -> None:
    found = conf(version)
    assert found["db_host"] == "/run/postgresql"
    assert found["db_port"] == "6432"
    assert found["db_name"] == found["db_user"] == "acme"
    assert found["dbfilter"] == "^acme$"
    assert found["list_db"] == "False"
    assert found["proxy_mode"] == "True"
    assert found["data_dir"] == "/var/lib/odoo"
    assert found["admin_passwd"] == "$pbkdf2-sha512$1$a$b"
    assert "db_password" not in found


def test_keys_of_14() -> None:
    found = conf("14.0")
    assert found["longpolling_port"] == "8072"
    assert found["without_demo"] == "all"
    assert found["server_wide_modules"] == "base,web,erpops_session_redis"
    assert not {"gevent_port", "with_demo"} & set(found)


def test_keys_of_19() -> None:
    found = conf("19.0")
    assert found["gevent_port"] == "8072"
    assert found["http_interface"] == "0.0.0.0"
    assert found["server_wide_modules"] == "base,rpc,web,erpops_session_redis"
    assert not {"longpolling_port", "without_demo"} & set(found)
    # Odoo 19 warns of the word False where it wants a text.
    assert all(found[key] in ("False", "True") or found[key].lower() != "false" for key in found)


def test_keys_between() -> None:
    found = conf("17.0")
    assert found["gevent_port"] == "8072"
    assert found["without_demo"] == "all"


def test_the_instance_s_own_modules_come_before_the_session_store_once() -> None:
    found = conf(instance={"server_wide_modules": ["queue_job", "web"]})
    assert found["server_wide_modules"] == "base,rpc,web,queue_job,erpops_session_redis"


def test_a_dot_in_a_name_stays_a_dot_in_the_filter() -> None:
    assert conf(name="a.b")["dbfilter"] == r"^a\.b$"


@pytest.mark.parametrize(
    ("placement", "threads", "expected"), [("same", 2, "2"), ("separate", 2, "0"), ("same", 0, "0")]
)
def test_crons_of_the_web_unit(placement: str, threads: int, expected: str) -> None:
    assert conf(instance={"cron_placement": placement}, cron_threads=threads)["max_cron_threads"] == expected


@pytest.mark.parametrize(
    ("memory_mb", "workers", "soft_mb"),
    [(None, 0, 2048), (512, 0, 1024), (1024, 0, 2048), (8192, 2, 2048), (4096, 7, 1024), (2000, 2, 1333)],
)
def test_memory_of_a_process(memory_mb: int | None, workers: int, soft_mb: int) -> None:
    found = conf(workers=workers, limits={"memory_mb": memory_mb})
    assert int(found["limit_memory_soft"]) == soft_mb * render.MIB
    assert int(found["limit_memory_hard"]) == soft_mb * render.MIB * 5 // 4


def test_mail_goes_to_the_relay() -> None:
    text = render.odoo_conf(tenant(), "", 6432, relay=render.Relay(host="10.0.0.9", port=2525))
    assert (options(text)["smtp_server"], options(text)["smtp_port"]) == ("10.0.0.9", "2525")
    assert "smtp_server" not in conf()


def test_the_builder_loads_what_the_units_load_and_has_no_master_password() -> None:
    database = render.Database(name="tpl", user="erpops_template", host="main", port=5000, sslmode="verify-full")
    found = options(render.build_conf(tenant().instance, database))
    assert found["server_wide_modules"] == "base,rpc,web,erpops_session_redis"  # it stands in the pages' assets
    assert found["admin_passwd"] == ""
    assert (found["db_host"], found["db_port"], found["db_sslmode"]) == ("main", "5000", "verify-full")


def test_pgpass_escapes_what_separates() -> None:
    assert render.pgpass("acme", r"a:b\c") == "*:*:*:acme:a\\:b\\\\c\n"


def test_session_json() -> None:
    sessions = Sessions(servers=(("r1", 6379),), sentinels=(("r1", 26379),), lifetime_seconds=60)
    assert json.loads(render.session_json("acme", "secret", sessions)) == {
        "servers": [["r1", 6379]],
        "sentinels": [["r1", 26379]],
        "service": "sessions",
        "username": "acme",
        "password": "secret",
        "prefix": "acme:",
        "ca_file": "/etc/erpops/pki/ca.crt",
        "lifetime_seconds": 60,
    }


def test_without_tls_there_is_no_ca_file() -> None:
    assert json.loads(render.session_json("acme", "x", Sessions(ca_file="")))["ca_file"] is None


class Page(http.server.BaseHTTPRequestHandler):
    status = 200
    target = ""

    def do_GET(self) -> None:
        moved = self.target and self.path != self.target
        self.send_response(303 if moved else self.status)
        if moved:
            self.send_header("Location", self.target)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.mark.parametrize(
    ("status", "target", "code"),
    [(200, "", 0), (500, "", 1), (200, "/web/database/selector", 1)],
    ids=["answers", "fails", "sends us to the database selector"],
)
def test_health_script_sees_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, target: str, code: int
) -> None:
    handler = type("Handler", (Page,), {"status": status, "target": target})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(render.ports, "HTTP", server.server_address[1])
        text = render.health_script(tenant(version="14.0"), 6432).replace("/tmp/", f"{tmp_path}/")
        done = subprocess.run([sys.executable, "-c", text], check=False, timeout=60, capture_output=True)
        server.shutdown()
    assert done.returncode == code, done.stderr
