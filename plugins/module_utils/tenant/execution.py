# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries out the steps of a plan.

What happens inside a tenant's database happens as the tenant's own role: its owner could have left triggers there
that a superuser must not run. Only handing a fresh clone over, and extensions that PostgreSQL does not trust, are a
superuser's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError, Problem
from ansible_collections.erpops.odoo.plugins.module_utils.estate.model import ResolvedTenant
from ansible_collections.erpops.odoo.plugins.module_utils.postgres import client
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import (
    ESTATE_DATABASE,
    MAINTENANCE_DATABASE,
    Row,
)
from ansible_collections.erpops.odoo.plugins.module_utils.tenant import birth, statements
from ansible_collections.erpops.odoo.plugins.module_utils.tenant.client import Estate, lock
from ansible_collections.erpops.odoo.plugins.module_utils.tenant.model import (
    BUILDER,
    SUFFIX_NEW,
    AdoptTemplate,
    AllowReader,
    Birth,
    CloseDatabase,
    CreateEstateDatabase,
    CreateRegistry,
    Desired,
    Extend,
    Forget,
    OwnDatabase,
    Rebase,
    Register,
    Remove,
    SetRole,
    Step,
)

with suppress(ImportError):  # the client reports it
    import psycopg
    from psycopg import sql

BIRTHS_AT_ONCE = 4


@dataclass(slots=True, kw_only=True)
class Executor:
    """A run's connections and what it needs to know beside the steps."""

    estate: Estate
    desired: Desired
    administrators: Mapping[str, str] = field(repr=False)  # tenant -> the first administrator's password
    handing_over: threading.Lock = field(default_factory=threading.Lock)

    def run(self, steps: Sequence[Step]) -> None:
        """In the plan's order, except that births run side by side where the first of them stands."""
        births = [step for step in steps if isinstance(step, Birth)]
        start = steps.index(births[0]) if births else len(steps)
        self._in_order(steps[:start])
        self._bear(births)
        self._in_order([step for step in steps[start:] if not isinstance(step, Birth)])

    def _in_order(self, steps: Sequence[Step]) -> None:
        for kind, group in groupby(steps, key=_batch_key):
            batch = list(group)
            with client.translated(f"{batch[0].action.verb} {batch[0].action.subject}"):
                if kind[0] is SetRole:
                    self._set_roles(batch)
                elif kind[0] is Register:
                    self._register(batch)
                else:
                    self._each(batch)

    def _each(self, batch: Sequence[Step]) -> None:
        for step in batch:
            with client.translated(f"{step.action.verb} {step.action.subject}"):
                self._do(step)

    def _set_roles(self, batch: Sequence[Step]) -> None:
        roles = [step for step in batch if isinstance(step, SetRole)]
        composed = [statements.set_role(step, self.desired.passwords[step.spec.name]) for step in roles]
        self._together(self.estate.connections[roles[0].cluster], composed)

    def _register(self, batch: Sequence[Step]) -> None:
        rows = [step for step in batch if isinstance(step, Register)]
        self._together(self.estate.registry, [statements.register(step.row, step.create) for step in rows])

    def _together(self, connection: psycopg.Connection[Row], composed: Sequence[sql.Composed]) -> None:
        """One round trip, one transaction."""
        connection.execute(sql.SQL("; ").join(composed))

    def _do(self, step: Step) -> None:
        doings: dict[type[Any], Callable[[Any], None]] = {
            CreateEstateDatabase: self._create_estate_database,
            CreateRegistry: self._create_registry,
            AllowReader: self._allow_reader,
            CloseDatabase: lambda step: self._on(step.cluster, statements.close_database(step.database)),
            OwnDatabase: lambda step: self._on(step.cluster, statements.own_database(step.database, step.owner)),
            AdoptTemplate: self._adopt,
            Extend: self._extend,
            Rebase: self._rebase,
            Forget: self._forget,
            Remove: self._remove,
        }
        doings[type(step)](step)

    def _on(self, cluster: str, statement: sql.Composed) -> None:
        self.estate.connections[cluster].execute(statement)

    def _create_estate_database(self, step: CreateEstateDatabase) -> None:
        server = self.estate.servers[self.estate.home]
        client.create_estate_database(server)
        self.estate.registry.close()
        self.estate.connections[self.estate.home] = client.connect(server, ESTATE_DATABASE)
        self.estate.estate_database = True
        lock(self.estate)  # locks are a database's own

    def _create_registry(self, step: CreateRegistry) -> None:
        self.estate.registry.execute(statements.CREATE_REGISTRY)

    def _allow_reader(self, step: AllowReader) -> None:
        self.estate.registry.execute(statements.allow_reader(ESTATE_DATABASE))

    def _adopt(self, step: AdoptTemplate) -> None:
        self._on(step.cluster, statements.adopt_template(step.database, self.desired.admin))

    def _extend(self, step: Extend) -> None:
        name = step.tenant.name
        if step.extensions:
            with self._as_tenant(step.tenant, name) as connection:
                untrusted = _create_trusted(connection, step.extensions)
            self._create_untrusted(step.tenant.cluster, name, untrusted)
        self.estate.registry.execute(statements.EXTENDED, [list(step.extensions), step.number])

    def _rebase(self, step: Rebase) -> None:
        with self._as_tenant(step.tenant, step.tenant.name) as connection, connection.transaction():
            for statement, values in birth.base_url(step.tenant.url):
                connection.execute(statement, values)
        self.estate.registry.execute(statements.REBASED, [step.tenant.url, step.number])

    def _forget(self, step: Forget) -> None:
        self.estate.registry.execute(statements.FORGOTTEN, [step.number])

    def _remove(self, step: Remove) -> None:
        """The row last: a killed removal is still known, and the next run goes on with what is left."""
        name, connection = step.row.name, self.estate.connections[step.row.cluster]
        for database in (name, name + SUFFIX_NEW):
            connection.execute(statements.drop_database(database))
        connection.execute(statements.drop_role(name))
        self.estate.registry.execute(statements.REMOVED, [step.row.number])

    def _bear(self, births: Sequence[Birth]) -> None:
        """All births; one that fails leaves the others to finish, and the next run takes it up again."""
        if not births:
            return
        shares = [births[start::BIRTHS_AT_ONCE] for start in range(min(BIRTHS_AT_ONCE, len(births)))]
        with ThreadPoolExecutor(max_workers=len(shares)) as pool:
            failures = [failure for share in pool.map(self._bear_share, shares) for failure in share]
        born = [step for step in births if step.tenant.name not in {failure.subject for failure in failures}]
        with client.translated("Recording the new databases in the registry"), self.estate.registry.transaction():
            for step in born:
                values = [step.tenant.url, list(step.extensions), step.number]
                self.estate.registry.execute(statements.BORN, values)
        if failures:
            problems = [Problem(f"tenant {each.subject}", "", "", each.cure) for each in failures]
            raise ErpopsError(f"{len(failures)} of {len(births)} new databases could not be made.", problems)

    def _bear_share(self, births: Sequence[Birth]) -> list[Problem]:
        """One after the other over one connection; returns what failed."""
        failures: list[Problem] = []
        for cluster, share in groupby(births, key=lambda step: step.tenant.cluster):
            with client.connect(self.estate.servers[cluster], MAINTENANCE_DATABASE) as admin:
                for step in share:
                    try:
                        with client.translated(f"Making database {step.tenant.name}"):
                            self._bear_one(admin, step)
                    except ErpopsError as error:
                        failures.append(Problem(step.tenant.name, "", "", str(error)))
        return failures

    def _bear_one(self, admin: psycopg.Connection[Row], step: Birth) -> None:
        tenant, passing = step.tenant, step.tenant.name + SUFFIX_NEW
        born = birth.identity(tenant.url, tenant.login, self.administrators[tenant.name], tenant.instance.major)
        if step.leftover:
            admin.execute(statements.drop_database(passing))
        admin.execute(statements.clone_database(passing, step.template, tenant.name))
        self._together(admin, [statements.close_database(passing), statements.open_database(passing, True)])
        with client.connect(self.estate.servers[tenant.cluster], passing) as connection:
            self._hand_over(connection, tenant.name)
        with self._as_tenant(tenant, passing) as connection:
            untrusted = _create_trusted(connection, step.extensions)
            with connection.transaction():
                _give_identity(connection, born, step)
        self._create_untrusted(tenant.cluster, passing, untrusted)
        admin.execute(statements.rename_database(passing, tenant.name))

    def _hand_over(self, connection: psycopg.Connection[Row], owner: str) -> None:
        """REASSIGN OWNED also moves *databases* of the builder: one that is being built goes back within the same
        transaction, and then only one clone at a time may do so, or they would update the same rows."""
        found = connection.execute(statements.READ_BUILDERS_DATABASES, [BUILDER]).fetchall()
        with self.handing_over if found else nullcontext(), connection.transaction():
            connection.execute(statements.hand_over(BUILDER, owner))
            for row in found:
                connection.execute(statements.own_database(row["datname"], BUILDER))

    def _create_untrusted(self, cluster: str, database: str, names: Sequence[str]) -> None:
        if names:
            with client.connect(self.estate.servers[cluster], database) as connection:
                for name in names:
                    connection.execute(statements.create_extension(name))

    def _as_tenant(self, tenant: ResolvedTenant, database: str) -> psycopg.Connection[Row]:
        server = self.estate.servers[tenant.cluster].login(tenant.name, self.desired.passwords[tenant.name])
        return client.connect(server, database)


def _batch_key(step: Step) -> tuple[type[Any], str]:
    return type(step), step.cluster if isinstance(step, SetRole) else ""


def _create_trusted(connection: psycopg.Connection[Row], names: Sequence[str]) -> list[str]:
    """Create what the tenant itself may create, so that no superuser's statement meets what its owner left there;
    returns the others, which PostgreSQL wants a superuser for."""
    there = {row["extname"] for row in connection.execute(statements.READ_EXTENSIONS)}
    untrusted = []
    for name in names:
        try:
            if name not in there:
                connection.execute(statements.create_extension(name))
        except psycopg.errors.InsufficientPrivilege:
            untrusted.append(name)
    return untrusted


def _give_identity(connection: psycopg.Connection[Row], born: birth.Identity, step: Birth) -> None:
    found = connection.execute(statements.READ_TABLES, [list(birth.TABLES)]).fetchall()
    tables = frozenset(row["relname"] for row in found)
    missing = [name for name in birth.REQUIRED_TABLES if name not in tables]
    if missing:
        raise ErpopsError(f"template {step.template} is no Odoo database: it has no table {', '.join(missing)}.")
    statement, values = birth.administrator(born)
    if connection.execute(statement, values).fetchone() is None:
        raise ErpopsError(f"template {step.template} has no user base.user_admin to give the login {born.login} to.")
    for each, parameters in birth.statements(born, tables):
        connection.execute(each, parameters)
