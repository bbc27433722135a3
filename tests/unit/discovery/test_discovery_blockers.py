# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from unit.discovery.facts import database, host, module, server

from ansible_collections.erpops.odoo.plugins.module_utils.discovery.blockers import blockers
from ansible_collections.erpops.odoo.plugins.module_utils.preflight.model import SEVERITIES, listed


def ids(found: list[dict[str, str]]) -> list[str]:
    return [each["id"] for each in found]


def test_nothing_wrong_is_nothing_said() -> None:
    assert blockers(database(), server(), host()) == []


FILES: dict[str, Any] = database()["filestore"]


@pytest.mark.parametrize(
    ("changes", "blocker", "severity", "evidence"),
    [
        ({"without_identity": [{"schema": "public", "name": "x|y"}]}, "no_replica_identity", "high", "public.x|y"),
        ({"large_objects": 3}, "large_objects", "medium", "3"),
        ({"objects": [{"kind": "unlogged", "name": "public.u"}]}, "unlogged_tables", "medium", "public.u"),
        ({"objects": [{"kind": "matview", "name": "m"}]}, "materialized_views", "low", "m"),
        ({"objects": [{"kind": "foreign_table", "name": "f"}]}, "foreign_tables", "medium", "f"),
        ({"objects": [{"kind": "partitioned", "name": "p"}]}, "partitioned_tables", "medium", "p"),
        ({"objects": [{"kind": "event_trigger", "name": "e"}]}, "event_triggers", "medium", "e"),
        ({"unsafe_indexes": [{"name": "i", "function": "f(text)"}]}, "unsafe_indexes", "high", "i (f(text))"),
        ({"extensions": [{"name": "postgis"}]}, "extensions", "medium", "postgis"),
        ({"grants": [{"role": "bi"}]}, "other_roles", "medium", "bi"),
        ({"owners": [{"role": "odoo"}, {"role": "old"}]}, "other_roles", "medium", "old"),
        ({"modules": []}, "not_odoo", "high", "ir_module_module"),
        ({"modules": [module("base"), module("x", state="to upgrade")]}, "pending_modules", "high", "x (to upgrade)"),
        ({"modules": [module("base"), module("x", "missing")]}, "missing_modules", "high", "x"),
        ({"modules": [module("base"), module("web_studio")]}, "makes_tables", "medium", "web_studio"),
        ({"by_hand": {"models": 2}}, "makes_tables", "medium", "2 models"),
        ({"encoding": "SQL_ASCII"}, "encoding", "high", "SQL_ASCII"),
        ({"xid_age": 1_900_000_000}, "transaction_age", "medium", "1900000000"),
        ({"filestore": {**FILES, "missing": ["a/b"], "missing_count": 1}}, "filestore_missing", "medium", "a/b"),
        ({"filestore": {**FILES, "corrupt": ["a/c"]}}, "filestore_corrupt", "medium", "a/c"),
        ({"filestore": {**FILES, "orphans": 2, "orphan_bytes": 9}}, "filestore_orphans", "low", "2 files (9 bytes)"),
        ({"filestore": {**FILES, "unreadable": ["find: x"]}}, "filestore_unreadable", "high", "find: x"),
        ({"attachments": {"database": {"number": 4}}}, "attachments_in_database", "low", "4"),
        ({"mail": {"queued": 5}}, "queued_mail", "medium", "5 mails"),
    ],
)
def test_each_blocker_alone(changes: dict[str, Any], blocker: str, severity: str, evidence: str) -> None:
    (found,) = blockers(database(**changes), server(), host())
    assert (found["id"], found["severity"]) == (blocker, severity)
    assert evidence in found["evidence"] and found["cure"].endswith(".")


@pytest.mark.parametrize(
    ("changes", "blocker", "severity"),
    [
        ({"wal_level": "replica"}, "wal_level", "medium"),
        ({"number": 90624, "version": "9.6.24"}, "postgres_without_replication", "high"),
        ({"number": 90525, "version": "9.5.25"}, "postgres_too_old", "high"),
        ({"standby": True}, "standby", "high"),
        ({"max_replication_slots": 1}, "replication_slots", "medium"),
        ({"slots": [{}] * 9}, "replication_slots", "medium"),
        ({"wal_free_mb": 1023}, "wal_disk", "high"),
        ({"roles": [{"name": "odoo", "password": "md5", "login": True}]}, "md5_passwords", "low"),
        ({"overrides": [{"database": "acme", "role": None, "setting": "a=b"}]}, "database_settings", "low"),
    ],
)
def test_each_blocker_of_the_server(changes: dict[str, Any], blocker: str, severity: str) -> None:
    (found,) = blockers(database(), server(**changes), host())
    assert (found["id"], found["severity"]) == (blocker, severity)


def test_disk_for_wal_grows_with_the_database() -> None:
    large = database(bytes=100 * 1024**3)
    assert ids(blockers(large, server(wal_free_mb=20_479), host())) == ["wal_disk"]
    assert blockers(large, server(wal_free_mb=20_480), host()) == []
    assert blockers(large, server(wal_free_mb=None), host()) == []


def test_what_the_host_adds() -> None:
    facts = host(odoo=[{"patched_files": ["/a.py"]}], remote_servers=["db.example"])
    assert ids(blockers(database(), server(), facts)) == ["database_elsewhere", "core_patches"]
    assert ids(blockers(database(modules=[]), server(), facts)) == ["not_odoo"]


def test_the_gravest_come_first() -> None:
    found = blockers(database(large_objects=1, encoding="LATIN1", modules=[]), server(wal_level="minimal"), host())
    assert [SEVERITIES.index(each["severity"]) for each in found] == sorted(
        SEVERITIES.index(each["severity"]) for each in found
    )
    assert ids(found)[0] == "encoding"


def test_long_lists_end() -> None:
    assert listed([str(number) for number in range(10)]) == "0, 1, 2, 3, 4, 5, 6, 7 and 2 more"
    assert listed(["a"]) == "a" and listed([]) == ""
