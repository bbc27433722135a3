# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A dump of the target as of one moment, restored beside it and compared row for row. Users work on; the file stays."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.checksum import checksum
from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import translated
from ansible_collections.erpops.odoo.plugins.module_utils.replication import compare, dump, pause, plan, statements
from ansible_collections.erpops.odoo.plugins.module_utils.replication.client import Sides, execute, one, rows
from ansible_collections.erpops.odoo.plugins.module_utils.replication.model import ROLE, Grant

if TYPE_CHECKING:
    from ansible_collections.erpops.odoo.plugins.module_utils.replication.client import Connection

PARTIAL = ".partial"
RECORD = ".json"  # beside the dump: a run that is killed after it has committed is asked for it again


@dataclass(frozen=True, slots=True, kw_only=True)
class Dumping:
    """folder: where the file stays, on the host that this runs on. tools: their spool is not used."""

    tools: dump.Tools
    folder: str


def proved(sides: Sides, wanted: Dumping, version: int) -> dict[str, Any]:
    """version: of the target.

    Raises ErpopsError where the dump cannot be taken or restored, Refused where a row differs; no file stays then.
    Returns ``path``, ``sha256``, ``bytes``, and ``tables`` and ``rows`` as they were compared.
    """
    name, folder = sides.member.name, Path(wanted.folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in folder.glob(f"{name}.*{PARTIAL}"):  # of a run that was killed
        left.unlink()
    path = folder / f"{name}.{datetime.now(UTC):%Y%m%dT%H%M%SZ}.dump"
    partial = path.with_name(path.name + PARTIAL)
    try:
        compared = _compared(sides, wanted, version, partial)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    partial.rename(path)
    record = {"path": str(path), "sha256": checksum(path), "bytes": path.stat().st_size, **compared}
    path.with_name(path.name + RECORD).write_text(json.dumps(record), encoding="utf-8")
    return record


def last(name: str, folder: str) -> dict[str, Any]:
    """What was last proved of the member, as ``proved`` returned it; empty where this host has no such dump."""
    for place in sorted(Path(folder).glob(f"{name}.*.dump{RECORD}"), reverse=True):
        record: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
        if Path(record["path"]).is_file():
            return record
    return {}


def _compared(sides: Sides, wanted: Dumping, version: int, path: Path) -> dict[str, int]:
    member, tools = sides.member, wanted.tools

    def connect(database: str) -> Callable[[], Connection]:
        def opened() -> Connection:
            connection = sides.connect_target(database)
            execute(connection, f"SET statement_timeout = '{int(tools.seconds)}s'")
            return connection

        return opened

    with pause.held(connect(member.name), int(tools.seconds)) as moment:
        dump.archived(tools, sides.primary, member.name, moment.name, path)
        _drop(sides)
        try:
            _create(sides)
            dump.restore_whole(tools, sides.primary, member.proof, path)
            with connect(member.proof)() as restored:
                copy = compare.Side(connection=restored, connect=connect(member.proof))
                found, compared = compare.differences(sides, moment.side, copy, version, tools.jobs)
        finally:
            _drop(sides)
    cure = "Nothing was committed. Look at what the restored copy lacks, and run wave_commit again."
    plan.refuse_differences(member, "The restored dump is not equal to the database.", found, cure)
    return compared


def _create(sides: Sides) -> None:
    member = sides.member
    with translated(f"Creating database {member.proof}"):
        like = one(sides.maintenance, statements.DATABASE, [member.name])
        if like is None:
            raise ErpopsError(f"Database {member.name} is gone.")
        create = statements.create_database(
            member.proof, like["owner"], like["encoding"], like["collate"], like["ctype"]
        )
        execute(sides.maintenance, create)
        grants = [Grant(**row) for row in rows(sides.maintenance, statements.GRANTS, [member.proof, ROLE])]
        execute(sides.maintenance, *statements.revoke_connect(member.proof, grants))


def _drop(sides: Sides) -> None:
    with translated(f"Dropping database {sides.member.proof}"):
        execute(sides.maintenance, statements.drop_database(sides.member.proof))
