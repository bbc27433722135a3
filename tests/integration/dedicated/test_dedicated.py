# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One customer's own estate: production and UAT share nothing that one of them could break for the other."""

from __future__ import annotations

import re
import time

from integration.estate import runs
from integration.estate.live import Estate

PRODUCTION, UAT = "lumen", "lumen-uat"
DATABASES = "select datname from pg_database"


def ask(estate: Estate, host: str, statement: str) -> set[str]:
    return set(estate.psql(host, statement))


def test_production_and_uat_are_on_clusters_of_their_own(estate: Estate) -> None:
    for host, there, elsewhere in (("db1", PRODUCTION, UAT), ("db2", PRODUCTION, UAT), ("db3", UAT, PRODUCTION)):
        found = ask(estate, host, DATABASES)
        assert there in found and elsewhere not in found, f"{host}: {found}"
        roles = ask(estate, host, "select rolname from pg_roles")
        assert there in roles and elsewhere not in roles, f"{host}: {roles}"
    assert "erpops" in ask(estate, "db1", DATABASES) - ask(estate, "db3", DATABASES)


def test_production_commits_on_two_hosts(estate: Estate) -> None:
    primary = estate.primary("db1", "db2")
    assert ask(estate, primary, "select count(*) from pg_stat_replication where sync_state = 'sync'") == {"1"}


def test_production_is_served_by_workers_and_its_crons_by_a_unit_of_their_own(estate: Estate) -> None:
    for unit in (f"odoo-{PRODUCTION}.service", f"odoo-{PRODUCTION}-cron.service"):
        assert estate.run("app1", "systemctl", "is-active", unit).stdout.strip() == "active"
    web, uat = processes(estate, "app1", PRODUCTION), processes(estate, "app2", UAT)
    assert uat == 1, "UAT is threaded: one process"
    assert web >= 4, f"a master, two workers and the bus, not {web}"
    assert setting(estate, f"odoo-{PRODUCTION}", "max_cron_threads") == 0
    assert setting(estate, f"odoo-{PRODUCTION}-cron", "max_cron_threads") >= 1


def processes(estate: Estate, host: str, tenant: str) -> int:
    """How many of Odoo's processes run in a tenant's web container."""
    listed = estate.run(host, "podman", "top", f"odoo-{tenant}", "args").stdout.splitlines()[1:]
    return sum("odoo" in line for line in listed)


def setting(estate: Estate, container: str, name: str) -> int:
    """What a running Odoo was told: the last word is its command line's."""
    asked = estate.run(
        "app1", "podman", "exec", container, "sh", "-c", "cat /etc/odoo/odoo.conf; tr '\\0' ' ' </proc/1/cmdline"
    )
    found = re.findall(name.replace("_", "[_-]") + r"\s*=?\s*(\d+)", asked.stdout)
    assert found, f"{container} says nothing of {name}: {asked.stdout[-500:]}"
    return int(found[-1])


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
        # Debian's timer runs it; the lab masks that one, since its hosts have no way out.
        assert estate.run(host, "test", "-x", "/usr/bin/unattended-upgrade").returncode == 0
