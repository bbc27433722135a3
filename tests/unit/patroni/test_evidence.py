# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import Refused
from ansible_collections.erpops.odoo.plugins.module_utils.patroni import evidence, host
from ansible_collections.erpops.odoo.plugins.module_utils.patroni.evidence import Evidence

MEMBERS = ("db1", "db2")


def finding(member: str, **values: Any) -> Evidence:
    base: dict[str, Any] = {
        "cluster": "main",
        "data_directory": "/data/main",
        "data_directory_exists": False,
        "installed": False,
        "initialize": "absent",
    }
    return Evidence(member=member, **{**base, **values})


def test_absent_needs_every_member_and_the_store() -> None:
    assert evidence.absent("main", MEMBERS, [finding("db1"), finding("db2")])
    assert evidence.absent("main", MEMBERS, [finding(name, initialize="unreachable") for name in MEMBERS])


@pytest.mark.parametrize(
    "findings",
    [
        [],
        [finding("db1")],
        [finding("db1"), finding("db2", data_directory_exists=True)],
        [finding("db1"), finding("db2", initialize="present")],
        [finding("db1", initialize="unknown"), finding("db2", initialize="unknown")],
        [finding("db1", initialize="unknown"), finding("db2", initialize="unreachable")],
        [finding("db1"), finding("db2", cluster="uat")],
    ],
)
def test_anything_less_is_no_proof(findings: list[Evidence]) -> None:
    assert not evidence.absent("main", MEMBERS, findings)


def test_one_host_that_can_ask_speaks_for_the_one_that_cannot() -> None:
    assert evidence.absent("main", MEMBERS, [finding("db1"), finding("db2", initialize="unknown")])


def test_each_host_is_named_with_what_stands_against_it() -> None:
    found = [finding("db2", data_directory_exists=True, initialize="unknown", initialize_detail="timed out")]
    error = evidence.unreachable("main", MEMBERS, found)
    assert {(problem.subject, problem.field) for problem in error.problems} == {
        ("host db1", ""),
        ("host db2", "data directory"),
        ("host db2", "key in etcd"),
    }


def test_the_smallest_member_decides() -> None:
    found = [finding("db1", memory_mb=8192, cpus=2), finding("db2", memory_mb=4096, cpus=8)]
    assert evidence.smallest("main", found) == (4096, 2)
    assert evidence.smallest("uat", found) is None


def test_it_survives_the_way_through_ansible() -> None:
    one = finding("db1", memory_mb=1, device_encrypted=None)
    assert evidence.evidence_from(one.as_dict()) == one


@pytest.mark.parametrize("seen", [None, False])
def test_declared_encryption_that_is_not_there_is_refused(seen: bool | None) -> None:
    with pytest.raises(Refused, match="/dev/vdb is not a dm-crypt device"):
        evidence.check_encryption(finding("db1", device="/dev/vdb", device_encrypted=seen), True)


def test_encryption_that_nobody_declared_is_reported() -> None:
    encrypted = finding("db1", device="/dev/mapper/data", device_encrypted=True)
    assert evidence.check_encryption(encrypted, True) is None
    assert evidence.check_encryption(encrypted, None) is None
    assert "is encrypted" in (evidence.check_encryption(encrypted, False) or "")


def block_device(sys: Path, number: str, *, uuid: str = "", slaves: tuple[str, ...] = ()) -> None:
    node = sys / "dev" / "block" / number
    (node / "slaves").mkdir(parents=True)
    if uuid:
        (node / "dm").mkdir()
        (node / "dm" / "uuid").write_text(uuid)
    for slave in slaves:
        (node / "slaves" / slave.replace(":", "_")).symlink_to(sys / "dev" / "block" / slave)


def test_a_logical_volume_is_encrypted_if_all_below_it_is(tmp_path: Path) -> None:
    block_device(tmp_path, "8:0")
    block_device(tmp_path, "253:0", uuid="CRYPT-LUKS2-1", slaves=("8:0",))
    block_device(tmp_path, "253:1", uuid="LVM-1", slaves=("253:0",))
    block_device(tmp_path, "253:2", uuid="LVM-2", slaves=("253:0", "8:0"))
    assert host.encrypted("253:0", tmp_path) is True
    assert host.encrypted("253:1", tmp_path) is True
    assert host.encrypted("253:2", tmp_path) is False
    assert host.encrypted("8:0", tmp_path) is False
    assert host.encrypted("0:50", tmp_path) is None


def test_the_innermost_mount_is_the_one(tmp_path: Path) -> None:
    data = tmp_path / "a b" / "data"
    data.mkdir(parents=True)
    escaped = str(tmp_path / "a b").replace(" ", "\\040")
    mountinfo = tmp_path / "mountinfo"
    mountinfo.write_text(
        "1 0 8:1 / / rw - ext4 /nodev/root rw\n"
        f"2 1 8:2 / {tmp_path} rw - ext4 /nodev/tmp rw\n"
        f"3 2 8:3 / {escaped} rw - ext4 /nodev/data rw\n"
    )
    assert host.device_of(data / "not" / "yet", mountinfo) == ("/nodev/data", "8:3")
    assert host.device_of(Path("/usr"), mountinfo) == ("/nodev/root", "8:1")


def test_half_a_copy_is_data(tmp_path: Path) -> None:
    directory = tmp_path / "main"
    assert not host.has_data(directory)
    directory.mkdir()
    assert not host.has_data(directory)
    (directory / "base").mkdir()
    assert host.has_data(directory)
