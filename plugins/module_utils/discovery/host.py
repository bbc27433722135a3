# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host itself: system, crons, mail, connections, performance. Pure: records in, values of the result out."""

from __future__ import annotations

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

ASSIGNMENT = re.compile(r"\s*[A-Za-z_][A-Za-z0-9_]*\s*=")
SYSTEM_CRONTAB = re.compile(r"/etc/(crontab|cron\.d/)")
NICKNAME = re.compile(r"@(reboot|yearly|annually|monthly|weekly|daily|midnight|hourly)$")
PATHS_OF_A_DATABASE = 60
PROCESS = re.compile(r'\(\("((?:[^"\\]|\\.)*)"')


def system(found: Sequence[Record]) -> dict[str, Any]:
    """os, kernel, cpus, memory_mb, timezone, uptime_days, disks (sizes in MB), names (its own, and its addresses) and
    lacking (tools that a move needs)."""
    part = section(found, "system")
    release = dict(line.split("=", 1) for line in body_of(part, "system.os").split("\n") if "=" in line)
    memory = re.search(r"MemTotal:\s+(\d+) kB", body_of(part, "system.memory"))
    uptime = body_of(part, "system.uptime").split()
    return {
        "os": release.get("PRETTY_NAME", "unknown").strip('"'),
        "kernel": body_of(part, "system.kernel").strip(),
        "cpus": number(body_of(part, "system.cpus")),
        "memory_mb": int(memory[1]) // 1024 if memory else None,
        "timezone": body_of(part, "system.timezone").strip().removeprefix("/usr/share/zoneinfo/"),
        "uptime_days": round(float(uptime[0]) / 86400, 1) if uptime else None,
        "disks": disks(body_of(part, "system.disks")),
        "names": sorted(set(body_of(part, "system.names").split())),
        "lacking": body_of(part, "system.lacking").split(),
    }


def number(text: str) -> int | None:
    return int(text) if text.strip().isdigit() else None


def disks(text: str) -> list[dict[str, Any]]:
    """``df -Pk`` without what lives in memory. A mount point may hold blanks."""
    entries = []
    for line in text.split("\n")[1:]:
        parts = line.split(None, 5)
        if (
            len(parts) == 6
            and parts[1].isdigit()
            and parts[0] not in ("tmpfs", "devtmpfs", "udev", "none", "shm")
            and not parts[5].startswith("/run/")
        ):
            entries.append({"mount": parts[5], "size_mb": int(parts[1]) // 1024, "free_mb": int(parts[3]) // 1024})
    return entries


def crons(found: Sequence[Record]) -> list[dict[str, Any]]:
    """Lines of crontabs, scripts of ``/etc/cron.*`` and timers. package: what brought it, if anything.

    program: the text of the script that it runs, as far as somebody wrote it.
    """
    part = section(found, "crons")
    entries = []
    for path, text, own in texts(part, "cron"):
        entries += [{**entry, "package": package_of(own)} for entry in crontab(path, text)]
    for head, own in groups(part, "script"):
        schedule = head.body.rsplit("/", 2)[-2].removeprefix("cron.")
        entries.append(cron(head.body, "root", schedule, head.body, package_of(own)))
    services = {path.rsplit("/", 1)[-1]: text for path, text, _own in texts(part, "service")}
    for path, text, own in texts(part, "timer"):
        name = path.rsplit("/", 1)[-1].removesuffix(".timer")
        service = services.get(f"{name}.service", "")
        when = "; ".join(f"{key}={value}" for key, value in settings(text) if key.startswith("On"))
        command = next((value for key, value in settings(service) if key == "ExecStart"), f"{name}.service")
        user = next((value for key, value in settings(service) if key == "User"), "root")
        entries.append(cron(path, user, when, command, package_of(own)))
    programs = {path: text for path, text, _own in texts(part, "program")}
    return [{**each, "program": program(each["command"], programs)} for each in entries]


def program(command: str, programs: Mapping[str, str]) -> str:
    """The text of the first script that a command names."""
    words = re.split(r"[\s;&|\"'()]+", command)
    return next((programs[word] for word in words if word in programs), "")


def cron(path: str, user: str, schedule: str, command: str, package: str = "") -> dict[str, Any]:
    return {"path": path, "user": user, "schedule": schedule, "command": command, "package": package}


def package_of(own: Sequence[Record]) -> str:
    """The package that brought the file; with ``, changed`` where somebody wrote into it."""
    return ", ".join(body_of(own, "package").split())


def settings(text: str) -> list[tuple[str, str]]:
    """Keys and values of a unit file."""
    pairs = (
        line.split("=", 1) for line in text.split("\n") if "=" in line and not line.lstrip().startswith(("#", ";"))
    )
    return [(key.strip(), value.strip()) for key, value in pairs]


def crontab(path: str, text: str) -> list[dict[str, Any]]:
    """The jobs of one crontab. Only those of the system name their user; a user's own is the file's name."""
    with_user = bool(SYSTEM_CRONTAB.match(path))
    jobs = []
    for line in text.split("\n"):
        if not line.strip() or line.lstrip().startswith("#") or ASSIGNMENT.match(line):
            continue
        fields = line.split()
        width = 1 if NICKNAME.match(fields[0]) else 5
        parts = line.strip().split(None, width + int(with_user))
        if len(parts) <= width + int(with_user):
            jobs.append(cron(path, "", "", line.strip()))
            continue
        user = parts[width] if with_user else path.rsplit("/", 1)[-1]
        jobs.append(cron(path, user, " ".join(parts[:width]), parts[-1]))
    return jobs


def mail(found: Sequence[Record]) -> dict[str, Any]:
    """relay: where the host's mail goes, empty where it delivers by itself. queued: mails that wait on the host."""
    part = section(found, "mail")
    return {"relay": body_of(part, "relay").strip(), "queued": number(body_of(part, "mail_queue")) or 0}


def endpoint(text: str) -> tuple[str, int]:
    """Address and port as ss prints them: ``[::ffff:10.0.0.1%eth0]:5432``."""
    address, _between, port = text.rpartition(":")
    address = address.strip("[]").split("%")[0].removeprefix("::ffff:")
    return address, int(port) if port.isdigit() else 0


def connections(found: Sequence[Record], sessions: Sequence[dict[str, Any]] = ()) -> list[dict[str, Any]]:
    """Who is connected with the host, without itself; PostgreSQL's sessions from elsewhere with database and role."""
    part = section(found, "connections")
    listening = {endpoint(line.split()[3])[1] for line in socket_lines(body_of(part, "listeners"))}
    entries = {
        ("in", str(each["address"]), 5432, "postgres", each["database"], each["role"])
        for each in sessions
        if each.get("address") and not loopback(each["address"])
    }
    for line in socket_lines(body_of(part, "established")):
        fields = line.split()
        (_local, own_port), (peer, peer_port) = endpoint(fields[3]), endpoint(fields[4])
        if loopback(peer) or own_port == 22:
            continue
        process = PROCESS.search(line)
        inward = own_port in listening
        entries.add(
            ("in" if inward else "out", peer, own_port if inward else peer_port, process[1] if process else "", "", "")
        )
    keys = ("direction", "peer", "port", "process", "database", "role")
    return [dict(zip(keys, entry, strict=True)) for entry in sorted(entries)]


def socket_lines(text: str) -> list[str]:
    return [line for line in text.split("\n") if len(line.split()) >= 5 and line.split()[1].isdigit()]


def loopback(address: str) -> bool:
    return address.startswith("127.") or address in ("::1", "localhost")


def performance(found: Sequence[Record], databases: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Requests from Odoo's logs (seconds), load averages, and PostgreSQL's own counters."""
    logs = [log(head, own) for head, own in groups(section(found, "performance"), "log")]
    requests = [each for one in logs for each in one["requests"]]
    requests.sort(key=lambda each: (-each["seconds"], each["database"], each["path"]))
    errors: dict[str, int] = {}
    for one in logs:
        for name, count in one["errors"].items():
            errors[name] = errors.get(name, 0) + count
    load = body_of(section(found, "system"), "system.load").split()[:3]
    return {
        "requests": longest_of_each(requests),
        "slowest": sorted(requests, key=lambda each: -each["most_seconds"])[:20],
        "sums": sorted((each for one in logs for each in one["sums"]), key=lambda each: -each["count"]),
        "errors": errors,
        "spans": [one["span"] for one in logs if one["span"]],
        "load": [float(each) for each in load],
        "databases": list(databases),
    }


def unmeasured(performance: dict[str, Any], databases: Sequence[dict[str, Any]]) -> list[dict[str, str]]:
    """Problems: databases of Odoo that no log names, so that nothing can be compared after a move."""
    measured = {each["database"] for each in performance["requests"]}
    names = sorted(each["name"] for each in databases if each["modules"] and each["name"] not in measured)
    if not names:
        return []
    message = (
        f"no request of {', '.join(names)} is in a log file, its rotated forerunner or a unit's journal: there is no"
        " baseline to compare with after the move. Discover when users are at work, with log_level info."
    )
    return [{"part": "performance", "message": message}]


def longest_of_each(requests: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The paths on which each database spent most; requests are in that order."""
    kept: list[dict[str, Any]] = []
    taken: dict[str, int] = {}
    for each in requests:
        taken[each["database"]] = taken.get(each["database"], 0) + 1
        if taken[each["database"]] <= PATHS_OF_A_DATABASE:
            kept.append(each)
    return kept


def log(head: Record, own: Sequence[Record]) -> dict[str, Any]:
    """One log as the shell summed it up: requests by path, sums by database, errors by database, and its span."""
    found: dict[str, Any] = {"requests": [], "sums": [], "errors": {}, "span": None}
    for line in body_of(own, "requests").split("\n"):
        kind, *fields = line.split() or [""]
        if kind == "request" and len(fields) == 9:
            database, method, path = fields[:3]
            found["requests"].append({"database": database, "method": method, "path": path, **durations(fields[3:])})
        elif kind == "database" and len(fields) == 7:
            found["sums"].append({"database": fields[0], **durations(fields[1:])})
        elif kind == "errors" and len(fields) == 2:
            found["errors"][fields[0]] = int(fields[1])
        elif kind == "span" and len(fields) == 4:
            found["span"] = {"log": head.body, "from": " ".join(fields[:2]), "to": " ".join(fields[2:])}
    return found


def durations(fields: Sequence[str]) -> dict[str, Any]:
    """p50 and p95: what half and 95 of 100 requests do not exceed."""
    count, seconds, most, queries, half, nearly_all = fields
    return {
        "count": int(count),
        "seconds": float(seconds),
        "mean_seconds": round(float(seconds) / int(count), 4),
        "most_seconds": float(most),
        "p50_seconds": float(half),
        "p95_seconds": float(nearly_all),
        "queries": int(queries),
    }
