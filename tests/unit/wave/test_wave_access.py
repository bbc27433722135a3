# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan against a real shell: what the script reads and writes is this machine's."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError
from ansible_collections.erpops.odoo.plugins.module_utils.wave import access
from ansible_collections.erpops.odoo.plugins.module_utils.wave.access import Found, FoundUser, Host, comment_of

NONCE = "0123456789abcdef"
KEY = "ssh-ed25519 AAAAC3Nza"
FORCED = 'restrict,command="sh -c \\"$(echo ssh-ed25519 | base64 -d)\\" x y"'
LINE = f"{FORCED} {KEY} erpops:north:db1"
OURS: dict[str, Any] = {"user": "postgres", "line": LINE, "comment": None, "state": "present"}


def wanted(keys: list[dict[str, Any]] | None = None, files: list[dict[str, Any]] | None = None) -> access.Wanted:
    full = [{"line": None, "comment": None, "state": "present", **key} for key in keys or []]
    plain = {"content": None, "owner": "root", "mode": "0644", "state": "present"}
    return access.wanted_from({"keys": full, "files": [{**plain, **file} for file in files or []]})


def host(text: str = "", kind: str = "file", **more: Any) -> Host:
    keys = Found(kind=kind, owner="postgres", mode="600", content=text.encode("utf-8", "surrogateescape"))
    user = FoundUser(**{"home": "/home/pg", "home_kind": "folder", "ssh": "folder", "keys": keys, **more})
    return Host(users={"postgres": user}, files={}, folders={})


def steps(plan: access.Plan) -> list[tuple[str, str]]:
    return [(action.verb, action.subject) for action in plan.actions]


@pytest.mark.parametrize(
    ("line", "comment"),
    [
        (LINE, "erpops:north:db1"),
        (f"{KEY} me@home of mine", "me@home of mine"),
        (f'  no-pty,from="10.0.0.0/8" {KEY}   x  ', "x"),
        (KEY, ""),
        ("", ""),
        (f"# {KEY} gone", ""),
        ("ecdsa-sha2-nistp256 AAAA one", "one"),
        ("sk-ssh-ed25519@openssh.com AAAA two", "two"),
        ("no key at all", ""),
    ],
)
def test_a_line_is_known_by_its_comment(line: str, comment: str) -> None:
    assert comment_of(line) == comment


def test_a_line_is_added_replaced_in_its_place_and_left_alone() -> None:
    plan = access.plan(wanted([OURS]), host(f"{KEY} other"), "legacy1")
    assert steps(plan) == [("add", "key erpops:north:db1 of user postgres")]
    assert access._packed(f"{KEY} other\n{LINE}\n") in plan.commands[0]
    old = f"{KEY} erpops:north:db1\n{KEY} other\n{KEY} erpops:north:db1\n"
    plan = access.plan(wanted([OURS]), host(old), "legacy1")
    assert steps(plan) == [("replace", "key erpops:north:db1 of user postgres")]
    assert access._packed(f"{LINE}\n{KEY} other\n") in plan.commands[0]
    plan = access.plan(wanted([OURS]), host(f"{KEY} other\n{LINE}\n"), "legacy1")
    assert (plan.actions, plan.commands) == ((), ())
    assert plan.before == plan.after


def test_absent_takes_a_pattern_and_leaves_others() -> None:
    text = f"# note\n\n{LINE}\n{KEY} erpops:north:db9\n{KEY} erpops:south:db1\n{KEY}\n"
    gone = wanted([{"user": "postgres", "comment": "erpops:north:*", "state": "absent"}])
    plan = access.plan(gone, host(text), "legacy1")
    assert [subject for _verb, subject in steps(plan)] == [
        "key erpops:north:db1 of user postgres",
        "key erpops:north:db9 of user postgres",
    ]
    assert access._packed(f"# note\n\n{KEY} erpops:south:db1\n{KEY}\n") in plan.commands[0]
    assert plan.after["keys"] == {"postgres": {}}
    assert access.plan(gone, host("", kind="nothing", ssh="nothing"), "legacy1").actions == ()
    assert access.plan(gone, Host(users={"postgres": FoundUser()}, files={}, folders={}), "legacy1").actions == ()


def test_the_diff_has_no_line_in_it() -> None:
    plan = access.plan(wanted([OURS]), host(f"{KEY} erpops:north:db1\n"), "legacy1")
    assert "AAAA" not in str(plan.before) + str(plan.after)
    assert plan.before != plan.after


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (Host(users={"postgres": FoundUser()}, files={}, folders={}), "no such user"),
        (host(home_kind="nothing"), "no folder"),
        (host(kind="a symbolic link"), "a symbolic link"),
        (host(ssh="a symbolic link"), "a symbolic link"),
    ],
)
def test_what_the_host_lacks_is_said_with_its_name(found: Host, message: str) -> None:
    with pytest.raises(ErpopsError, match=f"host legacy1: .*{message}"):
        access.plan(wanted([OURS]), found, "legacy1")


def test_what_is_wrong_with_the_options_comes_together() -> None:
    with pytest.raises(ErpopsError) as raised:
        wanted(
            [
                {"user": "a b", "line": LINE},
                {"user": "root", "line": KEY},
                {"user": "root", "state": "absent"},
                OURS,
                OURS,
            ],
            [{"path": "etc/x"}, {"path": "/etc/x", "mode": "rw"}, {"path": "/etc/x"}],
        )
    assert [problem.subject for problem in raised.value.problems] == [
        "keys[0]", "keys[1]", "keys[2]", "keys[4]", "files[0]", "files[1]", "files[2]",
    ]  # fmt: skip


class Machine:
    """This one, with a home of its own."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.home.mkdir()
        tools = folder / "tools"
        tools.mkdir()
        entry = f"me:x:{os.getuid()}:{os.getgid()}::{self.home}:/bin/sh"
        for name, text in (
            ("getent", f'[ "$2" = me ] && echo {entry}'),
            ("id", f"echo {os.getgid()}"),
            ("chown", "true"),
        ):
            (tools / name).write_text(f"#!/bin/sh\n{text}\n")
            (tools / name).chmod(0o755)
        self.path = f"{tools}:{os.environ['PATH']}"
        self.keys = self.home / ".ssh" / "authorized_keys"

    def told(self, script: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PATH": self.path}
        return subprocess.run(["sh", "-s"], input=script, env=environment, capture_output=True, text=True, check=False)

    def planned(self, goal: access.Wanted) -> access.Plan:
        done = self.told(access.reading(goal, NONCE))
        assert done.returncode == 0, done.stderr
        return access.plan(goal, access.host_from(done.stdout, NONCE, "legacy1"), "legacy1")

    def brought(self, goal: access.Wanted) -> access.Plan:
        plan = self.planned(goal)
        done = self.told(access.script(plan.commands, NONCE))
        assert done.returncode == 0, done.stderr
        return plan


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_host_without_any_is_brought_there_and_back(machine: Machine, tmp_path: Path) -> None:
    certificate = tmp_path / "it's a.crt"
    owner = subprocess.run(["stat", "-c", "%U", tmp_path], capture_output=True, text=True, check=True).stdout.strip()
    goal = wanted(
        [{**OURS, "user": "me"}], [{"path": str(certificate), "content": "PEM\nä\n", "owner": owner, "mode": "0640"}]
    )
    assert steps(machine.brought(goal)) == [
        ("add", "key erpops:north:db1 of user me"),
        ("make", f"file {certificate}"),
    ]
    assert machine.keys.read_text() == f"{LINE}\n"
    assert [path.stat().st_mode & 0o777 for path in (machine.keys.parent, machine.keys, certificate)] == [
        0o700, 0o600, 0o640,
    ]  # fmt: skip
    assert certificate.read_text() == "PEM\nä\n"
    assert machine.brought(goal).actions == ()
    certificate.chmod(0o600)
    assert [action.detail for action in machine.brought(goal).actions] == ["mode"]
    gone = wanted(
        [{"user": "me", "comment": "erpops:north:*", "state": "absent"}],
        [{"path": str(certificate), "state": "absent"}],
    )
    assert [verb for verb, _subject in steps(machine.brought(gone))] == ["remove", "remove"]
    assert machine.keys.read_text() == ""
    assert machine.brought(gone).actions == ()
    assert sorted(path.name for path in machine.keys.parent.iterdir()) == ["authorized_keys"]


def test_other_lines_survive_byte_for_byte(machine: Machine) -> None:
    machine.keys.parent.mkdir()
    machine.keys.write_bytes(b"ssh-rsa AAAA caf\xe9 `id` $(id)\r\n# x\n\n" + KEY.encode() + b" last")
    machine.keys.chmod(0o640)
    machine.brought(wanted([{**OURS, "user": "me"}]))
    expected = b"ssh-rsa AAAA caf\xe9 `id` $(id)\r\n# x\n\n" + KEY.encode() + b" last\n" + LINE.encode() + b"\n"
    assert machine.keys.read_bytes() == expected
    assert machine.keys.stat().st_mode & 0o777 == 0o640


def test_a_file_that_changed_meanwhile_is_left_alone(machine: Machine) -> None:
    machine.keys.parent.mkdir()
    machine.keys.write_text(f"{KEY} one\n")
    plan = machine.planned(wanted([{**OURS, "user": "me"}]))
    machine.keys.write_text(f"{KEY} two\n")
    done = machine.told(access.script(plan.commands, NONCE))
    assert done.returncode != 0 and "changed meanwhile" in done.stderr
    assert machine.keys.read_text() == f"{KEY} two\n"
    assert sorted(path.name for path in machine.keys.parent.iterdir()) == ["authorized_keys"]


def test_what_is_no_file_is_told(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with pytest.raises(ErpopsError, match="a symbolic link"):
        machine.planned(wanted(files=[{"path": str(tmp_path / "link"), "content": "x"}]))
    with pytest.raises(ErpopsError, match="folder is not there"):
        machine.planned(wanted(files=[{"path": str(tmp_path / "none" / "x"), "content": "x"}]))
