# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much a tenant's filestore holds; with its database it is added up in ``tenant/quota.py``."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """``limit_gb`` is the tenant's, for database and filestore together."""

    name: str
    filestore_bytes: int
    files: int
    limit_gb: int | None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def measure(name: str, directory: str, limit_gb: int | None) -> Usage:
    size, files = tree_size(directory)
    return Usage(name=name, filestore_bytes=size, files=files, limit_gb=limit_gb)


def tree_size(directory: str) -> tuple[int, int]:
    """Bytes and number of the files below a directory, without links and without what vanishes meanwhile."""
    size = files = 0
    pending = [directory]
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                    elif entry.is_file(follow_symlinks=False):
                        size += entry.stat(follow_symlinks=False).st_size
                        files += 1
        except (FileNotFoundError, NotADirectoryError):
            continue
    return size, files
