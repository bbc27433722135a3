# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host's own files tell: memory, processors, and whether a directory lies on an encrypted device."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

CRYPT = "CRYPT-"


def memory_mb(meminfo: Path = Path("/proc/meminfo")) -> int:
    for line in meminfo.read_text().splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) // 1024
    return 0


def cpus() -> int:
    return os.cpu_count() or 1


def has_data(directory: Path) -> bool:
    """Whether there is anything in a data directory: half a copy counts, since somebody wanted it."""
    return directory.is_dir() and any(directory.iterdir())


def existing(path: Path) -> Path:
    """The path, or its nearest parent that exists."""
    return next(candidate for candidate in (path, *path.parents) if candidate.exists())


def device_of(path: Path, mountinfo: Path = Path("/proc/self/mountinfo")) -> tuple[str, str]:
    """What is mounted where a path lies (or will lie): the source, and the device's number ``major:minor``."""
    target = existing(path).resolve()
    best, source, number = -1, "", ""
    for line in mountinfo.read_text().splitlines():
        fields, rest = line.split(" - ", 1)
        mount_point = Path(fields.split()[4].encode().decode("unicode_escape"))
        if (target == mount_point or mount_point in target.parents) and len(mount_point.parts) >= best:
            best, source, number = len(mount_point.parts), rest.split()[1], fields.split()[2]
    return source, _real_number(source) or number


def _real_number(source: str) -> str:
    """The number of the device behind a source: btrfs and the like show an anonymous one in mountinfo."""
    try:
        device = Path(source).stat().st_rdev if source.startswith("/") else 0
    except OSError:
        return ""
    return f"{os.major(device)}:{os.minor(device)}" if device else ""


def encrypted(number: str, sys: Path = Path("/sys")) -> bool | None:
    """Whether everything that a block device stands on is dm-crypt. None: there is no such device to be seen."""
    node = sys / "dev" / "block" / number
    if not number or not node.exists():
        return None
    return _encrypted(node)


def _encrypted(node: Path) -> bool:
    identity = node / "dm" / "uuid"
    if identity.is_file() and identity.read_text().startswith(CRYPT):
        return True
    below = list(_slaves(node))
    return bool(below) and all(_encrypted(slave) for slave in below)


def _slaves(node: Path) -> Iterator[Path]:
    folder = node / "slaves"
    if folder.is_dir():
        yield from (entry.resolve() for entry in folder.iterdir())
    elif (node / "partition").is_file():  # a partition stands on its disk
        yield node.resolve().parent
