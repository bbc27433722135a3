# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands beside the rows of a database: rights, rights by default, settings, comments; and what makes one side
like the other. Pure.

Names of roles are translated; roles that the other side does not have are left, each with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from ansible_collections.erpops.odoo.plugins.module_utils.replication.model import PUBLIC

with suppress(ImportError):  # the client reports it
    from psycopg import sql

ALL = ""  # as a role of settings: whoever connects
# Rights that an older server does not know, and since which server_version_num there are.
SINCE = {"MAINTAIN": 170_000}


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Right:
    """object, privilege: the server's own rendering, quoted where it must be. creator: whose later objects it is of by
    default, in schema ``object`` or in all; empty for a right on one that is there."""

    kind: str
    object: str
    privilege: str
    grantee: str
    creator: str = ""

    def __str__(self) -> str:
        by = f" of {self.creator} by default" if self.creator else ""
        return f"{self.privilege} on {self.kind.lower()} {self.object}".rstrip() + by


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """rights: with whether they may be handed on. settings: by role and name. comments: by kind and object."""

    rights: Mapping[Right, bool] = field(default_factory=dict)
    settings: Mapping[tuple[str, str], str] = field(default_factory=dict)
    comments: Mapping[tuple[str, str], str] = field(default_factory=dict)
    comment: str | None = None
    connection_limit: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """known: a giver's role -> the taker's, both there. owner: of the database on the taker, who needs no rights.
    shared: roles of the giver that stand for several of the taker's, so that nobody knows whose a right is.
    where: the taker, as an operator calls it. version: its server_version_num.
    exact: the taker's roles, and PUBLIC, of whom also is taken away what the giver has not."""

    known: Mapping[str, str]
    owner: str
    where: str
    version: int
    exact: frozenset[str]
    shared: frozenset[str] = frozenset()


def translated(given: Beside, roles: Roles) -> tuple[Beside, list[str]]:
    """As the taker is to be, and what is left, a sentence for each role."""
    rights: dict[Right, bool] = {}
    without: dict[str, list[str]] = {}
    for right, grantable in given.rights.items():
        names = [name for name in (right.creator, right.grantee) if name != PUBLIC]
        foreign = next((name for name in names if name not in roles.known), None)
        if foreign is not None:
            without.setdefault(foreign, []).append(str(right))
        elif SINCE.get(right.privilege, 0) > roles.version:
            without.setdefault("", []).append(f"{right} to {right.grantee or 'PUBLIC'}")
        elif named := _named(right, roles):
            rights[named] = rights.get(named, False) or grantable
    settings = {}
    for (role, name), value in given.settings.items():
        if role == ALL or role in roles.known:
            settings[(role and roles.known[role], name)] = value
        else:
            without.setdefault(role, []).append(f"setting {name}")
    return replace(given, rights=rights, settings=settings), _left(without, roles)


def _named(right: Right, roles: Roles) -> Right | None:
    """With the taker's names; None where its role has the right anyway."""
    creator = roles.known[right.creator] if right.creator else ""
    grantee = PUBLIC if right.grantee == PUBLIC else roles.known[right.grantee]
    if grantee and grantee == (creator or roles.owner):
        return None
    return replace(right, creator=creator, grantee=grantee)


def _left(without: Mapping[str, Sequence[str]], roles: Roles) -> list[str]:
    """Few sentences: a reader of reports has a right on each of some hundred tables."""
    said = []
    for role, found in sorted(without.items()):
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        if not role:
            reason = f"PostgreSQL of {roles.where} does not know it"
        elif role in roles.shared:
            reason = f"several roles of {roles.where} are that one"
        else:
            reason = f"there is no such role on {roles.where}"
        said.append(f"{f'role {role}: ' if role else ''}{min(found)}{more}: {reason}")
    return said


def within(there: Beside, roles: Roles) -> Beside:
    """Of the taker what is compared: of roles that are not the giver's nothing is touched, nor what its owner has."""
    names = {PUBLIC, *roles.known.values()}
    kept = {
        right: grantable
        for right, grantable in there.rights.items()
        if right.creator in names and right.grantee in names and right.grantee != (right.creator or roles.owner)
    }
    settings = {key: value for key, value in there.settings.items() if key[0] in names}
    return replace(there, rights=kept, settings=settings)


def granting(wanted: Mapping[Right, bool], there: Mapping[Right, bool], exact: frozenset[str]) -> list[sql.Composed]:
    """First what is too much, with what hangs on it, then what lacks; all of it again where something was taken."""
    taken = [
        _alter(right, "REVOKE GRANT OPTION FOR" if right in wanted else "REVOKE")
        for right, grantable in sorted(there.items())
        if {right.grantee, right.creator} <= exact and (right not in wanted or (grantable and not wanted[right]))
    ]
    given = [
        _alter(right, "GRANT", grantable)
        for right, grantable in sorted(wanted.items())
        if taken or there.get(right) is None or (grantable and not there[right])
    ]
    return taken + given


def _alter(right: Right, verb: str, grantable: bool = False) -> sql.Composed:
    who = sql.SQL("PUBLIC") if right.grantee == PUBLIC else sql.Identifier(right.grantee)
    parts: list[sql.Composable] = []
    if right.creator:
        parts.append(sql.SQL("ALTER DEFAULT PRIVILEGES FOR ROLE {}").format(sql.Identifier(right.creator)))
        parts += [sql.SQL(f"IN SCHEMA {right.object}")] if right.object else []
        parts.append(sql.SQL(f"{verb} {right.privilege} ON {right.kind}"))
    else:
        parts.append(sql.SQL(f"{verb} {right.privilege} ON {right.kind} {right.object}"))
    parts.append(sql.SQL("TO {}" if verb == "GRANT" else "FROM {} CASCADE").format(who))
    return sql.SQL(" ").join([*parts, sql.SQL("WITH GRANT OPTION")] if grantable else parts)


def setting(database: sql.Identifier, role: str, name: str, value: str | None) -> sql.Composed:
    """None resets it."""
    form = sql.SQL("ALTER ROLE {} IN DATABASE {}" if role else "ALTER DATABASE {1}")
    where = form.format(sql.Identifier(role), database)
    if value is None:
        return sql.SQL("{} RESET {}").format(where, sql.Identifier(name))
    values = sql.SQL(", ").join(sql.Literal(part) for part in _parts(name, value))
    return sql.SQL("{} SET {} = {}").format(where, sql.Identifier(name), values)


def _parts(name: str, value: str) -> list[str]:
    """A search_path is a list; quoted as one value it would name one schema."""
    if name != "search_path":
        return [value]
    return [part.strip().strip('"') for part in value.split(",")]


def set_anew(wanted: Beside, there: Beside, exact: frozenset[str]) -> Iterable[tuple[str, str, str | None]]:
    """Role, name and value of every setting that differs."""
    for role, name in sorted(wanted.settings.keys() | there.settings.keys()):
        value = wanted.settings.get((role, name))
        if value != there.settings.get((role, name)) and (value is not None or role in exact):
            yield role, name, value


def commented(wanted: Mapping[tuple[str, str], str], there: Mapping[tuple[str, str], str]) -> list[sql.Composed]:
    return [
        sql.SQL(f"COMMENT ON {kind} {name} IS {{}}").format(sql.Literal(wanted.get((kind, name))))
        for kind, name in sorted(wanted.keys() | there.keys())
        if wanted.get((kind, name)) != there.get((kind, name))
    ]
