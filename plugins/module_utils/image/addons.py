# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies on top of the base: addons from wheels and from folders, and the lists of modules."""

from __future__ import annotations

import ast
import hashlib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Problem
from ansible_collections.erpops.odoo.plugins.module_utils.image.plan import ADDONS, SITE

MANIFEST = "__manifest__.py"
_WHEEL_ADDONS = "odoo/addons/"
_IGNORED_PARTS = ("__pycache__", ".git", ".pytest_cache", ".mypy_cache", ".ruff_cache")

Contents = dict[str, tuple[bytes, bool]]


@dataclass(slots=True)
class Top:
    """The files of the upper layer, by path, and what is known about them."""

    contents: Contents = field(default_factory=dict)
    modules: dict[str, str] = field(default_factory=dict)
    requirements: dict[str, list[str]] = field(default_factory=dict)  # of each distribution


def manifest_version(text: str, series: str) -> str:
    """A module's version in the form that Odoo keeps in its database: ``19.0.1.2``."""
    manifest: Any = ast.literal_eval(text)
    version = str(manifest.get("version", "1.0")) if isinstance(manifest, Mapping) else "1.0"
    return version if version != series and version.startswith(f"{series}.") else f"{series}.{version}"


def modules_of(folder: Path, series: str) -> dict[str, str]:
    """Every module in a folder of addons, with its version."""
    return {
        manifest.parent.name: manifest_version(manifest.read_text(encoding="utf-8"), series)
        for manifest in sorted(folder.glob(f"*/{MANIFEST}"))
    }


def folder_files(folder: Path) -> dict[str, Path]:
    """An addon folder's files by their relative names."""
    return {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not set(path.relative_to(folder).parts) & set(_IGNORED_PARTS) and path.suffix != ".pyc"
    }


def folder_digest(folder: Path) -> str:
    if not (folder / MANIFEST).is_file():
        cure = f"Name a folder on the builder that is an addon: with a {MANIFEST}."
        raise InputError("An addon folder cannot be used.", [Problem("addon folder", "", str(folder), cure)])
    digest = hashlib.sha256()
    for name, path in folder_files(folder).items():
        data = path.read_bytes()
        digest.update(f"{name}\0{_executable(path)}\0{len(data)}\0".encode())
        digest.update(data)
    return digest.hexdigest()


def _executable(path: Path) -> bool:
    return bool(path.stat().st_mode & 0o100)


def add_folder(top: Top, folder: Path, series: str) -> None:
    for name, path in folder_files(folder).items():
        top.contents[f"{ADDONS}/{folder.name}/{name}"] = (path.read_bytes(), _executable(path))
    top.modules[folder.name] = manifest_version((folder / MANIFEST).read_text(encoding="utf-8"), series)


def add_wheel(top: Top, wheel: Path, distribution: str, series: str) -> None:
    """Addons of a wheel go where Odoo looks for them, and everything else on Python's path."""
    requirements: list[str] = []
    with zipfile.ZipFile(wheel) as archive:
        for entry in sorted(archive.infolist(), key=lambda entry: entry.filename):
            if entry.is_dir():
                continue
            data = archive.read(entry)
            top.contents[_place(entry.filename)] = (data, bool(entry.external_attr >> 16 & 0o100))
            parts = entry.filename.split("/")
            if entry.filename.startswith(_WHEEL_ADDONS) and parts[3:] == [MANIFEST]:
                top.modules[parts[2]] = manifest_version(data.decode(), series)
            if parts[0].endswith(".dist-info") and parts[1:] == ["METADATA"]:
                requirements += requirement_lines(data.decode())
    top.requirements[distribution] = requirements


def _place(name: str) -> str:
    head, _slash, rest = name.partition("/")
    if ".." in name.split("/") or name.startswith("/"):
        raise InputError(f"A wheel holds the path {name!r}, which leads out of its place.")
    if name.startswith(_WHEEL_ADDONS):
        return f"{ADDONS}/{name.removeprefix(_WHEEL_ADDONS)}"
    if head.endswith(".data"):
        _kind, _slash, name = rest.partition("/")
    return f"{SITE}/{name}"


def requirement_lines(metadata: str) -> list[str]:
    """What a distribution says it needs."""
    headers = metadata.split("\n\n", 1)[0].splitlines()
    return [line.partition(":")[2].strip() for line in headers if line.lower().startswith("requires-dist:")]
