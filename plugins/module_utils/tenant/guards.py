# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stops a plan before its first step: input that cannot be carried out, and steps without a proven way back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Problem, Refused
from ansible_collections.erpops.odoo.plugins.module_utils.estate.model import PLACEMENT_HOSTS, ResolvedTenant
from ansible_collections.erpops.odoo.plugins.module_utils.tenant.model import Actual, Desired, Registered


def check(desired: Desired, actual: Actual) -> None:
    """Raise with every problem at once. InputError comes first: what is refused may follow from it."""
    wrong = [*_input(desired, actual)]
    if wrong:
        raise InputError("The declared tenants cannot be carried out; nothing was changed.", wrong)
    shrink((tenant.name for tenant in desired.tenants), actual.registry, desired.shrink_limit_percent)
    refused = [*_refused(desired, actual)]
    if refused:
        raise Refused("These steps have no proven way back; nothing was changed.", refused)


def _input(desired: Desired, actual: Actual) -> Iterator[Problem]:
    for tenant in desired.tenants:
        if tenant.state == "absent":
            continue
        if tenant.cluster not in desired.clusters:
            names = ", ".join(desired.clusters)
            yield Problem(f"tenant {tenant.name}", "cluster", tenant.cluster, f"Declare it; there are: {names}.")
            continue
        yield from _host(tenant, desired, actual)
        if tenant.source_url or _lost(tenant, desired, actual):
            continue
        if tenant.name not in actual.clusters[tenant.cluster].databases:
            yield from _template(tenant, desired, actual)
    absent = {tenant.name for tenant in desired.tenants if tenant.state == "absent"}
    for name in desired.confirm_removal:
        if name not in absent:
            cure = "Confirm only tenants that are declared with state: absent."
            yield Problem("removal", "confirm_removal", name, cure)


def _host(tenant: ResolvedTenant, desired: Desired, actual: Actual) -> Iterator[Problem]:
    if tenant.instance.placement != PLACEMENT_HOSTS:
        return
    subject = f"tenant {tenant.name}"
    if tenant.app_host and tenant.app_host not in desired.app_hosts:
        names = ", ".join(desired.app_hosts) or "none"
        yield Problem(subject, "app_host", tenant.app_host, f"Name a host of group app; there are: {names}.")
    elif not desired.app_hosts and actual.row(tenant.name) is None:
        yield Problem(subject, "app_host", "", "There is no app host to place it on: give app_hosts.")


def _template(tenant: ResolvedTenant, desired: Desired, actual: Actual) -> Iterator[Problem]:
    name = desired.templates.get((tenant.cluster, tenant.instance.name))
    subject = f"tenant {tenant.name}"
    if name is None:
        cure = f"There is no template database of it on cluster {tenant.cluster}: build it with odoo_template."
        yield Problem(subject, "instance", tenant.instance.name, cure)
    elif name not in actual.clusters[tenant.cluster].databases and not desired.templates_predicted:
        cure = f"Its template database does not exist on cluster {tenant.cluster}: build it with odoo_template."
        yield Problem(subject, "templates", name, cure)


def shrink(declared: Iterable[str], registry: Iterable[Registered], limit_percent: int) -> tuple[Registered, ...]:
    """The registered tenants that nobody declares any more. Raises Refused where they are too many to be meant."""
    names = set(declared)
    alive = [row for row in registry if row.alive]
    gone = [row for row in alive if row.name not in names]
    if len(gone) * 100 <= limit_percent * len(alive):
        return tuple(gone)
    problems = [
        Problem(f"tenant {name}", "", "", "Declare it again, or remove it with state: absent.")
        for name in sorted(row.name for row in gone)
    ]
    raise Refused(
        f"{len(gone)} of {len(alive)} registered tenants are no longer declared, more than the "
        f"{limit_percent} % of estate_shrink_limit_percent; nothing was changed.",
        problems,
    )


def _refused(desired: Desired, actual: Actual) -> Iterator[Problem]:
    for tenant in desired.tenants:
        row = actual.row(tenant.name)
        if tenant.state == "absent":
            if row and tenant.name in desired.confirm_removal:
                yield from _removal(tenant.name, desired)
            continue
        if row is not None:
            yield from _moved(tenant, row, desired)
        elif not tenant.source_url and tenant.name not in desired.migrated:
            yield from _stranger(tenant, actual)
        if not tenant.source_url and _lost(tenant, desired, actual):
            cure = "It was there once and is gone: restore it. A run never replaces it by an empty one."
            yield Problem(f"tenant {tenant.name}", "database", tenant.name, cure)


def _lost(tenant: ResolvedTenant, desired: Desired, actual: Actual) -> bool:
    """Whether the database is missing that was there once: no birth is due, but a loss."""
    row = actual.row(tenant.name)
    known = tenant.name in desired.migrated or (row is not None and row.born)
    cluster = actual.clusters.get(row.cluster if row else tenant.cluster)
    return known and (cluster is None or tenant.name not in cluster.databases)


def _moved(tenant: ResolvedTenant, row: Registered, desired: Desired) -> Iterator[Problem]:
    subject = f"tenant {tenant.name}"
    if tenant.app_host and tenant.app_host != row.app_host and row.born and not desired.allow_move:
        cure = (
            f"Its filestore is on {row.app_host}. Move the files first, then run with allow_move: true, "
            "or pin the host that it lives on."
        )
        yield Problem(subject, "app_host", tenant.app_host, cure)
    if tenant.cluster != row.cluster:
        cure = f"Its database is on cluster {row.cluster}, and site never moves a database: declare that one."
        yield Problem(subject, "cluster", tenant.cluster, cure)


def _stranger(tenant: ResolvedTenant, actual: Actual) -> Iterator[Problem]:
    """A role or database of the name is there, but was never a tenant's: it is not ours to take over."""
    cluster = actual.clusters[tenant.cluster]
    for kind, there in (("role", tenant.name in cluster.roles), ("database", tenant.name in cluster.databases)):
        if there:
            cure = f"Cluster {tenant.cluster} has such a {kind}, unknown to the registry. Rename the tenant or drop it."
            yield Problem(f"tenant {tenant.name}", kind, tenant.name, cure)


def _removal(name: str, desired: Desired) -> Iterator[Problem]:
    proof = desired.removal_proof.get(name) or {}
    if not proof.get("dump"):
        cure = "Name the final dump, as the removal verb returns it."
        yield Problem(f"tenant {name}", "removal_proof.dump", str(proof.get("dump") or ""), cure)
    if proof.get("restored") is not True:
        cure = "The final dump must have been restored once, as the removal verb does, before anything is dropped."
        yield Problem(f"tenant {name}", "removal_proof.restored", str(proof.get("restored")), cure)
