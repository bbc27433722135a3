# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One customer's own estate: production and UAT share nothing that one of them could break for the other."""

from __future__ import annotations

import time

from integration.estate import runs
from integration.estate.live import Estate

PRODUCTION, UAT = "lumen", "lumen-uat"
DATABASES = "select datname from pg_database"


def ask(estate: Estate, host: str, statement: str) -> set[str]:
    done = estate.run(host, "runuser", "-u", "postgres", "--", "psql", "-XAtqc", statement)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines())


def test_production_and_uat_are_on_clusters_of_their_own(estate: Estate) -> None:
    for host, there, elsewhere in (("db1", PRODUCTION, UAT), ("db2", PRODUCTION, UAT), ("db3", UAT, PRODUCTION)):
        found = ask(estate, host, DATABASES)
        assert there in found and elsewhere not in found, f"{host}: {found}"
        roles = ask(estate, host, "select rolname from pg_roles")
        assert there in roles and elsewhere not in roles, f"{host}: {roles}"
    assert "erpops" in ask(estate, "db1", DATABASES) - ask(estate, "db3", DATABASES)


def test_production_commits_on_two_hosts(estate: Estate) -> None:
    primary = next(host for host in ("db1", "db2") if ask(estate, host, "select pg_is_in_recovery()") == {"f"})
    assert ask(estate, primary, "select count(*) from pg_stat_replication where sync_state = 'sync'") == {"1"}


def test_production_is_served_by_workers_and_its_crons_by_a_unit_of_their_own(estate: Estate) -> None:
    for unit in (f"odoo-{PRODUCTION}.service", f"odoo-{PRODUCTION}-cron.service"):
        assert estate.run("app1", "systemctl", "is-active", unit).stdout.strip() == "active"
    web = workers(estate, f"odoo-{PRODUCTION}")
    assert web["http"] == 2 and web["cron"] == 0, web
    cron = workers(estate, f"odoo-{PRODUCTION}-cron")
    assert cron["cron"] >= 1 and cron["http"] == 0, cron
    assert workers(estate, f"odoo-{UAT}", "app2") == {"http": 0, "cron": 0}, "UAT is threaded: no processes below it"


def workers(estate: Estate, container: str, host: str = "app1") -> dict[str, int]:
    """What kinds of processes Odoo says that it runs, by their titles."""
    listed = estate.run(host, "podman", "top", container, "args").stdout
    return {"http": listed.count("WorkerHTTP"), "cron": listed.count("WorkerCron")}


def test_production_does_not_feel_that_uats_cluster_is_down(estate: Estate) -> None:
    assert estate.run("db3", "systemctl", "stop", "patroni").returncode == 0
    try:
        time.sleep(5)
        assert runs.logs_in(estate, PRODUCTION, "erp.lumen.example.com")
        assert estate.browser(UAT).get("/web/health?db_server_status=1").status >= 500, "control: UAT does feel it"
    finally:
        estate.run("db3", "systemctl", "start", "patroni")
    assert runs.logs_in(estate, UAT, "uat.lumen.example.com")


def test_administration_comes_only_from_the_declared_networks(estate: Estate) -> None:
    probe = "import socket,sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=3)"
    assert estate.run("app1", "true").returncode == 0, "control: from the declared network it works"
    assert estate.run("app1", "python3", "-c", probe, estate.address("db1"), "5432").returncode == 0, "control"
    for source, target in (("app1", "db1"), ("edge1", "app1"), ("db1", "db3")):
        done = estate.run(source, "python3", "-c", probe, estate.address(target), "22")
        assert done.returncode != 0, f"{source} reaches SSH of {target}"


def test_security_updates_install_themselves(estate: Estate) -> None:
    for host in estate.hostvars:
        said = estate.run(host, "apt-config", "shell", "on", "APT::Periodic::Unattended-Upgrade").stdout.strip()
        assert said == "on='1'", f"{host}: {said or 'not set'}"
        assert estate.run(host, "systemctl", "is-active", "apt-daily-upgrade.timer").stdout.strip() == "active"
