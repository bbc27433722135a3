# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.host import file_plan
from ansible_collections.erpops.odoo.plugins.module_utils.host.model import (
    ABSENT,
    Entry,
    Found,
    WantedDirectory,
    WantedFile,
    directory_from,
    file_from,
)

FILE = Entry(kind="file", mode=0o644, owner="root", group="root", content=b"x\n")
FOLDER = Entry(kind="directory", mode=0o755, owner="root", group="root")


def file(path: str = "/a/f", **fields: Any) -> WantedFile:
    return WantedFile(**{"path": path, "content": b"x\n", **fields})


def plan(
    files: list[WantedFile], entries: dict[str, Entry], directories: tuple[WantedDirectory, ...] = (), **found: Any
) -> list[tuple[str, str, str]]:
    paths = [*(item.path for item in files), *(item.path for item in directories)]
    entries = {**dict.fromkeys(paths, ABSENT), **entries}
    changes = file_plan.plan(directories, files, Found(entries=entries, **found))
    return [(item.verb, item.subject, item.detail) for item in map(file_plan.action, changes)]


@pytest.mark.parametrize(
    ("wanted", "before", "expected"),
    [
        (file(), ABSENT, [("create", "file /a/f", "")]),
        (file(), FILE, []),
        (file(content=b"y\n"), FILE, [("alter", "file /a/f", "content")]),
        (file(mode=0o600), FILE, [("alter", "file /a/f", "mode 0644 -> 0600")]),
        (file(owner="redis"), FILE, [("alter", "file /a/f", "owner root -> redis")]),
        (file(group="redis"), FILE, [("alter", "file /a/f", "group root -> redis")]),
        (file(), Entry(kind="link", target="g"), [("alter", "file /a/f", "was a link")]),
        (file(content=None, link="g"), ABSENT, [("create", "link /a/f", "")]),
        (file(content=None, link="g"), Entry(kind="link", target="g"), []),
        (file(content=None, link="g"), Entry(kind="link", target="h"), [("alter", "link /a/f", "target h -> g")]),
        (file(content=None, link="g"), FILE, [("alter", "link /a/f", "was a file")]),
        (file(absent=True), FILE, [("remove", "file /a/f", "")]),
        (file(absent=True), ABSENT, []),
    ],
)
def test_file(wanted: WantedFile, before: Entry, expected: list[tuple[str, str, str]]) -> None:
    assert plan([wanted], {"/a/f": before}) == expected


def test_defaults_are_root_and_the_usual_modes() -> None:
    (change,) = file_plan.plan([], [file()], Found(entries={"/a/f": ABSENT}))
    assert change.after == FILE
    (made,) = file_plan.plan([directory_from({"path": "/a"})], [], Found(entries={"/a": ABSENT}))
    assert made.after == FOLDER


def test_order_is_directories_down_files_then_removals_up() -> None:
    directories = (
        WantedDirectory(path="/new/below"),
        WantedDirectory(path="/new"),
        WantedDirectory(path="/old", absent=True),
        WantedDirectory(path="/old/below", absent=True),
    )
    found = plan(
        [file("/old/f", absent=True), file("/new/f")],
        {"/old": FOLDER, "/old/below": FOLDER, "/old/f": FILE},
        directories,
    )
    assert [subject for _verb, subject, _detail in found] == [
        "directory /new",
        "directory /new/below",
        "file /new/f",
        "file /old/f",
        "directory /old/below",
        "directory /old",
    ]


def test_exclusive_directory_loses_undeclared_files_that_match() -> None:
    entries = {"/a": FOLDER, "/a/f.conf": FILE, "/a/g.conf": FILE, "/a/notes": FILE}
    directory = WantedDirectory(path="/a", exclusive=True, pattern="*.conf")
    listings = {"/a": ("/a/f.conf", "/a/g.conf", "/a/notes")}
    assert plan([file("/a/f.conf")], entries, (directory,), listings=listings) == [("remove", "file /a/g.conf", "")]
    everything = replace(directory, pattern="*")
    assert len(plan([file("/a/f.conf")], entries, (everything,), listings=listings)) == 2
    shared = replace(directory, exclusive=False)
    assert plan([file("/a/f.conf")], entries, (shared,), listings=listings) == []


def test_a_file_declared_absent_in_an_exclusive_directory_goes_once() -> None:
    entries = {"/a": FOLDER, "/a/f": FILE}
    directory = WantedDirectory(path="/a", exclusive=True)
    assert plan([file("/a/f", absent=True)], entries, (directory,), listings={"/a": ("/a/f",)}) == [
        ("remove", "file /a/f", "")
    ]


@pytest.mark.parametrize(
    ("text", "block", "expected"),
    [
        (b"", b"x", b"# BEGIN erpops n\nx\n# END erpops n\n"),
        (b"a", b"x\n", b"a\n# BEGIN erpops n\nx\n# END erpops n\n"),
        (b"a\n# BEGIN erpops n\nold\n# END erpops n\nb\n", b"x", b"a\n# BEGIN erpops n\nx\n# END erpops n\nb\n"),
        (b"a\n# BEGIN erpops n\nold\n# END erpops n\nb\n", b"", b"a\nb\n"),
        (b"a\n", b"", b"a\n"),
        (b"# BEGIN erpops nn\no\n# END erpops nn\n", b"", b"# BEGIN erpops nn\no\n# END erpops nn\n"),
    ],
)
def test_block(text: bytes, block: bytes, expected: bytes) -> None:
    done = file_plan.with_block(text, "n", block)
    assert done == expected
    assert file_plan.with_block(done, "n", block) == done


def test_a_block_keeps_the_file_s_mode_and_owner_unless_told() -> None:
    before = replace(FILE, mode=0o600, owner="me")
    (change,) = file_plan.plan([], [file(block="n")], Found(entries={"/a/f": before}))
    assert (change.after.mode, change.after.owner) == (0o600, "me")
    (told,) = file_plan.plan([], [file(block="n", mode=0o644)], Found(entries={"/a/f": before}))
    assert told.after.mode == 0o644


def test_an_absent_block_makes_no_file() -> None:
    assert plan([file(block="n", absent=True)], {}) == []


def test_changed_files_are_those_with_new_content() -> None:
    entries = {"/a": ABSENT, "/a/f": FILE, "/a/g": FILE, "/a/h": FILE, "/a/l": ABSENT}
    wanted = [
        file("/a/f", content=b"new"),
        file("/a/g", mode=0o600),
        file("/a/h", absent=True),
        file("/a/l", content=None, link="x"),
    ]
    changes = file_plan.plan([WantedDirectory(path="/a")], wanted, Found(entries=entries))
    assert file_plan.changed_files(changes) == ["/a/f", "/a/l", "/a/h"]


def test_snapshot_shows_lines_and_hides_secrets() -> None:
    entries = {"/a/f": ABSENT, "/a/s": FILE}
    secret = file("/a/s", content=b"hunter2", secret=True)
    changes = file_plan.plan([], [file(content=b"one\ntwo\n"), secret], Found(entries=entries))
    after = file_plan.snapshot(changes, after=True)
    assert after["/a/f"] == {
        "state": "file",
        "mode": "0644",
        "owner": "root",
        "group": "root",
        "content": ["one", "two"],
    }
    assert "hunter2" not in str(after)
    before = file_plan.snapshot(changes, after=False)
    assert before["/a/f"] == {"state": "absent"}
    assert before["/a/s"]["content"] != after["/a/s"]["content"]
    assert before["/a/s"]["content"].startswith("(secret")


@pytest.mark.parametrize(
    ("directories", "files", "field", "cure"),
    [
        ([{"path": "a"}], [], "directories[0].path", "absolute"),
        ([{"path": "/a/../b"}], [], "directories[0].path", "absolute"),
        ([{"path": "/a"}, {"path": "/a"}], [], "directories[1].path", "twice"),
        ([{"path": "/a", "mode": "rwx"}], [], "directories[0].mode", "octal"),
        ([{"path": "/a", "mode": "77777"}], [], "directories[0].mode", "octal"),
        ([{"path": "/etc", "state": "absent"}], [], "directories[0]", "never removed"),
        ([], [{"path": "/a"}], "files[0]", "either"),
        ([], [{"path": "/a", "content": "", "link": "b"}], "files[0]", "either"),
        ([], [{"path": "/a", "link": "b", "block": "n"}], "files[0].block", "no block"),
        ([], [{"path": "/a", "content": "", "validate": ["x"]}], "files[0].validate", "%s"),
        ([{"path": "/a"}], [{"path": "/a", "content": ""}], "files[0].path", "twice"),
    ],
)
def test_input_problems(directories: list[Any], files: list[Any], field: str, cure: str) -> None:
    (problem,) = file_plan.input_problems(directories, files)
    assert problem.field == field
    assert cure in problem.cure


def test_good_input_has_no_problems_and_all_bad_ones_are_told() -> None:
    good = {"path": "/a/f", "content": "x", "mode": "0640", "validate": ["check", "%s"]}
    assert file_plan.input_problems([{"path": "/a"}], [good, {"path": "/b", "state": "absent"}]) == ()
    assert len(file_plan.input_problems([{"path": "a"}], [{"path": "b"}])) == 3


def test_system_problems_are_assumed_away_only_in_check_mode() -> None:
    found = Found(
        entries={"/a/f": ABSENT},
        missing_parents=frozenset({"/a"}),
        missing_owners=frozenset({"o"}),
        missing_groups=frozenset({"g"}),
    )
    assert [problem.subject for problem in file_plan.system_problems([], [file()], found, assume=False)] == [
        "directory /a",
        "owner o",
        "group g",
    ]
    assert file_plan.system_problems([], [file()], found, assume=True) == ()
    assert file_plan.assumed(found) == ["directory /a", "owner o", "group g"]


@pytest.mark.parametrize("assume", [True, False])
def test_something_else_in_the_place_is_refused(assume: bool) -> None:
    found = Found(entries={"/a": FILE, "/b": FOLDER}, mounts=frozenset({"/c/m"}))
    problems = file_plan.system_problems([WantedDirectory(path="/a")], [file("/b")], found, assume=assume)
    assert [problem.subject for problem in problems] == ["directory /c/m", "directory /a", "file /b"]


def test_values_are_read() -> None:
    wanted = file_from({"path": "/a", "content": "ü", "mode": "0600", "state": "present", "validate": None})
    assert wanted == WantedFile(path="/a", content="ü".encode(), mode=0o600)
