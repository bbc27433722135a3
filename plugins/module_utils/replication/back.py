# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way back: what the target writes once it serves, followed by the source until commit or rollback."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import (
    ErpopsError,
    Problem,
    Refused,
)
from ansible_collections.erpops.odoo.plugins.module_utils.postgres import client as postgres
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import MAINTENANCE_DATABASE, translated
from ansible_collections.erpops.odoo.plugins.module_utils.replication import client, source, statements
from ansible_collections.erpops.odoo.plugins.module_utils.replication.client import Sides, execute, one, rows
from ansible_collections.erpops.odoo.plugins.module_utils.replication.model import Login
from ansible_collections.erpops.odoo.plugins.module_utils.replication.seed import LOST_KEEPALIVES, subscription_options
from ansible_collections.erpops.odoo.plugins.module_utils.replication.steps import wait_until

with suppress(ImportError):  # the client reports it
    from psycopg.conninfo import make_conninfo

FAILOVER_SLOTS = 170_000  # server_version_num since which a slot can be kept on standbys
IDLE_SECONDS = 20
KEEP_POLL_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class WayBack:
    """back: how the source's server reaches the target, with the password of the subscriptions' role."""

    back: Login


def prepare(sides: Sides, way: WayBack) -> None:
    """Publication and slot on the target, a resting subscription on the source: all that takes time, before the
    window. Whatever a run before left is rested first."""
    member, target = sides.member, sides.target
    rest(sides)
    with translated("Preparing the way back on the target"):
        tables = [facts.table for facts, persistence in client.tables(target) if persistence == "p"]
        execute(target, *source.make_role(target, way.back.password, [member.name]))
        if not one(target, "SELECT 1 FROM pg_publication WHERE pubname = %s", [member.back]):
            execute(target, statements.create_publication(member.back, tables))
        if client.slot(target, member.back) is None:
            _create_slot(sides)
    with translated("Preparing the way back on the source"):
        if not client.subscription(sides.source, member.back):
            conninfo = make_conninfo(
                "", **way.back.parameters(), dbname=member.name, application_name=member.back,
                target_session_attrs="read-write", **LOST_KEEPALIVES,
            )  # fmt: skip
            options = subscription_options(sides.source.info.server_version)
            execute(sides.source, statements.create_subscription(member.back, conninfo, options))


def _create_slot(sides: Sides) -> None:
    name = sides.member.back
    if sides.target.info.server_version >= FAILOVER_SLOTS:
        query = "SELECT pg_create_logical_replication_slot(%s, 'pgoutput', failover => true)"
    else:
        query = "SELECT pg_create_logical_replication_slot(%s, 'pgoutput')"
    rows(sides.target, query, [name])


def keep(sides: Sides, seconds: float) -> None:
    """Wait until every standby keeps the slot, so that it outlives the primary. Raises Refused with those that do not.

    A standby keeps a slot only once the primary's has moved on from where it was made, and nobody reads it yet.
    """
    if sides.target.info.server_version < FAILOVER_SLOTS:
        return
    end = time.monotonic() + seconds
    while without := list(_without(sides)):
        if time.monotonic() > end:
            cure = "Mend the standby, or go without (wave_move_keep_seconds=0): a failover then takes the way back."
            raise Refused(
                f"Not every standby keeps slot {sides.member.back}, the way back of member {sides.member.name}.",
                [Problem(f"member {sides.member.name}", host, found, cure) for host, found in without],
            )
        with translated("Moving the slot of the way back on"):
            rows(sides.target, "SELECT pg_log_standby_snapshot()")
            rows(sides.target, statements.ADVANCE_SLOT, [sides.member.back])
        time.sleep(KEEP_POLL_SECONDS)


def _without(sides: Sides) -> Iterator[tuple[str, str]]:
    """Standbys that do not keep the slot, each with what is known of it."""
    server = sides.target_server
    for host in server.hosts:
        try:
            with (
                postgres.connect(server.at([host], server.port), MAINTENANCE_DATABASE, "any") as connection,
                translated("Asking for the slots that are kept"),
            ):
                found = one(connection, statements.KEPT_SLOT, [sides.member.back]) or {}
                if found.get("standby") and not found["kept"]:
                    rows(connection, "SELECT pg_reload_conf()")  # wakes what keeps slots, which may sleep for 30 s
                    yield host, "the slot is there for a while only" if found["there"] else "the slot is not there"
        except ErpopsError as error:  # it does not answer, or goes away while it is asked
            yield host, error.message


def rest(sides: Sides) -> None:
    """The source follows the target no longer, and the slot is free; for now."""
    member = sides.member
    with translated("Resting the way back"):
        found = client.subscription(sides.source, member.back)
        if found and found["enabled"]:
            execute(sides.source, statements.enable_subscription(member.back, False))
        _idle(sides)


def _idle(sides: Sides) -> None:
    def free() -> bool:
        slot = client.slot(sides.maintenance, sides.member.back)
        return slot is None or not slot.active

    wait_until(f"Slot {sides.member.back} is free", IDLE_SECONDS, sides.steps, free)


def begin(sides: Sides) -> None:
    """From here on: what the source has sent itself must not come back to it.

    The source remembers it too, since the slot that a standby keeps may be an older one.
    """
    name = sides.member.back
    with translated("Opening the way back"):
        advanced = one(sides.target, statements.ADVANCE_SLOT, [name])
        rows(sides.source, statements.ADVANCE_ORIGIN, {"name": name, "position": advanced and advanced["position"]})
        execute(sides.source, statements.enable_subscription(name, True))

    def active() -> bool:
        slot = client.slot(sides.target, name)
        if slot is None:
            raise ErpopsError(f"Slot {name} on the target is gone.")
        return slot.active

    with translated("Waiting for the source to follow"):
        wait_until("The source follows the target", IDLE_SECONDS, sides.steps, active)


def remove(sides: Sides) -> None:
    """Everything of the way back, on both sides."""
    member = sides.member
    with translated("Closing the way back on the source"):
        followed = client.subscription(sides.source, member.back)
    if followed:
        forget = statements.forget_subscription(member.back)
        client.in_transaction(sides.source, "Closing the way back on the source", forget)
    for name in (member.back, member.changes):
        source.drop_slot(sides.maintenance, name)
    with translated("Closing the way back on the target"):
        execute(sides.target, statements.drop_publication(member.back))
