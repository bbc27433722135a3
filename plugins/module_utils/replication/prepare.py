# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a source needs before it can be followed: its server's settings, the role of subscriptions, the publication."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import Action
from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import Problem, Refused
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import translated
from ansible_collections.erpops.odoo.plugins.module_utils.replication import client, plan, source
from ansible_collections.erpops.odoo.plugins.module_utils.replication.client import Sides, execute, rows
from ansible_collections.erpops.odoo.plugins.module_utils.replication.model import ROLE, Facts

with suppress(ImportError):  # the client reports it
    from psycopg import sql

SETTINGS_QUERY = """
    SELECT name, setting, boot_val, coalesce(pending_restart, false) AS pending,
           (SELECT f.setting FROM pg_file_settings AS f WHERE f.name = s.name AND f.error IS NOT DISTINCT FROM NULL
            ORDER BY f.seqno DESC LIMIT 1) AS written,
           EXISTS (SELECT FROM pg_file_settings AS f WHERE f.name = s.name
                   AND f.sourcefile LIKE '%%postgresql.auto.conf') AS automatic
    FROM pg_settings AS s WHERE name = ANY(%s)
"""
IN_USE = """
    SELECT (SELECT count(*) FROM pg_replication_slots) AS max_replication_slots,
           (SELECT count(*) FROM pg_stat_replication) AS max_wal_senders
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One setting of the source's server. written: what its files hold, which counts after a restart."""

    name: str
    setting: str
    written: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """before and after: snapshots. undo: what takes everything back, as statements or file changes."""

    actions: tuple[Action, ...]
    before: Mapping[str, object]
    after: Mapping[str, object]
    undo: tuple[str, ...]
    restart_needed: bool


def needed_settings(found: Sequence[Server], used: Mapping[str, int], spare: int) -> dict[str, str]:
    """Settings that following needs and the server will not have after its next restart. Pure."""
    wanted = {}
    for one in found:
        if one.name == "wal_level":
            if one.written != "logical":
                wanted[one.name] = "logical"
        elif int(one.written) < used[one.name] + spare:
            wanted[one.name] = str(used[one.name] + spare)
    return wanted


def prepare(
    sides: Sides, facts: Facts, *, allowed: Sequence[str], spare_slots: int, password: str, check_mode: bool
) -> Prepared:
    """allowed: of ``settings`` (and the restart they need), ``role``, ``replica_identity``. All refusals at once."""
    plan.check("wave_prepare", sides.member, facts)
    member = sides.member
    with translated("Reading what the source needs"):
        found = [
            Server(name=row["name"], setting=row["setting"], written=row["written"] or row["setting"])
            for row in rows(sides.source, SETTINGS_QUERY, [["wal_level", "max_replication_slots", "max_wal_senders"]])
        ]
        used = rows(sides.source, IN_USE)[0]
        role = source.make_role(sides.source, password, [member.database])
        granted = rows(sides.source, "SELECT 1 FROM pg_roles WHERE rolname = %s"
                       " AND has_database_privilege(oid, %s, 'CONNECT')", [ROLE, member.database])  # fmt: skip
        published = [table for table, persistence in client.tables(sides.source) if persistence == "p"]
    own = 0 if facts.source.slot is None else 1
    settings = needed_settings(found, {name: int(value) - own for name, value in used.items()}, spare_slots)
    make_role = len(role) > 1 or not granted
    identities = plan.identities(published)
    _refuse(member.name, settings, make_role, identities, allowed)
    publish = facts.source.record is None or bool(identities)
    actions = _actions(sides, settings, make_role, identities, publish)
    if not check_mode:
        _apply(sides, settings, role if make_role else (), publish)
    effective = {one.name: settings.get(one.name, one.written) for one in found}
    before = {one.name: one.written for one in found} | _snapshot(
        not make_role, facts.source.record is not None, published
    )
    done = {one.before.schema + "." + one.before.table for one in identities}
    after = effective | {"role": True, "published": True, "without_identity": []}
    return Prepared(
        actions=tuple(actions),
        before=before,
        after=after if done or actions else before,
        undo=tuple(_undo(sides, settings, found, make_role, identities, publish)),
        restart_needed=any(one.setting != effective[one.name] for one in found),
    )


def _snapshot(role: bool, published: bool, tables: Sequence[plan.TableFacts]) -> dict[str, object]:
    without = [f"{one.before.schema}.{one.before.table}" for one in plan.identities(tables)]
    return {"role": role, "published": published, "without_identity": sorted(without)}


def _refuse(
    name: str,
    settings: Mapping[str, str],
    make_role: bool,
    identities: Sequence[plan.NewIdentity],
    allowed: Sequence[str],
) -> None:
    problems = []
    if settings and "settings" not in allowed:
        for key, value in settings.items():
            cure = f"It must be {value}, which needs a restart of the source's PostgreSQL. Allow settings."
            problems.append(Problem("source", key, "", cure))
    if make_role and "role" not in allowed:
        problems.append(Problem(f"role {ROLE}", "", "", "It is not there or has another password. Allow role."))
    if identities and "replica_identity" not in allowed:
        cure = "It has no replica identity; its updates could not be followed. Allow replica_identity."
        tables = [f"table {one.before.schema}.{one.before.table}" for one in identities]
        problems += [Problem(table, "", "", cure) for table in tables]
    if problems:
        raise Refused(f"The source of member {name} needs what was not allowed.", problems)


def _actions(
    sides: Sides,
    settings: Mapping[str, str],
    make_role: bool,
    identities: Sequence[plan.NewIdentity],
    publish: bool,
) -> list[Action]:
    actions = [Action("set", f"setting {name}", value) for name, value in settings.items()]
    if make_role:
        actions.append(Action("make", f"role {ROLE}", f"may connect to {sides.member.database}"))
    for one in identities:
        table = f"table {one.before.schema}.{one.before.table}"
        actions.append(Action("set", f"replica identity of {table}", f"index {one.index}" if one.index else "full"))
    if publish:
        actions.append(Action("publish", f"database {sides.member.database}"))
    return actions


def _apply(sides: Sides, settings: Mapping[str, str], role: Sequence[sql.Composed], publish: bool) -> None:
    with translated("Preparing the source"):
        for name, value in settings.items():
            form = sql.SQL("ALTER SYSTEM SET {} = {}")
            execute(sides.source, form.format(sql.Identifier(name), sql.Literal(value)))
        execute(sides.source, *role)
    if publish:
        source.publish(sides, allowed=True)


def _undo(
    sides: Sides,
    settings: Mapping[str, str],
    found: Sequence[Server],
    make_role: bool,
    identities: Sequence[plan.NewIdentity],
    publish: bool,
) -> list[str]:
    """As text for the operator; the verb rollback does what concerns the member by itself."""
    undo = [
        f"ALTER SYSTEM RESET {name}; -- was {one.written}" for one in found for name in settings if one.name == name
    ]
    if make_role:
        undo.append(f'DROP OWNED BY "{ROLE}"; DROP ROLE "{ROLE}";')
    for one in identities:
        how = "NOTHING" if one.before.was == "n" else "DEFAULT"
        undo.append(f'ALTER TABLE "{one.before.schema}"."{one.before.table}" REPLICA IDENTITY {how};')
    if publish:
        undo.append(f'DROP PUBLICATION "{sides.member.forward}";')
    return undo
