# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done on the source: publish, make a slot, fence, open again, withdraw."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError, Problem, Refused
from ansible_collections.erpops.odoo.plugins.module_utils.postgres import scram
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import translated
from ansible_collections.erpops.odoo.plugins.module_utils.replication import client, server, statements
from ansible_collections.erpops.odoo.plugins.module_utils.replication.client import Sides, execute, one, rows
from ansible_collections.erpops.odoo.plugins.module_utils.replication.model import ROLE, Function, Grant, Record
from ansible_collections.erpops.odoo.plugins.module_utils.replication.plan import NewIdentity, TableFacts, identities
from ansible_collections.erpops.odoo.plugins.module_utils.replication.steps import wait_until

with suppress(ImportError):  # the client reports it
    from psycopg import sql

if TYPE_CHECKING:
    from ansible_collections.erpops.odoo.plugins.module_utils.replication.client import Connection

QUIET_READS = 3  # a session that is just starting shows up a moment after it has passed the grants
END_SECONDS = 30


def save_record(sides: Sides, record: Record) -> sql.Composed:
    if record.by_dump:
        return statements.comment_database(sides.member.database, record.text())
    return statements.comment_publication(sides.member.forward, record.text())


def make_role(connection: Connection, password: str, databases: Sequence[str]) -> list[sql.Composed]:
    """The role of subscriptions, with its password as a SCRAM verifier, which the hba method md5 takes as well."""
    name = sql.Identifier(ROLE)
    found = one(connection, "SELECT rolpassword, rolreplication, rolcanlogin FROM pg_authid WHERE rolname = %s", [ROLE])
    texts = []
    if not found or not (
        found["rolreplication"] and found["rolcanlogin"] and scram.matches(found["rolpassword"], password)
    ):
        form = sql.SQL(
            "ALTER ROLE {} LOGIN REPLICATION PASSWORD {}" if found else "CREATE ROLE {} LOGIN REPLICATION PASSWORD {}"
        )
        texts.append(form.format(name, sql.Literal(scram.verifier(password))))
    for database in databases:
        given = [row["grantee"] for row in rows(connection, statements.GRANTS, [database, ""])]
        if ROLE in given:  # by name: what PUBLIC has goes with the fence
            continue
        texts.append(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(database), name))
    return texts


def unsafe_functions(connection: Connection) -> tuple[Function, ...]:
    with translated("Reading functions in indexes"):
        return tuple(Function(**row) for row in rows(connection, statements.UNSAFE_FUNCTIONS))


def check_allowed(
    sides: Sides, allowed: Sequence[str]
) -> tuple[list[TableFacts], tuple[NewIdentity, ...], tuple[Function, ...]]:
    """Tables to publish, and what they need before. Raises Refused for what the operator did not allow."""
    published = [facts for facts, persistence in client.tables(sides.source) if persistence == "p"]
    needed, functions = identities(published), unsafe_functions(sides.source)
    if problems := forbidden(needed, functions, allowed):
        raise Refused(f"The source of member {sides.member.name} needs what was not allowed.", problems)
    return published, needed, functions


def publish(sides: Sides, allowed: Sequence[str]) -> Record:
    """Replica identities, functions, publication and the record of them, in one transaction; anew if tables came or
    went. Raises Refused for what the operator did not allow.
    """
    connection, member = sides.source, sides.member
    published, needed, functions = check_allowed(sides, allowed)
    found = one(connection, statements.SOURCE_RECORD, [member.forward])
    record = client.record_of(member, found["record"]) if found else Record()
    wanted = sorted(facts.table for facts in published)
    digests = tuple(sorted(client.digests(connection).items()))
    same = wanted == _published(sides) and digests == record.digests and not (record.unequal or record.alone)
    if found is None or needed or functions or not same:
        record = replace(
            published_record(record, needed, functions), committed=False, digests=digests, unequal=(), alone=False
        )  # fmt: skip
        client.in_transaction(connection, "Publishing on the source", [
            *(_identity(one) for one in needed),
            *(statements.pin_function(function) for function in functions),
            statements.drop_publication(member.forward),
            statements.create_publication(member.forward, wanted),
            save_record(sides, record),
        ])  # fmt: skip
    return record


def published_record(record: Record | None, needed: Sequence[NewIdentity], functions: Sequence[Function]) -> Record:
    """With what is about to be done."""
    record = record or Record()
    changed = (*record.identities, *(one.before for one in needed))
    return replace(record, identities=changed, functions=(*record.functions, *functions))


def note_unequal(sides: Sides, found: Sequence[str]) -> None:
    """Keep what a comparison found, so that nothing but a new copy leads on. By dumps the next copy is new anyway."""
    with translated("Reading the record of the source"):
        there = one(sides.source, statements.SOURCE_RECORD, [sides.member.forward])
    if there is not None:
        record = replace(client.record_of(sides.member, there["record"]), unequal=tuple(found))
        client.in_transaction(sides.source, "Recording what differs", [save_record(sides, record)])


def pin(sides: Sides, record: Record | None, functions: Sequence[Function]) -> Record:
    """What a source needs that is moved by dumps: functions that a restore finds, and the record; one transaction."""
    record = pinned(sides, record, functions)
    client.in_transaction(sides.source, "Preparing the source", [
        *(statements.pin_function(function) for function in functions), save_record(sides, record),
    ])  # fmt: skip
    return record


def pinned(sides: Sides, record: Record | None, functions: Sequence[Function]) -> Record:
    """With what is about to be done."""
    if record is None:
        found = one(sides.source, statements.DATABASE, [sides.member.database])
        record = Record(by_dump=True, comment=found["comment"] if found else None)
    return replace(record, functions=(*record.functions, *functions))


def forbidden(needed: Sequence[NewIdentity], functions: Sequence[Function], allowed: Sequence[str]) -> list[Problem]:
    """What a database needs and the operator did not allow."""
    problems = []
    if "replica_identity" not in allowed:
        cure = "Its updates could not be followed. Allow replica_identity, or give it a primary key."
        for one in needed:
            problems.append(Problem(f"table {one.before.schema}.{one.before.table}", "replica identity", "none", cure))
    if "functions" not in allowed:
        cure = "An index, check or default calls it, and nothing could be applied. Allow functions."
        problems += [Problem(f"function {one}", "search_path", "not set", cure) for one in functions]
    return problems


def _identity(needed: NewIdentity) -> sql.Composed:
    return statements.set_identity(needed.before.schema, needed.before.table, needed.index)


def _published(sides: Sides) -> list[client.Table]:
    query = "SELECT schemaname AS schema, tablename AS name FROM pg_publication_tables WHERE pubname = %s"
    return sorted(client.Table(**row) for row in rows(sides.source, query, [sides.member.forward]))


def drop_slot(connection: Connection, name: str) -> None:
    """End who reads from it, and drop it."""
    found = one(connection, "SELECT active_pid FROM pg_replication_slots WHERE slot_name = %s", [name])
    if found is None:
        return
    with translated(f"Dropping slot {name}"):
        for _attempt in range(100):
            rows(connection, "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots"
                 " WHERE slot_name = %s AND active_pid IS NOT NULL", [name])  # fmt: skip
            try:
                rows(connection, "SELECT pg_drop_replication_slot(%s)", [name])
                return
            except client.psycopg.errors.ObjectInUse:
                rows(connection, "SELECT pg_sleep(0.05)")
    raise ErpopsError(f"Slot {name} is still in use.")


def fence(sides: Sides, record: Record, *, shared: bool, quiet_seconds: float) -> Record:
    """Nobody but us and the subscriptions connects to the database any more, and no session is left.

    The grants that are taken away are recorded in the same transaction. Raises Refused for a superuser that owns other
    databases, unless ``shared``.
    """
    connection, member = sides.source, sides.member
    if not record.fenced:
        grants = tuple(Grant(**row) for row in rows(connection, statements.GRANTS, [member.database, ROLE]))
        logins = superusers(sides, shared=shared)
        record = replace(record, fenced=True, grants=grants, logins=logins)
        client.in_transaction(connection, "Fencing the source", [
            save_record(sides, record),
            *statements.revoke_connect(member.database, grants),
            *statements.set_login(logins, False),
        ])  # fmt: skip
    end_sessions(sides, connection, member.database, quiet_seconds)
    return record


def superusers(sides: Sides, *, shared: bool) -> tuple[str, ...]:
    """Superusers of the application: no grant keeps them out."""
    found = rows(sides.source, statements.SUPERUSERS, {"database": sides.member.database})
    cure = "Make it NOSUPERUSER, move its databases together, or allow that they all rest (allow_shared_roles)."
    problems = [
        Problem(f"role {row['name']}", "superuser", f"owner of {', '.join(row['others'])} too", cure)
        for row in found
        if row["others"]
    ]
    if problems and not shared:
        raise Refused(f"Fencing member {sides.member.name} would stop other databases.", problems)
    return tuple(row["name"] for row in found)


def end_sessions(sides: Sides, connection: Connection, database: str, quiet_seconds: float) -> None:
    """At once those that do nothing, and after some seconds those that are still in the middle of something."""
    patience = time.monotonic() + quiet_seconds
    quiet = 0

    def none_left() -> bool:
        nonlocal quiet
        wanted = {"database": database, "own": sides.own_pids(), "all": time.monotonic() >= patience}
        quiet = 0 if rows(connection, statements.END_SESSIONS, wanted) else quiet + 1
        return quiet >= QUIET_READS

    with translated(f"Ending the sessions of database {database}"):
        wait_until(f"Sessions of database {database} end", END_SECONDS + quiet_seconds, sides.steps, none_left)


def open_again(sides: Sides, record: Record) -> list[sql.Composed]:
    """Statements, for one transaction, that give back what the fence took, and say so."""
    opened = replace(record, fenced=False, grants=(), logins=(), committed=False, returning=False, held=False)
    return [
        *statements.grant_connect(sides.member.database, record.grants),
        *statements.set_login(record.logins, True),
        save_record(sides, opened),
    ]


def withdraw(sides: Sides, record: Record | None) -> server.Leaving:
    """Everything that preparing and seeding made on the source, and the identities as they were; with the last member
    also what was done to the server as a whole."""
    for name in (sides.member.forward, sides.member.changes):
        drop_slot(sides.source, name)
    leaving = server.leaving(sides.source, sides.member)
    texts = server.no_part(sides.source, sides.member)
    if record is not None:
        texts += [statements.restore_identity(identity) for identity in record.identities]
        texts += [statements.unpin_function(function) for function in record.functions]
        if record.by_dump:
            texts.append(statements.comment_database(sides.member.database, record.comment))
        else:
            texts.append(statements.drop_publication(sides.member.forward))
    client.in_transaction(sides.source, "Withdrawing from the source", texts)
    return server.leave(sides.source, leaving)


def position(connection: Connection) -> str:
    """Where the server's log ends now, with everything in it that was committed: a server that does not wait for its
    disk (``synchronous_commit``) would say where its disk is."""
    with connection.transaction():
        execute(connection, *statements.FLUSH)
    row = one(connection, "SELECT pg_current_wal_lsn()::text AS position")
    return str(row["position"]) if row else ""


def followed_closely(connection: Connection, slot: str, lag_bytes: int) -> bool:
    """Whether somebody follows the slot, and is no farther behind. Raises ErpopsError where the slot is lost."""
    found = client.slot(connection, slot)
    if found is None or found.lost:
        raise ErpopsError(f"Slot {slot} is lost. Run the verb again, which says what leads on.")
    return found.active and found.lag_bytes is not None and found.lag_bytes <= lag_bytes


def behind(sides: Sides, lag_bytes: int, seconds: float) -> list[str]:
    """Why the target cannot be closed in on, after it had the seconds to come near: one that was cut off connects again
    within some, and a burst of writes passes."""
    name = sides.member.forward
    with translated("Waiting until the target is near"):
        try:
            wait_until(name, seconds, sides.steps, lambda: followed_closely(sides.source, name, lag_bytes))
        except ErpopsError:
            found = client.slot(sides.source, name)
            if found is None or found.lost:
                return [f"its slot {name} on the source is lost"]
            far = f"{found.lag_bytes} bytes behind, and came no nearer than {lag_bytes} within {seconds:g} seconds"
            return [f"it is {far}" + ("" if found.active else "; nobody follows it now, see the target's server log")]
    return []


def drained(sides: Sides, connection: Connection, slot: str, until: str, seconds: float) -> None:
    """Wait until the slot's subscriber has made everything up to a position durable."""

    def confirmed() -> bool:
        row = one(connection, statements.CONFIRMED, [until, slot])
        if row is None:
            raise ErpopsError(f"Slot {slot} is gone.")
        return bool(row["done"])

    with translated(f"Waiting for slot {slot}"):
        wait_until(f"Slot {slot} reaches {until}", seconds, sides.steps, confirmed)
