# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Odoo's installations and the modules on the disk. Pure: records in, values of the result out."""

from __future__ import annotations

import ast
import configparser
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.discovery.records import (
    Record,
    body_of,
    groups,
    section,
    texts,
)

DISTRIBUTION = re.compile(r"/([^/]+?)-(\d[^/-]*)(?:-py[\d.]+)?\.(?:dist|egg)-info$")
SERIES = re.compile(r"version_info\s*=\s*\(\s*(\d+)\s*,\s*(\d+)")
LOCAL = ("", "false", "none", "localhost", "127.0.0.1", "::1")


def options_of(text: str) -> dict[str, str]:
    """Section ``options`` of a configuration; values may go on over lines. An unreadable one has none."""
    parser = configparser.RawConfigParser(strict=False, delimiters=("=", ":"), comment_prefixes=("#", ";"))
    try:
        parser.read_string(text)
    except configparser.Error:
        return {}
    return {key: value.strip() for key, value in parser.items("options")} if parser.has_section("options") else {}


def installations(found: Sequence[Record]) -> list[dict[str, Any]]:
    """One entry a configuration, or one without any where Odoo runs without a file."""
    part = section(found, "odoo")
    units = [(path, text) for path, text, _own in texts(part, "unit")]
    processes = [tuple(head.body.split("\n")) for head, _own in groups(part, "process")]
    entries = []
    for path, text, _own in texts(part, "config"):
        options = options_of(text)
        unit = next((name for name, content in units if path in content), "")
        running = [words for words in processes if any(path in word for word in words)]
        entries.append({**installation(part, options), "config": path, "unit": unit, **running_as(running)})
    if not entries and processes:
        entries.append({**installation(part, {}), "config": "", "unit": "", **running_as(processes)})
    return entries


def running_as(processes: Sequence[tuple[str, ...]]) -> dict[str, Any]:
    users = [words[1] for words in processes if len(words) > 1]
    commands = {" ".join(word for word in words[2:] if word) for words in processes}
    return {"user": users[0] if users else "", "processes": len(processes), "commands": sorted(commands)}


def installation(part: Sequence[Record], options: Mapping[str, str]) -> dict[str, Any]:
    package = next(
        (line.split()[1:3] for line in body_of(part, "packages").split("\n") if re.match(r"ii +odoo-?\d* \S", line)),
        None,
    )
    checkout = body_of(part, "git").split("\n")
    release = next((SERIES.search(text) for _path, text, _own in texts(part, "release") if SERIES.search(text)), None)
    kind = "package" if package else "git" if len(checkout) > 1 else "unknown"
    return {
        "version": f"{release[1]}.{release[2]}" if release else "unknown",
        "kind": kind,
        "revision": " ".join(package) if package else checkout[1] if kind == "git" else "",
        "data_dir": options.get("data_dir", ""),
        "addons_path": [
            each.strip() for each in options.get("addons_path", "").replace("\n", ",").split(",") if each.strip()
        ],
        "options": dict(options),
        "patched_files": patched(part),
        "python_packages": python_packages(body_of(part, "python")),
        "wkhtmltopdf": body_of(part, "wkhtmltopdf").strip().removeprefix("wkhtmltopdf "),
    }


def patched(part: Sequence[Record]) -> list[str]:
    """Files of Odoo itself that are not as they were installed."""
    files = [
        line.split(None, 1)[1].strip()
        for record in part
        if record.part == "patched"
        for line in record.lines
        if len(line.split(None, 1)) == 2
    ]
    for record in part:
        if record.part == "git":
            lines = record.body.split("\n")
            files += [f"{lines[0]}/{line[3:]}" for line in lines[2:] if len(line) > 3]
    return sorted(set(files))


def python_packages(text: str) -> dict[str, str]:
    found = (DISTRIBUTION.search(line.strip()) for line in text.split("\n"))
    return {match[1]: match[2] for match in found if match}


def remote_servers(installed: Sequence[Mapping[str, Any]]) -> list[str]:
    """Hosts of PostgreSQL that a configuration names and that are not this one."""
    hosts = {str(each["options"].get("db_host", "")).strip() for each in installed}
    return sorted(host for host in hosts if host.lower() not in LOCAL and not host.startswith("/"))


def modules(found: Sequence[Record]) -> tuple[list[dict[str, Any]], set[str], list[dict[str, str]]]:
    """The modules on the disk that are not Odoo's own, the names of its own, and manifests that cannot be read."""
    others: list[dict[str, Any]] = []
    core: set[str] = set()
    unreadable: list[dict[str, str]] = []
    for _folder, own in groups(section(found, "addons"), "addons"):
        for path, text, after in texts(own, "manifest"):
            name = path.rsplit("/", 2)[-2]
            if body_of(own, "kind").strip() == "core":
                core.add(name)
                continue
            try:
                manifest = manifest_of(text)
            except ValueError as error:
                unreadable.append({"part": "modules_on_disk", "message": f"{path} is no Python dictionary: {error}"})
                manifest = {}
            others.append(module(name, path, manifest, after))
    return others, core, unreadable


def manifest_of(text: str) -> dict[str, Any]:
    """A manifest, evaluated as a literal only.

    :raises ValueError: it is something else.
    """
    try:
        value = ast.literal_eval(text.lstrip("\ufeff").strip())
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError) as error:
        raise ValueError(str(error)) from error
    if not isinstance(value, dict):
        raise ValueError(f"it is a {type(value).__name__}")
    return value


def module(name: str, path: str, manifest: Mapping[str, Any], after: Sequence[Record]) -> dict[str, Any]:
    author = manifest.get("author", "")
    external = manifest.get("external_dependencies")
    depends = manifest.get("depends", [])
    lines = body_of(after, "lines").strip()
    return {
        "name": name,
        "path": path.rsplit("/", 1)[0],
        "version": str(manifest.get("version", "")),
        "author": ", ".join(map(str, author)) if isinstance(author, (list, tuple)) else str(author),
        "license": str(manifest.get("license", "")),
        "depends": [str(each) for each in depends] if isinstance(depends, (list, tuple)) else [],
        "python": [str(each) for each in external.get("python", [])] if isinstance(external, dict) else [],
        "python_lines": int(lines) if lines.isdigit() else 0,
        "mentions": [line for record in after if record.part == "mentions" for line in record.lines],
    }


def origin(name: str, author: str, core: set[str], on_disk: Mapping[str, Mapping[str, Any]]) -> str:
    """``odoo``, ``community`` (of the Odoo Community Association), ``custom``, or ``missing`` on the disk."""
    if name in core:
        return "odoo"
    if name not in on_disk:
        return "missing"
    written = f"{author or ''} {on_disk[name]['author']}"
    if "Odoo Community Association" in written:
        return "community"
    if str(on_disk[name]["license"]).startswith("OEEL") and re.search(r"odoo s\.?a\.?", written, re.IGNORECASE):
        return "odoo"
    return "custom"
