# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to the source's server as a whole, for all members that come from it: settings, and the role that they
are followed with. The comment of that role is the record of it, written before anything is changed.

A member has its part in it for as long as the role may connect to its database by name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, LiteralString

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import translated
from ansible_collections.erpops.odoo.plugins.module_utils.replication.client import execute, one, rows
from ansible_collections.erpops.odoo.plugins.module_utils.replication.model import ROLE, Member

with suppress(ImportError):  # the client reports it
    import psycopg
    from psycopg import sql

if TYPE_CHECKING:
    from ansible_collections.erpops.odoo.plugins.module_utils.replication.client import Connection

COMMENT: LiteralString = "SELECT shobj_description(oid, 'pg_authid') AS comment FROM pg_roles WHERE rolname = %s"
# automatic: what ALTER SYSTEM has written. written: what counts after a restart.
SETTINGS: LiteralString = """
    SELECT name, setting,
           coalesce((SELECT f.setting FROM pg_file_settings AS f WHERE f.name = s.name
                     ORDER BY f.seqno DESC LIMIT 1),
                    CASE source WHEN 'command line' THEN setting ELSE boot_val END) AS written,
           (SELECT f.setting FROM pg_file_settings AS f
            WHERE f.name = s.name AND f.sourcefile LIKE '%%postgresql.auto.conf'
            ORDER BY f.seqno DESC LIMIT 1) AS automatic
    FROM pg_settings AS s WHERE name = ANY(%s)
"""
CONNECTING: LiteralString = """
    SELECT d.datname AS name FROM pg_database AS d, aclexplode(d.datacl) AS x JOIN pg_roles AS r ON r.oid = x.grantee
    WHERE r.rolname = %s AND x.privilege_type = 'CONNECT' ORDER BY 1
"""
SLOTS: LiteralString = """
    SELECT count(*) AS all, count(*) FILTER (WHERE slot_type = 'logical') AS logical FROM pg_replication_slots
    WHERE slot_name <> ALL(%s)
"""
NAMES = ("wal_level", "max_replication_slots", "max_wal_senders")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting of the source's server. written: what its files hold, which counts after a restart. automatic: what
    ALTER SYSTEM wrote before; None where it did not."""

    name: str
    setting: str
    written: str
    automatic: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """value: what was written by us. before: what counted then. automatic: as of a Setting."""

    name: str
    value: str
    before: str
    automatic: str | None = None

    def back(self) -> str:
        """As text for the operator."""
        how = f"SET {self.name} = '{self.automatic}'" if self.automatic is not None else f"RESET {self.name}"
        return f"ALTER SYSTEM {how};"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """made: the role was not there before. comment: the role's own."""

    made: bool = False
    settings: tuple[Changed, ...] = ()
    comment: str | None = None

    def text(self) -> str:
        return json.dumps({"erpops": 1, **asdict(self)}, sort_keys=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """What goes with the last member of a source. kept: what stays, each with the reason."""

    settings: tuple[Changed, ...] = ()
    role: bool = False
    kept: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.settings) or self.role

    def detail(self) -> str:
        found = [f"setting {each.name}" for each in self.settings] + ([f"role {ROLE}"] if self.role else [])
        return ", ".join([*found, *self.kept])

    def left(self) -> list[str]:
        """What is left to people."""
        waiting = [
            f"setting {each.name}: {each.value} until the next restart of the source's PostgreSQL, then {each.before}"
            for each in self.settings
        ]
        return [*waiting, *self.kept]


def record_from(comment: str | None) -> Record:
    """A comment that is not ours is the role's own."""
    try:
        value: Any = json.loads(comment or "")
        if not isinstance(value, dict) or value.pop("erpops", None) != 1:
            return Record(comment=comment)
        value["settings"] = tuple(Changed(**each) for each in value["settings"])
        return Record(**value)
    except (ValueError, KeyError, TypeError):
        return Record(comment=comment)


def read(connection: Connection) -> Record | None:
    """None where there is no such role."""
    with translated("Reading what was done to the source's server"):
        found = one(connection, COMMENT, [ROLE])
    return record_from(found["comment"]) if found else None


def settings(connection: Connection) -> list[Setting]:
    return [Setting(**row) for row in rows(connection, SETTINGS, [list(NAMES)])]


def recorded(record: Record | None, found: Sequence[Setting], wanted: Mapping[str, str]) -> Record:
    """The record of settings that are about to be written: what counted before the first of us stays known. Pure."""
    before = record or Record(made=True)
    known = {each.name: each for each in before.settings}
    for each in found:
        if each.name in wanted:
            first = known.get(each.name) or Changed(
                name=each.name, value="", before=each.written, automatic=each.automatic
            )  # fmt: skip
            known[each.name] = replace(first, value=wanted[each.name])
    return replace(before, settings=tuple(known.values()))


def write(connection: Connection, record: Record, role: Sequence[sql.Composed], wanted: Mapping[str, str]) -> None:
    """The role and the record at once, and then the settings, which no transaction may hold."""
    with translated("Preparing the source's server"):
        with connection.transaction():
            execute(connection, *role, *([_comment(record.text())] if record.made or record.settings else []))
        for name, value in wanted.items():
            form = sql.SQL("ALTER SYSTEM SET {} = {}")
            execute(connection, form.format(sql.Identifier(name), sql.Literal(value)))


def _comment(text: str | None) -> sql.Composed:
    return sql.SQL("COMMENT ON ROLE {} IS {}").format(sql.Identifier(ROLE), sql.Literal(text))


def prepared(connection: Connection, member: Member) -> bool:
    """Whether the member has its part in it."""
    return member.database in _connecting(connection)


def _connecting(connection: Connection) -> list[str]:
    with translated("Reading whose members are prepared"):
        return [row["name"] for row in rows(connection, CONNECTING, [ROLE])]


def no_part(connection: Connection, member: Member) -> list[sql.Composed]:
    """Statements, for a transaction, after which the member has none."""
    if not prepared(connection, member):
        return []
    form = sql.SQL("REVOKE CONNECT ON DATABASE {} FROM {}")
    return [form.format(sql.Identifier(member.database), sql.Identifier(ROLE))]


def leaving(connection: Connection, member: Member) -> Leaving:
    """What goes with this member, or went with the last one in a run that was killed."""
    record, parts = read(connection), _connecting(connection)
    if record is None or (parts and member.database not in parts):
        return Leaving()
    with translated("Reading what the source's server needs"):
        written = {each.name: each.automatic for each in settings(connection)}
        slots = one(connection, SLOTS, [[member.forward, member.changes]]) or {"all": 0, "logical": 0}
    return planned(record, [name for name in parts if name != member.database], written, slots)


def planned(
    record: Record, others: Sequence[str], written: Mapping[str, str | None], slots: Mapping[str, int]
) -> Leaving:
    """Pure. A server with more slots than it may have, or with logical ones that it has no log for, does not start."""
    if others:
        stays = [f"setting {each.name}" for each in record.settings] + ([f"role {ROLE}"] if record.made else [])
        reason = f"stays for database {', '.join(others)}"
        return Leaving(kept=(f"{', '.join(stays)} {reason}",) if stays else ())
    back, kept = [], []
    for each in record.settings:
        reason = ""
        if written.get(each.name) not in (each.value, each.automatic):
            reason = f"it is not the {each.value} any more that was set"
        elif each.name == "wal_level" and slots["logical"]:
            reason = f"{slots['logical']} logical slots of others are there"
        elif each.name == "max_replication_slots" and slots["all"] > int(each.before):
            reason = f"{slots['all']} slots of others are there"
        if reason:
            kept.append(f"setting {each.name} stays, since {reason}: {each.back()}")
        else:
            back.append(each)
    return Leaving(settings=tuple(back), role=record.made, kept=tuple(kept))


def leave(connection: Connection, wanted: Leaving) -> Leaving:
    """Put back what goes, once the member has no part in it. Returns it with what could not go."""
    for each in wanted.settings:
        with translated(f"Putting setting {each.name} back"):
            value = sql.SQL("RESET {}") if each.automatic is None else sql.SQL("SET {} = {}")
            words = sql.Identifier(each.name), sql.Literal(each.automatic)
            execute(connection, sql.SQL("ALTER SYSTEM ") + value.format(*words))
    record = read(connection)
    if record is None or _connecting(connection):
        return wanted
    try:
        with translated(f"Taking role {ROLE} away"), connection.transaction():
            execute(connection, *([_drop("DROP OWNED BY {}"), _drop("DROP ROLE {}")] if wanted.role else
                                  [_comment(record.comment)]))  # fmt: skip
    except ErpopsError as error:
        if not isinstance(error.__cause__, psycopg.errors.DependentObjectsStillExist):
            raise
        return replace(wanted, role=False, kept=(*wanted.kept, f"role {ROLE} stays: {error}"))
    return wanted


def _drop(form: LiteralString) -> sql.Composed:
    return sql.SQL(form).format(sql.Identifier(ROLE))
