# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the store is told of a member that was discovered."""

from __future__ import annotations

from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.wave import chosen, discovered

DECLARED = [
    {"name": "acme", "host": "legacy1", "database": "acme_prod"},
    {"name": "birch", "host": "legacy1", "database": "gone"},
    {"name": "cedar", "host": "legacy2", "database": "cedar"},
]
FOUND = {
    "host": "legacy1",
    "databases": [
        {
            "name": "acme_prod",
            "bytes": 5,
            "odoo_version": "14.0",
            "filestore": {"path": "/srv/filestore/acme_prod", "bytes": 7, "referenced": 2, "missing_count": 1},
            "users": {"internal": 3},
            "blockers": [{"id": "wal_level", "severity": "high"}],
            "classification": {"tenancy": "multi_tenant"},
        }
    ],
}
FACTS = {
    "bytes": 5,
    "odoo_version": "14.0",
    "filestores": "/srv/filestore",
    "filestore_bytes": 7,
    "filestore_known": 2,
    "filestore_missing": 1,
    "users": {"internal": 3},
    "blockers": ["wal_level"],
    "classification": {"tenancy": "multi_tenant"},
    "performance": None,
    "statistics": None,
}


def names(known: list[dict[str, Any]]) -> list[str]:
    return [step["name"] for step in discovered.steps(DECLARED, [FOUND], known)]


def test_a_member_that_was_found_is_recorded_with_what_later_verbs_need() -> None:
    (step,) = discovered.steps(DECLARED, [FOUND], [])
    assert step == {
        "name": "acme",
        "kind": "record",
        "verb": "wave_discover",
        "outcome": "discovered",
        "host": "legacy1",
        "database": "acme_prod",
        "facts": {"discovery": FACTS},
    }


def test_what_is_known_already_is_not_recorded_again() -> None:
    assert names([{"name": "acme", "state": "discovered", "facts": {"discovery": FACTS}}]) == []
    assert names([{"name": "acme", "state": "discovered", "facts": {}}]) == ["acme"]


def test_a_member_on_its_way_keeps_its_state() -> None:
    assert names([{"name": "acme", "state": "following", "facts": {}}]) == []


def test_where_nothing_is_in_files_yet_it_is_where_the_only_odoo_would_put_it() -> None:
    database = {"filestore": {"path": ""}}
    one, two = {"data_dir": "/opt/one"}, {"data_dir": "/opt/two"}
    assert discovered.filestores({"odoo": [one, {"data_dir": ""}]}, database) == "/opt/one/filestore"
    assert discovered.filestores({"odoo": [one, two]}, database) is None
    assert (
        discovered.filestores({"odoo": [{}], "data_folders": ["/home/erp/data"]}, database)
        == "/home/erp/data/filestore"
    )
    assert discovered.filestores({}, {"filestore": {"path": "/srv/files/acme"}}) == "/srv/files"


def test_the_folders_of_a_host_are_those_that_its_members_need() -> None:
    declared = [
        {"name": "acme", "host": "legacy1", "database": "acme_prod"},
        {"name": "said", "host": "legacy1", "database": "said", "filestores": "/srv/said"},
        {"name": "moved", "host": "legacy1", "database": "moved"},
        {"name": "cedar", "host": "legacy2", "database": "cedar"},
    ]
    known = [
        {"name": "acme", "state": "following", "facts": {"discovery": {"filestores": "/opt/before"}}},
        {"name": "said", "state": "following", "facts": {"discovery": {"filestores": "/opt/never"}}},
        {"name": "moved", "state": "committed", "facts": {"discovery": {"filestores": "/opt/moved"}}},
    ]
    assert discovered.folders(declared, known, [FOUND], "legacy1") == ["/opt/before", "/srv/filestore", "/srv/said"]
    assert discovered.folders(declared, [], [], "legacy2") == [chosen.FILESTORES]
    assert discovered.folders([], [], [], "legacy3") == [chosen.FILESTORES]


def test_a_member_whose_database_is_not_there_is_named_and_one_whose_host_was_not_read_is_not() -> None:
    (told,) = discovered.missing(DECLARED, [FOUND])
    assert told.startswith("member birch: database is 'gone'") and "acme_prod" in told
