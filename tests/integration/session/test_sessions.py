# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins outlive Odoo in Redis, in Odoo 14 and 19, out of the images."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..tenant_databases.live import LiveCluster
from .live import COMMANDS, PATIENCE, TENANT, USER, Browser, Image, Odoo, Redis, wait_for

CHECKS = Path(__file__).with_name("store_checks.py")


@pytest.fixture(scope="module")
def odoo(image: Image, cluster: LiveCluster, server: Redis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Odoo]:
    database = f"acme{image.version.partition('.')[0]}"
    with cluster.connect("postgres") as connection:
        connection.execute(f"CREATE ROLE {database} LOGIN PASSWORD 'x'".encode())
        connection.execute(f"CREATE DATABASE {database} OWNER {database} TEMPLATE template0 LC_COLLATE 'C'".encode())
    folder = tmp_path_factory.mktemp("odoo")
    for parent in (folder, folder.parent):
        parent.chmod(0o755)
    options = {
        "db_host": cluster.address,
        "db_port": str(cluster.port),
        "db_user": database,
        "db_password": "x",
        "db_sslmode": "require",
        "db_name": database,
        "dbfilter": f"^{database}$",
    }
    begun = Odoo(image, folder / "tenant", options)
    begun.put("session.json", json.dumps(server.settings()))
    installed = begun.run("odoo", "-i", "base", "--stop-after-init", "--without-demo=all", "--no-http")
    assert installed.returncode == 0, installed.stderr[-3000:]
    begun.start()
    wait_for(begun.serves, "Odoo")
    yield begun
    begun.stop()


@pytest.fixture(scope="module")
def visitor(odoo: Odoo) -> Browser:
    browser = Browser(odoo)
    assert browser.log_in("admin", "admin").status == 200
    assert browser.session()["result"]["uid"] == 2
    return browser


def test_a_login_is_in_redis_with_a_lifetime_and_nowhere_else(odoo: Odoo, visitor: Browser, server: Redis) -> None:
    key = f"{TENANT}:session:{visitor.sid}"
    assert json.loads(server.admin.get(key))["uid"] == 2
    assert 86_400 < server.admin.ttl(key) <= 604_800
    kept = [path for path in (odoo.folder / "data").rglob("*") if visitor.sid in path.name]
    assert kept == []


def test_every_key_has_the_tenants_prefix_and_a_lifetime(visitor: Browser, server: Redis) -> None:
    keys = server.admin.keys("*")
    assert keys
    assert [key for key in keys if not key.startswith(f"{TENANT}:") or server.admin.ttl(key) < 0] == []


def test_a_login_outlives_odoo(odoo: Odoo, visitor: Browser) -> None:
    odoo.stop()
    odoo.start()
    wait_for(odoo.serves, "Odoo")
    assert visitor.session()["result"]["uid"] == 2


def test_no_session_is_no_login(odoo: Odoo) -> None:
    answer = Browser(odoo).session()
    assert "error" in answer or not answer["result"].get("uid")


def test_a_hanging_redis_is_a_clean_error_and_then_the_same_login(odoo: Odoo, visitor: Browser, server: Redis) -> None:
    server.signal(signal.SIGSTOP)
    try:
        answer = visitor.get("/web/login")
    finally:
        server.signal(signal.SIGCONT)
    assert answer.status == 503
    assert "set-cookie" not in {name.lower() for name in answer.headers}
    assert visitor.session()["result"]["uid"] == 2


def test_redis_away_is_a_clean_error_and_nobodys_login(odoo: Odoo, visitor: Browser, server: Redis) -> None:
    sid = visitor.sid
    server.stop()
    try:
        answer = visitor.get("/web/login")
        stranger = Browser(odoo)
        stranger.get("/web/login")  # Odoo 19 shows this page without asking for a session
        refused = stranger.get("/web/login")
    finally:
        server.start()
    assert answer.status == 503
    assert refused.status == 503
    assert visitor.sid == sid
    # This Redis keeps nothing on disk: the session is gone, and so is the login.
    answer_after = visitor.session()
    assert "error" in answer_after or not answer_after["result"].get("uid")


def test_logging_out_removes_the_session(odoo: Odoo, server: Redis) -> None:
    browser = Browser(odoo)
    browser.log_in("admin", "admin")
    sid = browser.sid
    assert server.admin.exists(f"{TENANT}:session:{sid}")
    browser.get("/web/session/logout")
    assert not server.admin.exists(f"{TENANT}:session:{sid}")


def test_the_store_keeps_odoos_promises(odoo: Odoo, server: Redis) -> None:
    (odoo.folder / "data" / "checks.py").write_bytes(CHECKS.read_bytes())
    done = odoo.run("python3", "/var/lib/odoo/checks.py")
    assert done.returncode == 0, done.stderr
    assert "all checks passed" in done.stdout


def test_the_tenants_user_needs_no_more_than_these_commands(server: Redis) -> None:
    """The others tests ran with them; what was refused would be counted here."""
    statistics = server.admin.info("commandstats")
    refused = {name for name, found in statistics.items() if found.get("rejected_calls")}
    assert refused <= {"cmdstat_client|setinfo"}
    assert len(COMMANDS) == 8


def test_without_settings_odoo_keeps_its_files(image: Image, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("files")
    odoo = Odoo(image, folder / "tenant", {"db_host": "/nowhere"})
    odoo.start()
    try:
        wait_for(lambda: "Sessions stay in files" in odoo.log.read_text(), "the word about files")
    finally:
        odoo.stop()


@pytest.mark.parametrize("text", ["{", '{"servers": []}'])
def test_bad_settings_end_the_process(image: Image, tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    odoo = Odoo(image, tmp_path_factory.mktemp("bad") / "tenant", {"db_host": "/nowhere"})
    odoo.put("session.json", text)
    odoo.start()
    assert odoo.process is not None
    assert odoo.process.wait(PATIENCE) != 0
    assert "erpops_session_redis: /etc/odoo/session.json" in odoo.log.read_text()


def test_settings_of_somebody_else_end_the_process(image: Image, tmp_path_factory: pytest.TempPathFactory) -> None:
    odoo = Odoo(image, tmp_path_factory.mktemp("foreign") / "tenant", {"db_host": "/nowhere"})
    odoo.put("session.json", "{}")
    os.chown(odoo.folder / "etc/session.json", USER + 1, USER + 1)
    odoo.start()
    assert odoo.process is not None
    assert odoo.process.wait(PATIENCE) != 0
    assert "cannot be read" in odoo.log.read_text()
