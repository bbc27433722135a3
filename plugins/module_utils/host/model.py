# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files and units of a host: what is wanted and what is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["absent", "file", "directory", "link", "other"]
UnitState = Literal["started", "stopped", "masked"]

FILE_MODE = 0o644
DIRECTORY_MODE = 0o755


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is, or shall be, at a path. Owners are names, or numbers as text where no account has the number."""

    kind: Kind = "absent"
    mode: int = 0
    owner: str = ""
    group: str = ""
    content: bytes = b""
    target: str = ""


ABSENT = Entry()


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedFile:
    """A file or a symbolic link. None of mode, owner and group: the default, or for a block what the file has."""

    path: str
    absent: bool = False
    content: bytes | None = None
    link: str | None = None
    block: str | None = None  # only the part between this name's marker lines is ours
    mode: int | None = None
    owner: str | None = None
    group: str | None = None
    secret: bool = False
    validate: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedDirectory:
    path: str
    absent: bool = False
    exclusive: bool = False  # files that nobody declares are removed
    pattern: str = "*"  # … of those whose name matches
    mode: int = DIRECTORY_MODE
    owner: str = "root"
    group: str = "root"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What is there: every declared path, the files of exclusive directories, and what does not exist (yet)."""

    entries: Mapping[str, Entry] = field(default_factory=dict)
    listings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # directory -> paths of files and links in it
    missing_parents: frozenset[str] = frozenset()
    missing_owners: frozenset[str] = frozenset()
    missing_groups: frozenset[str] = frozenset()
    mounts: frozenset[str] = frozenset()  # at or below directories that shall go


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One path that is not as it shall be. ``parts`` are the differing fields, in words."""

    path: str
    before: Entry
    after: Entry
    parts: tuple[str, ...] = ()
    secret: bool = False
    validate: tuple[str, ...] = ()

    @property
    def rewritten(self) -> bool:
        """Its content, kind or target differs, not only its mode or owner: units restart for that alone."""
        before, after = self.before, self.after
        return (before.kind, before.content, before.target) != (after.kind, after.content, after.target)


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedUnit:
    name: str
    state: UnitState | None = None
    enabled: bool | None = None
    restart_when: tuple[str, ...] = ()
    reload_when: tuple[str, ...] = ()
    in_effect: tuple[str, ...] = ()  # a command
    started_by_package: bool = False

    @property
    def template(self) -> bool:
        """``name@.service``: it can be enabled and masked, but never runs itself."""
        return "@." in self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitFound:
    """A unit as systemd sees it. Times are seconds since the epoch, 0.0 for never."""

    load: str = "not-found"
    active: str = "inactive"
    sub: str = "dead"
    file_state: str = ""
    wanted: bool = True  # False: its file says who should want it, and nobody does; an alias alone starts nothing
    type: str = ""  # of a service
    result: str = "success"
    reload_result: str = ""
    remains: bool = False  # RemainAfterExit
    needs_reload: bool = False
    job: bool = False
    condition_failed_at: float = 0.0
    started_at: float = 0.0
    stamped_at: float = 0.0  # the last start or reload that we did


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitsFound:
    """All units of a call, the modification times of the files that they wait for (missing ones are left out), and the
    units whose work somebody undid."""

    units: Mapping[str, UnitFound] = field(default_factory=dict)
    modified_at: Mapping[str, float] = field(default_factory=dict)
    undone: frozenset[str] = frozenset()


def mode_from(text: str) -> int:
    """``0640`` as a number. Raises ValueError for anything but octal digits."""
    value = int(text, 8)
    if not 0 <= value <= 0o7777:
        raise ValueError(text)
    return value


def file_from(value: Mapping[str, Any]) -> WantedFile:
    content = value.get("content")
    mode = value.get("mode")
    return WantedFile(
        path=value["path"],
        absent=value.get("state") == "absent",
        content=None if content is None else content.encode(),
        link=value.get("link"),
        block=value.get("block"),
        mode=None if mode is None else mode_from(mode),
        owner=value.get("owner"),
        group=value.get("group"),
        secret=bool(value.get("secret")),
        validate=tuple(value.get("validate") or ()),
    )


def directory_from(value: Mapping[str, Any]) -> WantedDirectory:
    return WantedDirectory(
        path=value["path"],
        absent=value.get("state") == "absent",
        exclusive=bool(value.get("exclusive")),
        pattern=value.get("pattern") or "*",
        mode=mode_from(value.get("mode") or f"{DIRECTORY_MODE:04o}"),
        owner=value.get("owner") or "root",
        group=value.get("group") or "root",
    )


def unit_from(value: Mapping[str, Any]) -> WantedUnit:
    return WantedUnit(
        name=value["name"],
        state=value.get("state"),
        enabled=value.get("enabled"),
        restart_when=tuple(value.get("restart_when") or ()),
        reload_when=tuple(value.get("reload_when") or ()),
        in_effect=tuple(value.get("in_effect") or ()),
        started_by_package=bool(value.get("started_by_package")),
    )
