# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is there after a plan's steps, and the snapshot that before and after are shown with. Pure, without secrets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import singledispatch
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.postgres import scram
from ansible_collections.erpops.odoo.plugins.module_utils.tenant.model import (
    ESTATE_DATABASE,
    SUFFIX_NEW,
    Actual,
    AdoptTemplate,
    AllowReader,
    Birth,
    CloseDatabase,
    Cluster,
    CreateEstateDatabase,
    CreateRegistry,
    Database,
    Desired,
    Extend,
    Forget,
    OwnDatabase,
    Rebase,
    Register,
    Registered,
    Remove,
    Role,
    SetRole,
    Step,
)


def simulate(desired: Desired, actual: Actual, steps: Sequence[Step]) -> Actual:
    for step in steps:
        actual = _after(step, actual, desired)
    return actual


def snapshot(desired: Desired, actual: Actual) -> dict[str, Any]:
    """Everything that a run may change, as an operator reads it."""
    home = actual.clusters[desired.clusters[0]]
    estate = home.databases.get(ESTATE_DATABASE)
    return {
        "estate_database": None if estate is None else {"public": estate.public},
        "registry": {"there": actual.registry_there, "readable": actual.reader_allowed},
        "tenants": {row.name: _tenant(row) for row in actual.registry if row.alive},
        "removed": {str(row.number): row.name for row in actual.registry if not row.alive},
        "clusters": {name: _cluster(cluster, desired) for name, cluster in actual.clusters.items()},
    }


def _tenant(row: Registered) -> dict[str, Any]:
    return {
        "number": row.number,
        "app_host": row.app_host,
        "image": row.image,
        "state": row.state,
        "instance": row.instance,
        "cluster": row.cluster,
        "hostnames": list(row.hostnames),
        "base_url": row.base_url,
        "extensions": sorted(row.extensions),
        "born": row.born,
    }


def _cluster(cluster: Cluster, desired: Desired) -> dict[str, Any]:
    return {
        "roles": {name: _role(role, desired) for name, role in sorted(cluster.roles.items())},
        "databases": {
            name: {
                "owner": database.owner,
                "public": database.public,
                "allows_connections": database.allows_connections,
                "is_template": database.is_template,
            }
            for name, database in sorted(cluster.databases.items())
            if name != ESTATE_DATABASE
        },
    }


def _role(role: Role, desired: Desired) -> dict[str, Any]:
    password = desired.passwords.get(role.spec.name)
    current = password is not None and scram.matches(role.verifier, password)
    return {
        "login": role.login,
        "powers": list(role.powers),
        "createdb": role.spec.createdb,
        "connection_limit": role.spec.connection_limit,
        "statement_timeout": role.spec.statement_timeout,
        "memberships": list(role.memberships),
        "password": "undeclared" if password is None else "current" if current else "outdated",
    }


@singledispatch
def _after(step: object, actual: Actual, desired: Desired) -> Actual:
    raise TypeError(f"no such step: {step!r}")


@_after.register
def _after_create_estate_database(step: CreateEstateDatabase, actual: Actual, desired: Desired) -> Actual:
    return _with_database(actual, desired.clusters[0], Database(name=ESTATE_DATABASE, owner=desired.admin))


@_after.register
def _after_create_registry(step: CreateRegistry, actual: Actual, desired: Desired) -> Actual:
    return replace(actual, registry_there=True)


@_after.register
def _after_allow_reader(step: AllowReader, actual: Actual, desired: Desired) -> Actual:
    return replace(actual, reader_allowed=True)


@_after.register
def _after_set_role(step: SetRole, actual: Actual, desired: Desired) -> Actual:
    cluster = actual.clusters[step.cluster]
    before = cluster.roles.get(step.spec.name)
    verifier = before.verifier if before else None
    if step.set_password:
        verifier = scram.verifier(desired.passwords[step.spec.name])
    roles = {**cluster.roles, step.spec.name: Role(spec=step.spec, verifier=verifier)}
    return _with_cluster(actual, step.cluster, replace(cluster, roles=roles))


@_after.register
def _after_close_database(step: CloseDatabase, actual: Actual, desired: Desired) -> Actual:
    there = actual.clusters[step.cluster].databases[step.database]
    return _with_database(actual, step.cluster, replace(there, public=False))


@_after.register
def _after_own_database(step: OwnDatabase, actual: Actual, desired: Desired) -> Actual:
    there = actual.clusters[step.cluster].databases[step.database]
    return _with_database(actual, step.cluster, replace(there, owner=step.owner))


@_after.register
def _after_adopt_template(step: AdoptTemplate, actual: Actual, desired: Desired) -> Actual:
    there = Database(name=step.database, owner=desired.admin, public=False, allows_connections=False, is_template=True)
    return _with_database(actual, step.cluster, there)


@_after.register
def _after_register(step: Register, actual: Actual, desired: Desired) -> Actual:
    return _with_row(actual, step.row)


@_after.register
def _after_birth(step: Birth, actual: Actual, desired: Desired) -> Actual:
    name = step.tenant.name
    actual = _without_databases(actual, step.tenant.cluster, name + SUFFIX_NEW)
    actual = _with_database(actual, step.tenant.cluster, Database(name=name, owner=name))
    row = _row(actual, step.number)
    return _with_row(actual, replace(row, born=True, base_url=step.tenant.url, extensions=step.extensions))


@_after.register
def _after_extend(step: Extend, actual: Actual, desired: Desired) -> Actual:
    row = _row(actual, step.number)
    return _with_row(actual, replace(row, born=True, extensions=(*row.extensions, *step.extensions)))


@_after.register
def _after_rebase(step: Rebase, actual: Actual, desired: Desired) -> Actual:
    return _with_row(actual, replace(_row(actual, step.number), base_url=step.tenant.url))


@_after.register
def _after_forget(step: Forget, actual: Actual, desired: Desired) -> Actual:
    return _with_row(actual, replace(_row(actual, step.number), born=False, base_url="", extensions=()))


@_after.register
def _after_remove(step: Remove, actual: Actual, desired: Desired) -> Actual:
    name, cluster_name = step.row.name, step.row.cluster
    actual = _without_databases(actual, cluster_name, name, name + SUFFIX_NEW)
    cluster = actual.clusters[cluster_name]
    roles = {key: role for key, role in cluster.roles.items() if key != name}
    actual = _with_cluster(actual, cluster_name, replace(cluster, roles=roles))
    return _with_row(actual, replace(step.row, state="absent"))


def _row(actual: Actual, number: int) -> Registered:
    return next(row for row in actual.registry if row.number == number)


def _with_row(actual: Actual, row: Registered) -> Actual:
    others = (other for other in actual.registry if other.number != row.number)
    return replace(actual, registry=tuple(sorted((*others, row), key=lambda each: each.number)))


def _with_cluster(actual: Actual, name: str, cluster: Cluster) -> Actual:
    return replace(actual, clusters={**actual.clusters, name: cluster})


def _with_database(actual: Actual, cluster_name: str, database: Database) -> Actual:
    cluster = actual.clusters[cluster_name]
    databases: Mapping[str, Database] = {**cluster.databases, database.name: database}
    return _with_cluster(actual, cluster_name, replace(cluster, databases=databases))


def _without_databases(actual: Actual, cluster_name: str, *names: str) -> Actual:
    cluster = actual.clusters[cluster_name]
    databases = {name: database for name, database in cluster.databases.items() if name not in names}
    return _with_cluster(actual, cluster_name, replace(cluster, databases=databases))
