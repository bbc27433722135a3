# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rehearsal: the cutover for real, on a neutralized copy inside the target. The member goes on following.

Nobody but us may connect to the copy before its neutralization was read back; it is dropped on every failure.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError
from ansible_collections.erpops.odoo.plugins.module_utils.odoo import neutralize
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import STATEMENT_SECONDS, translated
from ansible_collections.erpops.odoo.plugins.module_utils.replication import (
    ahead,
    beside,
    by_dump,
    carry,
    client,
    compare,
    harmless,
    pause,
    plan,
    rights,
    seed,
    source,
    statements,
)
from ansible_collections.erpops.odoo.plugins.module_utils.replication.client import Sides, execute, rows
from ansible_collections.erpops.odoo.plugins.module_utils.replication.cutover import no_files
from ansible_collections.erpops.odoo.plugins.module_utils.replication.model import ROLE, Facts, Grant, Member
from ansible_collections.erpops.odoo.plugins.module_utils.replication.steps import wait_until

with suppress(ImportError):  # the client reports it
    from psycopg import sql

STRATEGY_SINCE = 150_000  # server_version_num
# Steps that a cutover takes while nobody serves, also one by dumps.
IN_WINDOW = ("drain", "dump", "schema", "restore", "carry", "files", "compare")
END_ALL = """
    SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = %s AND pid <> pg_backend_pid() AND backend_type <> 'autovacuum worker'
"""  # that one gives way to a copy by itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What the operator chose. rest: None leaves the writers alone, and nothing is compared then.

    login_password: for the sampled users of the copy; empty leaves all as they are. seconds: the longest that one
    statement may take, the copying of the database included.
    """

    rest: pause.Rest | None
    copying: by_dump.Copying
    jobs: int
    lag_bytes: int
    drain_seconds: float
    seconds: int
    strategy: str
    base_url: str
    login_password: str = field(repr=False)
    sampled_users: int
    files: Callable[[], dict[str, Any]] = field(default=no_files)


@dataclass(slots=True)
class Measured:
    pause_seconds: float | None = None


def there(sides: Sides) -> bool:
    with translated("Looking for the copy"):
        return bool(rows(sides.maintenance, statements.DATABASES, [[sides.member.rehearsal]]))


def drop(sides: Sides) -> None:
    name = sides.member.rehearsal
    sides.leave(name)
    with translated(f"Dropping database {name}"):
        execute(sides.maintenance, statements.drop_database(name))


def check(sides: Sides, wanted: Rehearsal, facts: Facts) -> None:
    """Raises Refused with everything that a cutover would refuse as well. A subscription that rests is no reason: that
    is what a killed rehearsal leaves.
    """
    diverged = [] if facts.by_dump else seed.diverged(sides, facts)
    found = list(diverged)
    if facts.target.enabled and not facts.by_dump and not diverged:
        found += source.behind(sides, wanted.lag_bytes, wanted.drain_seconds)
    with translated("Reading the member"):
        known = neutralize.columns(rows(sides.target, neutralize.COLUMNS))
    found += [f"table {name} is missing: it is not Odoo's, and nobody knows what to neutralize"
              for name in neutralize.missing(known)]  # fmt: skip
    message = f"Member {sides.member.name} cannot be rehearsed."
    plan.refuse_move(sides.member, message, found, diverged=bool(diverged))


def rehearse(sides: Sides, wanted: Rehearsal, facts: Facts) -> dict[str, Any]:
    plan.check("wave_rehearse", sides.member, facts)
    with sides.steps.step("check"):
        check(sides, wanted, facts)
    with sides.steps.step("clear"):
        drop(sides)
        if not facts.target.enabled and not facts.by_dump:
            _follow(sides)
    try:
        return _rehearsed(sides, wanted, facts)
    except compare.Unequal as error:
        raise _cleared(sides, error if facts.by_dump else ahead.noted(ahead.Way(sides=sides), error)) from error
    except BaseException as error:
        raise _cleared(sides, error) from error


def _cleared(sides: Sides, error: BaseException) -> BaseException:
    """What to raise, with the copy gone."""
    try:
        drop(sides)
    except ErpopsError as second:
        name = sides.member.rehearsal
        return ErpopsError(f"{error}\nThe copy {name} is still there, closed to everybody: {second}")
    return error


def _rehearsed(sides: Sides, wanted: Rehearsal, facts: Facts) -> dict[str, Any]:
    steps, measured = sides.steps, Measured()
    with ExitStack() as stack:
        if facts.by_dump:
            moment, carried = by_dump.rehearsed(sides, wanted.copying, stack)
        else:
            moment = _copied(sides, wanted, stack, measured)
            with steps.step("carry"):
                carried = _carried(sides, moment)
        with steps.step("files"):
            files = wanted.files()
        compared = {}
        if wanted.rest is not None or facts.by_dump:
            with steps.step("compare"):
                execute(sides.rehearsal, f"SET statement_timeout = '{wanted.seconds}s'")
                copy = compare.Side(connection=sides.rehearsal, connect=lambda: _reader(sides, wanted))
                compared = compare.equal(sides, facts, moment.side, copy, moment.sequences, wanted.jobs)
    with steps.step("neutralize"):
        crons = harmless.crons(sides)
        neutralized, users = harmless.neutralized(sides, wanted.base_url, wanted.login_password, wanted.sampled_users)
    with steps.step("verify"):
        harmless.verify(sides)
    with steps.step("open"):
        _open(sides)
    if not facts.by_dump:
        with steps.step("following"):
            _follows(sides, wanted.drain_seconds)
    return {
        "compared": compared, "carried": carried, "filestore": files, "neutralized": neutralized, "users": users,
        "crons": crons, "pause_seconds": measured.pause_seconds,
        "window_seconds": predicted(steps.timings) if compared else None,
    }  # fmt: skip


def result(member: Member, found: dict[str, Any]) -> dict[str, Any]:
    """What the module returns; in check mode nothing was found."""
    empty: dict[str, Any] = {
        "compared": {}, "carried": {}, "filestore": {}, "neutralized": {}, "users": [], "crons": None,
        "pause_seconds": None, "window_seconds": None,
    }  # fmt: skip
    return {"rehearsal": member.rehearsal, **empty, **found}


def predicted(timings: list[dict[str, Any]]) -> float:
    """How long nobody would serve: what a cutover does in its window, but fencing and opening, as it took here."""
    return round(sum(timing["seconds"] for timing in timings if timing["step"] in IN_WINDOW), 3)


def _copied(sides: Sides, wanted: Rehearsal, stack: ExitStack, measured: Measured) -> pause.Moment:
    """The copy, and the moment of the source that it is of; that is held until the stack ends."""
    steps = sides.steps
    begun = None
    with steps.step("near"):  # a subscriber that has just begun answers after ten seconds first
        _drained(sides, wanted)
    with steps.step("rights"):
        beside.carry(sides, wanted.copying.roles)
    with _following_after(sides):
        with ExitStack() as resting:
            with steps.step("pause"):
                if wanted.rest is not None:
                    begun = resting.enter_context(
                        pause.resting(sides, wanted.rest, sides.source, ahead.Way(sides=sides).connect)
                    )
            with steps.step("drain"):
                _drained(sides, wanted)
            with steps.step("hold"), translated("Resting the subscription"):
                execute(sides.target, statements.enable_subscription(sides.member.forward, False))
                moment = stack.enter_context(
                    pause.held(lambda: sides.connect_source(sides.member.database), wanted.seconds)
                )
        if begun is not None:
            measured.pause_seconds = round(time.monotonic() - begun, 3)
        with steps.step("clone"):
            _clone(sides, wanted)
    return moment


def _drained(sides: Sides, wanted: Rehearsal) -> None:
    until = source.position(sides.source)
    source.drained(sides, sides.source, sides.member.forward, until, wanted.drain_seconds)


@contextmanager
def _following_after(sides: Sides) -> Iterator[None]:
    """Whatever happens within it, the member follows again."""
    try:
        yield
        with sides.steps.step("follow"):
            _follow(sides)
    except BaseException as error:
        try:
            _follow(sides)
        except ErpopsError as second:
            raise ErpopsError(f"{error}\nThe member does not follow again: {second}\nRun wave_seed.") from error
        raise


def _follow(sides: Sides) -> None:
    with translated("Following the source again"):
        execute(sides.target, statements.enable_subscription(sides.member.forward, True))


def _follows(sides: Sides, seconds: float) -> None:
    """Raises ErpopsError unless the subscriber reads from its slot again."""

    def active() -> bool:
        slot = client.slot(sides.source, sides.member.forward)
        return slot is not None and slot.active

    with translated("Following the source again"):
        wait_until(f"Member {sides.member.name} follows again", seconds, sides.steps, active)


def _clone(sides: Sides, wanted: Rehearsal) -> None:
    """The target's database at rest, copied as it is; closed, with its settings."""
    member, maintenance = sides.member, sides.maintenance
    sides.leave(member.name)

    def none_left() -> bool:
        return not rows(maintenance, END_ALL, [member.name])

    with translated(f"Copying database {member.name}"):
        wait_until(f"Sessions of database {member.name} end", source.END_SECONDS, sides.steps, none_left)
        with _patient(maintenance, wanted.seconds):
            strategy = wanted.strategy if maintenance.info.server_version >= STRATEGY_SINCE else ""
            execute(maintenance, clone_database(member.rehearsal, member.name, member.name, strategy))
        grants = [Grant(**row) for row in rows(maintenance, statements.GRANTS, [member.rehearsal, ROLE])]
        execute(maintenance, *statements.revoke_connect(member.rehearsal, grants))
        name = sql.Identifier(member.rehearsal)
        for row in rows(maintenance, statements.SETTINGS, [member.name]):
            execute(maintenance, rights.setting(name, row["role"], row["name"], row["value"]))


def clone_database(name: str, template: str, owner: str, strategy: str) -> sql.Composed:
    """Inside the server. Its first moment is before anything can be revoked, so that only superusers may connect."""
    form = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {} CONNECTION LIMIT 0")
    how = sql.SQL(" STRATEGY {}").format(sql.Identifier(strategy)) if strategy else sql.SQL("")
    return form.format(*(sql.Identifier(word) for word in (name, template, owner))) + how


@contextmanager
def _patient(connection: client.Connection, seconds: int) -> Iterator[None]:
    """One statement may take so long."""
    execute(connection, f"SET statement_timeout = '{seconds}s'")
    yield
    execute(connection, f"SET statement_timeout = '{STATEMENT_SECONDS}s'")


def _carried(sides: Sides, moment: pause.Moment) -> dict[str, int]:
    giver, taker, owner = moment.side.connection, sides.rehearsal, sides.member.name
    return {
        "sequences": carry.set_sequences(moment.sequences, taker, owner),
        "large_objects": carry.large_objects(giver, taker, owner),
        "unlogged_tables": carry.unlogged(giver, taker),
        "materialized_views": carry.materialized_views(taker),
    }


def _reader(sides: Sides, wanted: Rehearsal) -> client.Connection:
    opened = sides.connect_target(sides.member.rehearsal)
    execute(opened, f"SET statement_timeout = '{wanted.seconds}s'")
    return opened


def _open(sides: Sides) -> None:
    member = sides.member
    sides.leave(member.rehearsal)
    limit = sql.SQL("ALTER DATABASE {} CONNECTION LIMIT -1").format(sql.Identifier(member.rehearsal))
    grant = statements.grant_connect(member.rehearsal, [Grant(grantee=member.name)])
    client.in_transaction(sides.maintenance, "Opening the copy to the tenant's role", [limit, *grant])
