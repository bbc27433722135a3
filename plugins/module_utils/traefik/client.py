# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Traefik on this host: its API, its log, its files and its certificates. One function a call."""

from __future__ import annotations

import contextlib
import datetime
import grp
import json
import os
import pwd
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError, Problem, Unreachable
from ansible_collections.erpops.odoo.plugins.module_utils.traefik.model import LIVE_SECTIONS, Complaint, Live

ISSUER = "/usr/local/lib/erpops/issue-certificates"
LOADED_SUFFIXES = (".yml", ".yaml", ".toml")
API_TIMEOUT = 5.0
LOG_TIMEOUT = 30.0
ISSUE_TIMEOUT = 600.0
POLL = 0.2
LOADED_METRIC = "traefik_config_last_reload_success "
NO_RESOLVER = "nonexistent certificate resolver"
GUARDED_MODE = 0o640  # the file may hold password hashes, or a key
FOLDER_MODE = 0o750
REQUEST_MODE = 0o644
FILE_PROVIDER = "@file"

# The edge's own API: no proxy of the environment may come between.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _get(url: str) -> Any:
    try:
        with _OPENER.open(url, timeout=API_TIMEOUT) as answer:
            return json.load(answer)
    except (OSError, ValueError) as error:
        problem = Problem(
            "Traefik's API", "api_url", url, "See that traefik.service runs and that the address is right."
        )
        raise Unreachable(f"Traefik's API does not answer: {error}", [problem]) from error


def live(api_url: str) -> Live:
    """Everything that Traefik serves from files."""
    raw = _get(f"{api_url}/api/rawdata")
    sections = {section: _from_files(raw.get(section)) for section in LIVE_SECTIONS}
    streams = [name for key, found in raw.items() if key.startswith(("tcp", "udp")) for name in _from_files(found)]
    return Live(
        **sections,
        streams=tuple(sorted(streams)),
        certified=_certified(api_url),
        loaded_at=_loaded_at(api_url),
    )


def _from_files(found: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        name.removesuffix(FILE_PROVIDER): value for name, value in (found or {}).items() if name.endswith(FILE_PROVIDER)
    }


def _certified(api_url: str) -> frozenset[str]:
    now = time.time()
    valid = (item for item in _get(f"{api_url}/api/certificates?per_page=100000") if _seconds(item["notAfter"]) > now)
    return frozenset(str(name).lower() for item in valid for name in item.get("sans") or ())


def _seconds(text: str) -> float:
    return datetime.datetime.fromisoformat(text).timestamp()


def _loaded_at(api_url: str) -> float:
    """Traefik's metrics stand beside its API; where they are switched off nothing is known."""
    with contextlib.suppress(OSError), _OPENER.open(f"{api_url}/metrics", timeout=API_TIMEOUT) as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith(LOADED_METRIC):
                return float(line.removeprefix(LOADED_METRIC))
    return 0.0


def installed(dynamic_dir: str, unit: str) -> bool:
    """Whether anything speaks for Traefik being set up here."""
    return Path(dynamic_dir).exists() or Path("/etc/systemd/system", unit).exists()


def errors(unit: str, since: float) -> tuple[Complaint, ...]:
    """Traefik's own error messages from its journal, oldest first."""
    command = [
        "journalctl",
        "--unit",
        unit,
        "--since",
        f"@{since:.3f}",
        "--output",
        "cat",
        "--lines",
        "5000",
        "--quiet",
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LOG_TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unreachable(f"Traefik's log cannot be read: {error}") from error
    found = []
    for line in done.stdout.splitlines():
        with contextlib.suppress(ValueError, KeyError):
            entry = json.loads(line)
            if isinstance(entry, dict) and entry.get("level") in ("error", "warn", "fatal"):
                found.append(Complaint(_seconds(entry["time"]), str(entry.get("error") or entry.get("message"))))
    return tuple(found)


def texts(dynamic_dir: str) -> dict[str, str]:
    """Every file that Traefik would load: hidden ones and those of folders below, too."""
    found = {}
    for path in sorted(Path(dynamic_dir).rglob("*")):
        if path.suffix in LOADED_SUFFIXES and path.is_file():
            found[str(path)] = path.read_text(encoding="utf-8", errors="replace")
    return found


def changed_at(path: str) -> float:
    """When the file came to be what it is; a file renamed into place keeps its older time of writing."""
    return Path(path).stat().st_ctime


def guarded(path: str, group: str) -> bool:
    """Whether the file belongs to root and the group, and nobody else can read it."""
    found = Path(path).stat()
    with contextlib.suppress(KeyError):
        wanted = (pwd.getpwnam("root").pw_uid, grp.getgrnam(group).gr_gid, GUARDED_MODE)
        return (found.st_uid, found.st_gid, found.st_mode & 0o7777) == wanted
    return False


def guard(path: str, group: str) -> None:
    try:
        shutil.chown(path, "root", group)
    except LookupError as error:
        raise ErpopsError(f"The group {group} does not exist: run the role traefik first.") from error
    Path(path).chmod(GUARDED_MODE)


def replace(path: str, text: str, group: str, staging: str) -> None:
    """Put a file in place in one step. It is written outside the watched directory, which loads even hidden files."""
    target = Path(path)
    fresh = Path(staging, f".{target.name}.new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    guard(str(fresh), group)
    fresh.rename(target)


def read(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None


def remove(path: str) -> None:
    Path(path).unlink(missing_ok=True)


def touch(path: str) -> None:
    """Make Traefik load its directory, and with it the certificates' files, again."""
    os.utime(path)


def set_aside(path: str) -> str:
    """Rename a broken file so that Traefik skips it. Returns the new path."""
    aside = f"{path}.broken-{datetime.datetime.now(datetime.UTC):%Y%m%dT%H%M%SZ}"
    Path(path).rename(aside)
    return aside


def requests(directory: str, pattern: str) -> dict[str, Any]:
    """The certificate requests of these names, by name. An unreadable one counts as empty, so it is written again."""
    found: dict[str, Any] = {}
    for path in sorted(Path(directory, "requests.d").glob(f"{pattern}.json")):
        try:
            found[path.stem] = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            found[path.stem] = {}
    return found


def issued(directory: str, names: Iterable[str]) -> frozenset[str]:
    return frozenset(name for name in names if Path(directory, name, "tls.crt").exists())


def stored(directory: str, group: str) -> dict[str, str]:
    """Tenants' own certificates by path; a file that others could read has no text, so that it is written again."""
    found = {}
    for path in sorted(path for path in Path(directory).glob("*") if path.is_file()):
        text = read(str(path)) if guarded(str(path), group) else None
        found[str(path)] = text or ""
    return found


def store(directory: str, files: Mapping[str, str], group: str) -> None:
    """Write them so that only root and Traefik can read them, whole or not at all."""
    if not files:
        return
    folder = Path(directory)
    folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
    try:
        shutil.chown(folder, "root", group)
    except LookupError as error:
        raise ErpopsError(f"The group {group} does not exist: run the role traefik first.") from error
    folder.chmod(FOLDER_MODE)
    for path, text in files.items():
        replace(path, text, group, directory)


def issue(directory: str, wanted: Mapping[str, Mapping[str, Any]]) -> None:
    """Write requests and have them carried out, all in one call."""
    for name, request in wanted.items():
        path = Path(directory, "requests.d", f"{name}.json")
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(request, indent=2) + "\n", encoding="utf-8")
        fresh.chmod(REQUEST_MODE)
        fresh.rename(path)
    try:
        done = subprocess.run([ISSUER, *wanted], capture_output=True, text=True, timeout=ISSUE_TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ErpopsError(f"The certificates could not be issued: {error}") from error
    if done.returncode != 0:
        raise ErpopsError(f"The certificates could not be issued: {(done.stderr or done.stdout).strip()[-2000:]}")


def forget(directory: str, names: Iterable[str]) -> None:
    """Drop requests with their certificates."""
    for name in names:
        Path(directory, "requests.d", f"{name}.json").unlink(missing_ok=True)
        shutil.rmtree(Path(directory, name), ignore_errors=True)


def eventually(holds: Callable[[], bool], seconds: float) -> bool:
    """Whether it holds before the time is over. An API that does not answer for a moment is asked again."""
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(Unreachable):
            if holds():
                return True
        if time.monotonic() >= end:
            return False
        time.sleep(POLL)
