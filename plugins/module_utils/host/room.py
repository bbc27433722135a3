# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much room the disks of this host have below given folders."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def found(folders: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """By the name of each folder; of one that is not there, what it would be made in. device: the same for one disk."""
    return {name: _room(folder) for name, folder in folders.items()}


def _room(folder: str) -> dict[str, Any]:
    place = Path(folder)
    while not place.exists():
        place = place.parent
    disk = os.statvfs(place)
    return {
        "folder": folder,
        "free_bytes": disk.f_bavail * disk.f_frsize,
        "size_bytes": disk.f_blocks * disk.f_frsize,
        "device": str(place.stat().st_dev),
    }
