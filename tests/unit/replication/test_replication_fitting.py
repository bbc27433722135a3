# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a copy leaves enough of each disk to the other tenants."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.replication import fitting
from ansible_collections.erpops.odoo.plugins.module_utils.replication.fitting import MEGABYTE, Disk, Need

NEED = Need(data=1000 * MEGABYTE, wal=300 * MEGABYTE, spool=600 * MEGABYTE)
SIZE = 10_000  # MB; a twentieth stays free


def disk(use: str, free: int, host: str = "db1", device: str = "1") -> Disk:
    return Disk(
        host=host, use=use, folder=f"/{use}", free_bytes=free * MEGABYTE, size_bytes=SIZE * MEGABYTE, device=device
    )


@pytest.mark.parametrize(
    ("disks", "said"),
    [
        ([disk("data", 1800), disk("wal", 1800)], []),
        ([disk("data", 1799), disk("wal", 1799)], ["1000 MB for the copy + 300 MB for its log, and 500 MB that stay"]),
        ([disk("data", 1500), disk("wal", 800, device="2")], []),
        ([disk("data", 1499), disk("wal", 799, device="2")], ["1000 MB for the copy, and", "300 MB for its log, and"]),
        ([disk("data", 2399), disk("wal", 2399), disk("spool", 2399)], ["+ 600 MB for its dump, and 500 MB"]),
        ([disk("data", 2400), disk("wal", 2400), disk("spool", 2400)], []),
        ([disk("data", 1800), disk("data", 100, host="db2")], ["1000 MB for the copy"]),
        ([], []),
    ],
)
def test_what_lies_on_one_disk_is_added_up(disks: list[Disk], said: list[str]) -> None:
    problems = list(fitting.short(NEED, disks))
    assert len(problems) == len(said)
    for problem, part in zip(problems, said, strict=True):
        assert part in problem.cure, problem


def test_of_a_large_disk_no_more_is_kept_than_others_need() -> None:
    large = Disk(host="db1", use="data", folder="/d", free_bytes=12_000 * MEGABYTE, size_bytes=10**14, device="1")
    assert list(fitting.short(NEED, [large])) == []


def test_each_problem_names_the_host_its_folder_and_what_is_free() -> None:
    (problem,) = fitting.short(NEED, [disk("spool", 42, host="db2")])
    assert (problem.subject, problem.field, problem.value) == ("host db2", "/spool", "42 MB free")


def test_what_hosts_told_is_read_and_what_nobody_told_is_left_out() -> None:
    room: dict[str, Any] = {"folder": "/d", "free_bytes": 1, "size_bytes": 2, "device": "3"}
    told = {"room": {"data": room, "wal": room, "spool": room}}
    disks = fitting.disks_from({"db1": told, "db2": {"skipped": True}, "db3": {}}, {"db2": told})
    assert [(each.host, each.use) for each in disks] == [("db1", "data"), ("db1", "wal"), ("db2", "spool")]
