# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which ports a converged host opens to which other host, tried from every host to every other one.

Every free port of interest gets a listener, so that a closed port is the firewall's doing. The table below is written
by hand from docs/architecture.md, not taken from the code.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from contracts.harness import LabHost

OPEN = {  # port -> (groups that have it, groups that may connect)
    80: ({"edge"}, {"all"}),
    443: ({"edge"}, {"all"}),
    5432: ({"postgres"}, {"postgres", "app"}),
    8008: ({"postgres"}, {"postgres", "app"}),
    2379: ({"etcd"}, {"etcd", "postgres"}),
    2380: ({"etcd"}, {"etcd"}),
    6379: ({"redis"}, {"app", "redis"}),
    6380: ({"redis"}, {"app", "redis"}),
    6381: ({"redis"}, {"app", "redis"}),
    10000: ({"app"}, {"edge"}),
    25999: ({"app"}, {"edge"}),
}
# 22: the estates of the lab are administered from its machine alone (baseline_admin_networks).
CLOSED = (22, 8080, 8081, 5000, 6432, 9999, 26001)
PORTS = [*OPEN, *CLOSED]

LISTEN = """
import selectors, socket, sys
poll = selectors.DefaultSelector()
for port in {ports}:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("0.0.0.0", port))
    except OSError:
        continue
    listener.listen(64)
    poll.register(listener, selectors.EVENT_READ)
while True:
    for key, _ in poll.select():
        key.fileobj.accept()[0].close()
"""
CONNECT = """
import json, socket
from concurrent.futures import ThreadPoolExecutor
def reached(target):
    try:
        socket.create_connection(tuple(target), timeout=4).close()
    except ConnectionRefusedError:
        return "refused"
    except OSError:
        return "closed"
    return "open"
targets = {targets}
with ThreadPoolExecutor(64) as pool:
    print(json.dumps(list(pool.map(reached, targets))))
"""
UNIT = "erpops-test-listeners"
CONTAINER, NEIGHBOUR = "10.90.255.2", "10.90.255.18"  # at the far end of the containers' network: no tenant is there

PUBLISHED = {15069: 8069, 15072: 8072, 15999: 9999}  # as podman publishes: port of the host -> port of CONTAINER


def listen(host: LabHost, name: str = UNIT, inside: str = "") -> None:
    """Listeners on all ports that are free; ``inside``: in that network namespace."""
    host.shell(
        f"cat > /run/{name}.py <<'END'\n{LISTEN.format(ports=[*PORTS, 8069, 8072])}\nEND\n"
        f"systemd-run --quiet --collect --unit={name} {inside} python3 /run/{name}.py\n"
        f"for try in $(seq 100); do {inside} ss -Hltn | grep -q ':9999 ' && exit; sleep 0.2; done; exit 1"
    )


def reach(host: LabHost, targets: list[tuple[str, int]], inside: str = "") -> dict[tuple[str, int], str]:
    """How connecting from the host ends: open, closed (no answer) or refused (nobody listens)."""
    said = host.shell(f"{inside} python3 - <<'END'\n{CONNECT.format(targets=targets)}\nEND")
    return dict(zip(targets, json.loads(said), strict=True))


@pytest.fixture(scope="module")
def hosts() -> Iterator[dict[str, LabHost]]:
    found = LabHost.all()
    if len(found) < 2:
        pytest.skip("it takes two hosts")
    try:
        for host in found.values():
            listen(host)
        yield found
    finally:
        for host in found.values():
            host.shell(f"systemctl stop {UNIT} || true; rm -f /run/{UNIT}.py")


def test_every_host_opens_its_declared_ports_and_no_other(hosts: dict[str, LabHost]) -> None:
    wrong: list[str] = []
    for source in hosts.values():
        targets = [(host.address, port) for host in hosts.values() if host is not source for port in PORTS]
        found = reach(source, targets)
        for target in hosts.values():
            for port in PORTS if target is not source else ():
                owners, users = OPEN.get(port, (set(), set()))
                allowed = bool(owners & (target.groups | {"all"}) and users & (source.groups | {"all"}))
                result = found[(target.address, port)]
                if (result == "closed") == allowed:
                    wrong.append(f"{source.name} -> {target.name}:{port} is {result}")
    assert wrong == []


def test_loopback_stays_open(hosts: dict[str, LabHost]) -> None:
    for host in hosts.values():
        assert set(reach(host, [("127.0.0.1", 9999), (host.address, 9999)]).values()) == {"open"}


@pytest.fixture
def containers(hosts: dict[str, LabHost]) -> Iterator[LabHost]:
    """Two stand-ins for containers on an application host, in namespaces, published and masqueraded as podman does."""
    host = next((host for host in hosts.values() if "app" in host.groups), None)
    if host is None:
        pytest.skip("there is no application host")
    undo = (
        "systemctl stop erpops-test-one erpops-test-two 2>/dev/null || true; nft delete table ip erpops_test || true; "
        "ip netns del one || true; ip netns del two || true; ip link del br-one || true; ip link del br-two || true"
    )
    try:
        host.shell(f"({undo}) 2>/dev/null; sysctl -qw net.ipv4.ip_forward=1")
        for name, gateway, address in (("one", "10.90.255.1", CONTAINER), ("two", "10.90.255.17", NEIGHBOUR)):
            host.shell(
                f"ip link add br-{name} type bridge; ip addr add {gateway}/28 dev br-{name}; ip link set br-{name} up\n"
                f"ip netns add {name}; ip link add v-{name} master br-{name} type veth peer name eth0 netns {name}\n"
                f"ip link set v-{name} up; ip -n {name} link set lo up; ip -n {name} link set eth0 up\n"
                f"ip -n {name} addr add {address}/28 dev eth0; ip -n {name} route add default via {gateway}"
            )
            listen(host, f"erpops-test-{name}", f"ip netns exec {name}")
        publish = "; ".join(
            f"ip daddr {host.address} tcp dport {port} dnat to {CONTAINER}:{inner}" for port, inner in PUBLISHED.items()
        )
        host.shell(
            "nft 'table ip erpops_test { chain post { type nat hook postrouting priority srcnat; "
            "ip saddr 10.90.255.0/24 ip daddr != 10.90.0.0/16 masquerade; }; "
            f"chain pre {{ type nat hook prerouting priority dstnat; {publish}; }}; }}'"
        )
        yield host
    finally:
        host.shell(f"({undo}) 2>/dev/null; rm -f /run/erpops-test-*.py")


def test_containers_reach_the_sessions_and_nothing_else(hosts: dict[str, LabHost], containers: LabHost) -> None:
    sentinel = sum("redis" in host.groups for host in hosts.values()) >= 3
    targets = [(host.address, port) for host in hosts.values() for port in (*PORTS, 26379)]
    targets += [(NEIGHBOUR, 8069), (NEIGHBOUR, 9999), ("10.90.255.1", 22), ("10.90.255.1", 9999)]
    found = reach(containers, targets, "ip netns exec one")
    redis = {host.address for host in hosts.values() if "redis" in host.groups}
    allowed = {(address, port) for address in redis for port in ((6379, 26379) if sentinel else (6379,))}
    assert {target for target, result in found.items() if result != "closed"} == allowed


def test_only_the_edge_reaches_published_ports(hosts: dict[str, LabHost], containers: LabHost) -> None:
    targets = [(containers.address, port) for port in PUBLISHED]
    for source in hosts.values():
        if source is not containers:
            found = list(reach(source, targets).values())
            assert found == (["open", "open", "closed"] if "edge" in source.groups else ["closed"] * 3), source.name
    assert set(reach(containers, targets, "ip netns exec two").values()) == {"closed"}


def test_the_host_reaches_its_containers(containers: LabHost) -> None:
    assert set(reach(containers, [(CONTAINER, 8069), (NEIGHBOUR, 8072)]).values()) == {"open"}


def test_a_reload_keeps_connections_and_no_other_table_is_touched(hosts: dict[str, LabHost]) -> None:
    host = min(hosts.values(), key=lambda item: item.name)
    try:
        host.shell("nft add table ip erpops_other; systemctl reload erpops-firewall")
        assert "erpops_other" in host.shell("nft list tables")
        assert "table inet erpops" in host.shell("nft list tables")
    finally:
        host.shell("nft delete table ip erpops_other")


CHECK = "/usr/local/lib/erpops/firewall-in-effect"


def test_a_rule_that_somebody_added_by_hand_is_seen_and_goes_with_the_next_reload() -> None:
    for name, host in sorted(LabHost.all().items()):
        assert host.shell(f"{CHECK} && echo as declared").strip() == "as declared", name
        host.shell("nft add rule inet erpops input tcp dport 9999 accept")
        try:
            assert host.shell(f"{CHECK} || echo ended with $?").strip() == "ended with 1", name
        finally:
            host.shell("systemctl reload erpops-firewall")
        assert host.shell(f"{CHECK} && echo as declared").strip() == "as declared", name
