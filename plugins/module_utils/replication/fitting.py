# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a member's copy fits onto the target as that is now: its locale, its extensions, and the room on its disks.

A full disk ends the server of every tenant, so that is looked at before anything is written. Standbys are looked at as
well: a database whose locale or library one of them lacks would be gone with the next failover.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, LiteralString

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import Problem, Refused, Unreachable
from ansible_collections.erpops.odoo.plugins.module_utils.postgres import client as postgres
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import MAINTENANCE_DATABASE, translated
from ansible_collections.erpops.odoo.plugins.module_utils.replication import client, statements
from ansible_collections.erpops.odoo.plugins.module_utils.replication.client import Sides, one, rows

with suppress(ImportError):  # the client reports it
    import psycopg
    from psycopg import sql

if TYPE_CHECKING:
    Connection = psycopg.Connection[postgres.Row]

AVAILABLE: LiteralString = "SELECT name FROM pg_available_extensions"
COLLATION: LiteralString = """
    SELECT collname AS name FROM pg_collation
    WHERE collprovider = 'c' AND collencoding IN (-1, pg_char_to_encoding(getdatabaseencoding()))
      AND lower(replace(collcollate, '-', '')) = lower(replace(%s, '-', ''))
      AND collnamespace = 'pg_catalog'::regnamespace ORDER BY length(collname) DESC LIMIT 1
"""
SIZE: LiteralString = "SELECT pg_database_size(%s) AS bytes"
TABLES: LiteralString = """
    SELECT coalesce(sum(pg_table_size(oid)), 0)::bigint AS bytes FROM pg_class WHERE relkind IN ('r', 'm')
"""
THERE: LiteralString = """
    SELECT coalesce(sum(pg_database_size(oid)), 0)::bigint AS bytes FROM pg_database WHERE datname = ANY(%s)
"""
LOG: LiteralString = """
    SELECT name, setting::bigint * 1024 * 1024 AS bytes FROM pg_settings
    WHERE name IN ('max_wal_size', 'max_slot_wal_keep_size')
"""
EVERYWHERE = ("C", "POSIX", "")
UNKNOWN_LOCALE = ("22023", "42704", "42809")
MEGABYTE = 1024 * 1024
GROWTH = 1.2  # what sorting for its indexes takes beside it, and what the source gains meanwhile
KEPT, KEPT_BYTES = 0.05, 10 * 1024 * MEGABYTE  # of a disk stays free for everybody else, and no more than this


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """What a host said of a folder: for ``data``, ``wal`` or ``spool``."""

    host: str
    use: str
    folder: str
    free_bytes: int
    size_bytes: int
    device: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Bytes that a copy takes, by what they are for."""

    data: int
    wal: int
    spool: int


def disks_from(room: Mapping[str, Any], spool: Mapping[str, Any]) -> tuple[Disk, ...]:
    """What module host_room said, by host: of the cluster's hosts, and of the one where dumps lie under way."""
    told = [(host, use, (value or {}).get("room") or {}) for host, value in room.items() for use in ("data", "wal")]
    told += [(host, "spool", (value or {}).get("room") or {}) for host, value in spool.items()]
    return tuple(Disk(host=host, use=use, **found[use]) for host, use, found in told if use in found)


def check(sides: Sides, disks: Sequence[Disk]) -> None:
    """Raises Refused with everything that the target lacks for this member."""
    with translated("Reading what the member's copy needs"):
        need = needed(sides)
        problems = [*_of_servers(sides), *short(need, disks)]
    if problems:
        raise Refused(f"A copy of member {sides.member.name} does not fit onto the target.", problems)


def needed(sides: Sides) -> Need:
    member = sides.member
    size = _bytes(sides.source, SIZE, [member.database])
    there = _bytes(sides.maintenance, THERE, [[member.name, member.passing]])  # a copy that would be made anew
    log = {row["name"]: row["bytes"] for row in rows(sides.maintenance, LOG)}
    return Need(
        data=max(int(size * GROWTH) - there, 0),
        wal=log["max_wal_size"] + _held_back(size, log["max_slot_wal_keep_size"]),
        spool=_bytes(sides.source, TABLES),
    )


def _held_back(size: int, bound: int) -> int:
    """What a standby or a slot that lags may hold back of the log of a restore, which is about as large as the copy."""
    return min(size, bound) if bound >= 0 else size


def _bytes(connection: Connection, query: LiteralString, values: Sequence[object] = ()) -> int:
    row = one(connection, query, list(values))
    return int(row["bytes"]) if row else 0


def short(need: Need, disks: Sequence[Disk]) -> Iterator[Problem]:
    """Disks that would be left with less than they must keep; what lies on one disk is added up. Pure."""
    for host, device in dict.fromkeys((disk.host, disk.device) for disk in disks):
        own = [disk for disk in disks if (disk.host, disk.device) == (host, device)]
        wanted = {disk.use: getattr(need, disk.use) for disk in own}
        keep = min(int(own[0].size_bytes * KEPT), KEPT_BYTES)
        if own[0].free_bytes < sum(wanted.values()) + keep:
            parts = " + ".join(f"{size // MEGABYTE} MB for {USES[use]}" for use, size in wanted.items())
            cure = (
                f"It needs {parts}, and {keep // MEGABYTE} MB that stay free for the others. Make room, enlarge the"
                " disk, or place the tenant in another cluster."
            )
            yield Problem(f"host {host}", own[0].folder, f"{own[0].free_bytes // MEGABYTE} MB free", cure)


USES = {"data": "the copy", "wal": "its log", "spool": "its dump"}


def _of_servers(sides: Sides) -> Iterator[Problem]:
    """What single servers of the cluster lack. One that does not answer is passed over: it is no failover's target."""
    like = one(sides.source, statements.DATABASE, [sides.member.database])
    if like is None:
        return
    extensions = [row["name"] for row in rows(sides.source, statements.EXTENSIONS)]
    locales = [name for name in dict.fromkeys((like["collate"], like["ctype"])) if name not in EVERYWHERE]
    yield from _lacking(sides.maintenance, "the target's primary", extensions, locales, like["encoding"])
    primary = sides.maintenance.info.host
    for host in sides.target_server.hosts:
        if host == primary:
            continue
        with (
            suppress(Unreachable),
            postgres.connect(sides.target_server.at([host]), MAINTENANCE_DATABASE, "any") as other,
        ):
            yield from _lacking(other, f"the target's server {host}", extensions, locales, like["encoding"])


def _lacking(
    connection: Connection, subject: str, extensions: Sequence[str], locales: Sequence[str], encoding: str
) -> Iterator[Problem]:
    known = {row["name"] for row in rows(connection, AVAILABLE)}
    for name in extensions:
        if name not in known:
            cure = (
                "The source's database has it: install its package on every host of the cluster, or drop it on the"
                " source where nothing uses it."
            )
            yield Problem(subject, "extension", name, cure)
    for name in locales:
        if encoding == "UTF8" and not has_locale(connection, name):
            cure = (
                "The source's database has it: generate it on every host of the cluster (/etc/locale.gen, locale-gen)."
            )
            yield Problem(subject, "locale", name, cure)


def has_locale(connection: Connection, name: str) -> bool:
    """Whether the server's system has it now. What PostgreSQL listed when it was made is only where to begin."""
    found = one(connection, COLLATION, [name])
    if found is None and one(connection, "SELECT pg_is_in_recovery() AS standby")["standby"]:  # type: ignore[index]
        return True  # its primary was asked; here nobody can
    try:
        if found is not None:
            collation = sql.Identifier("pg_catalog", found["name"])
            client.execute(connection, sql.SQL("SELECT 'a'::text COLLATE {} < 'b'").format(collation))
        else:
            with connection.transaction(force_rollback=True):  # nothing of it is ever seen, or stays
                form = sql.SQL("CREATE COLLATION erpops_locale (provider = libc, locale = {})")
                client.execute(connection, form.format(sql.Literal(name)))
    except psycopg.Error as error:
        if error.sqlstate in UNKNOWN_LOCALE:
            return False
        raise
    return True
