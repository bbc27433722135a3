# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
import topology
import yaml

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = ["quickstart", "multi_tenant", "dedicated"]


def read(tmp_path: Path, text: str) -> topology.Topology:
    path = tmp_path / "topology.yml"
    path.write_text(text)
    return topology.topology(str(path))


def test_a_topology_as_the_shell_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "topology.yml"
    path.write_text(
        "network: 10.1.2.0/24\nbridge: b\nhosts:\n"
        "  app1: {address: 21, layer: app, containers: true, nspawn: [--bind=/a:/b, --bind=/c]}\n"
        "  db1: {address: 31}\n"
    )
    assert topology.QUESTIONS["network"](str(path)) == "10.1.2.0 b"
    assert topology.QUESTIONS["hosts"](str(path)).splitlines() == [
        "app1 21 app true --bind=/a:/b --bind=/c",
        "db1 31 none false",
    ]
    assert topology.QUESTIONS["layers"](str(path)).splitlines() == ["app", "none"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("network: 10.1.2.0/16\nbridge: b\nhosts: {}", "has host bits set"),
        ("network: 10.1.0.0/16\nbridge: b\nhosts: {}", "must be a /24"),
        ("network: 10.1.2.0/24\nbridge: b\nhosts: {a: {address: 9}, b: {address: 9}}", "two hosts have one address"),
        ("network: 10.1.2.0/24\nbridge: b\nhosts: {a: {address: 1}}", "address is 1"),
        ("network: 10.1.2.0/24\nbridge: b\nhosts: {A_b: {address: 9}}", "lower-case letters"),
    ],
)
def test_a_wrong_topology_is_refused_with_its_cure(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises((topology.DeclarationError, ValueError), match=told):
        read(tmp_path, text)


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_inventory_has_just_its_hosts_in_the_lab(name: str) -> None:
    groups = yaml.safe_load((ROOT / "inventories" / name / "hosts.yml").read_text())["all"]["children"]
    declared = {host for group in groups.values() for host in group["hosts"]}
    lab = topology.topology(str(ROOT / "tests/lab/topologies" / f"{name}.yml"))
    assert {host.name for host in lab.hosts} == declared
    assert {host.name for host in lab.hosts if host.containers} == set(groups["app"]["hosts"])


def test_examples_can_be_up_at_the_same_time() -> None:
    labs = [topology.topology(str(path)) for path in (ROOT / "tests/lab/topologies").glob("*.yml")]
    assert len(labs) > len(EXAMPLES)
    assert len({lab.network for lab in labs}) == len({lab.bridge for lab in labs}) == len(labs)


def test_layers_are_filled_from_the_roles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topology, "ROLES", tmp_path)
    for role, text in {
        "plain": "plain_packages: [b, a, '{{ plain_more }}']",
        "engines": "engines_packages: {one: [c], two: [d]}",
        "wrong": "wrong_packages: {one: [c]}",
        "none": "none_other: 1",
    }.items():
        (tmp_path / role / "defaults").mkdir(parents=True)
        (tmp_path / role / "defaults" / "main.yml").write_text(text)
    filled = topology.layer_from("x", {"roles": ["plain", "engines.two", "none", "missing"], "packages": ["z"]})
    assert filled.packages == ("a", "b", "d", "z")
    assert filled.below == "none"
    with pytest.raises(topology.DeclarationError, match="must be a list"):
        topology.layer_from("x", {"roles": ["wrong"]})


def test_every_layer_lies_on_one_that_exists() -> None:
    known = topology.layers()
    for layer in known.values():
        assert layer.below in {*topology.SUITES, *known}
    with pytest.raises(topology.DeclarationError, match="known: common"):
        topology.layer("nothing")


def test_a_layer_says_what_it_lies_on_and_what_fills_it() -> None:
    assert [topology.QUESTIONS["suite"](name) for name in ("none", "bullseye", "legacy")] == ["trixie", "bullseye", ""]
    assert topology.layer("legacy").below == "bullseye"
    assert topology.QUESTIONS["layer-fixture"]("legacy1") == "legacy/legacy1"
    assert topology.QUESTIONS["layer-fixture"]("db") == ""
    with pytest.raises(topology.DeclarationError, match="has no script"):
        topology.layer_from("x", {"fixture": "legacy/nothing"})
