# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flows between the tiers as one nftables table: what is not declared here is closed.

The table of ports stands in docs/architecture.md. The table ``inet erpops`` is ours alone; no other is touched.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Problem

TIERS = ("edge", "app", "postgres", "etcd", "redis", "builder", "legacy")
EVERYBODY = ("0.0.0.0/0", "::/0")
CONTAINER_PORTS = "8069, 8072"  # HTTP and gevent of Odoo
REDIS_SESSIONS, SENTINEL = "6379", "26379"
SENTINEL_MEMBERS = 3  # Sentinel runs where this many hosts can vote


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Who may connect to which ports of the hosts of a group. Sources: groups, addresses or networks."""

    groups: tuple[str, ...]  # empty: every host
    ports: str  # as nftables writes them: "80, 443", "10000-26000"
    sources: tuple[str, ...]
    protocol: str = "tcp"


FLOWS = (
    Flow(groups=("edge",), ports="80, 443", sources=EVERYBODY),
    Flow(groups=("app",), ports="10000-26000", sources=("edge",)),
    Flow(groups=("postgres",), ports="5432, 8008", sources=("postgres", "app")),
    Flow(groups=("etcd",), ports="2379", sources=("etcd", "postgres")),
    Flow(groups=("etcd",), ports="2380", sources=("etcd",)),
    Flow(groups=("redis",), ports="6379, 6380, 6381", sources=("app", "redis")),
    Flow(groups=("builder",), ports="5000", sources=("app",)),
)
# Of an estate that legacy hosts move to: the way back, and files to and from app hosts.
MOVE_FLOWS = (
    Flow(groups=("postgres",), ports="5432", sources=("legacy",)),
    Flow(groups=("app",), ports="22", sources=("postgres",)),
)
SENTINEL_FLOW = Flow(groups=("redis",), ports=SENTINEL, sources=("app", "redis"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Egress:
    """Where containers may connect to, beside the sessions."""

    address: str
    port: int
    protocol: str = "tcp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Firewall:
    """One host's part in the estate. ``members``: the addresses of every group."""

    groups: tuple[str, ...]
    members: Mapping[str, Sequence[str]]
    admin_networks: tuple[str, ...]
    container_network: str
    container_egress: tuple[Egress, ...] = ()
    extra_flows: tuple[Flow, ...] = ()


def ruleset(firewall: Firewall) -> str:
    """The whole file for ``nft -f``: one transaction takes the old table away and makes the new one."""
    problems = tuple(_problems(firewall))
    if problems:
        raise InputError("The firewall cannot be written.", problems)
    chains = [_chain("input", "input", "drop", _input(firewall))]
    if "app" in firewall.groups:
        chains.append(_chain("forward", "forward", "accept", _forward(firewall)))
    head = [
        "#!/usr/sbin/nft -f",
        "# The declared flows of this host, from the inventory: one transaction replaces our table, and no other.",
        "table inet erpops",
        "delete table inet erpops",
        "table inet erpops {",
    ]
    return "\n".join([*head, "\n\n".join(chains), "}"]) + "\n"


def _chain(name: str, hook: str, policy: str, rules: Iterable[str]) -> str:
    lines = [f"chain {name} {{", f"\ttype filter hook {hook} priority filter; policy {policy};"]
    return "\n".join(f"\t{line}" for line in [*lines, *(f"\t{rule}" for rule in rules), "}"])


def _input(firewall: Firewall) -> list[str]:
    rules = ['iifname "lo" accept', "ct state established,related accept", "ct state invalid drop"]
    if "app" in firewall.groups:
        # A tier on the same host is reached through the input chain; anything else of the host is not.
        rules += [*_container_rules(firewall), f"ip saddr {firewall.container_network} counter drop"]
    rules += [
        "meta l4proto { icmp, ipv6-icmp } accept",
        "udp sport 67 udp dport 68 accept",
        "udp sport 547 udp dport 546 accept",
    ]
    flows = [Flow(groups=(), ports="22", sources=firewall.admin_networks), *FLOWS, *firewall.extra_flows]
    if _sentinel(firewall):
        flows.append(SENTINEL_FLOW)
    if firewall.members.get("legacy"):
        flows += MOVE_FLOWS
    for flow in flows:
        if not flow.groups or set(flow.groups) & set(firewall.groups):
            rules += _accept(flow, firewall)
    return [*rules, "counter"]


def _forward(firewall: Firewall) -> list[str]:
    """Podman publishes ports by rewriting the destination, so what comes from the edge is seen here."""
    network = firewall.container_network
    edges = [address for address in firewall.members.get("edge", ()) if ":" not in address]
    published = [f"ip saddr {_set(edges)} ip daddr {network} tcp dport {{ {CONTAINER_PORTS} }} accept"] if edges else []
    return [
        f"ip saddr {network} ct state established,related accept",
        f"ip daddr {network} ct state established,related accept",
        *published,
        *_container_rules(firewall),
        f"ip saddr {network} counter drop",
        f"ip daddr {network} counter drop",
    ]


def _container_rules(firewall: Firewall) -> list[str]:
    source = f"ip saddr {firewall.container_network}"
    redis = [address for address in firewall.members.get("redis", ()) if ":" not in address]
    ports = f"{REDIS_SESSIONS}, {SENTINEL}" if _sentinel(firewall) else REDIS_SESSIONS
    sessions = [f"{source} ip daddr {_set(redis)} tcp dport {{ {ports} }} accept"] if redis else []
    return sessions + [
        f"{source} ip daddr {egress.address} {egress.protocol} dport {egress.port} accept"
        for egress in firewall.container_egress
    ]


def _sentinel(firewall: Firewall) -> bool:
    return len(firewall.members.get("redis", ())) >= SENTINEL_MEMBERS


def _accept(flow: Flow, firewall: Firewall) -> list[str]:
    sources = [address for source in flow.sources for address in _members(source, firewall)]
    if set(EVERYBODY) <= set(sources):
        return [f"{flow.protocol} dport {{ {flow.ports} }} accept"]
    families = (
        ("ip", [item for item in sources if ":" not in item]),
        ("ip6", [item for item in sources if ":" in item]),
    )
    return [
        f"{family} saddr {_set(members)} {flow.protocol} dport {{ {flow.ports} }} accept"
        for family, members in families
        if members
    ]


def _members(source: str, firewall: Firewall) -> Sequence[str]:
    """The addresses of a group (none where the estate has no such tier), or the source itself."""
    return firewall.members.get(source, () if source in TIERS else (source,))


def _set(addresses: Iterable[str]) -> str:
    """An anonymous set; networks that lie in one another are merged, since nftables takes no overlap."""
    networks = [ipaddress.ip_network(address) for address in set(addresses)]
    merged: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = [
        *ipaddress.collapse_addresses(item for item in networks if isinstance(item, ipaddress.IPv4Network)),
        *ipaddress.collapse_addresses(item for item in networks if isinstance(item, ipaddress.IPv6Network)),
    ]
    texts = [str(network.network_address) if network.num_addresses == 1 else str(network) for network in merged]
    return f"{{ {', '.join(texts)} }}"


def _problems(firewall: Firewall) -> Iterable[Problem]:
    for group, addresses in sorted(firewall.members.items()):
        for address in addresses:
            yield from _address(f"group {group}", "estate_address", address)
    for network in firewall.admin_networks:
        yield from _address("estate", "baseline_admin_networks", network)
    if not firewall.admin_networks:
        cure = "Name the networks that administer the estate, or nobody can connect by SSH any more."
        yield Problem("estate", "baseline_admin_networks", "[]", cure)
    yield from _address("estate", "baseline_container_network", firewall.container_network)
    for egress in firewall.container_egress:
        yield from _address("estate", "baseline_container_egress.address", egress.address)
    for flow in firewall.extra_flows:
        for source in flow.sources:
            if source not in firewall.members and source not in TIERS:
                yield from _address("estate", "baseline_extra_flows.sources", source)


def _address(subject: str, field: str, value: str) -> Iterable[Problem]:
    try:
        ipaddress.ip_network(value)
    except ValueError:
        yield Problem(subject, field, value, "Give an IP address or a network such as 10.0.0.0/8.")
