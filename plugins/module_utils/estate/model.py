# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The estate as its operator declares it: tiers, instances, tenants; and a tenant with everything resolved.

These values are frozen and know nothing of hosts: what runs a tenant is decided by its instance's placement.
``from_variables`` expects values that an argument spec has already typed (see ``estate.arguments``); what spans
values is checked by ``estate.validate``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

Environment = Literal["development", "test", "uat", "staging", "production"]
State = Literal["present", "suspended", "absent"]

PLACEMENT_HOSTS = "hosts"
DIGEST_ENVIRONMENTS = ("uat", "staging", "production")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one tenant may use. None: tenant, then tier, then instance decides; at last no limit."""

    connections: int | None = None  # PostgreSQL connections of the tenant's role
    statement_timeout_seconds: int | None = None
    requests_per_second: int | None = None  # at the edge; burst is twice that
    body_mb: int | None = None  # largest request body at the edge
    storage_gb: int | None = None  # database and filestore together; measured and reported
    memory_mb: int | None = None
    cpu_percent: int | None = None  # of one core
    io_weight: int | None = None  # 1..10000

    def over(self, lower: Limits) -> Limits:
        """These limits, with the gaps filled from ``lower``."""
        names = [field.name for field in fields(self)]
        return Limits(
            **{name: getattr(lower, name) if getattr(self, name) is None else getattr(self, name) for name in names}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """A named level of service: limits and sizes that its tenants inherit."""

    name: str
    limits: Limits = Limits()
    workers: int | None = None  # HTTP worker processes; 0 runs threaded, which suits small tenants
    cron_threads: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One release line of Odoo."""

    name: str
    environment: Environment
    version: str  # "14.0" or "19.0"
    image: str  # reference by digest: repository@sha256:…
    modules: tuple[str, ...] = ()  # common modules, in every tenant's database from birth
    placement: str = PLACEMENT_HOSTS  # "hosts" or a declared Kubernetes cluster's name
    workers: int = 0
    cron_threads: int = 1
    cron_placement: Literal["same", "separate"] = "same"  # separate: crons run in a unit of their own
    limits: Limits = Limits()
    server_wide_modules: tuple[str, ...] = ()  # beside base, web (rpc in 19) and the session store

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """One Odoo database, its filestore and its hostnames."""

    name: str
    instance: str
    hostnames: tuple[str, ...]
    state: State = "present"
    modules: tuple[str, ...] = ()  # beside the instance's
    tier: str | None = None
    limits: Limits = Limits()
    workers: int | None = None
    cron_threads: int | None = None
    cluster: str = "main"  # the PostgreSQL cluster that holds the database
    app_host: str | None = None  # pins the owning app host; else the registry decides once
    login: str = "admin"  # of the first administrator
    secret_version: int = 1  # raise it to rotate the tenant's passwords
    source_url: str | None = None  # where its legacy host serves it, while it does


def sessions(cron_threads: int) -> int:
    """Connections that a tenant's units keep on database ``postgres``: the bus, and one for each cron thread."""
    return 1 + cron_threads


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedTenant:
    """A tenant with its instance and its tier's values filled in: what every verb works from."""

    name: str
    state: State
    instance: Instance
    tier: str | None
    hostnames: tuple[str, ...]  # lower case, in IDNA form
    modules: tuple[str, ...]  # beside the instance's
    limits: Limits
    workers: int
    cron_threads: int
    cluster: str
    app_host: str | None
    login: str
    secret_version: int
    source_url: str | None = None

    @property
    def runs(self) -> bool:
        """Whether its units shall run: it is served, and not by its legacy host."""
        return self.state == "present" and not self.source_url

    @property
    def url(self) -> str:
        return f"https://{self.hostnames[0]}"

    @property
    def pool_size(self) -> int | None:
        """What its sessions leave of its connection limit, for the pooler's transactions; None without a limit."""
        limit = self.limits.connections
        return None if limit is None else max(1, limit - sessions(self.cron_threads))


# What every estate has without declaring it; a declared tier of the same name takes its place.
BUILT_IN_TIERS = (
    Tier(
        name="gold",
        workers=2,
        cron_threads=1,
        limits=Limits(
            connections=20,
            statement_timeout_seconds=600,
            requests_per_second=50,
            body_mb=256,
            storage_gb=40,
            memory_mb=2048,
            cpu_percent=200,
            io_weight=200,
        ),
    ),
    Tier(
        name="silver",
        workers=0,
        cron_threads=1,
        limits=Limits(
            connections=12,
            statement_timeout_seconds=300,
            requests_per_second=30,
            body_mb=128,
            storage_gb=20,
            memory_mb=1024,
            cpu_percent=100,
            io_weight=100,
        ),
    ),
    Tier(
        name="bronze",
        workers=0,
        cron_threads=1,
        limits=Limits(
            connections=8,
            statement_timeout_seconds=120,
            requests_per_second=20,
            body_mb=64,
            storage_gb=5,
            memory_mb=768,
            cpu_percent=50,
            io_weight=50,
        ),
    ),
)


def first(*values: int | None) -> int | None:
    return next((value for value in values if value is not None), None)


def hostname_form(hostname: str) -> str:
    """The one form in which hostnames are compared and routed: lower case, IDNA (``xn--…``) where it is not ASCII.

    Raises UnicodeError for a name that has no such form.
    """
    return hostname.strip().rstrip(".").encode("idna").decode("ascii").lower()


def limits_from(value: Mapping[str, Any] | None) -> Limits:
    return Limits(**{key: item for key, item in (value or {}).items() if item is not None})


def _given(value: Mapping[str, Any]) -> dict[str, Any]:
    """The keys that the operator gave, with lists frozen and limits typed."""
    given = {key: item for key, item in value.items() if item is not None and key != "limits"}
    frozen = {key: tuple(item) if isinstance(item, list) else item for key, item in given.items()}
    return {**frozen, "limits": limits_from(value.get("limits"))}


def tiers_from(values: Sequence[Mapping[str, Any]]) -> tuple[Tier, ...]:
    return tuple(Tier(**_given(value)) for value in values)


def instances_from(values: Sequence[Mapping[str, Any]]) -> tuple[Instance, ...]:
    return tuple(Instance(**_given(value)) for value in values)


def tenants_from(values: Sequence[Mapping[str, Any]]) -> tuple[Tenant, ...]:
    return tuple(Tenant(**_given(value)) for value in values)


def resolve(
    tenants: Sequence[Tenant], instances: Sequence[Instance], tiers: Sequence[Tier]
) -> tuple[ResolvedTenant, ...]:
    """Every tenant with its inherited values. The input must have passed ``estate.validate``."""
    instance_of = {instance.name: instance for instance in instances}
    tier_of = {tier.name: tier for tier in (*BUILT_IN_TIERS, *tiers)}
    return tuple(_resolved(tenant, instance_of[tenant.instance], tier_of.get(tenant.tier or "")) for tenant in tenants)


def _resolved(tenant: Tenant, instance: Instance, tier: Tier | None) -> ResolvedTenant:
    level = tier or Tier(name="")
    return ResolvedTenant(
        name=tenant.name,
        state=tenant.state,
        instance=instance,
        tier=tenant.tier,
        hostnames=tuple(hostname_form(hostname) for hostname in tenant.hostnames),
        modules=tuple(module for module in tenant.modules if module not in instance.modules),
        limits=tenant.limits.over(level.limits).over(instance.limits),
        workers=first(tenant.workers, level.workers, instance.workers) or 0,
        cron_threads=first(tenant.cron_threads, level.cron_threads, instance.cron_threads) or 0,
        cluster=tenant.cluster,
        app_host=tenant.app_host,
        login=tenant.login,
        secret_version=tenant.secret_version,
        source_url=tenant.source_url,
    )
