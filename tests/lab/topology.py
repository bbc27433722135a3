# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the lab's declarations (topologies, layers, the roles' package lists) for the shell, which knows no YAML.

Runs with the machine's own Python and Debian's python3-yaml.
"""

from __future__ import annotations

import argparse
import ipaddress
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
ROLES = HERE.parent.parent / "roles"
NO_LAYER = "none"
SUITES = {NO_LAYER: "trixie", "bullseye": "bullseye"}  # what a layer may lie on that is no layer: a base system
HOST_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")


class DeclarationError(Exception):
    """A declaration that cannot be carried out; the text names the file, the field and the cure."""


@dataclass(frozen=True)
class Host:
    """One host of a lab. containers: it runs podman, which wants a folder of its own and more system calls."""

    name: str
    octet: int
    layer: str
    containers: bool
    options: tuple[str, ...]  # further options of systemd-nspawn


@dataclass(frozen=True)
class Topology:
    """What a scenario wants booted."""

    network: ipaddress.IPv4Network
    bridge: str
    hosts: tuple[Host, ...]


@dataclass(frozen=True)
class Layer:
    """A tier's packages, unpacked over another layer. fixture: a folder whose script ``fill`` runs in it once."""

    name: str
    below: str
    packages: tuple[str, ...]
    fixture: str


def load(path: Path) -> Any:
    with path.open(encoding="utf-8") as text:
        return yaml.safe_load(text) or {}


def topology_from(path: Path, value: dict[str, Any]) -> Topology:
    network = ipaddress.IPv4Network(value["network"])
    if network.prefixlen != 24:
        raise DeclarationError(f"{path}: network {network} must be a /24.")
    hosts = tuple(host_from(path, name, item) for name, item in value["hosts"].items())
    octets = [host.octet for host in hosts]
    if len(set(octets)) != len(octets):
        raise DeclarationError(f"{path}: two hosts have one address; give each an octet of its own.")
    return Topology(network=network, bridge=value["bridge"], hosts=hosts)


def host_from(path: Path, name: str, value: dict[str, Any]) -> Host:
    if not HOST_NAME.fullmatch(name):
        raise DeclarationError(f"{path}: host {name!r}: use lower-case letters, digits and hyphens.")
    octet = value["address"]
    if not 2 <= octet <= 254:
        raise DeclarationError(f"{path}: host {name}: address is {octet}; it is the last octet, 2 to 254.")
    return Host(
        name=name,
        octet=octet,
        layer=value.get("layer", NO_LAYER),
        containers=value.get("containers", False),
        options=tuple(value.get("nspawn", [])),
    )


def layers() -> dict[str, Layer]:
    return {name: layer_from(name, value) for name, value in load(HERE / "layers.yml").items()}


def layer_from(name: str, value: dict[str, Any]) -> Layer:
    packages = {package for role in value.get("roles", []) for package in role_packages(role)}
    return Layer(
        name=name,
        below=value.get("below", NO_LAYER),
        packages=tuple(sorted(packages | set(value.get("packages", [])))),
        fixture=fixture_from(name, value.get("fixture", "")),
    )


def fixture_from(name: str, folder: str) -> str:
    if folder and not (HERE / folder / "fill").is_file():
        raise DeclarationError(f"layer {name}: fixture {folder!r} has no script {HERE / folder / 'fill'}.")
    return folder


def suite(name: str) -> str:
    """The suite of the base system of that name, or nothing where the name is a layer's."""
    return SUITES.get(name, "")


def role_packages(role: str) -> list[str]:
    """``<role>_packages`` of the role's defaults; computed entries are left to the role itself.

    Where the role has lists for several engines, ``role.engine`` names one.
    """
    name, engine = (*role.split(".", 1), "")[:2]
    path = ROLES / name / "defaults" / "main.yml"
    if not path.exists():
        return []
    packages = load(path).get(f"{name}_packages", [])
    if engine:
        packages = packages[engine]
    if not isinstance(packages, list):
        raise DeclarationError(
            f"{path}: {name}_packages must be a list of names (layers.yml may name one: {name}.KEY)."
        )
    return [package for package in packages if "{{" not in package]


def layer(name: str) -> Layer:
    known = layers()
    if name not in known:
        raise DeclarationError(f"layer {name!r} is not in {HERE / 'layers.yml'}; known: {', '.join(known)}.")
    return known[name]


def topology(path: str) -> Topology:
    return topology_from(Path(path), load(Path(path)))


def hosts_lines(path: str) -> str:
    return "\n".join(
        " ".join([host.name, str(host.octet), host.layer, str(host.containers).lower(), *host.options])
        for host in topology(path).hosts
    )


QUESTIONS: dict[str, Callable[[str], str]] = {
    "network": lambda path: f"{topology(path).network.network_address} {topology(path).bridge}",
    "hosts": hosts_lines,
    "layers": lambda path: "\n".join(dict.fromkeys(host.layer for host in topology(path).hosts)),
    "all-layers": lambda _: "\n".join(layers()),
    "layer-below": lambda name: layer(name).below,
    "layer-packages": lambda name: " ".join(layer(name).packages),
    "layer-fixture": lambda name: layer(name).fixture,
    "suite": suite,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("question", choices=sorted(QUESTIONS))
    parser.add_argument("subject", nargs="?", default="")
    arguments = parser.parse_args()
    try:
        print(QUESTIONS[arguments.question](arguments.subject))
    except (DeclarationError, KeyError, TypeError, ValueError, OSError, yaml.YAMLError) as error:
        print(f"lab: {arguments.subject or 'layers.yml'}: {error!r}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
