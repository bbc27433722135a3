# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one text that is sent to a legacy host, made of the files under ``shell/`` and the statements under ``sql/``."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
NEEDS = re.compile(r"-- needs: ([a-z0-9_ ]+)\n")
FILES = ("tools", "odoo", "postgres", "host", "discover")


@dataclass(frozen=True, slots=True)
class Settings:
    """How a host is read.

    nonce: what begins every record; letters and digits. statement_seconds: PostgreSQL's statement_timeout.
    checksums: read every file of the filestores and compare its SHA-1. log_lines: lines of each log, from its end.
    filestores: folders of filestores that somebody declared, which are looked at first.
    """

    nonce: str
    statement_seconds: int = 60
    checksums: bool = True
    log_lines: int = 200_000
    filestores: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Query:
    """One statement. needs: tables of schema public that must be there, else it is not asked."""

    name: str
    needs: tuple[str, ...]
    statement: str


def queries(scope: str) -> tuple[Query, ...]:
    """The statements of scope ``cluster`` or ``database``, each answering one line: a JSON array of objects."""
    return tuple(query_from(path) for path in sorted((FOLDER / "sql" / scope).glob("*.sql")))


def query_from(path: Path) -> Query:
    text = path.read_text(encoding="utf-8")
    found = NEEDS.match(text)
    body = text[found.end() :] if found else text
    return Query(
        name=path.stem,
        needs=tuple(found[1].split()) if found else (),
        statement=f"SELECT coalesce(json_agg(row_to_json(answer)), '[]')::jsonb FROM (\n{body}) answer",
    )


def script(settings: Settings) -> str:
    """The whole text, for a POSIX shell that reads it from its standard input."""
    lines = [f"{name}={shlex.quote(value)}" for name, value in assigned(settings).items()]
    lines += [*asking("cluster"), *asking("database")]
    lines += [(FOLDER / "shell" / f"{name}.sh").read_text(encoding="utf-8") for name in FILES]
    return "\n".join(lines)


def measuring(settings: Settings, units: Mapping[str, int]) -> str:
    """The same functions for a host of the estate: requests in the journal of each unit, since a Unix time."""
    lines = [f"{name}={shlex.quote(value)}" for name, value in assigned(settings).items()]
    lines += [(FOLDER / "shell" / f"{name}.sh").read_text(encoding="utf-8") for name in ("tools", "host")]
    asked = "\n".join(f"journal {shlex.quote(unit)} {since}" for unit, since in units.items())
    body = f"record begin\ndate -u +%Y-%m-%dT%H:%M:%SZ\nrecord 'part performance'\n{asked}\nrecord end"
    return "\n".join([*lines, f"measure() {{\n{body}\n}}", "measure </dev/null 2>/dev/null\n"])


def assigned(settings: Settings) -> dict[str, str]:
    """The variables of the shell."""
    return {
        "NONCE": settings.nonce,
        "STATEMENT_SECONDS": str(settings.statement_seconds),
        "CHECKSUMS": str(settings.checksums).lower(),
        "LOG_LINES": str(settings.log_lines),
        "FILESTORES": "\n".join(settings.filestores),
    }


def asking(scope: str) -> list[str]:
    """The shell function ``<scope>_questions`` that prints all statements of a scope for the function ``session``."""
    lines = [f"{scope}_questions() {{"]
    for query in queries(scope):
        ask = f"question {query.name} {shlex.quote(query.statement)}"
        if query.needs:
            lines.append(f"if needs {' '.join(query.needs)}; then {ask}; else absent {query.name}; fi")
        else:
            lines.append(ask)
    return [*lines, "}"]
