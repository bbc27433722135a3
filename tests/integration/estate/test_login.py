# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A person logs in to every tenant through the edge, over verified TLS, and stays logged in over a restart."""

from __future__ import annotations

from . import runs
from .live import Estate

HOLD = """
import psycopg2, threading
said = []
def visit():
    try:
        connection = psycopg2.connect(
            host="/run/postgresql", port=6432, dbname={name!r}, user={name!r}, password={secret!r}
        )
        connection.cursor().execute("select pg_sleep(2)")
        said.append("ok")
    except psycopg2.Error as error:
        said.append("refused:" + str(error).replace(" ", "_"))
threads = [threading.Thread(target=visit) for number in range({count})]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(*said)
"""


def test_every_tenant_logs_in(estate: Estate) -> None:
    assert estate.running(), "the inventory declares no tenant that serves"
    for name in estate.running():
        tenant = estate.tenant(name)
        for hostname in tenant["hostnames"]:
            browser = estate.browser(name, hostname)
            answer = browser.login(tenant.get("login", "admin"), estate.secret("odoo_admin", name))
            assert answer.status in (302, 303), f"{hostname}: login answered {answer.status}"
            assert browser.uid(), f"{hostname}: logged in, but the session is nobody's"


def test_a_wrong_password_does_not_log_in(estate: Estate) -> None:
    name = estate.running()[0]
    for secret in ("admin", estate.secret("odoo_admin", name) + "x"):
        browser = estate.browser(name)
        browser.login("admin", secret)
        assert browser.uid() is None


def test_a_login_survives_a_restart_of_the_unit(estate: Estate) -> None:
    for version in ("19.0", "14.0"):
        for name in estate.running(version)[:1]:
            browser = estate.browser(name)
            browser.login("admin", estate.secret("odoo_admin", name))
            uid = browser.uid()
            restart = estate.run(estate.app_host(name), "systemctl", "restart", f"odoo-{name}.service")
            assert restart.returncode == 0, restart.stderr
            estate.browser(name).wait_for_page()
            assert uid and browser.uid() == uid, f"{name}: the session did not outlive the unit"


def test_http_leads_to_https(estate: Estate) -> None:
    import http.client

    name = estate.tenant(estate.running()[0])["hostnames"][0]
    connection = http.client.HTTPConnection(estate.address(estate.groups["edge"][0]), 80, timeout=20)
    connection.request("GET", "/web/login", headers={"Host": name})
    answer = connection.getresponse()
    assert answer.status in (301, 308)
    assert (answer.getheader("Location") or "").startswith(f"https://{name}/")


def test_a_suspended_tenant_answers_a_plain_page(estate: Estate) -> None:
    for tenant in estate.tenants:
        if tenant.get("state") == "suspended":
            answer = estate.browser(tenant["name"]).get("/web/login")
            assert answer.status == 503
            assert "csrf_token" not in answer.text
            for host in estate.groups["app"]:
                unit = estate.run(host, "systemctl", "is-active", f"odoo-{tenant['name']}.service").stdout.strip()
                assert unit != "active", f"{tenant['name']} is suspended, but runs on {host}"


def test_the_base_url_is_frozen_and_not_rewritten_by_a_login(estate: Estate) -> None:
    name = next(name for name in estate.running() if len(estate.tenant(name)["hostnames"]) > 1)
    first, second = estate.tenant(name)["hostnames"][:2]
    browser = estate.browser(name, second)
    browser.login("admin", estate.secret("odoo_admin", name))
    uid = browser.uid()
    value = browser.rpc(
        "object",
        "execute_kw",
        name,
        uid,
        estate.secret("odoo_admin", name),
        "ir.config_parameter",
        "get_param",
        ["web.base.url"],
    )
    assert value == f"https://{first}"


def test_a_pool_and_the_sessions_stay_within_the_tenants_limit(estate: Estate) -> None:
    """More visitors than it has connections: the pooler makes them wait, PostgreSQL refuses nobody."""
    name = [name for name in estate.running() if "cluster" not in estate.tenant(name)][-1]
    limit = int(runs.sql(estate, f"select rolconnlimit from pg_roles where rolname = '{name}'")[0])
    assert 0 < limit < 60, "control: the visitors are more than that"
    outcome = estate.inside(name, HOLD.format(name=name, secret=estate.secret("postgres", name), count=limit + 4))
    assert outcome.stdout.split() == ["ok"] * (limit + 4), outcome.stdout + outcome.stderr
