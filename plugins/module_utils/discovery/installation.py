# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Odoo's installations and the modules on the disk. Pure: records in, values of the result out."""

from __future__ import annotations

import ast
import configparser
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
ENVIRONMENT = re.compile(r"(.+)/lib/python3[^/]*/site-packages/(?:odoo|openerp)")
PACKAGED_SCRIPTS = ("/usr/bin/odoo", "/usr/bin/openerp-server", "/usr/bin/openerp-gevent")
ADDONS_BESIDE = re.compile(r"/site-packages/(?!odoo/|openerp/)")
LOCAL = ("", "false", "none", "localhost", "127.0.0.1", "::1")


def options_of(text: str) -> dict[str, str]:
    """Section ``options`` of a configuration; values may go on over lines. An unreadable one has none."""
    parser = configparser.RawConfigParser(strict=False, delimiters=("=", ":"), comment_prefixes=("#", ";"))
    try:
        parser.read_string(text)
    except configparser.Error:
        return {}
    return {key: value.strip() for key, value in parser.items("options")} if parser.has_section("options") else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A folder with Odoo's code. git: top folder, revision and what is changed, if it is a checkout. commits: those
    that Odoo's own branch does not have; ahead: the files that they change.
    """

    folder: str
    version: str
    git: tuple[str, ...] = ()
    commits: tuple[str, ...] = ()
    ahead: tuple[str, ...] = ()

    @property
    def root(self) -> str:
        """What a path of something that belongs to it begins with."""
        environment = ENVIRONMENT.fullmatch(self.folder)
        return environment[1] if environment else self.folder.rsplit("/", 1)[0]


def releases(part: Sequence[Record]) -> tuple[Release, ...]:
    found = []
    for head, own in groups(part, "release"):
        series = SERIES.search(body_of(own, "text"))
        if series:
            found.append(
                Release(
                    folder=head.body,
                    version=f"{series[1]}.{series[2]}",
                    git=tuple(body_of(own, "git").split("\n")) if body_of(own, "git") else (),
                    commits=tuple(_lines(own, "commits")),
                    ahead=tuple(_lines(own, "ahead")),
                )
            )
    return tuple(found)


def _lines(own: Sequence[Record], part: str) -> list[str]:
    return next((record.lines for record in own if record.part == part), [])


def release_of(
    found: Sequence[Release], options: Mapping[str, str], unit: str, processes: Sequence[tuple[str, ...]]
) -> Release | None:
    """Whose code runs with a configuration: what a process or its unit starts says it, then where its modules are, then
    the Python that it runs in. None where several are there and nothing says which."""
    scripts = [word for words in processes for word in words[3:]] + unit.split()
    pythons = [words[2] for words in processes if len(words) > 2]
    for places in (scripts, addons_of(options), pythons):
        own = [each for each in found if any(_belongs(place, each) for place in places)]
        if own:
            return max(own, key=lambda each: len(each.root))
    return found[0] if len(found) == 1 else None


def _belongs(place: str, release: Release) -> bool:
    path = place.rpartition("=")[2]
    if path in PACKAGED_SCRIPTS:
        return release.folder.startswith("/usr/lib/")
    return path.startswith(f"{release.root}/") and not ADDONS_BESIDE.search(path.removeprefix(release.root))


def addons_of(options: Mapping[str, str]) -> list[str]:
    return [each.strip() for each in options.get("addons_path", "").replace("\n", ",").split(",") if each.strip()]


def installations(found: Sequence[Record]) -> list[dict[str, Any]]:
    """One entry a configuration, or one without any where Odoo runs without a file."""
    part = section(found, "odoo")
    units = [(path, text) for path, text, _own in texts(part, "unit")]
    processes = [tuple(head.body.split("\n")) for head, _own in groups(part, "process")]
    code = releases(part)
    entries = []
    for path, text, _own in texts(part, "config"):
        options = options_of(text)
        unit, started = next(((name, content) for name, content in units if path in content), ("", ""))
        running = [words for words in processes if any(path in word for word in words)]
        release = release_of(code, options, started, running)
        entries.append({**installation(part, options, release), "config": path, "unit": unit, **running_as(running)})
    if not entries and processes:
        release = release_of(code, {}, "", processes)
        entries.append({**installation(part, {}, release), "config": "", "unit": "", **running_as(processes)})
    return entries


def unattributed(found: Sequence[Record], installed: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Problems: configurations of which nothing says whose code runs with them."""
    code = releases(section(found, "odoo"))
    there = ", ".join(f"{each.version} in {each.folder}" for each in code)
    return [
        {"part": "odoo", "message": f"{each['config'] or 'Odoo'}: nothing says which release it runs: {there}."}
        for each in installed
        if len(code) > 1 and each["version"] == "unknown"
    ]


def running_as(processes: Sequence[tuple[str, ...]]) -> dict[str, Any]:
    users = [words[1] for words in processes if len(words) > 1]
    commands = {" ".join(word for word in words[2:] if word) for words in processes}
    return {"user": users[0] if users else "", "processes": len(processes), "commands": sorted(commands)}


def installation(part: Sequence[Record], options: Mapping[str, str], release: Release | None) -> dict[str, Any]:
    package = next(
        (line.split()[1:3] for line in body_of(part, "packages").split("\n") if re.match(r"ii +odoo-?\d* \S", line)),
        None,
    )
    kind = kind_of(release, bool(package) and (release is not None or not releases(part)))
    revision = {"package": " ".join(package or ()), "git": release.git[1] if release and len(release.git) > 1 else ""}
    return {
        "version": release.version if release else "unknown",
        "kind": kind,
        "revision": revision.get(kind, ""),
        "data_dir": options.get("data_dir", ""),
        "addons_path": addons_of(options),
        "options": dict(options),
        "patched_files": patched(part, release, kind),
        "local_commits": list(release.commits) if release else [],
        "python_packages": python_packages(body_of(part, "python")),
        "wkhtmltopdf": body_of(part, "wkhtmltopdf").strip().removeprefix("wkhtmltopdf "),
    }


def kind_of(release: Release | None, packaged: bool) -> str:
    if release and len(release.git) > 1:
        return "git"
    if packaged and (release is None or release.folder.startswith("/usr/lib/")):
        return "package"
    return "pip" if release and "-packages/" in release.folder else "unknown"


def patched(part: Sequence[Record], release: Release | None, kind: str) -> list[str]:
    """Files of Odoo itself that are not as they were installed."""
    if kind == "package":
        lines = [line for record in part if record.part == "patched" for line in record.lines]
        return sorted({line.split(None, 1)[1].strip() for line in lines if len(line.split(None, 1)) == 2})
    if release is None or not release.git:
        return []
    changed = [line[3:] for line in release.git[2:] if len(line) > 3]
    return sorted({f"{release.git[0]}/{name}" for name in (*changed, *release.ahead)})


def python_packages(text: str) -> dict[str, str]:
    found = (DISTRIBUTION.search(line.strip()) for line in text.split("\n"))
    return {match[1]: match[2] for match in found if match}


def remote_servers(installed: Sequence[Mapping[str, Any]], own: Sequence[str] = ()) -> list[str]:
    """Hosts of PostgreSQL that a configuration names and that are not this one. own: its names and addresses."""
    hosts = {str((each.get("options") or {}).get("db_host", "")).strip() for each in installed}
    here = {*LOCAL, *(name.lower() for name in own)}
    return sorted(host for host in hosts if host.lower() not in here and not host.startswith("/"))


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
