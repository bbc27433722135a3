# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which members a run works on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError
from ansible_collections.erpops.odoo.plugins.module_utils.wave import chosen

ROOT = Path(__file__).parents[3]
DECLARED = [
    {"name": "acme", "host": "legacy1", "database": "acme_prod"},
    {"name": "birch", "host": "legacy1", "database": "birch", "url": "https://birch.old", "filestores": "/srv/files"},
    {"name": "lost", "host": "legacy9", "database": "lost"},
]
KNOWN = [{"name": "acme", "wave": 1}, {"name": "birch", "wave": 2}]


def estate(**changes: Any) -> chosen.Estate:
    tenants = [
        {"name": name, "instance": "s14", "hostnames": [f"{name}.example"]} for name in ("acme", "birch", "other")
    ]
    values = {
        "tenants": tenants,
        "instances": [{"name": "s14", "environment": "test", "version": "14.0", "image": "x", "workers": 2}],
        "allocations": [{"name": "acme", "number": 3, "app_host": "app1"}],
        "addresses": {"legacy1": "10.0.0.91", "app1": "10.0.0.21"},
    }
    return chosen.estate_from({**values, **changes})


def test_a_member_with_where_it_lives_on_both_sides() -> None:
    (acme,) = chosen.chosen(DECLARED, estate(), ["acme"], None, KNOWN)
    assert acme.as_dict() == {
        "name": "acme",
        "host": "legacy1",
        "database": "acme_prod",
        "instance": "s14",
        "cluster": "main",
        "secret_version": 1,
        "hostnames": ["acme.example"],
        "app_host": "app1",
        "unit": "odoo-acme.service",
        "url": "http://10.0.0.21:10012",
        "events_url": "http://10.0.0.21:10013",
        "source_url": "http://10.0.0.91",
        "filestores": chosen.FILESTORES,
        "files_lost": False,
        "origin": "",
        "rehearsals": [],
        "budget_seconds": None,
        "stopped_by": [],
    }


@pytest.mark.parametrize(
    ("role", "entry"), [("wave_move", "main"), ("wave_rehearsal", "open"), ("wave_rehearsal", "close")]
)
def test_roles_take_a_member_as_it_is_chosen(role: str, entry: str) -> None:
    (acme,) = chosen.chosen(DECLARED, estate(), ["acme"], None, KNOWN)
    specs = yaml.safe_load((ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    assert set(specs["argument_specs"][entry]["options"]["wave_member"]["options"]) == set(acme.as_dict())


def test_what_rehearsals_measured_makes_the_budget() -> None:
    rehearsals = [{"at": "2027-01-10T10:00:00Z", "window_seconds": 20.0}]
    known = [{"name": "acme", "wave": 1, "origin": "following", "facts": {"rehearsals": rehearsals}}]
    (acme,) = chosen.chosen(DECLARED, estate(), ["acme"], None, known)
    assert (acme.origin, acme.rehearsals, acme.budget_seconds) == ("following", rehearsals, 35.0)


def test_what_the_member_says_of_its_source_counts() -> None:
    (birch,) = chosen.chosen(DECLARED, estate(), [], 2, KNOWN)
    assert (birch.name, birch.source_url, birch.filestores) == ("birch", "https://birch.old", "/srv/files")
    assert birch.app_host == birch.url == ""  # not registered yet


def test_names_come_as_a_list_or_a_text() -> None:
    assert chosen.names_from(" acme, birch,") == chosen.names_from(["acme", "birch"]) == ["acme", "birch"]
    assert chosen.names_from("") == chosen.names_from(None) == []


@pytest.mark.parametrize(("names", "wave", "field"), [([], None, "wave_names"), ([], 7, "wave_number")])
def test_nobody_chosen_is_said(names: list[str], wave: int | None, field: str) -> None:
    with pytest.raises(InputError) as caught:
        chosen.chosen(DECLARED, estate(), names, wave, KNOWN)
    assert [problem.field for problem in caught.value.problems] == [field]


def test_everything_that_is_wrong_comes_at_once() -> None:
    with pytest.raises(InputError) as caught:
        chosen.chosen(DECLARED, estate(), ["lost", "unknown", "acme"], None, KNOWN)
    found = [(problem.subject, problem.field) for problem in caught.value.problems]
    assert found == [("member lost", "name"), ("member lost", "host"), ("member unknown", "wave_names")]


def test_an_app_host_that_left_is_named() -> None:
    with pytest.raises(InputError) as caught:
        chosen.chosen(DECLARED, estate(addresses={"legacy1": "10.0.0.91"}), ["acme"], None, KNOWN)
    assert [problem.value for problem in caught.value.problems] == ["app1"]


def test_addresses_of_version_6_stand_in_brackets() -> None:
    (acme,) = chosen.chosen(
        DECLARED, estate(addresses={"legacy1": "fd00::91", "app1": "fd00::21"}), ["acme"], None, KNOWN
    )
    assert (acme.source_url, acme.url) == ("http://[fd00::91]", "http://[fd00::21]:10012")


@pytest.mark.parametrize(
    ("discovery", "preflight", "lost"),
    [
        ({"filestore_known": 3, "filestore_missing": 3}, {}, True),
        ({"filestore_known": 3, "filestore_missing": 2}, {}, False),
        ({"filestore_known": 0, "filestore_missing": 0}, {}, False),
        ({}, {"waived": [{"rule": "filestore_not_found", "reason": "gone", "until": "2027-01-01"}]}, True),
        ({}, {"waived": [{"rule": "storage_quota", "reason": "x", "until": "2027-01-01"}]}, False),
    ],
)
def test_files_are_held_for_lost_only_where_somebody_knows_it(
    discovery: dict[str, Any], preflight: dict[str, Any], lost: bool
) -> None:
    known = [{"name": "acme", "wave": 1, "facts": {"discovery": discovery, "preflight": preflight}}]
    (acme,) = chosen.chosen(DECLARED, estate(), ["acme"], None, known)
    assert acme.files_lost is lost
