# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.erpops.odoo.plugins.filter.firewall_ruleset import firewall_ruleset
from ansible_collections.erpops.odoo.plugins.module_utils.host.firewall import Egress, Firewall, Flow, ruleset

MEMBERS = {
    "edge": ["10.0.0.1"],
    "app": ["10.0.0.2", "10.0.0.3"],
    "postgres": ["10.0.0.4", "10.0.0.5"],
    "etcd": ["10.0.0.4", "10.0.0.5", "10.0.0.6"],
    "redis": ["10.0.0.6"],
    "builder": [],
}


def rules(*groups: str, **fields: Any) -> str:
    given: dict[str, Any] = {
        "groups": groups,
        "members": MEMBERS,
        "admin_networks": ("10.9.0.0/16",),
        "container_network": "10.90.0.0/16",
        **fields,
    }
    return ruleset(Firewall(**given))


def opened(text: str) -> set[tuple[str, str]]:
    """(sources, ports) of all accepting rules of the input chain that name a TCP port, but SSH."""
    chain = text.partition("chain forward")[0]
    found = re.findall(r"(?:ip6? saddr (\{[^}]*\}) )?tcp dport \{ ([^}]*) \} accept", chain)
    return {(sources, ports) for sources, ports in found if ports != "22"}


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        (("edge",), {("", "80, 443")}),
        (("postgres",), {("{ 10.0.0.2/31, 10.0.0.4/31 }", "5432, 8008")}),
        (("etcd",), {("{ 10.0.0.4/31, 10.0.0.6 }", "2379"), ("{ 10.0.0.4/31, 10.0.0.6 }", "2380")}),
        (("redis",), {("{ 10.0.0.2/31, 10.0.0.6 }", "6379, 6380, 6381")}),
        (("builder",), {("{ 10.0.0.2/31 }", "5000")}),
        (("legacy",), set()),
    ],
)
def test_each_tier_opens_its_own_ports_to_their_users(groups: tuple[str, ...], expected: set[tuple[str, str]]) -> None:
    assert opened(rules(*groups)) == expected


def test_application_ports_are_the_edge_s() -> None:
    assert "ip saddr { 10.0.0.1 } tcp dport { 10000-26000 } accept" in rules("app")


def test_everything_else_is_dropped_in_one_transaction_and_no_other_table_is_touched() -> None:
    text = rules("postgres")
    assert "policy drop" in text
    assert "flush" not in text
    assert re.findall(r"^(?:table|delete).*", text, re.M) == [
        "table inet erpops",
        "delete table inet erpops",
        "table inet erpops {",
    ]


def test_ssh_is_for_administrators() -> None:
    assert "ip saddr { 10.9.0.0/16 } tcp dport { 22 } accept" in rules("redis")
    anybody = rules("redis", admin_networks=("0.0.0.0/0", "::/0"))
    assert "\ttcp dport { 22 } accept" in anybody


def test_sentinel_is_open_where_it_can_vote() -> None:
    assert "26379" not in rules("redis") + rules("app")
    members = {**MEMBERS, "redis": ["10.0.0.6", "10.0.0.7", "10.0.0.8"]}
    assert "tcp dport { 26379 } accept" in rules("redis", members=members)
    assert "tcp dport { 6379, 26379 } accept" in rules("app", members=members)


def test_only_an_estate_with_legacy_hosts_opens_ways_for_moves() -> None:
    members = {**MEMBERS, "legacy": ["10.0.1.1"]}
    assert "ip saddr { 10.0.1.1 } tcp dport { 5432 } accept" in rules("postgres", members=members)
    assert "ip saddr { 10.0.0.4/31 } tcp dport { 22 } accept" in rules("app", members=members)
    for group in ("edge", "redis", "etcd"):
        assert opened(rules(group, members=members)) == opened(rules(group))
    for members in (MEMBERS, {**MEMBERS, "legacy": []}):
        assert "ip saddr { 10.0.0.4/31 } tcp dport { 22 }" not in rules("app", members=members)


def test_containers_reach_sessions_and_egress_and_the_edge_reaches_them() -> None:
    text = rules("app", container_egress=(Egress(address="10.8.0.1", port=25),))
    chain = [line.strip() for line in text.partition("chain forward")[2].splitlines()]
    assert chain[2:-2] == [
        "ip saddr 10.90.0.0/16 ct state established,related accept",
        "ip daddr 10.90.0.0/16 ct state established,related accept",
        "ip saddr { 10.0.0.1 } ip daddr 10.90.0.0/16 tcp dport { 8069, 8072 } accept",
        "ip saddr 10.90.0.0/16 ip daddr { 10.0.0.6 } tcp dport { 6379 } accept",
        "ip saddr 10.90.0.0/16 ip daddr 10.8.0.1 tcp dport 25 accept",
        "ip saddr 10.90.0.0/16 counter drop",
        "ip daddr 10.90.0.0/16 counter drop",
    ]


def test_containers_are_dropped_before_anything_of_the_host_is_opened() -> None:
    text = rules("app")
    assert text.index("ip saddr 10.90.0.0/16 counter drop") < text.index("icmp") < text.index("{ 22 }")
    assert "chain forward" not in rules("redis")


def test_more_flows() -> None:
    flows = (
        Flow(groups=(), ports="9100", sources=("redis", "10.7.0.0/24")),
        Flow(groups=("postgres",), ports="9187", sources=("fd00::1",), protocol="udp"),
    )
    assert "ip saddr { 10.0.0.6, 10.7.0.0/24 } tcp dport { 9100 } accept" in rules("edge", extra_flows=flows)
    assert "9187" not in rules("edge", extra_flows=flows)
    assert "ip6 saddr { fd00::1 } udp dport { 9187 } accept" in rules("postgres", extra_flows=flows)


def test_a_group_without_hosts_opens_nothing() -> None:
    assert "10000-26000" in rules("app")
    assert "10000-26000" not in rules("app", members={**MEMBERS, "edge": []})
    assert "5432" not in rules("postgres", members={"edge": ["10.0.0.1"]})


def test_all_problems_are_told_with_their_fields() -> None:
    with pytest.raises(AnsibleFilterError) as refused:
        firewall_ruleset(
            {"app": ["app1"]},
            ["app"],
            [],
            "10.90.0.1/16",
            [{"address": "relay", "port": 25}],
            [{"ports": 1, "sources": ["x"]}],
        )
    for part in ("group app", "baseline_admin_networks", "container_network", "'relay'", "baseline_extra_flows"):
        assert part in str(refused.value)
