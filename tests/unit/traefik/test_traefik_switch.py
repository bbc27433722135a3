# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes of single tenants are led elsewhere; everything else stays."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError
from ansible_collections.erpops.odoo.plugins.module_utils.estate.allocation import Allocation
from ansible_collections.erpops.odoo.plugins.module_utils.estate.model import Instance, State, Tenant, resolve
from ansible_collections.erpops.odoo.plugins.module_utils.traefik import files, plan, switch
from ansible_collections.erpops.odoo.plugins.module_utils.traefik.model import Actual, Edge

EDGE = Edge(app_addresses={"app1": "10.0.0.21"})
INSTANCE = Instance(name="s19", environment="test", version="19.0", image="x")
OWN = "/d/tenants.yml"
PAGE = "http://127.0.0.1:8081"


def edge_of(source_url: str = "", **states: State) -> Actual:
    tenants = [
        Tenant(name=name, instance="s19", hostnames=(f"{name}.example",), state=state, source_url=source_url)
        for name, state in states.items()
    ]
    allocations = {name: Allocation(name=name, number=number, app_host="app1") for number, name in enumerate(states, 1)}
    made = plan.desire(resolve(tenants, [INSTANCE], []), allocations, EDGE, Actual(installed=False))
    return Actual(installed=True, own=files.read(OWN, made.text), requests=made.requests)


def to_page(tenant: str) -> switch.Switch:
    return switch.Switch(tenant=tenant, url=PAGE, events_url=PAGE)


def test_only_the_tenants_services_change() -> None:
    actual = edge_of(acme="present", birch="present")
    before, after = files.configuration_of(actual.own), switch.desire([to_page("acme")], actual).configuration
    assert after.routers == before.routers
    assert {name: switch.url_of(after, name) for name in after.routers if name != "erpops-closed"} == {
        "acme": PAGE,
        "acme-websocket": PAGE,
        "birch": "http://10.0.0.21:10008",
        "birch-websocket": "http://10.0.0.21:10008",
    }
    assert after.certificates == before.certificates


def test_the_mark_changes_with_the_route_and_there_is_one() -> None:
    actual = edge_of(acme="present")
    desired = switch.desire([to_page("acme")], actual)
    marks = [name for name in desired.configuration.middlewares if name.startswith(plan.MARKER_PREFIX)]
    assert marks == [desired.marker]
    assert desired.marker != plan.marker_of(files.configuration_of(actual.own))


def test_there_and_back_gives_the_text_that_all_routes_gave() -> None:
    actual = edge_of(acme="present")
    away = switch.desire([to_page("acme")], actual)
    there = replace(actual, own=files.read(OWN, away.text))
    home = switch.Switch(tenant="acme", url="http://10.0.0.21:10004", events_url="http://10.0.0.21:10004")
    assert actual.own is not None
    assert switch.desire([home], there).text == actual.own.text


def test_a_route_that_leads_there_already_needs_nothing() -> None:
    actual = edge_of(acme="present")
    assert switch.steps([to_page("acme")], actual).swap
    there = replace(actual, own=files.read(OWN, switch.desire([to_page("acme")], actual).text))
    assert switch.steps([to_page("acme")], there) == plan.Steps()


def test_tenants_without_a_route_are_named_all_at_once() -> None:
    actual = edge_of(acme="present", birch="suspended")
    with pytest.raises(InputError) as caught:
        switch.desire([to_page("acme"), to_page("birch"), to_page("cedar")], actual)
    assert [problem.subject for problem in caught.value.problems] == ["tenant birch", "tenant cedar"]


def test_a_tenant_at_its_source_is_switched_too() -> None:
    actual = edge_of("https://10.0.0.91", acme="present")
    home = switch.Switch(tenant="acme", url="http://10.0.0.21:10004", events_url="http://10.0.0.21:10005")
    there = switch.desire([home], actual)
    found = {name: switch.url_of(there.configuration, name) for name in ("acme", "acme-websocket")}
    assert found == {"acme": home.url, "acme-websocket": home.events_url}
    back = switch.Switch(
        tenant="acme", url="https://10.0.0.91", events_url="https://10.0.0.91", server_name="acme.example"
    )
    again = switch.desire([back], replace(actual, own=files.read(OWN, there.text))).configuration
    transport = again.services["acme"]["loadBalancer"]["serversTransport"]
    assert again.transports[transport]["serverName"] == "acme.example"


def test_certificates_that_the_routes_do_not_show_are_not_asked_for() -> None:
    actual = edge_of(acme="present")
    strange = {**actual.requests, "edge-other": {"names": ["other.example"]}}
    desired = switch.desire([to_page("acme")], replace(actual, requests=strange))
    assert set(desired.requests) == {"edge-acme"}
