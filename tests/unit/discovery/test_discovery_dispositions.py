# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from unit.discovery.facts import database, module

from ansible_collections.erpops.odoo.plugins.module_utils.discovery.dispositions import (
    item,
    merged,
    proposed,
    unsettled,
)


def result(**changes: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {
        "databases": [],
        "modules_on_disk": [],
        "crons": [],
        "routes": [],
        "certificates": [],
        "connections": [],
    }
    return {**empty, "mail": {"relay": ""}, **changes}


def cron(command: str, package: str = "") -> dict[str, str]:
    return {"path": "/etc/cron.d/a", "user": "root", "schedule": "@daily", "command": command, "package": package}


@pytest.mark.parametrize(
    ("command", "package", "proposal"),
    [
        ("pg_dump acme", "", ["replaced"]),
        ("my_pg_dumper", "", ["declared"]),
        ("certbot renew", "", ["replaced"]),
        ("systemctl restart odoo", "", ["replaced"]),
        ("/srv/x", "", ["declared"]),
        ("/srv/x", "cron, changed", ["declared"]),
        ("run-parts", "cron", []),
    ],
)
def test_crons(command: str, package: str, proposal: list[str]) -> None:
    assert [each["proposed"] for each in proposed(result(crons=[cron(command, package)]))] == proposal


def own(name: str, origin: str, *mentions: str) -> dict[str, Any]:
    return {"name": name, "origin": origin, "path": "/opt", "version": "1", "author": "A", "mentions": list(mentions)}


def test_code_and_whom_it_speaks_to() -> None:
    used = own(
        "x_used", "custom", "/srv/in", "/tmp/x", "HTTPS://user:***@a.example:8443/v1?k=1", "https://a.example:8443/v2"
    )
    found = proposed(
        result(
            modules_on_disk=[used, own("x_unused", "community", "/srv/old", "ftp://b.example")],
            databases=[database(modules=[module("x_used", "custom"), module("x_gone", "missing")])],
        )
    )
    assert {(each["kind"], each["name"]): each["proposed"] for each in found} == {
        ("custom_module", "x_used"): "declared",
        ("custom_module", "x_unused"): "dropped",
        ("custom_module", "x_gone"): "dropped",
        ("integration", "https://a.example:8443"): "declared",
        ("integration", "ftp://b.example"): "dropped",
        ("local_path", "/srv/in"): "declared",
        ("local_path", "/srv/old"): "dropped",
        ("local_path", "/tmp/x"): "dropped",
    }


def test_a_route_that_does_more_asks_apart() -> None:
    locations = [
        {"location": "/", "upstream": "u"},
        {"location": "/x", "upstream": "", "alias": ["/srv"], "auth_basic": ["a"]},
    ]
    route = {
        "path": "/n",
        "hostnames": ["a.example"],
        "upstream": "u",
        "options": {"listen": ["443"], "locations": locations},
    }
    found = {each["name"]: (each["proposed"], each["found"]) for each in proposed(result(routes=[route]))}
    assert found == {
        "/n: a.example (443)": ("replaced", "u"),
        "/n: a.example: location /x": ("declared", "alias /srv; auth_basic a"),
    }


def test_who_reads_the_database_from_elsewhere() -> None:
    connection = {
        "direction": "in",
        "peer": "10.0.0.9",
        "port": 5432,
        "process": "postgres",
        "database": "acme",
        "role": "bi",
    }
    (found,) = proposed(result(connections=[connection, {**connection, "direction": "out"}]))
    assert (found["name"], found["found"]) == ("postgresql from 10.0.0.9", "role bi in acme")


NEW = item("cron", "a", "found so", "declared", "because")


def test_a_first_run_asks_for_everything() -> None:
    assert merged([], [NEW]) == [NEW]
    assert unsettled([NEW]) == ["cron a: not settled; declared is proposed."]


def test_what_people_wrote_stays() -> None:
    written = {
        **NEW,
        "disposition": "dropped",
        "settled": True,
        "by": "Ann",
        "note": "long gone",
        "reason": "old reason",
    }
    (found,) = merged([written], [NEW])
    assert found == {**NEW, "disposition": "dropped", "settled": True, "by": "Ann", "note": "long gone"}
    assert unsettled([found]) == [] and merged([found], [NEW]) == [found]


def test_what_is_not_settled_follows_the_proposal_unless_touched() -> None:
    newer = {**NEW, "proposed": "replaced", "disposition": "replaced"}
    assert merged([NEW], [newer])[0]["disposition"] == "replaced"
    assert merged([{**NEW, "disposition": "dropped"}], [newer])[0]["disposition"] == "dropped"
    assert merged([{**NEW, "note": "ask Bob"}], [newer])[0]["note"] == "ask Bob"


def test_what_changed_since_is_open_again() -> None:
    settled = {**NEW, "settled": True, "by": "Ann"}
    (found,) = merged([settled], [{**NEW, "found": "otherwise"}])
    assert found["settled"] is False and "'found so'" in found["reopened"]
    assert "found so" in unsettled([found])[0]
    (again,) = merged([{**found, "settled": True}], [{**NEW, "found": "otherwise"}])
    assert again["settled"] is True and "reopened" not in again


def test_what_vanished_is_marked_and_asks_until_somebody_settles_it() -> None:
    (gone,) = merged([NEW], [])
    assert gone["vanished"] is True and "not found again: settle it, or take it out" in unsettled([gone])[0]
    assert unsettled([{**gone, "settled": True, "by": "Ann"}]) == []
    (back,) = merged([gone], [NEW])
    assert "vanished" not in back and unsettled([back])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"settled": True}, "not by whom"),
        ({"settled": True, "by": " "}, "not by whom"),
        ({"settled": "yes", "by": "Ann"}, "not settled"),
        ({"settled": True, "by": "Ann", "disposition": "keep"}, "disposition is 'keep'"),
        ({"settled": True, "by": "Ann", "disposition": None}, "disposition is None"),
    ],
)
def test_half_settled_is_not_settled(changes: dict[str, Any], told: str) -> None:
    (sentence,) = unsettled([{**NEW, **changes}])
    assert told in sentence


def test_one_thing_found_twice_is_one_item() -> None:
    disk = [own("x", "custom", "https://a.example/1"), own("y", "custom", "https://a.example/2")]
    found = proposed(
        result(modules_on_disk=disk, databases=[database(modules=[module("x", "custom"), module("y", "custom")])])
    )
    (integration,) = [each for each in found if each["kind"] == "integration"]
    assert integration["found"] == "code of x; code of y"


def test_an_integration_is_of_the_databases_that_use_it() -> None:
    endpoint = {"kind": "https", "target": "a.example", "where": "parameter x"}
    found = proposed(
        result(
            modules_on_disk=[own("x", "custom", "https://a.example/1")],
            databases=[
                database(name="one", modules=[module("x", "custom")]),
                database(name="two", endpoints=[endpoint]),
                database(name="three"),
            ],
        )
    )
    (integration,) = [each for each in found if each["kind"] == "integration"]
    assert integration["databases"] == ["one", "two"]
    assert integration["probe"] == {"kind": "https", "host": "a.example"}


@pytest.mark.parametrize("settled", [{}, {"settled": True, "by": "Ann"}])
def test_a_probe_that_somebody_wrote_stays_and_one_that_is_missing_comes(settled: dict[str, Any]) -> None:
    endpoint = {"kind": "https", "target": "a.example", "where": "parameter x"}
    (found,) = proposed(result(databases=[database(endpoints=[endpoint])]))
    mine = {"kind": "https", "host": "b.example", "status": 401}
    (kept,) = merged([{**found, **settled, "probe": mine}], [found])
    assert kept["probe"] == mine
    old = {key: value for key, value in found.items() if key not in ("probe", "databases")}
    (come,) = merged([{**old, **settled}], [found])
    assert (come["probe"], come["databases"]) == (found["probe"], ["acme"])
    assert come["settled"] is bool(settled)


def test_what_a_person_added_cannot_vanish_and_asks() -> None:
    mine = {"kind": "integration", "name": "https://yearly.example", "disposition": "declared"}
    assert merged([mine], []) == [mine]
    assert unsettled([mine]) == ["integration https://yearly.example: not settled; declared is proposed."]
    assert unsettled([{**mine, "settled": True, "by": "Ann"}]) == []


def test_what_a_script_does_is_what_its_cron_does() -> None:
    (found,) = proposed(result(crons=[{**cron("/srv/bin/nightly", ""), "program": "#!/bin/sh\npg_dump acme"}]))
    assert (found["proposed"], found["reason"][:8]) == ("replaced", "A backup")
