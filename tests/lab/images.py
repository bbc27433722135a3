# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Odoo images of the example inventories, built on this machine and cached."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import estate_files
from progress import Progress, shown_of_ansible

INVENTORY = Path(__file__).with_name("images.yml")
RESULT = estate_files.ROOT / "build" / "images.json"


@dataclass(frozen=True)
class Image:
    """name: the key of ``odoo_image_references``. layout: an OCI layout in the cache."""

    name: str
    reference: str
    layout: str


def ensure(progress: Progress, more: Sequence[Path] = ()) -> list[Image]:
    """Builds what is missing; takes seconds where nothing is. ``more``: files of variables beside the inventory's."""
    cache = estate_files.CACHE / "images"
    command = ["ansible-playbook", "erpops.odoo.images", "-i", str(INVENTORY)]
    command += ["-e", f"odoo_image_cache={cache}", "-e", f"odoo_image_result_file={RESULT}"]
    command += [word for file in more for word in ("-e", f"@{file}")]
    RESULT.unlink(missing_ok=True)
    progress.run(
        command, environment={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0"}, shown=shown_of_ansible
    )
    references = json.loads(RESULT.read_text(encoding="utf-8"))["odoo_image_references"]
    layouts = layouts_by_digest(cache)
    return [Image(name, reference, layouts[reference.partition("@")[2]]) for name, reference in references.items()]


def layouts_by_digest(cache: Path) -> dict[str, str]:
    """The OCI layouts in the cache, each of one image, by the digest of its manifest."""
    found = {}
    for index in cache.glob("*/index.json"):
        manifests = json.loads(index.read_text(encoding="utf-8"))["manifests"]
        found.update({manifest["digest"]: str(index.parent) for manifest in manifests})
    return found


def store_arguments(built: list[Image]) -> list[str]:
    """What `lab images` takes."""
    return [f"{image.reference}={image.layout}" for image in built]


def variables(built: list[Image]) -> dict[str, Any]:
    return {"odoo_image_references": {image.name: image.reference for image in built}}
