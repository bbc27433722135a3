# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One event into the ledger: chained where the cluster is there, spooled where it is not, never in the way."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import (
    InputError,
    Problem,
    Refused,
    Unreachable,
)
from ansible_collections.erpops.odoo.plugins.module_utils.ledger import client, spool
from ansible_collections.erpops.odoo.plugins.module_utils.ledger.chain import canonical
from ansible_collections.erpops.odoo.plugins.module_utils.ledger.model import Head, Lock, Pending
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import PSYCOPG_ERROR, Row, Server

if TYPE_CHECKING:
    import psycopg

# Who, what and when: in the content of a begin.
DESCRIPTION = (
    "playbook",
    "estate",
    "operator",
    "awx_user",
    "awx_job",
    "change_ticket",
    "commit",
    "limit",
    "tags",
)
SECRET_WORDS = re.compile(r"password|passwd|secret|token|private_key|credential", re.IGNORECASE)
SPOOLED_EVENTS = ("begin", "end", "approve", "evidence")  # locks mean nothing where nobody else can see them


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What the module was asked to record."""

    event: str
    operation: str
    content: Mapping[str, Any]
    lock: str = ""
    break_lock: bool = False

    @property
    def owner(self) -> str:
        return str(self.content.get("awx_user") or self.content.get("operator") or "unknown")

    @property
    def playbook(self) -> str:
        return str(self.content.get("playbook") or "unknown")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    recorded: bool = False
    spooled: bool = False
    replayed: int = 0
    head: Head | None = None
    warnings: tuple[str, ...] = ()


def event_from(parameters: Mapping[str, Any]) -> Event:
    given = {name: parameters[name] for name in (*DESCRIPTION, "result", "subject", "evidence") if parameters[name]}
    _no_secrets(given)
    operation = parameters["operation"]
    if not operation and parameters["event"] == "begin":
        operation = str(uuid.uuid4())
    if not operation:
        cure = "Give the operation that the begin returned."
        raise InputError("The event belongs to no operation.", [Problem("ledger", "operation", "", cure)])
    return Event(
        event=parameters["event"],
        operation=operation,
        content=given,
        lock=parameters["lock"],
        break_lock=parameters["break_lock"],
    )


def record(server: Server, event: Event, folder: Path, head_file: Path | None) -> Recorded:
    """Write the event, and before it what waits in the spool. Raises Refused for a lock that another run holds."""
    try:
        if PSYCOPG_ERROR is not None:
            raise Unreachable("psycopg is not installed yet.")
        with spool.opened(folder) as waiting, client.opened(server) as connection:
            done = _write(connection, event, waiting)
            waiting.clear()
    except Unreachable as error:
        if event.event not in SPOOLED_EVENTS:
            raise
        return _spooled(event, folder, error)
    if head_file and done.head:
        spool.append_head(head_file, canonical({**asdict(done.head), "at": _now()}))
    return done


def _write(connection: psycopg.Connection[Row], event: Event, waiting: spool.Spool) -> Recorded:
    with client.writing(connection):
        replayed = client.append(connection, waiting.entries())
        content = {**event.content, **_locking(connection, event)}
        client.append(connection, [pending(replace(event, content=content))])
        last = client.head(connection)
    torn = tuple(f"The ledger's spool had a torn line, kept beside: {line}" for line in waiting.torn)
    return Recorded(recorded=True, replayed=replayed, head=last, warnings=torn)


def _locking(connection: psycopg.Connection[Row], event: Event) -> dict[str, Any]:
    """The event's effect on locks, as it is recorded."""
    if event.event == "end":
        released = client.release_locks(connection, event.operation)
        return {"released": released} if released else {}
    if not event.lock:
        return {}
    held = client.lock_of(connection, event.lock)
    if held and held.operation != event.operation and not event.break_lock:
        raise Refused(refusal(held))
    foreign = {"broken": asdict(held)} if held and held.operation != event.operation else {}
    if event.event == "unlock":
        client.release_lock(connection, event.lock)
    elif not held or foreign:
        client.take_lock(connection, event.lock, event.operation, event.owner, event.playbook)
    return {"lock": event.lock, **foreign}


def refusal(held: Lock) -> str:
    return (
        f"Lock {held.name} is held by {held.owner} since {held.since} ({age(held.age_seconds)}), by playbook "
        f"{held.playbook}, operation {held.operation}. Wait for its end. If that run is dead, run again with "
        "ledger_break_lock=true, which takes the lock over and records that."
    )


def age(seconds: int) -> str:
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} seconds"


def pending(event: Event) -> Pending:
    """What begins or ends, is the same entry on whichever host it is written; a lock's events may repeat."""
    if event.event in ("begin", "end"):
        name = event.event
    elif event.event in SPOOLED_EVENTS:
        name = canonical({"event": event.event, "content": event.content})
    else:
        name = str(uuid.uuid4())
    identity = str(uuid.uuid5(uuid.UUID(event.operation), name))
    return Pending(id=identity, operation=event.operation, event=event.event, at=_now(), content=event.content)


def _spooled(event: Event, folder: Path, error: Unreachable) -> Recorded:
    with spool.opened(folder) as waiting:
        waiting.append(pending(event))
    warnings = [f"The ledger is not there; the event waits in {folder}: {error.message}"]
    if event.lock:
        warnings.append(f"Lock {event.lock} was not taken, since the ledger is not there.")
    return Recorded(spooled=True, warnings=tuple(warnings))


def known_heads(head_file: Path | None, position: int | None, hash_: str | None) -> list[Head]:
    """Heads that were kept elsewhere: from a file of them, and the one that was given."""
    heads = []
    if head_file:
        for line in spool.read_lines(head_file):
            value = json.loads(line)
            heads.append(Head(position=value["position"], hash=value["hash"]))
    if position is not None and hash_:
        heads.append(Head(position=position, hash=hash_))
    return heads


def _no_secrets(given: Mapping[str, Any]) -> None:
    names = {str(key) for item in given.get("evidence", []) for key in item}
    problems = [
        Problem("ledger", f"evidence.{name}", "", "Its name says that it is secret, and the ledger is for ever.")
        for name in sorted(names)
        if SECRET_WORDS.search(name)
    ]
    if problems:
        raise InputError("The ledger takes no secrets.", problems)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
