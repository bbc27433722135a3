# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tenant's life through the `tenant` playbook: added, suspended, resumed, left out, removed, several in one run."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import pytest

from integration.estate import runs
from integration.estate.live import Estate

HOSTNAME = "fir.north.example.com"
STORE = "core1"  # the first host that is neither an app host nor carries PostgreSQL
FOLDER = "/var/lib/erpops/removed/fir"
MARK = "kept over a suspension"
CONNECTIONS = 21


def fir(estate: Estate, **values: str) -> list[runs.Tenant]:
    return runs.with_tenant(
        estate, "fir", **{"instance": "shared19", "hostnames": [HOSTNAME], "tier": "bronze", **values}
    )


def test_one_is_added_changed_suspended_and_left_out_by_a_killed_run_and_the_next(estate: Estate) -> None:
    """Killed when it has begun with the new one, forks and all; the one after the next has nothing left to do."""
    runs.sql(estate, f"update res_company set name = '{MARK}'", "delta")
    changed = {
        "delta": {"state": "suspended"},
        "acme": {"limits": {"connections": CONNECTIONS, "statement_timeout_seconds": 500}},
    }
    declared = [{**one, **changed.get(one["name"], {})} for one in fir(estate) if one["name"] != "birch"]
    runs.kill_when(estate, "tenant", lambda: "fir" in runs.roles(estate), "no role was made", odoo_tenants=declared)
    output = runs.done(estate, "tenant", odoo_tenants=declared)
    again = runs.done(estate, "tenant", odoo_tenants=declared)
    assert runs.changes(again) == 0, again[-5000:]
    assert runs.logs_in(estate, "fir", HOSTNAME)
    assert not {name for name in runs.databases(estate) if name.endswith("__new")}
    assert runs.sql(estate, "select rolconnlimit from pg_roles where rolname = 'acme'") == [str(CONNECTIONS)]
    assert estate.browser("delta").get("/web/login").status == 503
    assert not any(runs.active(estate, host, "delta") for host in estate.groups["app"])
    assert runs.sql(estate, "select name from res_company order by id limit 1", "delta") == [MARK]
    assert "birch" in output and "not declared to this run" in output
    assert runs.logs_in(estate, "birch", "birch.north.example.com"), "a tenant that was only left out went on serving"


def test_a_suspended_tenant_comes_back_with_its_data_and_an_absent_one_keeps_its_own(estate: Estate) -> None:
    output = runs.done(estate, "tenant", odoo_tenants=fir(estate, state="absent"))
    assert runs.logs_in(estate, "delta", "delta.north.example.com")
    assert runs.sql(estate, "select name from res_company order by id limit 1", "delta") == [MARK]
    # Its certificate is gone with its route, so this visitor shakes hands as acme's.
    assert estate.browser("acme").request("GET", "/web/login", headers={"Host": HOSTNAME}).status in (404, 421)
    assert not any(runs.active(estate, host, "fir") for host in estate.groups["app"])
    assert "fir" in runs.databases(estate) and len(runs.files(estate, "fir")) == 1, output[-3000:]


def test_a_removal_that_is_not_declared_changes_nothing(estate: Estate) -> None:
    before = runs.databases(estate), runs.running(estate)
    message = runs.refused(estate, "tenant", odoo_tenants=fir(estate), tenant_confirm_removal="fir, elm")
    assert "tenant_confirm_removal" in message and "declared present" in message and "declared suspended" in message
    assert (runs.databases(estate), runs.running(estate)) == before


def test_check_mode_removes_nothing(estate: Estate) -> None:
    output = runs.done(
        estate, "tenant", "--check", odoo_tenants=fir(estate, state="absent"), tenant_confirm_removal="fir"
    )
    assert runs.changes(output) > 0
    assert "fir" in runs.databases(estate) and runs.files(estate, "fir")
    assert estate.run(STORE, "test", "-e", FOLDER).returncode != 0


def wait_until(estate: Estate, host: str, question: str, answer: str) -> None:
    found: list[str] = []
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with contextlib.suppress(AssertionError):  # it starts again as a standby
            found = estate.psql(host, question)
        if found == [answer]:
            return
        time.sleep(1)
    raise AssertionError(f"{host}, {question}: {found}")


@pytest.fixture
def behind(estate: Estate) -> Iterator[str]:
    """The member of the cluster that is named first is a standby, and has stopped following."""
    first, second = estate.groups["postgres"]
    if estate.primary() == first:
        switched = estate.run(second, "patronictl", "-c", "/etc/patroni/config.yml", "switchover", "--force")
        assert switched.returncode == 0, switched.stderr + switched.stdout
        wait_until(estate, second, "select pg_is_in_recovery()", "f")
        wait_until(estate, first, "select count(*) from pg_stat_wal_receiver", "1")
    estate.psql(first, "select pg_wal_replay_pause()")
    yield first
    estate.psql(first, "select pg_wal_replay_resume()")


@pytest.mark.usefixtures("behind")
def test_a_confirmed_removal_leaves_copies_that_were_proved_and_nothing_else(estate: Estate) -> None:
    partners = runs.sql(estate, "select id, name from res_partner order by id", "fir")
    tables = runs.sql(estate, "select count(*) from pg_tables where schemaname = 'public'", "fir")
    assert len(partners) > 1
    runs.done(estate, "tenant", odoo_tenants=fir(estate, state="absent"), tenant_confirm_removal="fir")
    assert "fir" not in runs.databases(estate) | runs.roles(estate)
    assert runs.files(estate, "fir") == set()
    restored = restore(estate)
    assert restored == (partners, tables), "the dump that was kept is not the tenant's database"
    listed = estate.run(STORE, "tar", "-tf", f"{FOLDER}/fir-filestore.tar")
    assert listed.returncode == 0 and any(line.startswith("fir") for line in listed.stdout.splitlines())
    for host in (*estate.groups["postgres"], *estate.groups["app"]):
        left = estate.run(host, "find", "/var/lib/erpops/removal", "-name", "fir*", "-type", "f").stdout
        assert left == "", f"{host} keeps {left}"


def restore(estate: Estate) -> tuple[list[str], list[str]]:
    """Partners and number of tables in the dump that was kept, by PostgreSQL's own tools."""
    dump = estate.run(STORE, "base64", f"{FOLDER}/fir.dump", timeout=300)
    assert dump.returncode == 0, dump.stderr
    runs.sql(estate, "create database restored")
    try:
        script = "base64 -d | runuser -u postgres -- pg_restore --no-owner --exit-on-error -d restored"
        done = estate.run(estate.primary(), "sh", "-c", script, text=dump.stdout, timeout=300)
        assert done.returncode == 0, done.stderr
        return (
            runs.sql(estate, "select id, name from res_partner order by id", "restored"),
            runs.sql(estate, "select count(*) from pg_tables where schemaname = 'public'", "restored"),
        )
    finally:
        runs.sql(estate, "drop database restored")


def test_a_second_removal_has_nothing_to_do(estate: Estate) -> None:
    output = runs.done(estate, "tenant", odoo_tenants=fir(estate, state="absent"), tenant_confirm_removal="fir")
    assert runs.changes(output) == 0, output[-4000:]
