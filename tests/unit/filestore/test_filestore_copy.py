# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The copy with the real shell, tar, find and sha1sum of this machine on both sides."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
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
    for refused in ("list ../acme", "list", "", "list .", "id acme", r"list \056\056/acme", "sh"):
        done = ask(refused)
        assert (done.returncode, done.stdout) == (64, b""), refused
    for elsewhere in ("sh -c id", f"list acme {tmp_path}", "list acme /", "list acme $(id)"):
        done = ask(elsewhere)
        assert (done.returncode, done.stdout) == (77, b""), elsewhere


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
    assert ask("sh -c id").returncode == copy.NOT_ALLOWED
    for absent in ("list nobody", "receive nobody", "list link", "list {name}"):
        done = ask(absent)
        assert (done.returncode, done.stdout) == (66, b""), absent
    assert not (tmp_path / "it's" / "nobody").exists()


@pytest.mark.parametrize("folder", ["/srv/x{name}/y", "/srv/{name}/{name}", "srv/{name}", "/srv/{}/y", "/srv/{tenant}"])
def test_a_folder_in_which_the_name_is_no_whole_part_is_refused(folder: str) -> None:
    with pytest.raises(InputError, match="one whole part"):
        copy.forced_command(folder)


def test_a_key_reaches_the_folders_that_it_is_told_and_no_other(tmp_path: Path) -> None:
    folders = [str(tmp_path / name) for name in ("first", 'it\'s a \\ "second"')]
    for number, folder in enumerate(folders):
        store(Path(folder) / "acme prod", b"of %d" % number)
    line = copy.forced_command(folders).replace('\\"', '"').replace("\\\\", "\\")
    script = tmp_path / "ssh"
    script.write_text(f"#!/bin/sh\nSSH_ORIGINAL_COMMAND=$1 exec sh -c {shlex.quote(line)}\n")
    script.chmod(0o755)
    for number, folder in enumerate(folders):
        giver = Place(folder=folder, name="acme prod", command=(str(script),), forced=True)
        copied(giver, Place(folder=str(tmp_path / f"new{number}"), name="acme"))
        assert list(files(tmp_path / f"new{number}" / "acme").values()) == [b"of %d" % number]
    giver = Place(folder=str(tmp_path), name="first", command=(str(script),), forced=True)
    with pytest.raises(ErpopsError, match=r"this key may not reach folder .*run wave_access"):
        copied(giver, Place(folder=str(tmp_path / "new"), name="acme"))
    unnamed = subprocess.run([script, "list acme"], capture_output=True, check=False)
    assert (unnamed.returncode, unnamed.stdout) == (copy.NOT_ALLOWED, b"")


def test_ready_names_every_folder_and_tool_that_is_not_there(tmp_path: Path) -> None:
    here, gone = tmp_path / "here", tmp_path / "gone" / "filestore"
    (tmp_path / "data").mkdir()
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "cat", "echo", "base64", "tar", "find", "mv", "mkdir", "rm", "chown", "id", "openssl"):
        (tools / name).symlink_to(shutil.which(name) or name)

    def ready(*folders: Path | str, path: str = os.environ["PATH"]) -> tuple[int, str]:
        line = copy.forced_command([str(folder) for folder in folders]).replace('\\"', '"').replace("\\\\", "\\")
        environment = {"PATH": path, "SSH_ORIGINAL_COMMAND": "ready"}
        done = subprocess.run(["/bin/sh", "-c", line], env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stderr

    assert ready(tmp_path / "data" / "filestore", "/srv/{name}/filestore") == (0, "")  # a data_dir that is new
    assert ready(here.parent, gone) == (66, f"no folder {gone} on this host\n")
    assert ready("/srv/{name}/filestore", path=str(tools)) == (69, "not on this host: xargs\n")
    (tools / "xargs").symlink_to(shutil.which("xargs") or "")
    (tools / "openssl").unlink()
    assert ready(tmp_path, path=str(tools)) == (69, "not on this host: sha1sum\n")


def test_a_folder_without_any_file_that_the_database_knows_is_an_error(
    places: tuple[Place, Place], tmp_path: Path
) -> None:
    giver, taker = places
    with pytest.raises(ErpopsError, match=r"knows 2 files, and it has no file at all(?s:.)*filestores in wave_members"):
        copied(giver, taker, "ab/abcd", "ab/abce")
    store(tmp_path / "old" / "acme_prod", b"of another database")
    with pytest.raises(ErpopsError, match=r"none of its 1 files is one of those"):
        copied(giver, taker, "ab/abcd")
    nowhere = Place(folder=str(tmp_path / "not" / "there"), name="acme_prod")
    with pytest.raises(ErpopsError, match=r"no folder .*/not/there on this host"):
        copied(nowhere, taker, "ab/abcd")
    assert not (tmp_path / "new").exists()
    assert copied(nowhere, taker).files == 0  # no attachment is in files: there may be no folder
    lost = copy_client.copy_missing(nowhere, taker, ["ab/abcd"], lambda: None, 30, lost=True)
    assert lost.missing == ["ab/abcd"]


def test_no_folder_is_made_where_the_data_are_not(places: tuple[Place, Place], tmp_path: Path) -> None:
    giver, _taker = places
    name = store(tmp_path / "old" / "acme_prod", b"more than a pipe takes" * 100_000)
    with pytest.raises(ErpopsError, match=r"receive failed with 66: no folder .*/wrong/filestore on this host"):
        copied(giver, Place(folder=str(tmp_path / "wrong" / "filestore"), name="acme_prod"), name)
    assert not (tmp_path / "wrong").exists()


@pytest.mark.parametrize("hidden", ["sha1sum", "openssl"])
def test_either_of_two_tools_makes_sums(
    places: tuple[Place, Place], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hidden: str
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "cat", "tar", "find", "xargs", "mv", "mkdir", "rm", "chown", "id", "openssl", "sha1sum"):
        if name != hidden:
            (tools / name).symlink_to(shutil.which(name) or name)
    old = tmp_path / "old" / "acme_prod"
    names = [store(old, b"good"), store(old, b"bad")]
    (old / names[1]).write_bytes(b"overwritten")
    monkeypatch.setenv("PATH", str(tools))
    assert copied(*places, *names).corrupt == [names[1]]
    assert files(tmp_path / "new" / "acme") == files(old)


def test_names_and_sums_survive_the_pipe() -> None:
    assert copy.names_from(copy.names_to([b"a", b"b\nc"])) == {b"a", b"b\nc"}
    sums = copy.sums_from(b"%s  ./a b\n\\%s  ./c\\nd\\\\n\n%s *./e\n" % (b"0" * 40, b"1" * 40, b"2" * 40))
    assert sums == {b"a b": "0" * 40, b"c\nd\\n": "1" * 40, b"e": "2" * 40}
    with pytest.raises(ErpopsError, match="cannot be read: sha1sum: no"):
        copy.sums_from(b"sha1sum: no\n")


def test_a_line_is_short_enough_for_the_oldest_sshd() -> None:
    assert len(copy.forced_command([f"/srv/{number}/{{name}}/filestore" for number in range(20)])) < 8000
