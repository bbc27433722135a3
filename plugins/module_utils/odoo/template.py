# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Template databases: which ones the instances need, what they are called, what is missing. Pure.

A template's name is a hash of image digest and modules: a changed image or list makes a new template, and the old one
stays until nothing uses it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import Action
from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Problem
from ansible_collections.erpops.odoo.plugins.module_utils.estate.model import (
    PLACEMENT_HOSTS,
    Instance,
    ResolvedTenant,
)
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.model import FIRST_PRIMARY_PORT
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.plan import digest

PREFIX = "tpl_"
BUILDING = "__building"
HASH_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Cluster:
    """A PostgreSQL cluster, and the local port that leads to its primary."""

    name: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A template database that one or more instances share."""

    database: str
    cluster: Cluster
    instance: Instance  # the first of them: they agree in image and modules
    instances: tuple[str, ...]

    @property
    def building(self) -> str:
        return f"{self.database}{BUILDING}"

    @property
    def build_name(self) -> str:
        """Of the building's folder and container on the host, which may build for several clusters at once."""
        return f"{self.cluster.name}-{self.building}"

    def as_dicts(self) -> list[dict[str, str]]:
        return [{"instance": name, "cluster": self.cluster.name, "database": self.database} for name in self.instances]


@dataclass(frozen=True, slots=True)
class DatabaseLive:
    """A database of a cluster whose name marks it as a template or a half-built one."""

    owner: str
    is_template: bool
    allows_connections: bool


# cluster's name -> database's name -> what it is
LiveDatabases = Mapping[str, Mapping[str, DatabaseLive]]


def clusters_from(names: Iterable[str]) -> tuple[Cluster, ...]:
    return tuple(Cluster(name, FIRST_PRIMARY_PORT + index) for index, name in enumerate(names))


def template_name(image: str, modules: Iterable[str]) -> str:
    text = "\n".join([digest(image), *sorted(set(modules))])
    return f"{PREFIX}{hashlib.sha256(text.encode()).hexdigest()[:HASH_LENGTH]}"


def templates(
    instances: Sequence[Instance],
    tenants: Sequence[ResolvedTenant],
    clusters: Sequence[Cluster],
    elsewhere: Collection[str] = (),
) -> tuple[Template, ...]:
    """One for each instance, on every cluster where its tenants are, and on the first one where it has none yet.

    elsewhere: tenants that no template gives birth to; an instance that has only such ones needs none.
    """
    known = {cluster.name: cluster for cluster in clusters}
    problems = [
        Problem(f"tenant {tenant.name}", "cluster", tenant.cluster, f"It is none of the clusters {', '.join(known)}.")
        for tenant in tenants
        if tenant.cluster not in known and tenant.state != "absent"
    ]
    if problems or not clusters:
        raise InputError("Tenants name clusters that are not declared. Nothing was changed.", problems)
    found: dict[tuple[str, str], Template] = {}
    for instance in instances:
        if instance.placement != PLACEMENT_HOSTS:
            continue
        name = template_name(instance.image, instance.modules)
        for cluster in _clusters_of(instance, tenants, clusters, elsewhere):
            new = Template(database=name, cluster=cluster, instance=instance, instances=())
            template = found.get((cluster.name, name), new)
            found[cluster.name, name] = replace(template, instances=(*template.instances, instance.name))
    return tuple(found.values())


def _clusters_of(
    instance: Instance, tenants: Iterable[ResolvedTenant], clusters: Sequence[Cluster], elsewhere: Collection[str]
) -> tuple[Cluster, ...]:
    living = [tenant for tenant in tenants if tenant.instance.name == instance.name and tenant.state != "absent"]
    names = {tenant.cluster for tenant in living if tenant.name not in elsewhere}
    if living and not names:
        return ()
    return tuple(cluster for cluster in clusters if cluster.name in names) or (clusters[0],)


def to_build(wanted: Iterable[Template], live: LiveDatabases) -> tuple[Template, ...]:
    """Those that are not there; the last step of a build is the name, so whatever has it is complete."""
    return tuple(template for template in wanted if template.database not in live.get(template.cluster.name, {}))


def unused(wanted: Iterable[Template], live: LiveDatabases) -> list[dict[str, str]]:
    """Templates that no declared instance needs, and leftovers of killed builds that none will take up again."""
    needed = {(template.cluster.name, name) for template in wanted for name in (template.database, template.building)}
    return [
        {"cluster": cluster, "database": name}
        for cluster, names in sorted(live.items())
        for name in sorted(names)
        if (cluster, name) not in needed
    ]


def actions(building: Iterable[Template]) -> tuple[Action, ...]:
    return tuple(
        Action(
            "create",
            f"template database {template.database}",
            f"cluster {template.cluster.name}, for {', '.join(template.instances)}:"
            f" {', '.join(['base', *template.instance.modules])}",
        )
        for template in building
    )


def snapshot(wanted: Iterable[Template], present: Iterable[Template]) -> dict[str, str]:
    there = {(template.cluster.name, template.database) for template in present}
    return {
        f"{template.cluster.name}/{template.database}": "ready"
        if (template.cluster.name, template.database) in there
        else "absent"
        for template in wanted
    }
