# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries that wait on this host for the cluster: one file an operation, a line an entry, on disk before we go on."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from ansible_collections.erpops.odoo.plugins.module_utils.ledger.chain import canonical
from ansible_collections.erpops.odoo.plugins.module_utils.ledger.model import Pending

SUFFIX = ".jsonl"
TORN = ".torn"


class Spool:
    """The folder, locked while it is open: an entry is neither lost nor read half-written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.torn: list[str] = []

    def files(self) -> list[Path]:
        return sorted(self.folder.glob(f"*{SUFFIX}"))

    def entries(self) -> list[Pending]:
        """All of them, in the order in which they happened. A line that a kill cut short never counted as written."""
        found: list[Pending] = []
        for path in self.files():
            for line in path.read_text(encoding="utf-8").splitlines():
                entry = _parsed(line)
                if entry:
                    found.append(entry)
                else:
                    self.torn.append(f"{path.name}: {line[:80]}")
        return sorted(found, key=lambda entry: entry.at)

    def append(self, entry: Pending) -> None:
        path = self.folder / f"{entry.operation}{SUFFIX}"
        new = not path.exists()
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            start = "" if new or _ends_a_line(descriptor) else "\n"
            os.write(descriptor, f"{start}{canonical(asdict(entry))}\n".encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if new:
            _sync_folder(self.folder)

    def clear(self) -> None:
        """After the entries were committed elsewhere. Files with torn lines are kept beside, for whoever looks."""
        torn = {line.split(":", 1)[0] for line in self.torn}
        for path in self.files():
            if path.name in torn:
                path.rename(path.with_name(path.name + TORN))
            else:
                path.unlink()
        _sync_folder(self.folder)


@contextmanager
def opened(folder: Path) -> Iterator[Spool]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield Spool(folder)


def append_head(path: Path, line: str) -> None:
    """A line more in the file of heads; on disk before we go on."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, f"{line}\n".encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_lines(path: Path) -> Sequence[str]:
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _parsed(line: str) -> Pending | None:
    try:
        return Pending(**json.loads(line))
    except (ValueError, TypeError):
        return None


def _ends_a_line(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
