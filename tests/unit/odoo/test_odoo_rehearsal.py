# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an app host has while users try a copy."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from odoo_estates import OLD, allocation, tenant

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError
from ansible_collections.erpops.odoo.plugins.module_utils.estate.allocation import Allocation
from ansible_collections.erpops.odoo.plugins.module_utils.estate.names import check_tenant_name
from ansible_collections.erpops.odoo.plugins.module_utils.estate.shape import Misshapen
from ansible_collections.erpops.odoo.plugins.module_utils.odoo import rehearsal
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.model import Resident
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.rehearsal import Opened, Rehearsal

ACME = Rehearsal(member="acme")
OPENED = Opened(
    resident=Resident(tenant=tenant(workers=2), allocation=allocation()),
    address="10.0.0.5",
    until="2026-11-30",
    password="pg-acme",
    port=6432,
    pull="never",
    sink="the program",
)


def texts(opened: Opened = OPENED) -> dict[str, str]:
    """By the end of the path."""
    return {file.path.rpartition("/")[2]: (file.content or b"").decode() for file in rehearsal.files(ACME, opened)}


def test_the_container_has_no_network_and_publishes_nothing() -> None:
    found = texts()["odoo-rehearsal-acme.container"].splitlines()
    for line in (
        f"Image={OLD}",
        "Network=ns:/run/netns/odoo-rehearsal-acme",
        "Requires=odoo-rehearsal-acme.socket odoo-rehearsal-acme_net.service",
        "ReadOnly=true",
        "NoNewPrivileges=true",
        "DropCapability=all",
        "User=20001",
        "ExecStartPre=/usr/local/lib/erpops/tenant-lives-here acme",
        "Description=Rehearsal of acme, open to the end of 2026-11-30 (UTC)",
    ):
        assert line in found, line
    assert not [line for line in found if line.startswith("PublishPort=")]
    assert len([line for line in found if line.startswith("Description=")]) == 1


def test_the_namespace_has_a_loopback_alone_and_goes_with_its_unit() -> None:
    found = texts()["odoo-rehearsal-acme_net.service"].splitlines()
    assert [line.partition("=")[2].split()[1:] for line in found if line.startswith("Exec")] == [
        ["netns", "add", "odoo-rehearsal-acme"],
        ["-n", "odoo-rehearsal-acme", "link", "set", "lo", "up"],
        ["netns", "delete", "odoo-rehearsal-acme"],
    ]


def test_the_mail_sink_is_the_namespaces_own_and_the_tenants_user() -> None:
    found = texts()["odoo-rehearsal-acme_mail.service"]
    for line in (
        "NetworkNamespacePath=/run/netns/odoo-rehearsal-acme",
        "BindsTo=odoo-rehearsal-acme_net.service",
        "PartOf=odoo-rehearsal-acme.service",
        "Environment=PYTHONPATH=/var/lib/containers/rehearsals/acme",
        "BindPaths=/var/lib/containers/rehearsals/acme/mail",
    ):
        assert line in found.splitlines(), line
    commands = [line.partition("=")[2] for line in found.splitlines() if line.startswith("Exec")]
    assert all(command.startswith("/usr/bin/setpriv --reuid=20001 --regid=20001 ") for command in commands)
    assert " --listen 127.0.0.1:1025 --size 33554432 --class mail_sink.Sink " in found
    program = next(file for file in rehearsal.files(ACME, OPENED) if file.path == ACME.sink)
    assert (program.content, program.mode) == (b"the program", 0o644)


def test_limits_are_the_tenants_or_else_some() -> None:
    found = texts()["odoo-rehearsal-acme.container"]
    assert "MemoryMax=2048M" in found and "CPUQuota=100%" in found and "TasksMax=512" in found
    given = Resident(tenant=tenant(limits={"memory_mb": 700, "cpu_percent": 30}), allocation=allocation())
    found = texts(replace(OPENED, resident=given))["odoo-rehearsal-acme.container"]
    assert "MemoryMax=700M" in found and "CPUQuota=30%" in found


def test_the_tenants_files_lie_beneath_a_layer_of_the_rehearsals_own() -> None:
    volume = (
        "Volume=/var/lib/erpops/tenants/acme/filestore/acme:/var/lib/odoo/filestore/acme__rehearsal:O,"
        "upperdir=/var/lib/containers/rehearsals/acme/upper,workdir=/var/lib/containers/rehearsals/acme/work"
    )
    assert volume in texts()["odoo-rehearsal-acme.container"].splitlines()
    assert "filestore" not in texts(replace(OPENED, files=False))["odoo-rehearsal-acme.container"]


def test_its_server_knows_the_copy_alone_and_runs_no_cron() -> None:
    found = texts()["odoo.conf"].splitlines()
    for line in ("db_name = acme__rehearsal", "max_cron_threads = 0", "workers = 0", "list_db = False"):
        assert line in found, line
    assert "dbfilter = ^acme__rehearsal$" in found
    assert [line for line in found if line.startswith("smtp")] == ["smtp_port = 1025", "smtp_server = 127.0.0.1"]


def test_secrets_are_the_tenants_uid_alone_to_read() -> None:
    held = {file.path: file for file in rehearsal.files(ACME, OPENED) if file.path.startswith(ACME.config)}
    assert {path.rpartition("/")[2] for path in held} == {"odoo.conf", "pgpass"}
    assert all((file.mode, file.owner, file.secret) == (0o400, "20001", True) for file in held.values())


def test_the_socket_is_the_fourth_of_the_tenants_ports() -> None:
    assert "ListenStream=10.0.0.5:10007" in texts()["odoo-rehearsal-acme.socket"].splitlines()
    assert OPENED.url == "http://10.0.0.5:10007"
    ports = [
        port
        for number in (1, 2)
        for each in [Allocation(name="x", number=number, app_host="app1")]
        for port in (each.http_port, each.gevent_port, each.wake_port, each.rehearsal_port)
    ]
    assert len(set(ports)) == len(ports)


def test_its_timer_takes_away_all_that_it_wrote_but_the_end_itself() -> None:
    end = texts()["odoo-rehearsal-acme_end.service"]
    assert "OnCalendar=2026-11-30 23:59:59 UTC" in texts()["odoo-rehearsal-acme_end.timer"].splitlines()
    for file in rehearsal.files(ACME, OPENED):
        folder = file.path.rpartition("/")[0]
        assert "_end." in file.path or file.path in end or folder in end, file.path
    for unit in rehearsal.units(ACME)[1:]:
        assert f" {unit.name}" in end, unit.name
    assert ACME.data in end
    assert rehearsal.units(ACME)[0].name == "odoo-rehearsal-acme_end.timer", "nothing is open that would not end"


def test_what_is_taken_away_is_all_that_was_written() -> None:
    folders, gone = rehearsal.without_files(ACME)
    absent = {item.path for item in (*folders, *gone)}
    for path in [file.path for file in rehearsal.files(ACME, OPENED)]:
        assert path in absent or path.rpartition("/")[0] in absent, path
    stopped = [unit.name for unit in rehearsal.without_units(ACME)]
    assert set(stopped) == {unit.name for unit in rehearsal.units(ACME)}
    assert stopped[-1].endswith("_end.timer"), "a run that is killed in between leaves nothing open without its end"


@pytest.mark.parametrize("until", ["", "tomorrow", "2026-11-30 12:00", "2026-13-01\nx", "2027-02-30", "2026-11-29"])
def test_the_last_day_is_a_day_that_comes(until: str) -> None:
    with pytest.raises(InputError, match="YYYY-MM-DD"):
        rehearsal.check("acme", until, date(2026, 11, 30))


def test_the_last_day_may_be_today() -> None:
    rehearsal.check("acme", "2026-11-30", date(2026, 11, 30))


def test_no_tenant_is_named_like_anothers_rehearsal() -> None:
    with pytest.raises(Misshapen, match="rehearsals"):
        check_tenant_name("rehearsal-acme")
