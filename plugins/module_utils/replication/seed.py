# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bulk copy that keeps following. Killed anywhere and run again, it goes on or starts its part anew."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError, Problem, Refused
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import translated
from ansible_collections.erpops.odoo.plugins.module_utils.replication import (
    beside,
    client,
    dump,
    plan,
    source,
    statements,
)
from ansible_collections.erpops.odoo.plugins.module_utils.replication.client import Sides, execute, one, rows
from ansible_collections.erpops.odoo.plugins.module_utils.replication.model import ROLE, Facts, Login, Member
from ansible_collections.erpops.odoo.plugins.module_utils.replication.steps import wait_until

with suppress(ImportError):  # the client reports it
    import psycopg
    from psycopg import sql
    from psycopg.conninfo import make_conninfo

COUNTED_ERRORS = 150_000  # server_version_num since which a subscriber's errors are counted
FAILING_SECONDS = 12  # two of its tries
STEADY_SECONDS, STEADY_READS = 0.2, 5
LOST_KEEPALIVES = {
    "keepalives_idle": "5",
    "keepalives_interval": "3",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
    "connect_timeout": "10",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeding:
    """What the operator chose. feed: how the target's servers reach the source."""

    feed: Login
    tools: dump.Tools
    password: str  # of the tenant's role
    allowed: tuple[str, ...]
    roles: Mapping[str, str]  # roles of the source -> roles of the target
    lag_bytes: int
    catch_up_seconds: float


def seed(sides: Sides, seeding: Seeding, facts: Facts) -> dict[str, Any]:
    """Bring the member to following. Raises Refused from where it must not begin. Returns what is worth keeping."""
    state = plan.check("wave_seed", sides.member, facts)
    reasons = diverged(sides, facts) if state in (plan.FOLLOWING, plan.DIVERGED) else []
    if state == plan.FOLLOWING and facts.target.enabled and not reasons:
        catch_up(sides, seeding)
        return {"left": beside.left(sides, seeding.roles)}
    result: dict[str, Any] = {}
    if reasons or not _resumable(sides.member, facts):
        source.check_allowed(sides, seeding.allowed)  # before anything is cleared
        with sides.steps.step("clear"):
            clear(sides)
        with sides.steps.step("publish"):
            source.publish(sides, seeding.allowed)
        with sides.steps.step("database"):
            make_role(sides, seeding.password)
            make_database(sides, sides.member.passing)
        result = _copied(sides, seeding)
    with sides.steps.step("rename"):
        rename(sides)
    with sides.steps.step("follow"):
        execute(sides.target, statements.enable_subscription(sides.member.forward, True))
    catch_up(sides, seeding)
    return result or {"left": beside.left(sides, seeding.roles)}


def _resumable(member: Member, facts: Facts) -> bool:
    """Whole, subscribed, and its slot kept what came since: only the name or the start is missing."""
    slot = facts.source.slot
    place = facts.target.subscribed
    whole = place == member.passing or (place == member.name and not facts.target.enabled)
    return whole and slot is not None and not slot.lost and facts.source.record is not None


def diverged(sides: Sides, facts: Facts) -> list[str]:
    """Why following cannot go on; empty if it can."""
    found, slot, target = seen(sides, facts), facts.source.slot, facts.target
    followed = target.subscribed == sides.member.name and target.enabled
    if not found and followed and slot is not None and not slot.active:
        found = _failing(sides)
    return found


def seen(sides: Sides, facts: Facts) -> list[str]:
    """The same, as far as both databases show it without being watched for a while."""
    record, broken = facts.source.record, plan.broken(facts)
    if broken or record is None or facts.target.subscribed != sides.member.name:
        return broken
    found = schema_differences(sides)
    known = dict(record.digests)
    now = client.digests(sides.source)
    changed = sorted(kind for kind in known.keys() | now.keys() if known.get(kind) != now.get(kind))
    found += [f"{kind} of the source were changed" for kind in changed if not found]
    return found


def _failing(sides: Sides) -> list[str]:
    """Why a subscriber does not stay connected: its changes fail each time that it tries, every five seconds.

    It is not disabled by its first error, since a lost connection is one, too.
    """
    before, steady = _errors(sides), 0
    end = time.monotonic() + FAILING_SECONDS
    while time.monotonic() < end and steady < STEADY_READS:
        slot = client.slot(sides.source, sides.member.forward)
        steady = steady + 1 if slot is not None and slot.active else 0
        time.sleep(STEADY_SECONDS)
    errors = _errors(sides) - before
    if steady >= STEADY_READS or errors < 2:
        return []
    return [
        f"its changes cannot be applied ({errors} errors within {FAILING_SECONDS} seconds, in the target's server log)"
    ]


def _errors(sides: Sides) -> int:
    if sides.target.info.server_version < COUNTED_ERRORS:
        return 0
    row = one(sides.target, statements.APPLY_ERRORS, [sides.member.forward])
    return row["errors"] if row else 0


def schema_differences(sides: Sides) -> list[str]:
    with translated("Comparing the schemas"):
        return plan.differences(client.catalogue(sides.source), client.catalogue(sides.target))


def clear(sides: Sides) -> None:
    """Whatever a run before left."""
    clear_target(sides)
    source.drop_slot(sides.source, sides.member.forward)


def clear_target(sides: Sides) -> None:
    """Only a database that nobody but us may connect to is dropped."""
    member = sides.member
    found = client.subscription(sides.maintenance, member.forward)
    if found:
        database = found["database"]
        connection = sides.target if database == member.name else sides.passing
        client.in_transaction(connection, "Forgetting the subscription", statements.forget_subscription(member.forward))
        sides.leave(database)
    for name in (member.back, member.changes):
        source.drop_slot(sides.maintenance, name)
    with translated("Dropping what a run before left"):
        grants = rows(sides.maintenance, statements.GRANTS, [member.name, ROLE])
        if grants:
            cure = "Seeding never replaces it. Remove it, or correct the member's name."
            raise Refused(
                "The target is in use.", [Problem(f"database {member.name}", "", "open to connections", cure)]
            )
        for database in (member.name, member.passing):
            sides.leave(database)
            execute(sides.maintenance, statements.drop_database(database))


def make_role(sides: Sides, password: str) -> None:
    """The tenant's, where it is not there yet."""
    name = sides.member.name
    with translated(f"Creating role {name}"):
        if not one(sides.maintenance, "SELECT 1 FROM pg_roles WHERE rolname = %s", [name]):
            form = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
            verifier = sql.Literal(source.scram.verifier(password))
            execute(sides.maintenance, form.format(sql.Identifier(name), verifier))


def make_database(sides: Sides, name: str) -> None:
    """An empty database like the source's, closed, with its extensions."""
    member = sides.member
    like = one(sides.source, statements.DATABASE, [member.database])
    if like is None:
        raise ErpopsError(f"Database {member.database} is not on the source any more.")
    with translated(f"Creating database {name}"):
        create = statements.create_database(name, member.name, like["encoding"], like["collate"], like["ctype"])
        execute(sides.maintenance, create)
        grants = [client.Grant(**row) for row in rows(sides.maintenance, statements.GRANTS, [name, ROLE])]
        execute(sides.maintenance, *statements.revoke_connect(name, grants))
        with sides.connect_target(name) as connection:
            for extension in rows(sides.source, statements.EXTENSIONS):
                words = sql.Identifier(extension["schema"]), sql.Identifier(extension["name"])
                execute(connection, sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(words[0]))
                execute(connection, sql.SQL("CREATE EXTENSION {1} SCHEMA {0}").format(*words))


def _copied(sides: Sides, seeding: Seeding) -> dict[str, Any]:
    """Everything as of one snapshot, and a subscription that goes on from there, still disabled."""
    member, steps = sides.member, sides.steps
    with ExitStack() as stack:
        with ExitStack() as held:
            with steps.step("slot"):
                snapshot = held.enter_context(slot_snapshot(sides))
            with steps.step("dump"):
                place = stack.enter_context(
                    dump.dumped(seeding.tools, member.name, sides.source_login, member.database, snapshot)
                )
        restored(sides, seeding.tools, place, member.passing)
    with steps.step("carry"):
        passing = beside.End(connection=sides.passing, database=member.passing)
        left = beside.carry(sides, seeding.roles, passing)
        execute(sides.passing, "ANALYZE")
    with steps.step("subscribe"):
        _subscribe(sides, seeding.feed)
    return {"copied": True, "left": left}


def restored(sides: Sides, tools: dump.Tools, place: Path, database: str) -> None:
    with sides.steps.step("schema"):
        dump.restore(tools, place, sides.primary, database, sides.member.name, ["pre-data"])
    with sides.steps.step("restore"):
        dump.restore(tools, place, sides.primary, database, sides.member.name, ["data", "post-data"])


@contextmanager
def slot_snapshot(sides: Sides) -> Iterator[str]:
    """A new slot, and the name of the snapshot that it begins after; valid within the context."""
    member, login = sides.member, sides.source_login
    name = member.forward
    with client.connect(login, member.database, replication="database") as connection:
        text = f'CREATE_REPLICATION_SLOT "{name}" LOGICAL pgoutput EXPORT_SNAPSHOT'
        done = connection.pgconn.exec_(text.encode())  # the replication protocol knows simple queries only
        if done.status != psycopg.pq.ExecStatus.TUPLES_OK:
            cure = "Free slots or raise max_replication_slots and max_wal_senders (wave_prepare)."
            raise ErpopsError(f"Slot {name} could not be made: {done.error_message.decode().strip()}. {cure}")
        snapshot = (done.get_value(0, 2) or b"").decode()
        yield snapshot


def subscription_options(version: int) -> list[str]:
    """What a subscriber of this server_version_num knows of what a subscription should have."""
    return ["origin = none"] if version >= 160_000 else []


def _subscribe(sides: Sides, feed: Login) -> None:
    conninfo = make_conninfo(
        "", **feed.parameters(), dbname=sides.member.database, application_name=sides.member.forward, **LOST_KEEPALIVES
    )
    options = ["streaming = on", *subscription_options(sides.passing.info.server_version)]
    with translated("Subscribing to the source"):
        execute(sides.passing, statements.create_subscription(sides.member.forward, conninfo, options))


def rename(sides: Sides) -> None:
    member = sides.member
    found = one(sides.maintenance, "SELECT 1 FROM pg_database WHERE datname = %s", [member.passing])
    if found:
        sides.leave(member.passing)
        with translated(f"Renaming database {member.passing}"):
            execute(sides.maintenance, statements.rename_database(member.passing, member.name))


def catch_up(sides: Sides, seeding: Seeding) -> None:
    """Wait until the target is as near behind as the operator wants it."""

    def near() -> bool:
        return source.followed_closely(sides.source, sides.member.forward, seeding.lag_bytes)

    with sides.steps.step("catch_up"), translated("Following the source"):
        wait_until(f"The lag of member {sides.member.name}", seeding.catch_up_seconds, sides.steps, near)


def withdraw(sides: Sides, facts: Facts) -> list[str]:
    """The way back before cutover: both sides as if the member had never been prepared. Returns what is left to do."""
    plan.check("withdraw", sides.member, facts)
    with sides.steps.step("withdraw_target"):
        clear(sides)
    with sides.steps.step("withdraw_source"):
        return source.withdraw(sides, facts.source.record).left()
