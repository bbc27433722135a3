# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From declared tenants and what is there to ordered steps. Pure.

Every step is safe to repeat and leaves something that the next plan understands: rows before roles, roles before
databases, a database under a passing name until it is finished.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import Action
from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError
from ansible_collections.erpops.odoo.plugins.module_utils.estate.allocation import HIGHEST_NUMBER
from ansible_collections.erpops.odoo.plugins.module_utils.estate.model import PLACEMENT_HOSTS, ResolvedTenant
from ansible_collections.erpops.odoo.plugins.module_utils.postgres import scram
from ansible_collections.erpops.odoo.plugins.module_utils.tenant import guards
from ansible_collections.erpops.odoo.plugins.module_utils.tenant.model import (
    ESTATE_DATABASE,
    READER,
    SUFFIX_NEW,
    UNLIMITED,
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
    RoleSpec,
    SetRole,
    Step,
)


def plan(desired: Desired, actual: Actual) -> tuple[Step, ...]:
    """All steps in order. Raises InputError or Refused, with every problem, before a single one is planned."""
    steps = list(_foundation(desired, actual))
    if desired.prepare_only:
        return tuple(steps)
    guards.check(desired, actual)
    rows = {tenant.name: row for tenant, row in _rows(desired, actual)}
    living = [tenant for tenant in desired.tenants if tenant.state != "absent"]
    steps += _registrations(living, rows, actual)
    for tenant in living:
        if not (tenant.source_url and tenant.name in actual.clusters[tenant.cluster].roles):
            steps += _role(desired, actual, tenant.cluster, role_spec(tenant))
    steps += _templates(desired, actual)
    for tenant in living:
        row = rows[tenant.name]
        steps += _forgetting(row) if tenant.source_url else _database(desired, actual, tenant, row)
    steps += _removals(desired, actual)
    return tuple(steps)


def role_spec(tenant: ResolvedTenant) -> RoleSpec:
    limits = tenant.limits
    timeout = limits.statement_timeout_seconds
    return RoleSpec(
        name=tenant.name,
        connection_limit=UNLIMITED if limits.connections is None else limits.connections,
        statement_timeout=None if timeout is None else f"{timeout}s",
    )


def undeclared(desired: Desired, actual: Actual) -> tuple[Registered, ...]:
    """Living rows that nobody declares: they are reported, and go on serving."""
    names = {tenant.name for tenant in desired.tenants}
    return tuple(row for row in actual.registry if row.alive and row.name not in names)


def awaiting_removal(desired: Desired, actual: Actual) -> tuple[str, ...]:
    """Declared absent, still there, and not confirmed in this run."""
    return tuple(
        tenant.name
        for tenant in desired.tenants
        if tenant.state == "absent" and tenant.name not in desired.confirm_removal and actual.row(tenant.name)
    )


def _foundation(desired: Desired, actual: Actual) -> Iterator[Step]:
    """The estate's own database, the registry's table, and the role that app hosts read it with."""
    home = desired.clusters[0]
    there = actual.clusters[home].databases.get(ESTATE_DATABASE)
    if there is None:
        yield CreateEstateDatabase(action=Action("create", f"database {ESTATE_DATABASE}", f"on cluster {home}"))
    elif there.public:
        yield _closing(home, ESTATE_DATABASE)
    yield from _role(desired, actual, home, RoleSpec(name=READER))
    if not actual.registry_there:
        yield CreateRegistry(action=Action("create", "tenant registry", f"in database {ESTATE_DATABASE}"))
    if not actual.reader_allowed:
        yield AllowReader(action=Action("grant", "tenant registry", f"to role {READER}, to read"))


def _rows(desired: Desired, actual: Actual) -> Iterator[tuple[ResolvedTenant, Registered]]:
    """Every living tenant with its row as it should be: the one it has, or a new one."""
    load = Counter(row.app_host for row in actual.registry if row.alive)
    number = max((row.number for row in actual.registry), default=0)
    for tenant in desired.tenants:
        if tenant.state == "absent":
            continue
        row = actual.row(tenant.name)
        if row is None:
            number += 1
            app_host = _placed(tenant, desired.app_hosts, load)
            load[app_host] += 1
            row = _new_row(tenant, number, app_host)
        yield (
            tenant,
            replace(
                row,
                app_host=tenant.app_host or row.app_host,
                state=tenant.state,
                instance=tenant.instance.name,
                hostnames=tenant.hostnames,
            ),
        )


def _new_row(tenant: ResolvedTenant, number: int, app_host: str) -> Registered:
    if number > HIGHEST_NUMBER:
        raise InputError(
            f"tenant {tenant.name}: number {number} is beyond {HIGHEST_NUMBER}, the last one that ports and networks "
            "are laid out for; numbers are never used twice. Put the tenant into another estate."
        )
    return Registered(
        number=number,
        name=tenant.name,
        app_host=app_host,
        image=tenant.instance.image,
        state=tenant.state,
        instance=tenant.instance.name,
        cluster=tenant.cluster,
        hostnames=tenant.hostnames,
    )


def _placed(tenant: ResolvedTenant, app_hosts: Sequence[str], load: Mapping[str, int]) -> str:
    """The pinned host, or the one with the fewest tenants; the first of equals."""
    if tenant.instance.placement != PLACEMENT_HOSTS:
        return ""
    return tenant.app_host or min(app_hosts, key=lambda host: load.get(host, 0))


def _registrations(
    living: Sequence[ResolvedTenant], rows: Mapping[str, Registered], actual: Actual
) -> Iterator[Register]:
    for tenant in living:
        row, there = rows[tenant.name], actual.row(tenant.name)
        if there is None:
            where = f"number {row.number}" + (f" on app host {row.app_host}" if row.app_host else "")
            yield Register(action=Action("register", f"tenant {tenant.name}", where), row=row, create=True)
        elif row != there:
            changed = ", ".join(sorted(_differences(there, row)))
            yield Register(action=Action("update", f"registry of tenant {tenant.name}", changed), row=row, create=False)


def _differences(before: Registered, after: Registered) -> Iterator[str]:
    for name in ("app_host", "image", "state", "instance", "hostnames"):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield f"{name}: {_shown(old)} -> {_shown(new)}"


def _shown(value: Any) -> str:
    return " ".join(value) if isinstance(value, tuple) else str(value)


def _role(desired: Desired, actual: Actual, cluster: str, spec: RoleSpec) -> Iterator[SetRole]:
    role = actual.clusters[cluster].roles.get(spec.name)
    if role is None:
        action = Action("create", f"role {spec.name}", f"on cluster {cluster}")
        yield SetRole(action=action, cluster=cluster, spec=spec, create=True, set_password=True)
        return
    outdated = not scram.matches(role.verifier, desired.passwords[spec.name])
    deviations = [*role_deviations(role, spec), *(["password"] if outdated else [])]
    if deviations:
        yield SetRole(
            action=Action("alter", f"role {spec.name}", ", ".join(deviations)),
            cluster=cluster,
            spec=spec,
            create=False,
            set_password=outdated,
            leave=role.memberships,
        )


def role_deviations(role: Role, spec: RoleSpec) -> list[str]:
    """What is not as declared, in words."""
    found = []
    if not role.login:
        found.append("login")
    found += [f"no {power}" for power in role.powers]
    if role.spec.createdb != spec.createdb:
        found.append("createdb" if spec.createdb else "no createdb")
    if role.spec.connection_limit != spec.connection_limit:
        found.append(f"connection limit {role.spec.connection_limit} -> {spec.connection_limit}")
    if role.spec.statement_timeout != spec.statement_timeout:
        found.append(f"statement timeout {role.spec.statement_timeout} -> {spec.statement_timeout}")
    found += [f"no member of {name}" for name in role.memberships]
    return found


def _templates(desired: Desired, actual: Actual) -> Iterator[AdoptTemplate]:
    """The declared templates that their builder left: owned by it, open to connections."""
    for cluster, name in sorted({(cluster, name) for (cluster, _instance), name in desired.templates.items()}):
        if cluster not in actual.clusters:
            continue
        there = actual.clusters[cluster].databases.get(name)
        if there is None and not desired.templates_predicted:
            continue  # no birth needs it, or the guards would have said so
        if there is None or not _adopted(there, desired.admin):
            action = Action("adopt", f"template database {name}", f"on cluster {cluster}: owner {desired.admin}")
            yield AdoptTemplate(action=action, cluster=cluster, database=name)


def _adopted(there: Database, admin: str) -> bool:
    closed = not there.public and not there.allows_connections
    return there.owner == admin and there.is_template and closed


def _database(desired: Desired, actual: Actual, tenant: ResolvedTenant, row: Registered) -> Iterator[Step]:
    cluster = actual.clusters[tenant.cluster]
    there = cluster.databases.get(tenant.name)
    if there is None:
        template = desired.templates[(tenant.cluster, tenant.instance.name)]
        yield Birth(
            action=Action("create", f"database {tenant.name}", f"on cluster {tenant.cluster}, from {template}"),
            tenant=tenant,
            number=row.number,
            template=template,
            leftover=tenant.name + SUFFIX_NEW in cluster.databases,
            extensions=desired.extensions,
        )
        return
    if there.owner != tenant.name:
        action = Action("alter", f"database {tenant.name}", f"owner {there.owner} -> {tenant.name}")
        yield OwnDatabase(action=action, cluster=tenant.cluster, database=tenant.name, owner=tenant.name)
    if there.public:
        yield _closing(tenant.cluster, tenant.name)
    lacking = tuple(name for name in desired.extensions if name not in row.extensions)
    if lacking or not row.born:
        action = Action("extend", f"database {tenant.name}", "extensions " + ", ".join(lacking))
        yield Extend(action=action, tenant=tenant, number=row.number, extensions=lacking)
    if row.base_url != tenant.url:
        action = Action("alter", f"database {tenant.name}", f"base URL {row.base_url or 'unknown'} -> {tenant.url}")
        yield Rebase(action=action, tenant=tenant, number=row.number)


def _forgetting(row: Registered) -> Iterator[Forget]:
    """All that is done for the database of a tenant that its legacy host serves: here it is a copy that follows, or
    nothing. What is there is the wave's, and none of it is touched."""
    if row.born or row.base_url or row.extensions:
        action = Action(
            "update", f"registry of tenant {row.name}", "its legacy host serves it: its database here is a copy"
        )
        yield Forget(action=action, number=row.number)


def _closing(cluster: str, database: str) -> CloseDatabase:
    action = Action("revoke", f"database {database}", "all privileges of PUBLIC")
    return CloseDatabase(action=action, cluster=cluster, database=database)


def _removals(desired: Desired, actual: Actual) -> Iterator[Remove]:
    for name in desired.confirm_removal:
        row = actual.row(name)
        if row is None:
            continue
        cluster = actual.clusters[row.cluster]
        yield Remove(
            action=Action("remove", f"tenant {name}", f"database and role; number {row.number} stays taken"),
            row=row,
            database=name in cluster.databases,
            leftover=name + SUFFIX_NEW in cluster.databases,
            role=name in cluster.roles,
        )


def empty(clusters: Sequence[str]) -> Actual:
    """Nothing is there: only for check mode, with evidence."""
    return Actual(clusters={name: Cluster() for name in clusters})
