# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The copy with the real shell, tar, find and sha1sum of this machine on both sides."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError, InputError
from ansible_collections.erpops.odoo.plugins.module_utils.filestore import copy, copy_client
from ansible_collections.erpops.odoo.plugins.module_utils.filestore.copy import Copied, Place

ODD = [b"new\nline", b"-rf", b"white space", b"\xff\xfe", b"deep/er/file", b"quo'te\"$(x)`y`", b"\\back"]


def store(folder: Path, content: bytes) -> str:
    name = hashlib.sha1(content).hexdigest()
    path = folder / name[:2] / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return f"{name[:2]}/{name}"


def files(folder: Path) -> dict[bytes, bytes]:
    root = os.fsencode(folder)
    found = {}
    for place, _folders, names in os.walk(root):
        for name in names:
            path = place + b"/" + name
            found[os.path.relpath(path, root)] = Path(os.fsdecode(path)).read_bytes()
    return found


@pytest.fixture
def places(tmp_path: Path) -> tuple[Place, Place]:
    (tmp_path / "old" / "acme_prod").mkdir(parents=True)
    return (
        Place(folder=str(tmp_path / "old"), name="acme_prod"),
        Place(folder=str(tmp_path / "new"), name="acme"),
    )


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Into which other users get."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def copied(giver: Place, taker: Place, *referenced: str) -> Copied:
    return copy_client.copy_missing(giver, taker, referenced, lambda: None, 30)


def test_odd_names_arrive_and_a_second_copy_sends_nothing(places: tuple[Place, Place], tmp_path: Path) -> None:
    giver, taker = places
    old = tmp_path / "old" / "acme_prod"
    for number in range(30):
        store(old, b"content %d" % number)
    for name in ODD:
        path = Path(os.fsdecode(os.fsencode(old) + b"/" + name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"of " + name)
    (old / "checklist" / "ab").mkdir(parents=True)
    (old / "checklist" / "ab" / "marker").touch()
    assert copy_client.lacking(giver, taker, 30) == 30 + len(ODD)
    done = copied(giver, taker)
    wanted = {name: content for name, content in files(old).items() if not name.startswith(b"checklist")}
    assert files(tmp_path / "new" / "acme") == wanted
    assert (done.copied, done.missing, done.corrupt) == (len(wanted), [], [])
    assert copied(giver, taker).copied == 0 == copy_client.lacking(giver, taker, 30)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["acme"]


def test_what_is_missing_and_what_is_corrupt_is_known_and_not_fatal(
    places: tuple[Place, Place], tmp_path: Path
) -> None:
    giver, taker = places
    good, bad = (store(tmp_path / "old" / "acme_prod", content) for content in (b"good", b"bad"))
    (tmp_path / "old" / "acme_prod" / bad).write_bytes(b"overwritten")
    done = copied(giver, taker, good, bad, "ab/abcd")
    assert (done.missing, done.corrupt) == (["ab/abcd"], [bad])
    assert (tmp_path / "new" / "acme" / bad).read_bytes() == b"overwritten"


def test_a_file_that_is_hurt_on_the_way_is_refused(
    places: tuple[Place, Place], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    giver, taker = places
    store(tmp_path / "old" / "acme_prod", b"good")
    hurt = copy.SCRIPT.replace(
        "    find . -type f -exec",
        "    find . -type f -exec sh -c 'echo x >> \"$1\"' - {} ';'\n    find . -type f -exec",
    )
    assert hurt != copy.SCRIPT
    monkeypatch.setattr(copy, "SCRIPT", hurt)
    with pytest.raises(ErpopsError, match="arrived with another content"):
        copied(giver, taker)
    assert not (tmp_path / "new" / "acme").exists()


def test_files_that_go_and_grow_while_they_are_copied(
    places: tuple[Place, Place], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    giver, taker = places
    old = tmp_path / "old" / "acme_prod"
    gone, stays, grows, torn = (store(old, content) for content in (b"gone", b"stays", b"grows", b"torn"))
    (old / grows).write_bytes(b"gro")
    (old / torn).write_bytes(b"t")
    changing = copy.SCRIPT.replace('send) cd -- "$3";', f'send) cd -- "$3"; rm -f {gone};').replace(
        'sums) cd -- "$3";', f'sums) cd -- "$3"; printf grows > {grows}; printf o >> {torn};'
    )
    monkeypatch.setattr(copy, "SCRIPT", changing)
    done = copied(giver, taker)
    assert files(tmp_path / "new" / "acme") == {stays.encode(): b"stays", grows.encode(): b"grows"}
    assert (done.copied, done.corrupt) == (2, []), "what somebody still writes is left to the next copy"
    monkeypatch.undo()
    (old / torn).write_bytes(b"torn")
    assert copied(giver, taker).copied == 1
    assert files(tmp_path / "new" / "acme") == files(old)


@pytest.mark.parametrize(
    ("code", "said", "harmless"),
    [
        (
            2,
            "tar: ./a: Cannot stat: No such file or directory\ntar: Exiting with failure status due to previous errors",
            True,
        ),
        (1, "Warning: host key\ntar: ./a: file changed as we read it", True),
        (123, "sha1sum: ./a: No such file or directory", True),
        (2, "tar: ./a: Cannot stat: No such file or directory\ntar: ./b: Cannot open: Permission denied", False),
        (2, "sh: 1: cd: can't cd to acme: No such file or directory", False),
        (255, "tar: ./a: Cannot stat: No such file or directory", False),
    ],
)
def test_nothing_but_a_change_is_passed_over(code: int, said: str, harmless: bool) -> None:
    assert copy.only_changed(code, said) is harmless


def test_what_a_killed_copy_left_is_no_part_of_the_next(places: tuple[Place, Place], tmp_path: Path) -> None:
    giver, taker = places
    store(tmp_path / "old" / "acme_prod", b"whole")
    half = tmp_path / "new" / ".erpops-acme" / "ab"
    half.mkdir(parents=True)
    (half / "half").write_bytes(b"ha")
    assert copied(giver, taker).copied == 1
    assert files(tmp_path / "new" / "acme") == files(tmp_path / "old" / "acme_prod")


def test_the_forced_command_does_its_verbs_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "store dir" / "acme").mkdir(parents=True)
    name = store(tmp_path / "store dir" / "acme", b"one")
    line = copy.forced_command(str(tmp_path / "store dir")).replace('\\"', '"').replace("\\\\", "\\")

    def ask(wanted: str) -> subprocess.CompletedProcess[bytes]:
        environment = {**os.environ, "SSH_ORIGINAL_COMMAND": wanted}
        return subprocess.run(["sh", "-c", line], env=environment, capture_output=True, check=False)

    assert copy.names_from(ask("list acme").stdout) == {name.encode()}
    for refused in ("list ../acme", "list", "", "sh -c id", "list .", "id acme"):
        done = ask(refused)
        assert (done.returncode, done.stdout) == (64, b""), refused


def test_a_tenant_s_own_folder_takes_the_filestore(tmp_path: Path) -> None:
    old, tenants = tmp_path / "old", tmp_path / "ten ants"
    name = store(old / "acme_prod", b"one")
    giver = Place(folder=str(old), name="acme_prod")
    taker = Place(folder=f"{tenants}/{{name}}/filestore", name="acme")
    with pytest.raises(ErpopsError, match=r"no folder .*ten ants/acme on this host"):
        copied(giver, taker)
    assert not tenants.exists()
    (tenants / "acme").mkdir(parents=True)
    assert copied(giver, taker).copied == 1
    assert files(tenants / "acme") == {f"filestore/acme/{name}".encode(): b"one"}
    assert copied(giver, taker).copied == 0
    assert str(taker) == f"{tenants}/acme/filestore/acme"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can work for others")
def test_what_arrives_in_a_tenant_s_folder_is_the_tenant_s(open_folder: Path) -> None:
    giver = Place(folder=str(open_folder / "old"), name="acme_prod")
    store(open_folder / "old" / "acme_prod", b"one")
    own = open_folder / "tenants" / "acme"
    own.mkdir(parents=True, mode=0o700)
    os.chown(own, 20017, 20018)
    taker = Place(folder=f"{open_folder}/tenants/{{name}}/filestore", name="acme")
    copied(giver, taker)
    found = [path.stat() for path in own.rglob("*")]
    assert len(found) == 4
    assert {(one.st_uid, one.st_gid) for one in found} == {(20017, 20018)}
    elsewhere = open_folder / "elsewhere"
    elsewhere.mkdir()
    (own / "filestore" / "acme").rename(own / "filestore" / "away")
    (own / "filestore" / "acme").symlink_to(elsewhere)
    with pytest.raises(ErpopsError, match="Permission denied"):
        copied(giver, taker)
    assert list(elsewhere.iterdir()) == []


def test_the_forced_command_puts_the_name_into_the_folder(tmp_path: Path) -> None:
    name = store(tmp_path / "it's" / "acme" / "filestore" / "acme", b"one")
    line = copy.forced_command(f"{tmp_path}/it's/{{name}}/filestore").replace('\\"', '"').replace("\\\\", "\\")
    (tmp_path / "it's" / "link").symlink_to(tmp_path)

    def ask(wanted: str) -> subprocess.CompletedProcess[bytes]:
        environment = {**os.environ, "SSH_ORIGINAL_COMMAND": wanted}
        return subprocess.run(["sh", "-c", line], env=environment, capture_output=True, check=False)

    assert copy.names_from(ask("list acme").stdout) == {name.encode()}
    for refused in ("list ../acme", "list", "", "list .", "id acme"):
        done = ask(refused)
        assert (done.returncode, done.stdout) == (64, b""), refused
    for absent in ("sh -c id", "list nobody", "receive nobody", "list link", "list {name}"):
        done = ask(absent)
        assert (done.returncode, done.stdout) == (66, b""), absent
    assert not (tmp_path / "it's" / "nobody").exists()


@pytest.mark.parametrize("folder", ["/srv/x{name}/y", "/srv/{name}/{name}", "srv/{name}", "/srv/{}/y", "/srv/{tenant}"])
def test_a_folder_in_which_the_name_is_no_whole_part_is_refused(folder: str) -> None:
    with pytest.raises(InputError, match="one whole part"):
        copy.forced_command(folder)


def test_names_and_sums_survive_the_pipe() -> None:
    assert copy.names_from(copy.names_to([b"a", b"b\nc"])) == {b"a", b"b\nc"}
    sums = copy.sums_from(b"%s  ./a b\0%s  ./c\nd\0" % (b"0" * 40, b"1" * 40))
    assert sums == {b"a b": "0" * 40, b"c\nd": "1" * 40}
