# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bulk copy that keeps following. Killed anywhere and run again, it goes on or starts its part anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError, Problem, Refused
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import translated
from ansible_collections.erpops.odoo.plugins.module_utils.replication import (
    carry,
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
    result: dict[str, Any] = {}
    reasons = diverged(sides, facts) if state in (plan.FOLLOWING, plan.DIVERGED) else []
    if state == plan.FOLLOWING and facts.target.enabled and not reasons:
        catch_up(sides, seeding)
        return result
    if reasons or not _resumable(sides.member, facts):
        source.check_allowed(sides, seeding.allowed)  # before anything is cleared
        with sides.steps.step("clear"):
            clear(sides)
        with sides.steps.step("publish"):
            source.publish(sides, seeding.allowed)
        with sides.steps.step("database"):
            _database(sides, seeding)
        result = _copied(sides, seeding)
    with sides.steps.step("rename"):
        _rename(sides)
    with sides.steps.step("follow"):
        execute(sides.target, statements.enable_subscription(sides.member.forward, True))
    catch_up(sides, seeding)
    return result


def _resumable(member: Member, facts: Facts) -> bool:
    """Whole, subscribed, and its slot kept what came since: only the name or the start is missing."""
    slot = facts.source.slot
    place = facts.target.subscribed
    whole = place == member.passing or (place == member.name and not facts.target.enabled)
    return whole and slot is not None and not slot.lost and facts.source.record is not None


def diverged(sides: Sides, facts: Facts) -> list[str]:
    """Why following cannot go on; empty if it can."""
    slot, target = facts.source.slot, facts.target
    if facts.source.record is None:
        return ["its publication on the source is gone"]
    if slot is None:
        return ["its slot on the source is gone"]
    if slot.lost:
        return ["its slot on the source was invalidated, since it held back too much log"]
    if target.subscribed != sides.member.name:
        return []
    found = schema_differences(sides)
    known = dict(facts.source.record.digests)
    now = client.digests(sides.source)
    changed = sorted(kind for kind in known.keys() | now.keys() if known.get(kind) != now.get(kind))
    found += [f"{kind} of the source were changed" for kind in changed if not found]
    if not found and not target.enabled:
        errors = one(sides.target, "SELECT apply_error_count AS n FROM pg_stat_subscription_stats WHERE subname = %s",
                     [sides.member.forward])  # fmt: skip
        if errors and errors["n"]:
            found = [f"its subscription was disabled after {errors['n']} errors; the target's server log has them"]
    return found


def schema_differences(sides: Sides) -> list[str]:
    with translated("Comparing the schemas"):
        return plan.differences(client.catalogue(sides.source), client.catalogue(sides.target))


def clear(sides: Sides) -> None:
    """Whatever a run before left: only a database that nobody but us may connect to is dropped."""
    member = sides.member
    found = one(sides.maintenance, statements.SUBSCRIPTION, [member.forward])
    if found:
        database = found["database"]
        connection = sides.target if database == member.name else sides.passing
        client.in_transaction(connection, "Forgetting the subscription", statements.forget_subscription(member.forward))
        sides.leave(database)
    source.drop_slot(sides.source, member.forward)
    source.drop_slot(sides.maintenance, member.back)
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


def _database(sides: Sides, seeding: Seeding) -> None:
    """The tenant's role, and an empty database under its passing name, closed."""
    member = sides.member
    like = one(sides.source, statements.DATABASE, [member.database])
    if like is None:
        raise ErpopsError(f"Database {member.database} is not on the source any more.")
    with translated(f"Creating database {member.passing}"):
        if not one(sides.maintenance, "SELECT 1 FROM pg_roles WHERE rolname = %s", [member.name]):
            form = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
            verifier = sql.Literal(source.scram.verifier(seeding.password))
            execute(sides.maintenance, form.format(sql.Identifier(member.name), verifier))
        create = statements.create_database(
            member.passing, member.name, like["encoding"], like["collate"], like["ctype"]
        )
        execute(sides.maintenance, create)
        grants = [client.Grant(**row) for row in rows(sides.maintenance, statements.GRANTS, [member.passing, ROLE])]
        execute(sides.maintenance, *statements.revoke_connect(member.passing, grants))
        for extension in rows(sides.source, statements.EXTENSIONS):
            schema, name = sql.Identifier(extension["schema"]), sql.Identifier(extension["name"])
            execute(sides.passing, sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(schema))
            execute(sides.passing, sql.SQL("CREATE EXTENSION {} SCHEMA {}").format(name, schema))


def _copied(sides: Sides, seeding: Seeding) -> dict[str, Any]:
    """Everything as of one snapshot, and a subscription that goes on from there, still disabled."""
    member, steps = sides.member, sides.steps
    with (
        steps.step("slot"),
        slot_snapshot(sides) as snapshot,
        steps.step("dump"),
        dump.dumped(seeding.tools, member.name, sides.source_login, member.database, snapshot) as place,
    ):
        arguments = (seeding.tools, place, sides.primary, member.passing, member.name)
        with steps.step("schema"):
            dump.restore(*arguments, ["pre-data"])
        with steps.step("restore"):
            dump.restore(*arguments, ["data", "post-data"])
    with steps.step("carry"):
        left = carry.privileges(sides, sides.passing, seeding.roles)
        left += carry.settings(sides, member.passing, seeding.roles)
        execute(sides.passing, "ANALYZE")
    with steps.step("subscribe"):
        _subscribe(sides, seeding.feed)
    return {"left": left}


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


def _pin_functions(sides: Sides, unsafe: list[client.Row]) -> None:
    """Functions in indexes get a search_path of their own on the target; the source stays as it is."""
    form = sql.SQL("ALTER FUNCTION {}({}) SET search_path = public, pg_temp")
    with translated("Giving functions a search_path"):
        for row in unsafe:
            # identity arguments are the server's own rendering of types, which no Identifier can carry
            arguments = sql.SQL(row["arguments"])
            execute(sides.passing, form.format(sql.Identifier(row["schema"], row["name"]), arguments))


def subscription_options(version: int) -> list[str]:
    """What a subscriber of this server_version_num knows of what a subscription should have."""
    options = ["disable_on_error = true"] if version >= 150_000 else []
    return [*options, "origin = none"] if version >= 160_000 else options


def _subscribe(sides: Sides, feed: Login) -> None:
    conninfo = make_conninfo(
        "", **feed.parameters(), dbname=sides.member.database, application_name=sides.member.forward, **LOST_KEEPALIVES
    )
    options = ["streaming = on", *subscription_options(sides.passing.info.server_version)]
    with translated("Subscribing to the source"):
        execute(sides.passing, statements.create_subscription(sides.member.forward, conninfo, options))


def _rename(sides: Sides) -> None:
    member = sides.member
    found = one(sides.maintenance, "SELECT 1 FROM pg_database WHERE datname = %s", [member.passing])
    if found:
        sides.leave(member.passing)
        form = sql.SQL("ALTER DATABASE {} RENAME TO {}")
        with translated(f"Renaming database {member.passing}"):
            execute(sides.maintenance, form.format(sql.Identifier(member.passing), sql.Identifier(member.name)))


def catch_up(sides: Sides, seeding: Seeding) -> None:
    """Wait until the target is as near behind as the operator wants it."""

    def near() -> bool:
        slot = client.slot(sides.source, sides.member.forward)
        if slot is None or slot.lost:
            raise ErpopsError(f"Slot {sides.member.forward} on the source is lost. Run wave_seed again.")
        return slot.active and slot.lag_bytes is not None and slot.lag_bytes <= seeding.lag_bytes

    with sides.steps.step("catch_up"), translated("Following the source"):
        wait_until(f"The lag of member {sides.member.name}", seeding.catch_up_seconds, sides.steps, near)


def withdraw(sides: Sides, facts: Facts) -> None:
    """The way back before cutover: both sides as if the member had never been seeded."""
    plan.check("withdraw", sides.member, facts)
    with sides.steps.step("withdraw_target"):
        clear(sides)
    with sides.steps.step("withdraw_source"):
        source.withdraw(sides, facts.source.record)
