# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first PostgreSQL cluster of a converged estate, for the cases and tests of the modules that keep it."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.estate.secrets import password
from ansible_collections.erpops.odoo.plugins.module_utils.patroni.model import Cluster, clusters_from
from contracts.harness import LabHost, System, _ansible, inventory_options

CONFIGURATION = "/etc/patroni/config.yml"


@dataclass(frozen=True)
class Tier:
    """Its hosts, its declaration, its secrets, and its state as its own tools show it."""

    hosts: Mapping[str, LabHost]
    variables: Mapping[str, Any]
    cluster: Cluster

    @property
    def members(self) -> dict[str, LabHost]:
        return {name: self.hosts[name] for name in self.cluster.members}

    def secret(self, purpose: str) -> str:
        overrides = self.variables.get("estate_secret_overrides") or {}
        return password(self.variables["estate_secret"], overrides, purpose)

    def listing(self, host: LabHost) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(host.shell(f"patronictl -c {CONFIGURATION} list -f json"))
        return found

    def leader(self) -> LabHost:
        reachable = next(iter(self.members.values()))
        return self.hosts[next(one["Member"] for one in self.listing(reachable) if one["Role"] == "Leader")]

    def arguments(self, **more: Any) -> dict[str, Any]:
        """What the role hands to patroni_cluster; ``parameters`` and ``extensions`` are laid over the declaration."""
        parameters = {**self.cluster.parameters, **more.pop("parameters", {})}
        cluster = {
            "name": self.cluster.name,
            "members": list(self.cluster.members),
            "synchronous": self.cluster.synchronous,
            "memory_mb": self.cluster.memory_mb,
            "parameters": parameters,
            "extensions": more.pop("extensions", list(self.cluster.extensions)),
        }
        purposes = ("erpops_admin", "erpops_template", "pgbouncer_auth", "replicator", "rewind")
        return {
            "clusters": [cluster],
            "hosts": {name: host.address for name, host in self.members.items()},
            "superuser_password": self.secret("postgres_superuser"),
            "api_password": self.secret("patroni_api"),
            "passwords": {purpose: self.secret(purpose) for purpose in purposes},
            **more,
        }


def tier() -> Tier:
    hosts = LabHost.all()
    group = sorted(name for name, host in hosts.items() if "postgres" in host.groups)
    if not group:
        pytest.skip("no host of the lab is in group postgres")
    inventories = tuple(filter(None, os.environ["ERPOPS_INVENTORY"].split(":")))
    listing = json.loads(_ansible("ansible-inventory", "--list", *inventory_options(inventories)))
    variables = listing["_meta"]["hostvars"][group[0]]
    cluster = clusters_from(variables.get("postgres_clusters") or [], group)[0]
    if cluster.memory_mb is None:
        cluster = replace(cluster, memory_mb=1024)
    return Tier(hosts=hosts, variables=variables, cluster=cluster)


def first_cluster(
    prepare: Callable[[Tier], None] = lambda _: None, clean: Callable[[Tier], None] = lambda _: None
) -> Callable[[], AbstractContextManager[System]]:
    """The estate's own first cluster, whole again afterwards."""

    @contextlib.contextmanager
    def opened() -> Iterator[System]:
        found = tier()
        hosts = tuple(found.members.values())
        host = hosts[0]
        try:
            prepare(found)
            yield System(run=host.run, shell=found.leader().shell, facts={"tier": found})
        finally:
            clean(found)
            host.run("patroni_cluster", found.arguments(), False)

    return opened
