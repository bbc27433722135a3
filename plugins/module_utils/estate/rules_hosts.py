# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules for hosts, groups, clusters and networks."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import Problem
from ansible_collections.erpops.odoo.plugins.module_utils.estate.declared import Cluster, Declared
from ansible_collections.erpops.odoo.plugins.module_utils.estate.model import PLACEMENT_HOSTS, Tenant
from ansible_collections.erpops.odoo.plugins.module_utils.estate.names import check_name
from ansible_collections.erpops.odoo.plugins.module_utils.estate.rules_entries import named, repeated
from ansible_collections.erpops.odoo.plugins.module_utils.estate.shape import nearest, shown

REQUIRED_GROUPS = ("edge", "app", "postgres", "etcd", "redis")
GROUPS = (*REQUIRED_GROUPS, "builder", "monitoring", "objectstore", "legacy")
ANSIBLE_GROUPS = ("all", "ungrouped")
CONTROLLER = "localhost"
NETWORK_PREFIX = 16
Problems = Iterator[Problem]


def groups(declared: Declared) -> Problems:
    """Every tier has a host, and every host has a tier."""
    for group in REQUIRED_GROUPS:
        if not declared.group(group):
            others = [name for name in declared.groups if name not in (*GROUPS, *ANSIBLE_GROUPS)]
            near = nearest(group, others) if others else ""
            hint = f" {near}" if near.startswith("Did") else ""
            yield Problem(
                f"group {group}", "", "", f"It has no host: put at least one into it; one host may be in several.{hint}"
            )
    for name, hosts in declared.groups.items():
        for host in sorted({host for host in hosts if hosts.count(host) > 1}):
            yield Problem(f"host {host}", f"groups.{name}", host, "It is in the group twice: remove one.")
    grouped = {host for name, hosts in declared.groups.items() if name not in ANSIBLE_GROUPS for host in hosts}
    for host in declared.group("all"):
        if host not in grouped and host != CONTROLLER:
            yield Problem(f"host {host}", "groups", "", f"It is in no group: put it into one of {', '.join(GROUPS)}.")


def quorum(declared: Declared) -> Problems:
    """etcd and Sentinel decide by majority."""
    etcd = declared.group("etcd")
    if etcd and len(etcd) % 2 == 0:
        yield Problem(
            "group etcd",
            "hosts",
            str(len(etcd)),
            "Give it an odd number of hosts: an even one outvotes no failure that one host less does not, and a split"
            " in half stops every cluster.",
        )
    if len(declared.group("redis")) == 2:
        yield Problem(
            "group redis",
            "hosts",
            "2",
            "Give it one host, or three or more: two cannot agree on which of them took over.",
        )


def clusters(declared: Declared) -> Problems:
    """Members of PostgreSQL clusters are hosts of group postgres, each in exactly one cluster."""
    hosts = declared.group("postgres")
    yield from repeated("postgres cluster", [cluster.name for cluster in declared.clusters])
    home: dict[str, str] = {}
    for cluster in declared.clusters:
        subject = f"postgres cluster {cluster.name}"
        yield from named(subject, "name", cluster.name, check_name)
        if declared.clusters_declared and not cluster.members:
            yield Problem(subject, "members", "", "Give it at least one host of group postgres.")
        if cluster.synchronous and len(set(cluster.members)) < 2:
            yield Problem(subject, "synchronous", "true", "Give it a second member, or set synchronous: false.")
        for index, member in enumerate(cluster.members):
            field = f"members[{index}]"
            if member not in hosts:
                yield Problem(
                    subject, field, shown(member), f"No such host is in group postgres. {nearest(member, hosts)}"
                )
            elif member in home:
                yield Problem(
                    subject, field, member, f"The host is in cluster {home[member]} already: a host carries one."
                )
            home.setdefault(member, cluster.name)
    for host in hosts:
        if declared.clusters_declared and host not in home:
            yield Problem(
                f"host {host}", "postgres_clusters", "", "It is in group postgres, but a member of no cluster."
            )


def _clusters_of(instance: str, declared: Declared) -> Iterator[Cluster]:
    names = {tenant.cluster for tenant in declared.living if tenant.instance == instance}
    for cluster in declared.clusters:
        if cluster.name in names or (not names and cluster is declared.clusters[0]):
            yield cluster


def replicas(declared: Declared) -> Problems:
    """Production outlives the loss of one PostgreSQL host."""
    for instance in declared.instances:
        if instance.environment != "production" or not instance.name:
            continue
        for cluster in _clusters_of(instance.name, declared):
            if len(set(cluster.members)) == 1:
                yield Problem(
                    f"instance {instance.name}",
                    "environment",
                    "production",
                    f"PostgreSQL cluster {cluster.name} has no replica: give it a second member, or declare another"
                    " environment.",
                )


def tenancy(declared: Declared) -> Problems:
    """In a dedicated estate production shares neither PostgreSQL cluster nor app host with other environments."""
    if declared.numbers.estate_tenancy != "dedicated":
        return
    production, others = _by_environment(declared)
    for field in ("cluster", "app_host"):
        taken = {getattr(tenant, field): tenant.name for tenant in production}
        for tenant in others:
            value = getattr(tenant, field)
            if value and value in taken:
                yield Problem(
                    f"tenant {tenant.name}",
                    field,
                    value,
                    f"Production tenant {taken[value]} is there: in a dedicated estate give other environments their"
                    f" own {field}.",
                )


def _by_environment(declared: Declared) -> tuple[list[Tenant], list[Tenant]]:
    production: list[Tenant] = []
    others: list[Tenant] = []
    for tenant in declared.living:
        instance = declared.instance(tenant.instance)
        if instance and instance.placement == PLACEMENT_HOSTS:
            (production if instance.environment == "production" else others).append(tenant)
    return production, others


def networks(declared: Declared) -> Problems:
    """The containers' network is large enough, private, and not the hosts' own."""
    text = declared.numbers.app_container_network
    try:
        network = ipaddress.IPv4Network(text)
    except ValueError as error:
        yield Problem("estate", "app_container_network", shown(text), f"Give an IPv4 network: {error}.")
        return
    if network.prefixlen > NETWORK_PREFIX or not network.is_private:
        yield Problem(
            "estate",
            "app_container_network",
            text,
            f"Give a private network of at least /{NETWORK_PREFIX}: each tenant has a /28 of it.",
        )
    owner: dict[str, str] = {}
    for host, address in declared.addresses.items():
        yield from _address(host, address, network, owner)


def _address(host: str, address: str, network: ipaddress.IPv4Network, owner: dict[str, str]) -> Problems:
    if not address:
        yield Problem(f"host {host}", "estate_address", "", "Give the host an ansible_host or an estate_address.")
        return
    if address in owner:
        yield Problem(f"host {host}", "estate_address", address, f"Host {owner[address]} has the same address.")
    owner.setdefault(address, host)
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return  # a name: the resolver's business
    if parsed in network:
        yield Problem(
            f"host {host}",
            "estate_address",
            address,
            f"It lies in app_container_network {network}: declare another network for the containers.",
        )


def limit(declared: Declared) -> Problems:
    """Registry, databases and ledger are reached from a PostgreSQL host: without one no verb gets far."""
    hosts, run = declared.group("postgres"), declared.hosts_of_run
    if hosts and run and not set(hosts) & set(run):
        yield Problem(
            "run",
            "--limit",
            ", ".join(run),
            f"Add a host of group postgres ({', '.join(hosts)}): databases and ledger are reached from there.",
        )


def edge_addresses(declared: Declared) -> Problems:
    """Where visitors reach the edge is told as addresses: what names lead to is what shall be found out."""
    for index, address in enumerate(declared.edge_addresses):
        try:
            ipaddress.ip_address(address)
        except ValueError:
            yield Problem("estate", f"estate_edge_addresses[{index}]", shown(address), "Give an IP address.")


RULES = (groups, quorum, clusters, replicas, tenancy, networks, limit, edge_addresses)
