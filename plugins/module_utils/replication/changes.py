# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the plugin ``test_decoding`` says was changed, as tables and the ids of their rows. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ansible_collections.erpops.odoo.plugins.module_utils.replication.model import Table

NAME = r'(?:"(?:[^"]|"")*"|[^".:\s]+)'
LINE = re.compile(rf"table ({NAME})\.({NAME}): (?:INSERT|UPDATE|DELETE):(.*)", re.DOTALL)
TRUNCATED = re.compile(rf"table ({NAME}\.{NAME}(?:, {NAME}\.{NAME})*): TRUNCATE:.*", re.DOTALL)
EACH = re.compile(rf"({NAME})\.({NAME})(?:, |$)")
TEXT = re.compile(r"'(?:[^']|'')*'", re.DOTALL)
ID = re.compile(r"(?:^|\s)id\[(?:integer|bigint)\]:(-?\d+)(?=\s|$)")


def changed(lines: Iterable[str]) -> dict[Table, frozenset[int] | None]:
    """Of each table the values that column ``id`` had before and after; None where rows of it are not known by one."""
    found: dict[Table, set[int] | None] = {}
    for line in lines:
        if emptied := TRUNCATED.fullmatch(line):  # one line for all tables of a statement, and for what it cascades to
            found |= {
                Table(schema=_plain(schema), name=_plain(name)): None for schema, name in EACH.findall(emptied[1])
            }
            continue
        match = LINE.fullmatch(line)
        if match is None:  # where a transaction begins or ends
            continue
        schema, name, rest = match.groups()
        table = Table(schema=_plain(schema), name=_plain(name))
        ids = {int(value) for value in ID.findall(TEXT.sub("''", rest))}
        known = found.get(table, set())
        found[table] = known | ids if known is not None and ids else None
    return {table: None if ids is None else frozenset(ids) for table, ids in found.items()}


def _plain(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
