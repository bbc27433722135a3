# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the store is told of a member that was discovered."""

from __future__ import annotations

from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.wave import discovered

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
            "filestore": {"path": "/srv/filestore/acme_prod", "bytes": 7},
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
