# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A look at all members on their way, on both sides. It takes no lock, writes nothing, and waits for nobody long.

Each server is read twice, some seconds apart, for all its members at once; what only a member's own database tells is
read in between. A server that does not answer is a finding of its members and never a failure of the look.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, LiteralString

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError
from ansible_collections.erpops.odoo.plugins.module_utils.postgres import client as postgres
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import MAINTENANCE_DATABASE, translated
from ansible_collections.erpops.odoo.plugins.module_utils.replication import client, observed, seed
from ansible_collections.erpops.odoo.plugins.module_utils.replication.client import Sides, execute, one, rows
from ansible_collections.erpops.odoo.plugins.module_utils.replication.model import OLDEST_LOGICAL, Login
from ansible_collections.erpops.odoo.plugins.module_utils.replication.observed import (
    Details,
    Reading,
    Server,
    Watched,
)
from ansible_collections.erpops.odoo.plugins.module_utils.replication.statements import NOT_OF_EXTENSION, OWN_SCHEMAS
from ansible_collections.erpops.odoo.plugins.module_utils.replication.steps import Steps

if TYPE_CHECKING:
    from ansible_collections.erpops.odoo.plugins.module_utils.replication.client import Connection

AT_ONCE = 8  # servers
PATIENCE_SECONDS = 20
# A database that somebody is connected to can be neither renamed nor copied, and PostgreSQL waits 5 seconds for it.
HURRY_SECONDS = 4
COUNTED_ERRORS = 150_000  # server_version_num since which a subscriber's errors are counted
FAILOVER_SLOTS = 170_000  # since which a standby can keep a slot

# A row's JSON has what the version has.
SLOTS: LiteralString = """
    SELECT slot_name AS name, active,
           coalesce(to_jsonb(s) ->> 'wal_status', '') IN ('lost', 'unreserved')
           OR restart_lsn IS NULL OR to_jsonb(s) ->> 'invalidation_reason' IS NOT NULL AS lost,
           pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint AS written,
           pg_wal_lsn_diff(confirmed_flush_lsn, '0/0')::bigint AS confirmed,
           pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::bigint AS kept_bytes,
           (SELECT setting::bigint FROM pg_settings WHERE name = 'max_slot_wal_keep_size') AS limit_mb
    FROM pg_replication_slots AS s WHERE slot_name = ANY(%s)
"""
# A subscriber with much to do tells the slot only now and then how far it is; its origin knows it after each commit.
SUBSCRIPTIONS: LiteralString = """
    SELECT s.subname AS name, s.subenabled AS enabled, bool_or(w.pid IS NOT NULL) AS running,
           (SELECT pg_wal_lsn_diff(o.remote_lsn, '0/0')::bigint FROM pg_replication_origin_status AS o
            WHERE o.external_id = 'pg_' || s.oid) AS applied,
           to_char(max(w.last_msg_receipt_time) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS message_at
    FROM pg_subscription AS s LEFT JOIN pg_stat_subscription AS w ON w.subid = s.oid AND w.relid IS NULL
    WHERE s.subname = ANY(%s) GROUP BY s.oid, s.subname, s.subenabled
"""
ERRORS: LiteralString = """
    SELECT subname AS name, apply_error_count AS errors FROM pg_stat_subscription_stats WHERE subname = ANY(%s)
"""
SIZES: LiteralString = """
    SELECT datname AS name, pg_database_size(oid) AS bytes FROM pg_database WHERE datname = ANY(%s)
"""
KEPT: LiteralString = """
    SELECT slot_name AS name FROM pg_replication_slots
    WHERE slot_name = ANY(%s) AND synced AND NOT temporary AND invalidation_reason IS NULL
"""
WAITING: LiteralString = "SELECT count(*) AS waiting FROM pg_subscription_rel WHERE srsubstate <> 'r'"
# Of a copy under way, on either side: tables with rows and their bytes, those that are just being copied, and the
# sessions of the tool. A worker of pg_dump locks the table that it begins and keeps the lock; the session that leads
# the workers, the oldest, has locked all of them.
COPIES: LiteralString = f"""
    WITH at_work AS (
        SELECT pid, backend_start, query FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = %s
    ), filled AS (
        SELECT c.oid, pg_table_size(c.oid) AS bytes,
               EXISTS (SELECT FROM at_work
                       WHERE strpos(query, 'COPY ' || format('%%I.%%I ', n.nspname, c.relname)) = 1) AS busy
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND {OWN_SCHEMAS} AND {NOT_OF_EXTENSION}
          AND pg_relation_size(c.oid) > 0
    ), workers AS (
        SELECT l.pid FROM pg_locks AS l JOIN at_work USING (pid) JOIN filled ON filled.oid = l.relation
        WHERE backend_start > (SELECT min(backend_start) FROM at_work)
        GROUP BY l.pid HAVING count(DISTINCT l.relation) < (SELECT count(*) FROM filled)
    ), dumped AS (
        SELECT DISTINCT filled.oid, filled.bytes
        FROM pg_locks AS l JOIN workers USING (pid) JOIN filled ON filled.oid = l.relation AND NOT filled.busy
    )
    SELECT (SELECT count(*) FROM filled) AS filled, (SELECT coalesce(sum(bytes), 0)::bigint FROM filled) AS bytes,
           (SELECT count(*) FROM filled WHERE busy) AS busy,
           (SELECT count(*) FROM at_work) AS sessions, (SELECT count(*) FROM workers) AS workers,
           (SELECT count(*) FROM dumped) AS dumped,
           (SELECT coalesce(sum(bytes), 0)::bigint FROM dumped) AS dumped_bytes,
           (SELECT extract(epoch FROM clock_timestamp() - min(backend_start))::float FROM at_work) AS seconds
"""


class Glance(Sides):
    """Both sides, for nobody to wait for."""

    def connect_source(self, database: str) -> Connection:
        return _hurried(super().connect_source(database))

    def connect_target(self, database: str) -> Connection:
        seconds = PATIENCE_SECONDS if database == MAINTENANCE_DATABASE else HURRY_SECONDS
        return _hurried(super().connect_target(database), seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Where to look. sources: how to log in to each legacy host. targets: the estate's clusters."""

    sources: Mapping[str, Login]
    targets: Sequence[postgres.Server]
    seconds: float  # between both readings


def look(wanted: Look, members: Sequence[Watched]) -> dict[str, dict[str, Any]]:
    """What is seen of each member, by its name."""
    if not members:
        return {}
    hosts = sorted({each.host for each in members})
    with ThreadPoolExecutor(AT_ONCE) as pool:
        targets = [pool.submit(_target, server, members, wanted.seconds) for server in wanted.targets]
        sources = {host: pool.submit(_source, wanted, host, [each for each in members if each.host == host])
                   for host in hosts}  # fmt: skip
        kept = [pool.submit(_kept, server, members) for server in wanted.targets]
        seen_targets, seen_kept = [each.result() for each in targets], [each.result() for each in kept]
        seen_sources = {host: each.result() for host, each in sources.items()}
    found = {}
    for each in members:
        source, details = seen_sources[each.host]
        number = _place(each, seen_targets)
        unkept = observed.standbys(seen_kept[number], each.member.back) if each.state == "live" else {}
        target = seen_targets[number]
        found[each.member.name] = observed.seen(each, source, target, details.get(each.member.name, Details()), unkept)
    return found


def _place(watched: Watched, targets: Sequence[Server]) -> int:
    """The cluster that has a database of the member; without one the first that did not answer, or the first."""
    names = {watched.member.name, watched.member.passing}
    there = [number for number, each in enumerate(targets) if each.last and names & each.last.databases.keys()]
    silent = [number for number, each in enumerate(targets) if each.problem]
    return next(iter([*there, *silent]), 0)


def _twice(
    connect: Callable[[], Connection], read: Callable[[Connection], Reading], between: Callable[[], None]
) -> Server:
    """A server's two readings; ``between`` takes as long as they are to lie apart, or longer."""
    try:
        with connect() as connection, translated("Reading it"):
            _hurried(connection)
            first = read(connection)
            between()
            return Server(first=first, last=read(connection))
    except ErpopsError as error:
        return Server(problem=_plain(error))


def _plain(error: ErpopsError) -> str:
    """In one line, without the library's advice."""
    return " ".join(error.message.partition("\n")[0].split())


def _hurried(connection: Connection, seconds: int = PATIENCE_SECONDS) -> Connection:
    execute(
        connection,
        f"SET statement_timeout = '{seconds}s'",
        "SET lock_timeout = '1s'",
        "SET default_transaction_read_only = on",
    )
    return connection


def _reading(
    connection: Connection, slots: Sequence[str], subscriptions: Sequence[str], databases: Sequence[str]
) -> Reading:
    version, at = connection.info.server_version, time.monotonic()
    if version < OLDEST_LOGICAL:  # whatever is moved from there is moved by dumps
        return Reading(at=at)
    errors = rows(connection, ERRORS, [subscriptions]) if version >= COUNTED_ERRORS else []
    counted = {row["name"]: row["errors"] for row in errors}
    return Reading(
        at=at,
        slots={row["name"]: row for row in rows(connection, SLOTS, [slots])},
        subscriptions={row["name"]: {**row, "errors": counted.get(row["name"], 0)}
                       for row in rows(connection, SUBSCRIPTIONS, [subscriptions])},
        databases={row["name"]: row["bytes"] for row in rows(connection, SIZES, [databases])},
    )  # fmt: skip


def _target(server: postgres.Server, members: Sequence[Watched], seconds: float) -> Server:
    backs, forwards = [each.member.back for each in members], [each.member.forward for each in members]
    names = [name for each in members for name in (each.member.name, each.member.passing)]
    return _twice(
        lambda: postgres.connect(server, MAINTENANCE_DATABASE),
        lambda connection: _reading(connection, backs, forwards, names),
        lambda: time.sleep(seconds),
    )


def _source(wanted: Look, host: str, members: Sequence[Watched]) -> tuple[Server, dict[str, Details]]:
    login = wanted.sources.get(host)
    if login is None:
        return Server(problem="nobody said how to reach it"), {}
    found: dict[str, Details] = {}
    backs, forwards = [each.member.back for each in members], [each.member.forward for each in members]

    def details() -> None:
        end = time.monotonic() + wanted.seconds
        found.update({each.member.name: _details(wanted, login, each) for each in members})
        time.sleep(max(0.0, end - time.monotonic()))

    server = _twice(
        lambda: client.connect(login, MAINTENANCE_DATABASE),
        lambda connection: _reading(connection, forwards, backs, []),
        details,
    )
    return server, found


def _details(wanted: Look, login: Login, watched: Watched) -> Details:
    """What the member's own databases say, over connections of their own."""
    if watched.state not in ASKED or (watched.run and watched.state != "seeding"):
        return Details()  # whatever is at work looks itself, and may want the databases for itself
    details = Details()
    for server in wanted.targets:
        sides = Glance(member=watched.member, source_login=login, target_server=server, steps=Steps())
        try:
            with sides.stack, translated("Reading its databases"):
                names = [watched.member.name, watched.member.passing]
                there = {row["name"] for row in rows(sides.maintenance, SIZES, [names])}
                if there or server == wanted.targets[-1]:
                    return ASKED[watched.state](sides, watched, there)
        except ErpopsError as error:
            details = Details(problem=_plain(error))
    return details


def _following(sides: Sides, watched: Watched, there: set[str]) -> Details:
    if watched.by_dump:
        return Details()
    diverged = tuple(seed.seen(sides, client.read(sides)))
    waiting = one(sides.target, WAITING) if watched.member.name in there else None
    return Details(diverged=diverged, waiting=waiting["waiting"] if waiting else 0)


def _live(sides: Sides, watched: Watched, there: set[str]) -> Details:
    if watched.by_dump or watched.member.name not in there:
        return Details()
    return Details(differences=tuple(seed.schema_differences(sides)))


def _seeding(sides: Sides, watched: Watched, there: set[str]) -> Details:
    source, taken = one(sides.source, COPIES, ["pg_dump"]), None
    if there:
        place = watched.member.passing if watched.member.passing in there else watched.member.name
        with sides.connect_target(place) as connection:
            taken = one(connection, COPIES, ["pg_restore"])
    return Details(copy=(source, taken)) if source else Details()


ASKED = {"following": _following, "diverged": _following, "live": _live, "seeding": _seeding}


def _kept(server: postgres.Server, members: Sequence[Watched]) -> dict[str, Sequence[str] | str]:
    """The ways back that each standby keeps, or why it did not say. Nothing before PostgreSQL 17, which keeps none."""
    backs = [each.member.back for each in members if each.state == "live" and not each.by_dump]
    found: dict[str, Sequence[str] | str] = {}
    for host in server.hosts if backs else ():
        try:
            with (
                postgres.connect(server.at([host], server.port), MAINTENANCE_DATABASE, "any") as connection,
                translated("it did not say"),
            ):
                _hurried(connection)
                standby = one(connection, "SELECT pg_is_in_recovery() AS standby")
                if standby and standby["standby"] and connection.info.server_version >= FAILOVER_SLOTS:
                    found[host] = [row["name"] for row in rows(connection, KEPT, [backs])]
        except ErpopsError as error:
            found[host] = _plain(error)
    return found
