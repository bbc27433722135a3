# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hostnames whose legacy hosts stand behind a real edge, asked for from outside as wave_prepare and wave_cutover do."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from . import live

NAMES = ("well", "looping", "silent")
PORTS = {"well": 9001, "looping": 9002, "silent": 9003}
HERE = "127.0.0.1"


def hostname(name: str) -> str:
    return f"{name}.edge.test"


def source_url(edge: live.Edge, name: str) -> str:
    return f"http://{edge.app_address}:{PORTS[name]}"


@pytest.fixture(scope="module")
def routed(edge: live.Edge) -> Iterator[live.Edge]:
    """The edge leads each hostname to its legacy host."""
    edge.put("/root/source.py", (live.HERE / "source.py").read_text(), edge.app_address)
    started = f"systemd-run -q -u edge-source python3 /root/source.py {PORTS['well']} {PORTS['looping']}"
    edge.ssh(f"systemctl stop edge-source; systemctl reset-failed edge-source; {started}", edge.app_address)
    edge.ssh(f"rm -rf {live.DYNAMIC}/[!t]* {live.OWN} /etc/traefik/tenants.served.yml")
    tenants = [
        {"name": name, "instance": "s14", "hostnames": [hostname(name)], "source_url": source_url(edge, name)}
        for name in NAMES
    ]
    done = edge.routes(tenants=tenants, allocations=live.allocations(NAMES))
    assert done["changed"], done
    yield edge
    edge.ssh("systemctl stop edge-source", edge.app_address)


def asked(edge: live.Edge, *names: str, **options: Any) -> dict[str, dict[str, Any]]:
    """What module wave_hostnames says, asked from this machine; by the tenant's name."""
    values = {
        "hostnames": [
            {"member": name, "hostname": hostname(name), "source_url": source_url(edge, name)} for name in names
        ],
        "edge_addresses": [edge.address],
        "addresses": {hostname(name): [edge.address] for name in names},
        "authorities": edge.ca_file.read_text(),
        **options,
    }
    with tempfile.TemporaryDirectory() as tree:
        done = edge.ansible(
            "ansible", "localhost", "-c", "local", "-e", f"ansible_python_interpreter={sys.executable}",
            "-m", "erpops.odoo.wave_hostnames", "-a", json.dumps(values), "-t", tree, "--check",
        )  # fmt: skip
        found = list(Path(tree).iterdir())
        assert len(found) == 1, done.stdout + done.stderr
        result: dict[str, Any] = json.loads(found[0].read_text())
    assert not result.get("failed") and not result["changed"], result
    return {each["member"]: each for each in result["hostnames"]}


def test_the_page_of_the_legacy_host_is_found_at_the_edge(routed: live.Edge) -> None:
    well = asked(routed, "well")["well"]
    assert (well["level"], well["leads"], well["declared"]) == ("ok", True, True)
    assert "HTTP 200, Odoo, certificate good for" in well["evidence"]


def test_it_is_proved_before_dns_is_moved(routed: live.Edge) -> None:
    well = asked(routed, "well", addresses={hostname("well"): [routed.app_address]})["well"]
    assert (well["level"], well["leads"]) == ("warning", False)
    assert f"DNS leads to {routed.app_address} (" in well["evidence"]
    assert f"the edge at {routed.address}: HTTP 200, Odoo" in well["evidence"]
    assert f"Have DNS lead it to {routed.address}" in well["cure"]


def test_dns_is_asked_where_nothing_is_declared(routed: live.Edge) -> None:
    """Nobody's DNS knows the domain ``test``."""
    well = asked(routed, "well", addresses={})["well"]
    assert (well["level"], well["addresses"], well["declared"]) == ("warning", [], False)


def test_a_legacy_host_that_redirects_to_https_loops_and_the_url_is_named(routed: live.Edge) -> None:
    found = asked(routed, "looping")["looping"]
    assert found["level"] == "failed" and "for ever" in found["evidence"]
    assert f"give the member url https://{routed.app_address}" in found["cure"]


def test_a_legacy_host_that_does_not_answer(routed: live.Edge) -> None:
    found = asked(routed, "silent")["silent"]
    assert found["level"] == "failed" and "HTTP 502" in found["evidence"]
    assert source_url(routed, "silent") in found["cure"]


def test_who_does_not_trust_the_authority_is_told(routed: live.Edge) -> None:
    found = asked(routed, "well", authorities="")["well"]
    assert found["level"] == "failed" and "HTTP 200, Odoo, certificate refused" in found["evidence"]
