# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a source needs before it can be followed: its server's settings, the role of subscriptions, the publication.

Where it cannot be followed, or its settings may not be changed, and dumps are allowed, it is moved by dumps instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import Action
from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import Problem, Refused
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import translated
from ansible_collections.erpops.odoo.plugins.module_utils.replication import client, plan, server, source, statements
from ansible_collections.erpops.odoo.plugins.module_utils.replication.client import Sides, rows
from ansible_collections.erpops.odoo.plugins.module_utils.replication.model import (
    OLDEST_LOGICAL,
    ROLE,
    Facts,
    Function,
    Member,
    Record,
)

with suppress(ImportError):  # the client reports it
    from psycopg import sql

IN_USE = """
    SELECT (SELECT count(*) FROM pg_replication_slots) AS max_replication_slots,
           (SELECT count(*) FROM pg_stat_replication) AS max_wal_senders
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a source lacks. role: statements; none where it is there with this password and may connect."""

    settings: Mapping[str, str]
    role: bool
    identities: tuple[plan.NewIdentity, ...]
    functions: tuple[Function, ...]
    publication: bool

    @property
    def publish(self) -> bool:
        return self.publication or bool(self.identities) or bool(self.functions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """before and after: snapshots. undo: what takes back everything that was ever done for it, as statements."""

    actions: tuple[Action, ...]
    before: Mapping[str, object]
    after: Mapping[str, object]
    undo: tuple[str, ...]
    restart_needed: bool
    by_dump: bool = False


def needed_settings(found: Sequence[server.Setting], used: Mapping[str, int], spare: int) -> dict[str, str]:
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
    """allowed: of ``settings``, ``restart``, ``role``, ``replica_identity``, ``functions`` and ``dump``."""
    plan.check("wave_prepare", sides.member, facts)
    if facts.by_dump or facts.source.version < OLDEST_LOGICAL:
        return _by_dump(sides, facts, allowed, check_mode=check_mode)
    with translated("Reading what the source needs"):
        found = server.settings(sides.source)
        role = source.make_role(sides.source, password, [sides.member.database])
    needs = _needs(sides, facts, found, spare_slots, bool(role))
    if needs.settings and needs.publication and "dump" in allowed and "settings" not in allowed:
        return _by_dump(sides, facts, allowed, check_mode=check_mode)
    if problems := refusals(needs, allowed):
        raise Refused(f"The source of member {sides.member.name} needs what was not allowed.", problems)
    whole = server.recorded(server.read(sides.source), found, needs.settings)
    if not check_mode:
        _apply(sides, needs, role, whole)
    none = Needs(settings={}, role=False, identities=(), functions=(), publication=False)
    return Prepared(
        actions=actions(needs, sides.member),
        before=_snapshot(found, {}, needs),
        after=_snapshot(found, needs.settings, none),
        undo=undo(sides.member, source.published_record(facts.source.record, needs.identities, needs.functions), whole),
        restart_needed=any(one.setting != needs.settings.get(one.name, one.written) for one in found),
    )


def _by_dump(sides: Sides, facts: Facts, allowed: Sequence[str], *, check_mode: bool) -> Prepared:
    """Nothing of the server is changed; the record stands in the comment of the database."""
    member, record = sides.member, facts.source.record
    if record is None and "dump" not in allowed:
        cure = "It has no logical replication. Allow dump (nobody can write while it is dumped, restored and compared)"
        problem = Problem("source", "version", str(facts.source.version), f"{cure}, or upgrade it to 10 first.")
        raise Refused(f"The source of member {member.name} cannot be followed.", [problem])
    functions = source.unsafe_functions(sides.source)
    if problems := source.forbidden((), functions, allowed):
        raise Refused(f"The source of member {member.name} needs what was not allowed.", problems)
    done = [Action("set", f"search_path of function {function}") for function in functions]
    if record is None:
        done.append(Action("record", f"database {member.database}", "it is moved by dumps"))
    if done and not check_mode:
        record = source.pin(sides, record, functions)
    return Prepared(
        actions=tuple(done),
        before={"by_dump": facts.by_dump, "without_search_path": sorted(str(function) for function in functions)},
        after={"by_dump": True, "without_search_path": []},
        undo=_undo_by_dump(member, source.pinned(sides, facts.source.record, functions)),
        restart_needed=False,
        by_dump=True,
    )


def _undo_by_dump(member: Member, record: Record) -> tuple[str, ...]:
    return (
        *(_reset(function) for function in record.functions),
        statements.comment_database(member.database, record.comment).as_string() + ";",
    )


def _reset(function: Function) -> str:
    place = f'"{function.schema}"."{function.name}"({function.arguments})'
    return f"ALTER FUNCTION {place} RESET search_path;"


def _needs(sides: Sides, facts: Facts, found: Sequence[server.Setting], spare: int, role: bool) -> Needs:
    with translated("Reading what the source needs"):
        used = {name: int(value) for name, value in rows(sides.source, IN_USE)[0].items()}
        tables = [table for table, persistence in client.tables(sides.source) if persistence == "p"]
    own = 0 if facts.source.slot is None else 1
    return Needs(
        settings=needed_settings(found, {name: value - own for name, value in used.items()}, spare),
        role=role,
        identities=plan.identities(tables),
        functions=source.unsafe_functions(sides.source),
        publication=facts.source.record is None,
    )


def _snapshot(found: Sequence[server.Setting], settings: Mapping[str, str], needs: Needs) -> dict[str, object]:
    return {
        **{one.name: settings.get(one.name, one.written) for one in found},
        "role": not needs.role,
        "published": not needs.publication,
        "without_identity": sorted(_table(one) for one in needs.identities),
        "without_search_path": sorted(str(function) for function in needs.functions),
    }


def _table(needed: plan.NewIdentity) -> str:
    return f"{needed.before.schema}.{needed.before.table}"


def refusals(needs: Needs, allowed: Sequence[str]) -> list[Problem]:
    problems = []
    if lacking := [one for one in ("settings", "restart") if one not in allowed]:
        for name, value in needs.settings.items():
            cure = (
                f"It must be {value}, which needs a restart of the source's PostgreSQL. Allow {' and '.join(lacking)}:"
                " nothing is written before both are allowed, or any restart would bring it about."
            )
            problems.append(Problem("source", name, "", cure))
    if needs.role and "role" not in allowed:
        cure = "It is not there, has another password or may not connect. Allow role."
        problems.append(Problem(f"role {ROLE}", "", "", cure))
    return problems + source.forbidden(needs.identities, needs.functions, allowed)


def actions(needs: Needs, member: Member) -> tuple[Action, ...]:
    done = [Action("set", f"setting {name}", value) for name, value in needs.settings.items()]
    if needs.role:
        done.append(Action("make", f"role {ROLE}", f"may connect to {member.database}"))
    for one in needs.identities:
        detail = f"index {one.index}" if one.index else "full"
        done.append(Action("set", f"replica identity of table {_table(one)}", detail))
    done += [Action("set", f"search_path of function {function}") for function in needs.functions]
    if needs.publish:
        done.append(Action("publish", f"database {member.database}"))
    return tuple(done)


def _apply(sides: Sides, needs: Needs, role: Sequence[sql.Composed], record: server.Record) -> None:
    if needs.settings or role:
        server.write(sides.source, record, role, needs.settings)
    if needs.publish:
        source.publish(sides, ("replica_identity", "functions"))


def undo(member: Member, record: Record, whole: server.Record) -> tuple[str, ...]:
    """As text for the operator; wave_rollback does it by itself. whole: of the server."""
    texts = [f"{one.back()} -- was {one.before}, and a restart" for one in whole.settings]
    if whole.made:
        texts.append(f'DROP OWNED BY "{ROLE}"; DROP ROLE "{ROLE}";')
    for one in record.identities:
        how = "NOTHING" if one.was == "n" else "DEFAULT"
        texts.append(f'ALTER TABLE "{one.schema}"."{one.table}" REPLICA IDENTITY {how};')
    texts += [_reset(function) for function in record.functions]
    return (*texts, f'DROP PUBLICATION "{member.forward}";')
