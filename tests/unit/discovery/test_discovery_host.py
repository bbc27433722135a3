# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.discovery import host
from ansible_collections.erpops.odoo.plugins.module_utils.discovery.records import Record


def part(name: str, *records: tuple[str, str]) -> tuple[Record, ...]:
    return (Record(f"part {name}", ""), *(Record(*each) for each in records), Record("end", ""))


@pytest.mark.parametrize(
    ("path", "line", "job"),
    [
        ("/etc/crontab", "17 * * * * root cd / && run-parts x", ("root", "17 * * * *", "cd / && run-parts x")),
        ("/etc/cron.d/a", "@daily ann /bin/x  'a  b'", ("ann", "@daily", "/bin/x  'a  b'")),
        ("/etc/cron.d/a", "@reboot root x", ("root", "@reboot", "x")),
        ("/var/spool/cron/crontabs/odoo", "*/5 1-3 * jan mon x y", ("odoo", "*/5 1-3 * jan mon", "x y")),
        ("/var/spool/cron/odoo", "@hourly x", ("odoo", "@hourly", "x")),
        ("/etc/cron.d/a", "\t1 2 3 4 5 root\tx", ("root", "1 2 3 4 5", "x")),
        ("/etc/cron.d/a", "half a line", ("", "", "half a line")),
    ],
)
def test_a_line_of_a_crontab(path: str, line: str, job: tuple[str, str, str]) -> None:
    (found,) = host.crontab(path, f"# comment\nSHELL=/bin/sh\n A_B = c\n\n{line}\n")
    assert (found["user"], found["schedule"], found["command"]) == job


def test_timers_scripts_and_packages() -> None:
    records = part(
        "crons",
        ("cron", "/etc/crontab"),
        ("text", "1 2 3 4 5 root x"),
        ("package", "cron\nchanged\n"),
        ("script", "/etc/cron.daily/backup"),
        ("package", ""),
        ("timer", "/etc/systemd/system/a.timer"),
        ("text", "[Timer]\nOnCalendar=daily\n#OnBootSec=3\nOnUnitActiveSec=1h\n"),
        ("package", ""),
        ("service", "/etc/systemd/system/a.service"),
        ("text", "[Service]\nUser=odoo\nExecStart=/bin/a --b=c\n"),
        ("timer", "/etc/systemd/system/alone.timer"),
        ("text", "[Timer]\nOnBootSec=3"),
        ("program", "/etc/cron.daily/backup"),
        ("text", "#!/bin/sh\npg_dump x"),
    )
    assert [each["program"] for each in host.crons(records)] == ["", "#!/bin/sh\npg_dump x", "", ""]
    found = [(each["user"], each["schedule"], each["command"], each["package"]) for each in host.crons(records)]
    assert found == [
        ("root", "1 2 3 4 5", "x", "cron, changed"),
        ("root", "daily", "/etc/cron.daily/backup", ""),
        ("odoo", "OnCalendar=daily; OnUnitActiveSec=1h", "/bin/a --b=c", ""),
        ("root", "OnBootSec=3", "alone.service", ""),
    ]


def test_disks_without_what_is_memory() -> None:
    text = (
        "Filesystem 1024-blocks Used Available Capacity Mounted on\n"
        "/dev/sda1 2048000 1024000 1024000 50% /\ntmpfs 10 0 10 0% /run\n/dev/sdb 1024 0 512 0% /srv/two words\n"
        "/dev/sda1 2048000 1 1 50% /run/host/x\nbroken\n"
    )
    assert host.disks(text) == [
        {"mount": "/", "size_mb": 2000, "free_mb": 1000},
        {"mount": "/srv/two words", "size_mb": 1, "free_mb": 0},
    ]


def test_connections_tell_in_from_out() -> None:
    records = part(
        "connections",
        (
            "listeners",
            "State Recv-Q Send-Q Local Peer\nLISTEN 0 1 0.0.0.0:5432 0.0.0.0:*\nLISTEN 0 1 [::]:443 [::]:*\n",
        ),
        (
            "established",
            'ESTAB 0 0 10.0.0.1:5432 10.0.0.9:40000 users:(("postgres",pid=1,fd=3))\n'
            'ESTAB 0 0 10.0.0.1:5432 10.0.0.9:40001 users:(("postgres",pid=2,fd=3))\n'
            'ESTAB 0 0 10.0.0.1:40002 203.0.113.5:993 users:(("odoo",pid=3,fd=3))\n'
            "ESTAB 0 0 127.0.0.1:5432 127.0.0.1:40003\nESTAB 0 0 10.0.0.1:22 10.0.0.8:40004\n"
            "ESTAB 0 0 [::ffff:10.0.0.1%eth0]:443 [::ffff:10.0.0.7]:40005\n",
        ),
    )
    sessions = [
        {"address": "10.0.0.9", "database": "acme", "role": "bi", "sessions": 2},
        {"address": None, "database": "a", "role": "b"},
    ]
    found = [tuple(each.values()) for each in host.connections(records, sessions)]
    assert found == [
        ("in", "10.0.0.7", 443, "", "", ""),
        ("in", "10.0.0.9", 5432, "postgres", "", ""),
        ("in", "10.0.0.9", 5432, "postgres", "acme", "bi"),
        ("out", "203.0.113.5", 993, "odoo", "", ""),
    ]


def test_requests_are_those_of_the_log() -> None:
    lines = (
        "request acme POST /web/x 4 2.000 1.500 40 0.4 1.5\nrequest acme GET /y 1 9.0 9.0 1 9.0 9.0\nerrors acme 3\n"
        "database acme 5 11.0 9.0 41 0.5 9.0\n"
        "span 2026-11-20 08:00 2026-11-20 09:00\nrequest half\n\nspan  \n"
    )
    records = (
        Record("part system", ""),
        Record("system.load", "0.5 0.25 0.1 1/2 3"),
        *part("performance", ("log", "/l"), ("requests", lines)),
    )
    found: dict[str, Any] = host.performance(records, [])
    assert [(each["path"], each["mean_seconds"], each["queries"]) for each in found["requests"]] == [
        ("/y", 9.0, 1),
        ("/web/x", 0.5, 40),
    ]
    assert [(each["database"], each["count"], each["p95_seconds"]) for each in found["sums"]] == [("acme", 5, 9.0)]
    assert found["requests"][1]["p50_seconds"] == 0.4
    assert found["errors"] == {"acme": 3} and found["load"] == [0.5, 0.25, 0.1]
    assert found["spans"] == [{"log": "/l", "from": "2026-11-20 08:00", "to": "2026-11-20 09:00"}]


def test_an_empty_host_is_no_error() -> None:
    nothing = (Record("begin", ""), Record("end", ""))
    assert host.system(nothing)["os"] == "unknown" and host.system(nothing)["disks"] == []
    assert host.crons(nothing) == [] and host.connections(nothing) == []
    assert host.mail(nothing) == {"relay": "", "queued": 0}
    assert host.performance(nothing, [])["requests"] == []


def test_a_database_of_which_no_log_tells_is_named() -> None:
    databases = [{"name": name, "modules": modules} for name, modules in (("a", [1]), ("b", [1]), ("wiki", []))]
    (problem,) = host.unmeasured({"requests": [{"database": "a"}]}, databases)
    assert problem["part"] == "performance" and "no request of b is in" in problem["message"]
    assert host.unmeasured({"requests": [{"database": "a"}, {"database": "b"}]}, databases) == []


def test_a_host_s_own_names_and_what_it_lacks() -> None:
    found = host.system(part("system", ("system.names", "legacy1 10.0.0.5 \nerp\nerp"), ("system.lacking", "tar\n")))
    assert (found["names"], found["lacking"]) == (["10.0.0.5", "erp", "legacy1"], ["tar"])
