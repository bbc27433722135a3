# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Odoo images of the example inventories, built on this machine and cached."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import estate_files
from progress import Progress

PLAYBOOK = Path(__file__).with_name("images.yml")
RESULT = estate_files.ROOT / "build" / "images.json"


@dataclass(frozen=True)
class Image:
    """name: the key of ``odoo_image_references``. layout: an OCI layout in the cache."""

    name: str
    reference: str
    layout: str


def ensure(progress: Progress) -> list[Image]:
    command = ["ansible-playbook", str(PLAYBOOK), "-e", f"images_cache={estate_files.CACHE / 'images'}"]
    progress.run(
        [*command, "-e", f"images_result={RESULT}"], environment={**os.environ, "ANSIBLE_NOCOLOR": "1"}, shown=quiet
    )
    built = json.loads(RESULT.read_text(encoding="utf-8"))
    return [Image(item["name"], item["reference"], item["layout"]) for item in built]


def quiet(line: str) -> str | None:
    return line if line.startswith(("fatal", "ERROR", "[ERROR]")) else None


def store_arguments(built: list[Image]) -> list[str]:
    """What `lab images` takes."""
    return [f"{image.reference}={image.layout}" for image in built]


def variables(built: list[Image]) -> dict[str, Any]:
    return {"odoo_image_references": {image.name: image.reference for image in built}}
