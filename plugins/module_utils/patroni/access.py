# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The roles and privileges that every cluster of an estate has, apart from those of tenants: desired against actual.

* ``erpops_admin``: superuser for modules, let in from postgres hosts only.
* ``erpops_template``: may create databases, nothing else; app hosts build template databases with it.
* ``pgbouncer_auth``: may call one function that gives PgBouncer a tenant's password verifier.
* PUBLIC may connect to database postgres (Odoo's bus listens there) and do nothing else; not even that to template1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import Action
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.scram import matches

POOL_SCHEMA = "erpops_pool"
POOL_FUNCTION = "lookup"
POOL_ROLE = "pgbouncer_auth"
POOL_SETTINGS = ("search_path=pg_catalog",)
# Superusers and the estate's own roles never come through PgBouncer.
POOL_BODY = """
  SELECT rolname::text, rolpassword
  FROM pg_authid
  WHERE rolname = wanted
    AND rolcanlogin AND NOT rolsuper AND NOT rolreplication
    AND rolname NOT IN ('pgbouncer_auth', 'rewind', 'erpops_template')
    AND (rolvaliduntil IS NULL OR rolvaliduntil > now())
"""
PUBLIC_MAY: Mapping[str, frozenset[str]] = {"postgres": frozenset({"CONNECT"}), "template1": frozenset()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A role as it shall be. Those that Patroni makes (``managed`` False) only have their password kept."""

    name: str
    password: str = field(repr=False)
    superuser: bool = False
    createdb: bool = False
    managed: bool = True

    @property
    def attributes(self) -> tuple[tuple[str, bool], ...]:
        return (
            ("LOGIN", True),
            ("SUPERUSER", self.superuser),
            ("CREATEDB", self.createdb),
            ("CREATEROLE", False),
            ("REPLICATION", False),
            ("BYPASSRLS", False),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleFound:
    attributes: Mapping[str, bool]
    verifier: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionFound:
    """The function as PostgreSQL has it, and who may run it and see its schema."""

    body: str
    security_definer: bool
    settings: tuple[str, ...]
    owner: str
    executors: frozenset[str]
    users: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What is there. The defaults are those of a cluster just bootstrapped."""

    roles: Mapping[str, RoleFound] = field(default_factory=dict)
    function: FunctionFound | None = None
    public: Mapping[str, frozenset[str]] = field(
        default_factory=lambda: {
            "postgres": frozenset({"CONNECT", "TEMPORARY"}),
            "template1": frozenset({"CONNECT"}),
        }
    )
    extensions: frozenset[str] = frozenset()
    available: frozenset[str] | None = None  # None: not known yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step on the database: what the reader sees, and what the client needs to do it."""

    action: Action
    kind: str  # create_role, alter_role, function, public, extension
    role: Role | None = None
    name: str = ""
    password_only: bool = False


def roles(passwords: Mapping[str, str], superuser: str = "postgres") -> tuple[Role, ...]:
    """The estate's roles with their passwords, by purpose."""
    return (
        Role(name="erpops_admin", password=passwords["erpops_admin"], superuser=True),
        Role(name="erpops_template", password=passwords["erpops_template"], createdb=True),
        Role(name=POOL_ROLE, password=passwords["pgbouncer_auth"]),
        Role(name="replicator", password=passwords["replicator"], managed=False),
        Role(name="rewind", password=passwords["rewind"], managed=False),
    )


def plan(cluster: str, wanted: Sequence[Role], extensions: Sequence[str], found: Found) -> tuple[Step, ...]:
    steps: list[Step] = []
    for role in wanted:
        steps.extend(_role(cluster, role, found.roles.get(role.name)))
    if found.function != expected_function():
        verb = "create" if found.function is None else "alter"
        subject = f"function {POOL_SCHEMA}.{POOL_FUNCTION} of cluster {cluster}"
        steps.append(Step(action=Action(verb, subject, "gives PgBouncer a tenant's verifier"), kind="function"))
    for database, allowed in PUBLIC_MAY.items():
        excess = found.public.get(database, frozenset()) ^ allowed
        if excess:
            detail = f"PUBLIC may {' and '.join(sorted(allowed)) or 'nothing'}"
            subject = f"privileges on database {database} of cluster {cluster}"
            steps.append(Step(action=Action("alter", subject, detail), kind="public", name=database))
    for name in extensions:
        if name not in found.extensions:
            subject = f"extension {name} of cluster {cluster}"
            steps.append(Step(action=Action("create", subject, "in database postgres"), kind="extension", name=name))
    return tuple(steps)


def _role(cluster: str, role: Role, found: RoleFound | None) -> list[Step]:
    subject = f"role {role.name} of cluster {cluster}"
    if found is None:
        if not role.managed:
            return []
        given = [word for word, value in role.attributes if value]
        return [Step(action=Action("create", subject, " ".join(given)), kind="create_role", role=role)]
    wrong = [
        word if value else f"NO{word}"
        for word, value in role.attributes
        if role.managed and found.attributes.get(word) != value
    ]
    if not matches(found.verifier, role.password):
        wrong.append("PASSWORD")
    if not wrong:
        return []
    only = not role.managed
    return [Step(action=Action("alter", subject, " ".join(wrong)), kind="alter_role", role=role, password_only=only)]


def expected_function(owner: str = "postgres") -> FunctionFound:
    return FunctionFound(
        body=POOL_BODY,
        security_definer=True,
        settings=POOL_SETTINGS,
        owner=owner,
        executors=frozenset({POOL_ROLE, owner}),
        users=frozenset({POOL_ROLE, owner}),
    )


def snapshot(found: Found, wanted: Sequence[Role]) -> dict[str, object]:
    """What the diff shows: no verifier."""
    named = [role for role in wanted if role.name in found.roles]
    return {
        "roles": {
            role.name: {
                "attributes": sorted(word for word, value in found.roles[role.name].attributes.items() if value),
                "password": "as declared" if matches(found.roles[role.name].verifier, role.password) else "differs",
            }
            for role in named
        },
        "pool_function": "as declared" if found.function == expected_function() else "differs",
        "public": {database: sorted(found.public.get(database, ())) for database in PUBLIC_MAY},
        "extensions": sorted(found.extensions),
    }


def desired_snapshot(found: Found, wanted: Sequence[Role], extensions: Sequence[str]) -> dict[str, object]:
    return {
        "roles": {
            role.name: {
                "attributes": sorted(word for word, value in role.attributes if value)
                if role.managed
                else sorted(word for word, value in found.roles[role.name].attributes.items() if value),
                "password": "as declared",
            }
            for role in wanted
            if role.managed or role.name in found.roles
        },
        "pool_function": "as declared",
        "public": {database: sorted(allowed) for database, allowed in PUBLIC_MAY.items()},
        "extensions": sorted({*found.extensions, *extensions}),
    }
