# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The address of a rehearsal: one route behind a password, beside those of tenants."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError
from ansible_collections.erpops.odoo.plugins.module_utils.traefik import files, htpasswd, plan, rehearsal
from ansible_collections.erpops.odoo.plugins.module_utils.traefik.arguments import place_of_rehearsal
from ansible_collections.erpops.odoo.plugins.module_utils.traefik.model import Actual, Edge

EDGE = Edge(app_addresses={})
OWN = "/d/rehearsal-acme.yml"
NAME = "erpops-rehearsal-acme"
ADDRESS = rehearsal.Address(
    member="acme",
    hostname="rehearsal.acme.example",
    url="http://10.0.0.5:10007",
    title="Rehearsal of acme, open to the end of 2026-11-30 (UTC)",
    credential="acme:$2b$05$hash",
)
NOTHING = Actual(installed=True)


def place(**more: Any) -> Any:
    given = {"dynamic_dir": "/t/d", "api_url": "x", "group": "traefik", "unit": "traefik.service", "timeout": 1}
    given |= {"other_files": ["tls.yml", "rehearsal-*.yml"], "undeclared_files": "refuse", "member": "acme"}
    return place_of_rehearsal({**given, "tls_mode": "estate_ca", "resolver": "acme", **more})


def test_the_only_route_has_the_password_page() -> None:
    made = rehearsal.desire(ADDRESS, EDGE, NOTHING).configuration
    assert list(made.routers) == [NAME]
    assert made.routers[NAME]["rule"] == "Host(`rehearsal.acme.example`)"
    assert made.routers[NAME]["middlewares"] == ["erpops-security", NAME]
    door = made.middlewares[NAME]["basicAuth"]
    assert door == {"users": ["acme:$2b$05$hash"], "realm": ADDRESS.title, "removeHeader": True}
    assert made.services[NAME]["loadBalancer"]["servers"] == [{"url": "http://10.0.0.5:10007"}]


def test_its_certificate_names_its_hostname_alone() -> None:
    made = rehearsal.desire(ADDRESS, EDGE, NOTHING)
    assert made.requests["rehearsal-acme"]["names"] == ["rehearsal.acme.example"]
    assert made.configuration.certificates[0]["certFile"] == "/etc/erpops/pki/rehearsal-acme/tls.crt"
    made = rehearsal.desire(ADDRESS, replace(EDGE, tls_mode="acme"), NOTHING)
    assert made.requests == {} and made.configuration.certificates == ()
    assert made.configuration.routers[NAME]["tls"] == {"certResolver": "acme"}


def test_it_is_read_back_as_it_was_written_and_then_there_is_nothing_to_do() -> None:
    made = rehearsal.desire(ADDRESS, EDGE, NOTHING)
    there = Actual(
        installed=True, own=files.read(OWN, made.text), requests=made.requests, issued=frozenset(made.requests)
    )
    steps = plan.steps(rehearsal.desire(ADDRESS, EDGE, there), there, EDGE, OWN)
    assert steps == plan.Steps()
    assert [action.verb for action in plan.steps(made, NOTHING, EDGE, OWN).actions] == ["issue", "create"]


def test_a_hostname_that_another_file_routes_is_refused() -> None:
    text = "http: {routers: {x: {rule: 'Host(`a.example`) || Host(`rehearsal.acme.example`)'}}}"
    taken = replace(NOTHING, others=(files.read("/d/tenants.yml", text),))
    with pytest.raises(InputError, match=r"/d/tenants.yml has a route of this name"):
        rehearsal.desire(ADDRESS, EDGE, taken)


@pytest.mark.parametrize("change", [{"hostname": "x`) || Host(`y"}, {"title": 'a "b"'}])
def test_values_that_would_be_read_as_something_else_are_refused(change: dict[str, str]) -> None:
    with pytest.raises(InputError, match="member acme"):
        rehearsal.desire(replace(ADDRESS, **change), EDGE, NOTHING)


def test_removal_takes_what_is_there_and_else_nothing() -> None:
    assert rehearsal.removal(OWN, NOTHING) == plan.Steps()
    served = replace(NOTHING, served=files.read("/s.yml", ""), requests={"rehearsal-acme": {}})
    steps = rehearsal.removal(OWN, served)
    assert steps.forget == ("rehearsal-acme",)
    assert [action.subject for action in steps.actions] == [f"file {OWN}", "certificate rehearsal-acme"]


def test_its_place_is_a_file_of_its_own_and_the_tenants_is_another() -> None:
    found = place()
    assert (found.own_path, found.requests) == ("/t/d/rehearsal-acme.yml", "rehearsal-acme")
    assert found.served_path == "/t/rehearsal-acme.served.yml"
    assert plan.is_declared("/t/d/tenants.yml", found.other_files)


@pytest.mark.parametrize(("name", "declared"), [("rehearsal-acme.yml", True), ("tls.yml", True), ("hand.yml", False)])
def test_files_of_rehearsals_are_no_strays(name: str, declared: bool) -> None:
    found = Actual(installed=True, others=(files.read(f"/d/{name}", ""),))
    assert bool(list(plan.stray(found, ["tls.yml", "rehearsal-*.yml"]))) is not declared


def test_the_hash_is_bcrypts_and_the_same_on_every_run() -> None:
    line = htpasswd.line("acme", "long and random")
    user, _colon, hashed = line.partition(":")
    assert (user, hashed[:7], len(hashed)) == ("acme", "$2b$05$", 60)
    assert line == htpasswd.line("acme", "long and random") != htpasswd.line("acme", "long and randon")
    assert "random" not in line
