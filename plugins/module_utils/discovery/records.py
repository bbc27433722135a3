# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host sent, as records. Whatever a body holds, only a line with the call's own number begins a record."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError, Problem


@dataclass(frozen=True, slots=True)
class Record:
    """One record: ``part`` says what it is, ``body`` is text as it was found."""

    part: str
    body: str

    @property
    def lines(self) -> list[str]:
        """The lines of the body that are not blank."""
        return [line for line in self.body.split("\n") if line.strip()]


class Incomplete(ErpopsError):
    """The output does not begin or end as it must: the connection broke, or something else answered."""


SECRET = re.compile(
    r"(?i)(\S*(?:passw|passphrase|secret|token|credential|api_?-?key)\S*?\s*[=:]\s*)\S+|(://[^:/@\s]*):[^/@\s]+@"
)
SAID_LINES, SAID_LETTERS = 5, 600


def said(code: int, errors: str) -> str:
    """How a connection ended, for a message: the exit code and the first lines of what stood beside the answer."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()][:SAID_LINES]
    masked = SECRET.sub(lambda found: f"{found[1]}***" if found[1] else f"{found[2]}:***@", " / ".join(lines))
    return f"It ended with {code} and said: {masked[:SAID_LETTERS] or '(nothing)'}"


def records(output: str, nonce: str, host: str, ended: str = "") -> tuple[Record, ...]:
    """All records between ``begin`` and ``end``. ended: what ``said`` says of the connection.

    :raises Incomplete: one of both is not there.
    """
    found: list[Record] = []
    for chunk in output.split(f"\n@{nonce} ")[1:]:
        part, _between, body = chunk.partition("\n")
        found.append(Record(part, body.removesuffix("\n")))
    if not found or found[0].part != "begin" or found[-1].part != "end":
        last = next((record.part for record in reversed(found) if record.part.startswith("part ")), "nothing")
        raise Incomplete(
            f"The answer of {host} is not complete.",
            [
                Problem(
                    subject=f"host {host}",
                    field="discovery",
                    value=last,
                    cure=f"{ended}{'. ' if ended else ''}Its answer ends there. Look whether the connection broke,"
                    " whether it has a shell, and whether sudo wants a terminal (requiretty) or refuses the user.",
                )
            ],
        )
    return tuple(found)


def groups(found: Sequence[Record], head: str) -> Iterator[tuple[Record, tuple[Record, ...]]]:
    """Each record of part ``head`` with those after it, up to the next of that part."""
    at = [number for number, record in enumerate(found) if record.part == head]
    for begin, end in zip(at, [*at[1:], len(found)][: len(at)], strict=True):
        yield found[begin], tuple(found[begin + 1 : end])


def section(found: Sequence[Record], name: str) -> tuple[Record, ...]:
    """The records of one part of the script."""
    for record, inside in groups(found, f"part {name}"):
        if record.part == f"part {name}":
            following = [
                number for number, each in enumerate(inside) if each.part.startswith("part ") or each.part == "end"
            ]
            return inside[: following[0]] if following else inside
    return ()


def body_of(found: Sequence[Record], part: str, default: str = "") -> str:
    """The body of the first record of that part."""
    return next((record.body for record in found if record.part == part), default)


def texts(found: Sequence[Record], part: str) -> Iterator[tuple[str, str, tuple[Record, ...]]]:
    """Path, text and further records of each file that was sent as ``part``."""
    heads = {part}
    for head, after in groups(found, part):
        own: list[Record] = []
        for record in after:
            if record.part in heads:
                break
            own.append(record)
        yield head.body, body_of(own, "text"), tuple(own)


def rows(found: Sequence[Record], name: str) -> list[dict[str, Any]]:
    """What a statement answered; empty where it was not asked or failed."""
    text = body_of(found, f"rows {name}")
    return json.loads(text, strict=False) if text else []


def row(found: Sequence[Record], name: str) -> dict[str, Any]:
    """The single row of a statement, or an empty one."""
    return next(iter(rows(found, name)), {})


def problems(found: Sequence[Record]) -> list[dict[str, str]]:
    """What could not be read: problems that the script reported, and statements that failed."""
    reported = []
    place = ""
    for record in found:
        if record.part == "database":
            place = f"database {record.body}: "
        elif record.part in ("part crons", "cluster"):
            place = ""
        if record.part == "problem":
            part, _between, message = record.body.partition("\n")
            reported.append({"part": part, "message": message})
        elif record.part.startswith("failed "):
            name = record.part.removeprefix("failed ")
            reported.append({"part": "databases" if place else "postgres", "message": f"{place}{name}: {record.body}"})
    return reported
