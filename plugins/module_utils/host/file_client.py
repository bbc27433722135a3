# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads files and brings them to their wanted state: no reader ever sees half a file."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Problem
from ansible_collections.erpops.odoo.plugins.module_utils.host.model import (
    ABSENT,
    Change,
    Entry,
    Found,
    WantedDirectory,
    WantedFile,
)

VALIDATE_SECONDS = 60


def user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def user_id(name: str) -> int | None:
    try:
        return int(name) if name.isdigit() else pwd.getpwnam(name).pw_uid
    except KeyError:
        return None


def group_id(name: str) -> int | None:
    try:
        return int(name) if name.isdigit() else grp.getgrnam(name).gr_gid
    except KeyError:
        return None


def _canonical_user(name: str) -> str:
    uid = user_id(name)
    return name if uid is None else user_name(uid)


def _canonical_group(name: str) -> str:
    gid = group_id(name)
    return name if gid is None else group_name(gid)


def canonical_file(wanted: WantedFile) -> WantedFile:
    """Owners in the form in which ``entry`` reports them."""
    return replace(
        wanted,
        owner=wanted.owner and _canonical_user(wanted.owner),
        group=wanted.group and _canonical_group(wanted.group),
    )


def canonical_directory(wanted: WantedDirectory) -> WantedDirectory:
    return replace(wanted, owner=_canonical_user(wanted.owner), group=_canonical_group(wanted.group))


def entry(path: str, *, follow: bool = False) -> Entry:
    """What is at ``path``. ``follow``: a link to a directory counts as the directory."""
    try:
        status = Path(path).stat(follow_symlinks=follow)
    except (FileNotFoundError, NotADirectoryError):
        return ABSENT
    if stat.S_ISLNK(status.st_mode):
        return Entry(kind="link", target=str(Path(path).readlink()))
    if stat.S_ISREG(status.st_mode):
        return _owned(Entry(kind="file", content=Path(path).read_bytes()), status)
    if stat.S_ISDIR(status.st_mode):
        return _owned(Entry(kind="directory"), status)
    return Entry(kind="other")


def _owned(value: Entry, status: os.stat_result) -> Entry:
    return replace(
        value,
        mode=stat.S_IMODE(status.st_mode),
        owner=user_name(status.st_uid),
        group=group_name(status.st_gid),
    )


def observe(directories: Sequence[WantedDirectory], files: Sequence[WantedFile]) -> Found:
    entries = {directory.path: entry(directory.path, follow=True) for directory in directories}
    entries |= {file.path: entry(file.path) for file in files}
    listings = {item.path: _files_in(item.path) for item in directories if item.exclusive}
    for paths in listings.values():
        entries |= {path: entry(path) for path in paths if path not in entries}
    items: list[WantedDirectory | WantedFile] = [*directories, *files]
    wanted = [item for item in items if not item.absent]
    declared = {item.path for item in directories if not item.absent}
    parents = {str(Path(item.path).parent) for item in wanted} - declared
    return Found(
        entries=entries,
        listings=listings,
        missing_parents=frozenset(parent for parent in parents if not Path(parent).is_dir()),
        missing_owners=frozenset(item.owner for item in wanted if item.owner and user_id(item.owner) is None),
        missing_groups=frozenset(item.group for item in wanted if item.group and group_id(item.group) is None),
        mounts=frozenset(mount for item in directories if item.absent for mount in _mounts_in(item.path)),
    )


def _mounts_in(directory: str) -> Iterator[str]:
    """Mount points at or below a directory: removing it would empty another file system."""
    for folder, _folders, _files in os.walk(directory):
        if os.path.ismount(folder):
            yield folder


def _files_in(directory: str) -> tuple[str, ...]:
    try:
        with os.scandir(directory) as items:
            return tuple(item.path for item in items if not item.is_dir(follow_symlinks=False))
    except (FileNotFoundError, NotADirectoryError):
        return ()


def apply(changes: Sequence[Change]) -> None:
    """All new content is written aside and validated before the first file goes live."""
    for change in changes:
        if change.after.kind == "directory":
            _make_directory(change)
    written = [change for change in changes if change.after.kind in ("file", "link") and change.rewritten]
    try:
        for change in written:
            _stage(change)
        problems = [problem for change in written for problem in _refusals(change)]
        if problems:
            raise InputError("New files were refused by their validation, nothing went live.", problems)
        for change in written:
            _aside(change.path).replace(change.path)
    finally:
        for change in written:
            _aside(change.path).unlink(missing_ok=True)
    _sync({str(Path(change.path).parent) for change in written})
    for change in changes:
        if change.after.kind == "absent":
            _remove(change)
        elif change.after.kind == "file" and not change.rewritten:
            _attributes(change.path, change.after)


def _aside(path: str) -> Path:
    """Always the same name, so that what a killed run left is taken over by the next."""
    return Path(path).with_name(f".{Path(path).name}.erpops-new")


def _make_directory(change: Change) -> None:
    if change.before.kind == "absent":
        Path(change.path).mkdir(mode=0o700)
    _attributes(change.path, change.after)


def _stage(change: Change) -> None:
    aside = _aside(change.path)
    aside.unlink(missing_ok=True)
    if change.after.kind == "link":
        aside.symlink_to(change.after.target)
        return
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(change.after.content)
        stream.flush()
        _attributes(str(aside), change.after)
        os.fsync(descriptor)


def _attributes(path: str, wanted: Entry) -> None:
    os.chown(path, _known(user_id(wanted.owner)), _known(group_id(wanted.group)))
    Path(path).chmod(wanted.mode)


def _known(number: int | None) -> int:
    # -1 leaves the owner alone; names that do not exist were refused before.
    return -1 if number is None else number


def _refusals(change: Change) -> Iterable[Problem]:
    if not change.validate:
        return
    command = [argument.replace("%s", str(_aside(change.path))) for argument in change.validate]
    subject, cure = f"file {change.path}", "Correct the file; the live one was left as it is."
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=VALIDATE_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        yield Problem(subject, "validate", str(error), cure)
        return
    if done.returncode:
        said = "(secret)" if change.secret else (done.stderr.strip() or done.stdout.strip())[-2000:]
        yield Problem(subject, "validate", f"{change.validate[0]} ended with {done.returncode}: {said}", cure)


def _remove(change: Change) -> None:
    path = Path(change.path)
    if change.before.kind == "directory" and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    _sync({str(path.parent)})


def _sync(directories: Iterable[str]) -> None:
    for directory in directories:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
