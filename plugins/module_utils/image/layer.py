# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layers: tar archives whose bytes depend on their content alone, compressed and digested in one pass."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import tarfile
import threading
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from ansible_collections.erpops.odoo.plugins.module_utils.image.client import BuildError
from ansible_collections.erpops.odoo.plugins.module_utils.image.model import Blob

CHUNK = 1 << 20
A_YEAR = 365 * 24 * 3600


class _Digesting:
    """Passes bytes on and digests them."""

    def __init__(self, target: IO[bytes]) -> None:
        self._target = target
        self._digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        self._digest.update(data)
        self.size += len(data)
        self._target.write(data)
        return len(data)

    @property
    def digest(self) -> str:
        return "sha256:" + self._digest.hexdigest()


def compress(produce: Callable[[_Digesting], None], target: Path) -> Blob:
    """What ``produce`` writes, with zstd, as ``target``. zstd's output does not depend on the number of threads."""
    with (
        target.open("wb") as stream,
        subprocess.Popen(["zstd", "-q", "-T0", "-3", "-c"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program,
    ):
        if program.stdin is None or program.stdout is None:
            raise BuildError("the compressor was started without its pipes.")
        stored = _Digesting(stream)
        reader = threading.Thread(target=_drain, args=(program.stdout, stored))
        reader.start()
        archive = _Digesting(program.stdin)
        try:
            produce(archive)
        finally:
            program.stdin.close()
            reader.join()
    if program.returncode:
        raise BuildError(f"zstd failed ({program.returncode}).")
    return Blob(digest=stored.digest, size=stored.size, diff_id=archive.digest)


def _drain(source: IO[bytes], target: _Digesting) -> None:
    while chunk := source.read(CHUNK):
        target.write(chunk)


def tree(root: Path, epoch: int) -> Callable[[_Digesting], None]:
    """The file system under ``root``; what is newer than ``epoch`` was made by the build and gets its date."""

    def produce(target: _Digesting) -> None:
        command = ["tar", "--create", "--sort=name", "--format=gnu", "--numeric-owner", f"--mtime=@{epoch}"]
        command += ["--clamp-mtime", "--directory", str(root), "."]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as program:
            if program.stdout is None:
                raise BuildError("tar was started without its pipe.")
            _drain(program.stdout, target)
        if program.returncode:
            raise BuildError(f"tar failed ({program.returncode}) on {root}.")

    return produce


def files(contents: Mapping[str, tuple[bytes, bool]], epoch: int) -> Callable[[_Digesting], None]:
    """Files by path, each with its bytes and whether it is executable, owned by root and readable by all.

    Web servers tell browsers a static file's version by its date and size, so the date must follow the content.
    """

    def produce(target: _Digesting) -> None:
        made: set[str] = set()
        with tarfile.open(fileobj=_Writable(target), mode="w|", format=tarfile.GNU_FORMAT) as archive:
            for path in sorted(contents):
                for folder in _parents(path):
                    if folder not in made:
                        made.add(folder)
                        archive.addfile(_entry(folder, tarfile.DIRTYPE, 0o755, epoch))
                data, executable = contents[path]
                moment = epoch - zlib.crc32(data) % A_YEAR
                entry = _entry(path, tarfile.REGTYPE, 0o755 if executable else 0o644, moment)
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))

    return produce


class _Writable(io.RawIOBase):
    def __init__(self, target: _Digesting) -> None:
        self._target = target

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        return self._target.write(bytes(data))  # type: ignore[call-overload]


def _parents(path: str) -> list[str]:
    parts = path.strip("/").split("/")[:-1]
    return ["/".join(parts[: number + 1]) for number in range(len(parts))]


def _entry(path: str, kind: bytes, mode: int, moment: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(path.strip("/"))
    entry.type = kind
    entry.mode = mode
    entry.mtime = moment
    return entry


def newest_before(root: Path, moment: float) -> int:
    """The newest modification time under ``root`` that is older than ``moment``."""
    newest = 0.0
    for folder, _names, names in os.walk(root):
        for name in names:
            found = Path(folder, name).lstat().st_mtime
            if newest < found < moment:
                newest = found
    return int(newest)
