# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules for what an operator declares by name: the estate, tiers, instances, tenants, and what they refer to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import Problem
from ansible_collections.erpops.odoo.plugins.module_utils.estate.allocation import HIGHEST_NUMBER
from ansible_collections.erpops.odoo.plugins.module_utils.estate.declared import Declared
from ansible_collections.erpops.odoo.plugins.module_utils.estate.model import (
    DIGEST_ENVIRONMENTS,
    PLACEMENT_HOSTS,
    Instance,
    Limits,
    Tenant,
    Tier,
)
from ansible_collections.erpops.odoo.plugins.module_utils.estate.names import (
    DIGEST_REFERENCE,
    MODULE,
    REFERENCE,
    check_hostname,
    check_name,
    check_service_url,
    check_tenant_name,
)
from ansible_collections.erpops.odoo.plugins.module_utils.estate.shape import Misshapen, nearest, shown

VERSIONS = ("14.0", "19.0")
LEAST_MEMORY_MB = 256
RANGES = {
    "limits.connections": (1, 10000),
    "limits.statement_timeout_seconds": (1, 86400),
    "limits.requests_per_second": (1, 100000),
    "limits.body_mb": (1, 10240),
    "limits.storage_gb": (1, 1048576),
    "limits.memory_mb": (LEAST_MEMORY_MB, 16777216),
    "limits.cpu_percent": (1, 25600),
    "limits.io_weight": (1, 10000),
    "workers": (0, 128),
    "cron_threads": (0, 32),
    "secret_version": (1, 1000000),
    "estate_shrink_limit_percent": (0, 100),
    "estate_connection_overcommit_percent": (100, 10000),
    "postgres_max_connections": (20, 100000),
    "postgres_reserved_connections": (3, 1000),
}
Problems = Iterator[Problem]


def named(subject: str, field: str, name: str, check: Callable[[str], object]) -> Problems:
    if not name:
        return
    try:
        check(name)
    except Misshapen as misshapen:
        yield Problem(subject, field, shown(name), str(misshapen))


def repeated(kind: str, names: Sequence[str]) -> Problems:
    seen: set[str] = set()
    for name in names:
        if name and name in seen:
            yield Problem(f"{kind} {name}", "name", name, "It is declared more than once: remove or rename one.")
        seen.add(name)


def in_range(subject: str, field: str, value: int | None) -> Problems:
    if value is None:
        return
    least, most = RANGES[field]
    if not least <= value <= most:
        yield Problem(subject, field, str(value), f"Give a number from {least} to {most}.")


def estate(declared: Declared) -> Problems:
    """The estate's own name, domain and numbers."""
    numbers = declared.numbers
    yield from named("estate", "estate_name", numbers.estate_name, check_name)
    yield from named("estate", "estate_domain", numbers.estate_domain, check_hostname)
    for field in fields(numbers):
        if field.name in RANGES:
            yield from in_range("estate", field.name, getattr(numbers, field.name))
    if len(declared.tenants) > HIGHEST_NUMBER:
        yield Problem(
            "estate",
            "odoo_tenants",
            f"{len(declared.tenants)} tenants",
            f"One estate gives ports and networks to {HIGHEST_NUMBER} tenants: divide it into several inventories.",
        )


def sizes(subject: str, of: Tier | Instance | Tenant) -> Problems:
    """Numbers that tiers, instances and tenants have in common."""
    for field in fields(Limits):
        yield from in_range(subject, f"limits.{field.name}", getattr(of.limits, field.name))
    yield from in_range(subject, "workers", of.workers)
    yield from in_range(subject, "cron_threads", of.cron_threads)


def tiers(declared: Declared) -> Problems:
    yield from repeated("tier", [tier.name for tier in declared.tiers])
    for tier in declared.tiers:
        subject = f"tier {tier.name}"
        yield from named(subject, "name", tier.name, check_name)
        yield from sizes(subject, tier)


def instances(declared: Declared) -> Problems:
    yield from repeated("instance", [instance.name for instance in declared.instances])
    for instance in declared.instances:
        subject = f"instance {instance.name}"
        yield from named(subject, "name", instance.name, check_name)
        yield from sizes(subject, instance)
        yield from _release(subject, instance)
        yield from _modules(subject, "modules", instance.modules)
        yield from _modules(subject, "server_wide_modules", instance.server_wide_modules)
        yield from _placement(subject, instance, declared)


def _release(subject: str, instance: Instance) -> Problems:
    if instance.version and instance.version not in VERSIONS:
        yield Problem(subject, "version", instance.version, f"Supported: {', '.join(VERSIONS)}.")
    if not instance.image:
        return
    if instance.environment in DIGEST_ENVIRONMENTS:
        if not DIGEST_REFERENCE.fullmatch(instance.image):
            yield Problem(
                subject,
                "image",
                shown(instance.image),
                f"In environment {instance.environment} give the image by digest, repository@sha256: and 64"
                " hexadecimal digits, so that what was tested is what runs.",
            )
    elif not REFERENCE.fullmatch(instance.image):
        yield Problem(subject, "image", shown(instance.image), "Give an image reference: repository:tag or by digest.")


def _modules(subject: str, field: str, modules: Sequence[str]) -> Problems:
    for index, module in enumerate(modules):
        if not MODULE.fullmatch(module):
            yield Problem(
                subject, f"{field}[{index}]", shown(module), "Give the technical name of a module: a-z, 0-9 and _."
            )
        elif module in modules[:index]:
            yield Problem(subject, f"{field}[{index}]", module, "It is listed twice: remove one.")


def _placement(subject: str, instance: Instance, declared: Declared) -> Problems:
    if instance.placement not in (PLACEMENT_HOSTS, *declared.kubernetes_clusters):
        known = nearest(instance.placement, (PLACEMENT_HOSTS, *declared.kubernetes_clusters))
        yield Problem(subject, "placement", shown(instance.placement), f"No such placement is declared. {known}")
    if instance.cron_placement == "separate" and instance.cron_threads == 0:
        yield Problem(
            subject, "cron_placement", "separate", "Give it cron_threads of at least 1, or set cron_placement: same."
        )


def tenants(declared: Declared) -> Problems:
    yield from repeated("tenant", [tenant.name for tenant in declared.tenants])
    for tenant in declared.tenants:
        subject = f"tenant {tenant.name}"
        yield from named(subject, "name", tenant.name, check_tenant_name)
        yield from sizes(subject, tenant)
        yield from in_range(subject, "secret_version", tenant.secret_version)
        yield from _modules(subject, "modules", tenant.modules)
        yield from _references(subject, tenant, declared)
        yield from named(subject, "source_url", tenant.source_url or "", check_service_url)
        if not tenant.login.strip() or any(mark.isspace() for mark in tenant.login):
            yield Problem(subject, "login", shown(tenant.login), "Give a login without blanks.")


def _references(subject: str, tenant: Tenant, declared: Declared) -> Problems:
    known = {
        "instance": [instance.name for instance in declared.instances if instance.name],
        "tier": list(declared.known_tiers),
        "cluster": [cluster.name for cluster in declared.clusters if cluster.name],
        "app_host": list(declared.group("app")),
    }
    for field, names in known.items():
        value = getattr(tenant, field)
        if value and value not in names:
            kind = "host of group app" if field == "app_host" else field
            yield Problem(subject, field, shown(value), f"No such {kind} is declared. {nearest(value, names)}")
    instance = declared.instance(tenant.instance)
    if instance and tenant.app_host and instance.placement != PLACEMENT_HOSTS:
        yield Problem(
            subject,
            "app_host",
            tenant.app_host,
            f"Remove it: instance {instance.name} does not run on hosts, but on {instance.placement}.",
        )


def hostnames(declared: Declared) -> Problems:
    """Every hostname is one that DNS can carry, and leads to one tenant. Those of absent tenants are free again."""
    owner: dict[str, str] = {}
    for tenant in declared.tenants:
        subject = f"tenant {tenant.name}"
        if tenant.name and not tenant.hostnames:
            yield Problem(subject, "hostnames", "", "Give at least one hostname that is not itself at fault.")
        for index, hostname in enumerate(tenant.hostnames):
            field = f"hostnames[{index}]"
            try:
                form = check_hostname(hostname)
            except Misshapen as misshapen:
                yield Problem(subject, field, shown(hostname), str(misshapen))
                continue
            if tenant.state == "absent":
                continue
            if form in owner:
                yield Problem(
                    subject,
                    field,
                    shown(hostname),
                    f"Tenant {owner[form]} has this hostname already (compared as {form}): give it to one of them.",
                )
            owner.setdefault(form, tenant.name)


def removals(declared: Declared) -> Problems:
    """What a run is told to remove is declared absent: neither the list nor the confirmation alone is enough."""
    states = {tenant.name: tenant.state for tenant in declared.tenants}
    for name in declared.confirmed_removals:
        if states.get(name) != "absent":
            found = f"declared {states[name]}" if name in states else nearest(name, tuple(states))
            yield Problem(
                "run",
                "tenant_confirm_removal",
                shown(name),
                f"Only a tenant with 'state: absent' is removed ({found}): declare it so, or take it out of here.",
            )


RULES = (estate, tiers, instances, tenants, hostnames, removals)
