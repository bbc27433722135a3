# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the databases of tenants: registry, roles, databases, and on request what is in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ansible_collections.erpops.odoo.plugins.module_utils.postgres import client, scram
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import ESTATE_DATABASE, Row, Server
from ansible_collections.erpops.odoo.plugins.module_utils.tenant import statements
from ansible_collections.erpops.odoo.plugins.module_utils.tenant.model import (
    READER,
    SUFFIX_NEW,
    Actual,
    Cluster,
    Database,
    Desired,
    Registered,
    Role,
    RoleSpec,
)

if TYPE_CHECKING:
    import psycopg

REGISTRY_LOCK = 7_310_101  # one run at a time changes tenants; a number that only this collection uses
BASE_URL_UNKNOWN = "changed in the database"


@dataclass(slots=True, kw_only=True)
class Estate:
    """The open connections of a run: one a cluster, the registry's first."""

    servers: Mapping[str, Server]
    connections: dict[str, psycopg.Connection[Row]] = field(default_factory=dict)
    estate_database: bool = False

    @property
    def home(self) -> str:
        return next(iter(self.servers))

    @property
    def registry(self) -> psycopg.Connection[Row]:
        return self.connections[self.home]


@contextmanager
def opened(servers: Mapping[str, Server]) -> Iterator[Estate]:
    """Connections to every cluster. Raises Unreachable where one does not answer."""
    estate = Estate(servers=servers)
    with ExitStack() as stack:
        stack.callback(_close, estate)
        for name, server in servers.items():
            if name == estate.home:
                estate.connections[name], estate.estate_database = client.connect_estate(server)
            else:
                estate.connections[name] = client.connect(server, client.MAINTENANCE_DATABASE)
        yield estate


def _close(estate: Estate) -> None:
    for connection in estate.connections.values():
        connection.close()


def lock(estate: Estate) -> None:
    lock_registry(estate.registry)


def lock_registry(connection: psycopg.Connection[Row]) -> None:
    """Only one run changes tenants; the lock goes with the connection."""
    with client.translated("Another run is changing tenants; waiting for it"):
        connection.execute("SELECT pg_advisory_lock(%s)", [REGISTRY_LOCK])


def read(estate: Estate, desired: Desired) -> Actual:
    """Everything as it is: three queries for the registry's cluster, two for each other one."""
    there = reader_allowed = False
    registry: tuple[Registered, ...] = ()
    if estate.estate_database:
        there, reader_allowed, registry = read_registry(estate.registry)
    return Actual(
        clusters={name: _read_cluster(connection, desired) for name, connection in estate.connections.items()},
        registry=registry,
        registry_there=there,
        reader_allowed=reader_allowed,
    )


def read_registry(connection: psycopg.Connection[Row]) -> tuple[bool, bool, tuple[Registered, ...]]:
    """Whether it is there, whether app hosts' role may read it, and its rows; from the estate's own database."""
    with client.translated("Reading the tenant registry"):
        found = connection.execute(statements.READ_FOUNDATION, [READER]).fetchone() or {}
        there = bool(found.get("there"))
        rows = connection.execute(statements.READ_REGISTRY).fetchall() if there else []
    return there, bool(found.get("reader_allowed")), tuple(_registered(row) for row in rows)


def _read_cluster(connection: psycopg.Connection[Row], desired: Desired) -> Cluster:
    names = [tenant.name for tenant in desired.tenants]
    passing = [name + SUFFIX_NEW for name in names]
    databases = [*names, *passing, *desired.templates.values(), ESTATE_DATABASE]
    with client.translated("Reading roles and databases"):
        roles = connection.execute(statements.READ_ROLES, [[*names, READER]]).fetchall()
        found = connection.execute(statements.READ_DATABASES, {"names": databases, "measured": names}).fetchall()
    return Cluster(
        roles={row["name"]: _role(row) for row in roles},
        databases={row["name"]: Database(**row) for row in found},
    )


def _registered(row: Row) -> Registered:
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
    return Registered(**values)


def _role(row: Row) -> Role:
    return Role(
        spec=RoleSpec(
            name=row["name"],
            createdb=row["createdb"],
            connection_limit=row["connection_limit"],
            statement_timeout=row["statement_timeout"],
        ),
        login=row["login"],
        powers=tuple(row["powers"]),
        memberships=tuple(row["memberships"]),
        verifier=row["verifier"],
    )


def read_deep(estate: Estate, desired: Desired, actual: Actual) -> Actual:
    """The registry's word for what is in each database, replaced by what each database says itself."""
    rows = []
    elsewhere = {tenant.name for tenant in desired.tenants if tenant.source_url}  # nobody connects to what is here
    for row in actual.registry:
        readable = row.name not in elsewhere and _can_be_read(desired, actual, row)
        rows.append(_inspected(estate, desired, row) if readable else row)
    return replace(actual, registry=tuple(rows))


def _can_be_read(desired: Desired, actual: Actual, row: Registered) -> bool:
    """A database is read as its own role, whose owner could have left functions that a superuser must not run; so a
    role whose password is not the declared one is read by the run after the one that sets it."""
    cluster = actual.clusters.get(row.cluster)
    if cluster is None or row.name not in desired.passwords or row.name not in cluster.databases:
        return False
    role = cluster.roles.get(row.name)
    return row.alive and row.born and role is not None and scram.matches(role.verifier, desired.passwords[row.name])


def _inspected(estate: Estate, desired: Desired, row: Registered) -> Registered:
    server = estate.servers[row.cluster].login(row.name, desired.passwords[row.name])
    with client.connect(server, row.name) as connection, client.translated(f"Reading database {row.name}"):
        extensions = {found["extname"] for found in connection.execute(statements.READ_EXTENSIONS)}
        parameters = {found["key"]: found["value"] for found in connection.execute(statements.READ_PARAMETERS)}
    url = parameters.get("web.base.url", "") if parameters.get("web.base.url.freeze") == "True" else BASE_URL_UNKNOWN
    kept = tuple(name for name in row.extensions if name in extensions)
    return replace(row, base_url=url, extensions=kept)
