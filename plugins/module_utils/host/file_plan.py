# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wanted files and what is there -> the changes, in the order in which they are safe."""

from __future__ import annotations

import fnmatch
import hashlib
import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import Action
from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import Problem
from ansible_collections.erpops.odoo.plugins.module_utils.host.model import (
    ABSENT,
    FILE_MODE,
    Change,
    Entry,
    Found,
    WantedDirectory,
    WantedFile,
    mode_from,
)


def input_problems(directories: Sequence[Mapping[str, Any]], files: Sequence[Mapping[str, Any]]) -> tuple[Problem, ...]:
    """What is wrong with the options by themselves; they must pass before they become values."""
    problems: list[Problem] = []
    seen: set[str] = set()
    for option, values in (("directories", directories), ("files", files)):
        for index, value in enumerate(values):
            path, place = value["path"], f"{option}[{index}]"
            problems += _path_problems(path, f"{place}.path", seen)
            problems += _mode_problems(path, f"{place}.mode", value.get("mode"))
            if option == "files":
                problems += _file_problems(path, place, value)
            elif value.get("state") == "absent" and path.count("/") < 2:
                problems.append(Problem(f"path {path}", place, "absent", "A top-level directory is never removed."))
            seen.add(path)
    return tuple(problems)


def _path_problems(path: str, place: str, seen: set[str]) -> Iterator[Problem]:
    if not path.startswith("/") or posixpath.normpath(path) != path or path == "/":
        yield Problem(f"path {path}", place, path, "Give an absolute path without '..', '//' or a slash at its end.")
    if path in seen:
        yield Problem(f"path {path}", place, path, "It is declared twice: keep one of them.")


def _mode_problems(path: str, place: str, mode: str | None) -> Iterator[Problem]:
    try:
        mode_from(mode or "0")
    except ValueError:
        yield Problem(f"path {path}", place, str(mode), "Give the mode in octal, quoted: '0640'.")


def _file_problems(path: str, place: str, value: Mapping[str, Any]) -> Iterator[Problem]:
    given = [key for key in ("content", "link") if value.get(key) is not None]
    if value.get("state") == "absent":
        return
    if len(given) != 1:
        yield Problem(f"path {path}", place, " and ".join(given), "Give either 'content' or 'link'.")
    elif value.get("block") and "link" in given:
        yield Problem(f"path {path}", f"{place}.block", value["block"], "A link has no block: give 'content'.")
    validate = value.get("validate")
    if validate and "%s" not in validate:
        cure = "One of the arguments must be %s: it stands for the new file."
        yield Problem(f"path {path}", f"{place}.validate", " ".join(validate), cure)


def system_problems(
    directories: Sequence[WantedDirectory], files: Sequence[WantedFile], found: Found, *, assume: bool
) -> tuple[Problem, ...]:
    """What the host does not allow. ``assume``: what an earlier, only predicted step would bring is no problem."""
    problems: list[Problem] = []
    if not assume:
        problems += [
            Problem(f"directory {parent}", "", "", "It does not exist: list it under 'directories'.")
            for parent in sorted(found.missing_parents)
        ]
        problems += [
            Problem(f"owner {name}", "", "", "There is no such user: create it before its files.")
            for name in sorted(found.missing_owners)
        ]
        problems += [
            Problem(f"group {name}", "", "", "There is no such group: create it before its files.")
            for name in sorted(found.missing_groups)
        ]
    problems += [
        Problem(f"directory {mount}", "", "a mount point", "It lies in a directory that shall go: unmount it first.")
        for mount in sorted(found.mounts)
    ]
    for directory in directories:
        kind = found.entries[directory.path].kind
        if kind not in ("absent", "directory"):
            cure = "Something else is in the directory's place: move it away."
            problems.append(Problem(f"directory {directory.path}", "", kind, cure))
    for file in files:
        kind = found.entries[file.path].kind
        if kind in ("directory", "other"):
            cure = "Something else is in the file's place: move it away."
            problems.append(Problem(f"file {file.path}", "", kind, cure))
    return tuple(problems)


def plan(directories: Sequence[WantedDirectory], files: Sequence[WantedFile], found: Found) -> tuple[Change, ...]:
    """Directories from the top down, then files, then what goes away, from the bottom up."""
    made = [
        _change(directory.path, found.entries[directory.path], _directory_entry(directory))
        for directory in sorted(directories, key=lambda item: item.path)
        if not directory.absent
    ]
    written = [
        _change(file.path, found.entries[file.path], _file_entry(file, found.entries[file.path]), file)
        for file in files
    ]
    gone = [
        _change(directory.path, found.entries[directory.path], ABSENT)
        for directory in sorted(directories, key=lambda item: item.path, reverse=True)
        if directory.absent
    ]
    removed = [_change(path, found.entries[path], ABSENT) for path in _undeclared(directories, files, found)]
    kept = [change for change in written if change.after.kind != "absent"]
    dropped = [change for change in written if change.after.kind == "absent"]
    return tuple(change for change in [*made, *kept, *dropped, *removed, *gone] if change.before != change.after)


def _undeclared(directories: Iterable[WantedDirectory], files: Iterable[WantedFile], found: Found) -> tuple[str, ...]:
    declared = {file.path for file in files}
    return tuple(
        path
        for directory in directories
        if directory.exclusive and not directory.absent
        for path in sorted(found.listings.get(directory.path, ()))
        if path not in declared and fnmatch.fnmatchcase(posixpath.basename(path), directory.pattern)
    )


def _directory_entry(wanted: WantedDirectory) -> Entry:
    return Entry(kind="directory", mode=wanted.mode, owner=wanted.owner, group=wanted.group)


def _file_entry(wanted: WantedFile, before: Entry) -> Entry:
    if wanted.block is not None:
        return _block_entry(wanted, wanted.block, before)
    if wanted.absent:
        return ABSENT
    if wanted.link is not None:
        return Entry(kind="link", target=wanted.link)
    return Entry(
        kind="file",
        mode=FILE_MODE if wanted.mode is None else wanted.mode,
        owner=wanted.owner or "root",
        group=wanted.group or "root",
        content=wanted.content or b"",
    )


def _block_entry(wanted: WantedFile, name: str, before: Entry) -> Entry:
    content = b"" if wanted.absent else (wanted.content or b"")
    merged = with_block(before.content, name, content)
    if before.kind != "file":
        if not merged:
            return before
        before = Entry(kind="file", mode=FILE_MODE, owner="root", group="root")
    return Entry(
        kind="file",
        mode=before.mode if wanted.mode is None else wanted.mode,
        owner=wanted.owner or before.owner,
        group=wanted.group or before.group,
        content=merged,
    )


def with_block(text: bytes, name: str, block: bytes) -> bytes:
    """``text`` with the part between the block's marker lines replaced, appended, or taken away when it is empty."""
    begin, end = f"# BEGIN erpops {name}\n".encode(), f"# END erpops {name}\n".encode()
    if text and not text.endswith(b"\n"):
        text += b"\n"
    head, found, rest = text.partition(begin)
    tail = rest.partition(end)[2] if found else b""
    if block and not block.endswith(b"\n"):
        block += b"\n"
    return head + (begin + block + end if block else b"") + tail


def _change(path: str, before: Entry, after: Entry, wanted: WantedFile | None = None) -> Change:
    parts: list[str] = []
    if before.kind == after.kind != "absent":
        if before.content != after.content:
            parts.append("content")
        if before.mode != after.mode:
            parts.append(f"mode {before.mode:04o} -> {after.mode:04o}")
        for name in ("owner", "group", "target"):
            old, new = getattr(before, name), getattr(after, name)
            if old != new:
                parts.append(f"{name} {old} -> {new}")
    elif "absent" not in (before.kind, after.kind):
        parts.append(f"was a {before.kind}")
    return Change(
        path=path,
        before=before,
        after=after,
        parts=tuple(parts),
        secret=wanted is not None and wanted.secret,
        validate=wanted.validate if wanted is not None else (),
    )


def action(change: Change) -> Action:
    if change.before.kind == "absent":
        return Action("create", f"{change.after.kind} {change.path}")
    if change.after.kind == "absent":
        return Action("remove", f"{change.before.kind} {change.path}")
    return Action("alter", f"{change.after.kind} {change.path}", ", ".join(change.parts))


def changed_files(changes: Iterable[Change]) -> list[str]:
    """Files and links whose content is new or gone: what their units have to be told of."""
    return [
        change.path
        for change in changes
        if change.rewritten and "directory" not in (change.before.kind, change.after.kind)
    ]


def snapshot(changes: Iterable[Change], *, after: bool) -> dict[str, Any]:
    """Either side of the diff: the changed paths, content as lines, secret content as a digest."""
    return {change.path: _shown(change.after if after else change.before, change.secret) for change in changes}


def _shown(entry: Entry, secret: bool) -> dict[str, Any]:
    if entry.kind == "absent":
        return {"state": "absent"}
    if entry.kind == "link":
        return {"state": "link", "target": entry.target}
    shown: dict[str, Any] = {
        "state": entry.kind,
        "mode": f"{entry.mode:04o}",
        "owner": entry.owner,
        "group": entry.group,
    }
    if entry.kind == "file" and secret:
        shown["content"] = f"(secret, sha256 {hashlib.sha256(entry.content).hexdigest()[:12]})"
    elif entry.kind == "file":
        shown["content"] = entry.content.decode(errors="backslashreplace").splitlines()
    return shown


def assumed(found: Found) -> list[str]:
    """What does not exist (yet), in words. Empty in a real run, where it would have been refused."""
    return [
        *(f"directory {parent}" for parent in sorted(found.missing_parents)),
        *(f"owner {name}" for name in sorted(found.missing_owners)),
        *(f"group {name}" for name in sorted(found.missing_groups)),
    ]
