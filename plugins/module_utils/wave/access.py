# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may come to a host for a move: lines in authorized_keys, and files, on a host that may have no Python. Pure.

One script is sent twice: to read, and with what the plan makes of the answer, to write.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import posixpath
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import Action
from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError, Problem
from ansible_collections.erpops.odoo.plugins.module_utils.discovery.records import Record, records

ABSENT, PRESENT = "absent", "present"
FILE, NOTHING = "file", "nothing"  # what the script says of a path; anything else is told as it is
KEYS_MODE = "600"
# Options may hold blanks within quotes; the key's type ends them.
LINE = re.compile(r'\s*(?:(?:[^\s"]|"(?:\\.|[^"\\])*")+\s+)??(?:ssh|ecdsa|sk)-\S+\s+\S+(?:\s+(?P<comment>.*?))?\s*')

SCRIPT = r"""set -u
LC_ALL=C
say() { printf '\n@%s %s\n' "$NONCE" "$1"; }
kind() { if [ -L "$1" ]; then echo 'a symbolic link'; elif [ -f "$1" ]; then echo file
    elif [ -d "$1" ]; then echo folder; elif [ -e "$1" ]; then echo 'no plain file'; else echo nothing; fi; }
shown() { kind "$1"; if [ ! -f "$1" ] || [ -L "$1" ]; then echo; echo; return; fi
    stat -c '%U %a' -- "$1"; base64 <"$1" | tr -d '\n'; echo; }
read_keys() { say "keys $1"
    entry=$(getent passwd "$1" || grep "^$1:" /etc/passwd) || { echo; return; }
    home=$(printf '%s\n' "$entry" | cut -d: -f6)
    printf '%s\n' "$home"; kind "$home"; kind "$home/.ssh"; shown "$home/.ssh/authorized_keys"; }
read_file() { say "file $1"; kind "${1%/*}/"; shown "$1"; }
# path, what it must still hold, what it shall hold; an existing file keeps its owner and mode
put() { new=$1.erpops-$NONCE
    [ "$(kind "$1") $(cat -- "$1" 2>/dev/null | base64 | tr -d '\n')" = "$2" ] ||
        { echo "$1 was changed meanwhile" >&2; return 1; }
    if [ -f "$1" ]; then cp -p -- "$1" "$new"; else (umask 077; : >"$new"); fi &&
    printf %s "$3" | base64 -d >"$new" || { rm -f -- "$new"; return 1; }; }
swap() { mv -f -- "$1.erpops-$NONCE" "$1" || { rm -f -- "$1.erpops-$NONCE"; return 1; }; }
folder() { [ -d "$2" ] || { mkdir -m 0700 -- "$2" && own "$1" "$2"; }; }
own() { chown "$1:$(id -g "$1")" -- "$2"; }
write_keys() { folder "$1" "${2%/*}" && put "$2" "$3" "$4" &&
    { [ -e "$2" ] || own "$1" "$2.erpops-$NONCE"; } && swap "$2"; }
write_file() { put "$2" "$3" "$4" && own "$1" "$2.erpops-$NONCE" && chmod "$5" "$2.erpops-$NONCE" && swap "$2"; }
set -e
say begin
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A line of a user's authorized_keys. comment: whose it is; of an absent one it may be a pattern."""

    user: str
    comment: str
    line: str = ""
    state: str = PRESENT


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    path: str
    content: str = ""
    owner: str = "root"
    mode: str = "644"
    state: str = PRESENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A file as it is. kind: what the path is."""

    kind: str
    owner: str = ""
    mode: str = ""
    content: bytes = b""

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundUser:
    """home: empty without such a user. ssh: what ~/.ssh is."""

    home: str = ""
    home_kind: str = NOTHING
    ssh: str = NOTHING
    keys: Found = Found(kind=NOTHING)

    @property
    def path(self) -> str:
        return f"{self.home}/.ssh/authorized_keys"


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    users: Mapping[str, FoundUser]
    files: Mapping[str, Found]
    folders: Mapping[str, str]  # path of a file -> what its folder is


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    keys: tuple[Key, ...]
    files: tuple[File, ...]

    @property
    def users(self) -> list[str]:
        return sorted({key.user for key in self.keys})


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """commands: lines of the writing script."""

    commands: tuple[str, ...]
    actions: tuple[Action, ...]
    before: Mapping[str, Any]
    after: Mapping[str, Any]


def comment_of(line: str) -> str:
    """Whose a line is; empty for comments, blank lines and keys that do not say."""
    found = None if line.lstrip().startswith("#") else LINE.fullmatch(line)
    return (found["comment"] or "") if found else ""


def wanted_from(given: Mapping[str, Any]) -> Wanted:
    """The options as values. Raises ErpopsError with all that is wrong with them."""
    keys = tuple(
        Key(
            user=each["user"],
            comment=(each.get("comment") or "") if each["state"] == ABSENT else comment_of(each.get("line") or ""),
            line=(each.get("line") or "").strip(),
            state=each["state"],
        )
        for each in given["keys"]
    )
    files = tuple(
        File(
            path=each["path"],
            content=each.get("content") or "",
            owner=each["owner"],
            mode=each["mode"].lstrip("0"),
            state=each["state"],
        )
        for each in given["files"]
    )
    if problems := [*_key_problems(keys), *_file_problems(files)]:
        raise ErpopsError("The access cannot be as declared. Nothing was read or changed.", problems)
    return Wanted(keys=keys, files=files)


def _key_problems(keys: Sequence[Key]) -> Iterator[Problem]:
    seen = set()
    for index, key in enumerate(keys):
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", key.user):
            yield Problem(f"keys[{index}]", "user", key.user, "Give the name of a user.")
        if key.state == PRESENT and not key.comment:
            cure = "Give a line of authorized_keys that ends with a comment: by it the line is known again."
            yield Problem(f"keys[{index}]", "line", key.line[:60], cure)
        elif not key.comment:
            yield Problem(f"keys[{index}]", "comment", "", "Name the comment of the lines that shall go.")
        if "\n" in key.line:
            yield Problem(f"keys[{index}]", "line", "", "Give one line.")
        if key.comment and (key.user, key.comment) in seen:
            cure = "One user's lines are known by their comments: give each its own, or the keys different users."
            yield Problem(f"keys[{index}]", "comment", key.comment, cure)
        seen.add((key.user, key.comment))


def _file_problems(files: Sequence[File]) -> Iterator[Problem]:
    seen = set()
    for index, file in enumerate(files):
        if not file.path.startswith("/") or posixpath.normpath(file.path) != file.path or file.path == "/":
            yield Problem(f"files[{index}]", "path", file.path, "Give an absolute path without '..' and '//'.")
        if not re.fullmatch(r"[0-7]{3}", file.mode):
            yield Problem(f"files[{index}]", "mode", file.mode, "Give the mode in octal, quoted: '0644'.")
        if file.path in seen:
            yield Problem(f"files[{index}]", "path", file.path, "It is declared twice: keep one of them.")
        seen.add(file.path)


def reading(wanted: Wanted, nonce: str) -> str:
    lines = [f"read_keys {shlex.quote(user)}" for user in wanted.users]
    lines += [f"read_file {shlex.quote(file.path)}" for file in wanted.files]
    return script(lines, nonce)


def script(commands: Iterable[str], nonce: str) -> str:
    return "\n".join([f"NONCE={nonce}", SCRIPT, *commands, "say end", ""])


def host_from(output: str, nonce: str, host: str) -> Host:
    """What the reading script said."""
    users: dict[str, FoundUser] = {}
    files: dict[str, Found] = {}
    folders: dict[str, str] = {}
    for record in records(output, nonce, host):
        part, _between, name = record.part.partition(" ")
        lines = record.body.split("\n")
        if part == "keys":
            users[name] = (
                FoundUser(home=lines[0], home_kind=lines[1], ssh=lines[2], keys=_found(record, lines[3:]))
                if lines[0]
                else FoundUser()
            )
        elif part == "file":
            folders[name], files[name] = lines[0], _found(record, lines[1:])
    return Host(users=users, files=files, folders=folders)


def _found(record: Record, lines: Sequence[str]) -> Found:
    if lines[0] != FILE:
        return Found(kind=lines[0])
    try:
        owner, mode = lines[1].split(" ")
        return Found(kind=FILE, owner=owner, mode=mode, content=base64.b64decode(lines[2], validate=True))
    except (ValueError, IndexError, binascii.Error) as error:
        raise ErpopsError(f"{record.part} could not be read there: it needs stat and base64 of its shell.") from error


def plan(wanted: Wanted, found: Host, host: str) -> Plan:
    """Raises ErpopsError where the host does not have what it needs."""
    if problems := [*_missing(wanted, found, host)]:
        raise ErpopsError(f"Host {host} cannot be given this access. Nothing was changed.", problems)
    commands: list[str] = []
    actions: list[Action] = []
    before: dict[str, Any] = {"keys": {}, "files": {}}
    after: dict[str, Any] = {"keys": {}, "files": {}}
    for user in wanted.users:
        here = found.users[user]
        keys = [key for key in wanted.keys if key.user == user]
        done, text = _edited(here.keys.text, keys)
        actions += done
        before["keys"][user] = _shown(here.keys.text, keys)
        after["keys"][user] = _shown(text, keys)
        if done:
            commands.append(_command("write_keys", user, here.path, _expected(here.keys), _packed(text)))
    for file in wanted.files:
        actual = found.files[file.path]
        action = _file_action(file, actual)
        before["files"][file.path] = _file_shown(actual)
        after["files"][file.path] = before["files"][file.path]
        if action:
            actions.append(action)
            after["files"][file.path] = _file_wanted(file)
            commands.append(_file_command(file, actual))
    return Plan(commands=tuple(commands), actions=tuple(actions), before=before, after=after)


def _missing(wanted: Wanted, found: Host, host: str) -> Iterator[Problem]:
    for user in wanted.users:
        here = found.users[user]
        needed = any(key.state == PRESENT for key in wanted.keys if key.user == user)
        if not here.home and needed:
            yield Problem(f"host {host}", "user", user, "There is no such user: name another, or make it.")
        elif here.home_kind != "folder" and needed:
            yield Problem(f"host {host}", f"home of user {user}", here.home, "It is no folder: make it.")
        elif here.home and (here.ssh not in ("folder", NOTHING) or here.keys.kind not in (FILE, NOTHING)):
            kind = here.ssh if here.ssh not in ("folder", NOTHING) else here.keys.kind
            cure = f"It is {kind}, which is not followed: make it a file in a folder, as sshd reads it by default."
            yield Problem(f"host {host}", f"keys of user {user}", here.path, cure)
    for file in wanted.files:
        if file.state == PRESENT and found.folders[file.path] != "folder":
            yield Problem(f"host {host}", "path", file.path, "Its folder is not there: name another path, or make it.")
        if found.files[file.path].kind not in (FILE, NOTHING):
            cure = f"It is {found.files[file.path].kind}, and no file: name another path."
            yield Problem(f"host {host}", "path", file.path, cure)


def _edited(text: str, keys: Sequence[Key]) -> tuple[list[Action], str]:
    """The wanted lines in their old places, new ones at the end; foreign lines as they are."""
    actions: list[Action] = []
    lines = text.split("\n")
    open_end = bool(lines.pop())  # without a newline at its end, the last line is one all the same
    lines = text.split("\n") if open_end else lines
    for key in keys:
        own = [number for number, line in enumerate(lines) if _of(key, line)]
        if key.state == ABSENT:
            for number in own:
                comment = comment_of(lines[number])
                actions.append(Action("remove", f"key {comment} of user {key.user}"))
            lines = [line for number, line in enumerate(lines) if number not in own]
        elif not own:
            actions.append(Action("add", f"key {key.comment} of user {key.user}"))
            lines.append(key.line)
        elif [lines[number] for number in own] != [key.line]:
            actions.append(Action("replace", f"key {key.comment} of user {key.user}"))
            lines[own[0]] = key.line
            lines = [line for number, line in enumerate(lines) if number not in own[1:]]
    return actions, "".join(f"{line}\n" for line in lines) if actions else text


def _of(key: Key, line: str) -> bool:
    comment = comment_of(line)
    if key.state == ABSENT:
        return bool(comment) and fnmatchcase(comment, key.comment)
    return comment == key.comment


def _shown(text: str, keys: Sequence[Key]) -> dict[str, str]:
    """Whose lines are there; of a line its sum, since a forced command is long."""
    own = [line for line in text.split("\n") if any(_of(key, line) for key in keys)]
    return {comment_of(line): _sum(line.encode("utf-8", "surrogateescape")) for line in own}


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _file_action(file: File, found: Found) -> Action | None:
    if file.state == ABSENT:
        return Action("remove", f"file {file.path}") if found.kind == FILE else None
    if found.kind == NOTHING:
        return Action("make", f"file {file.path}")
    different = [
        name
        for name, actual, wanted in (
            ("content", found.text, file.content),
            ("owner", found.owner, file.owner),
            ("mode", found.mode, file.mode),
        )
        if actual != wanted
    ]
    return Action("change", f"file {file.path}", ", ".join(different)) if different else None


def _file_shown(found: Found) -> dict[str, str]:
    if found.kind != FILE:
        return {}
    return {"owner": found.owner, "mode": found.mode, "sha256": _sum(found.content)}


def _file_wanted(file: File) -> dict[str, str]:
    if file.state == ABSENT:
        return {}
    return {"owner": file.owner, "mode": file.mode, "sha256": _sum(file.content.encode())}


def _file_command(file: File, found: Found) -> str:
    if file.state == ABSENT:
        return _command("rm", "-f", "--", file.path)
    return _command("write_file", file.owner, file.path, _expected(found), _packed(file.content), file.mode)


def _command(*words: str) -> str:
    return " ".join(map(shlex.quote, words))


def _expected(found: Found) -> str:
    return f"{found.kind} {base64.b64encode(found.content).decode()}"


def _packed(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "surrogateescape")).decode()
