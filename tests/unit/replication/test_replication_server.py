# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is recorded of a source's server, and what of it goes with which member."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.replication import prepare, server
from ansible_collections.erpops.odoo.plugins.module_utils.replication.model import (
    Function,
    Identity,
    Member,
    Record,
)

LEVEL = server.Changed(name="wal_level", value="logical", before="replica")
SLOTS = server.Changed(name="max_replication_slots", value="14", before="4", automatic="4")
RECORD = server.Record(made=True, settings=(LEVEL, SLOTS), comment="of the customer's")
WRITTEN = {"wal_level": "logical", "max_replication_slots": "14"}
NONE = {"all": 0, "logical": 0}


def test_a_record_survives_its_text_and_a_foreign_comment_is_kept() -> None:
    assert server.record_from(RECORD.text()) == RECORD
    for text in (None, "reads our tables", "{}", "[1]", '{"erpops": 2}'):
        assert server.record_from(text) == server.Record(comment=text)


def test_what_counted_before_the_first_of_us_stays_known() -> None:
    found = [
        server.Setting(name="wal_level", setting="replica", written="replica"),
        server.Setting(name="max_replication_slots", setting="4", written="4", automatic="4"),
    ]
    first = server.recorded(None, found, WRITTEN)
    assert (first.made, first.settings) == (True, (LEVEL, SLOTS))
    later = [replace(each, written=WRITTEN[each.name], automatic=WRITTEN[each.name]) for each in found]
    assert server.recorded(first, later, {}) == first
    assert server.recorded(first, later, {"max_replication_slots": "20"}).settings == (
        LEVEL, replace(SLOTS, value="20"),
    )  # fmt: skip
    assert not server.recorded(server.Record(), found, {}).made, "a role that was there is not ours to drop"


def test_with_the_last_member_everything_goes() -> None:
    leaving = server.planned(RECORD, [], WRITTEN, NONE)
    assert (leaving.settings, leaving.role, leaving.kept) == ((LEVEL, SLOTS), True, ())
    assert leaving.detail() == "setting wal_level, setting max_replication_slots, role erpops_wave"
    assert leaving.left() == [
        "setting wal_level: logical until the next restart of the source's PostgreSQL, then replica",
        "setting max_replication_slots: 14 until the next restart of the source's PostgreSQL, then 4",
    ]
    back = {"wal_level": None, "max_replication_slots": "4"}  # by a run that was killed
    assert server.planned(RECORD, [], back, NONE) == leaving


def test_nothing_goes_while_another_member_is_prepared() -> None:
    leaving = server.planned(RECORD, ["birch_old"], WRITTEN, NONE)
    assert not leaving
    assert leaving.left() == [
        "setting wal_level, setting max_replication_slots, role erpops_wave stays for database birch_old"
    ]
    assert server.planned(server.Record(), ["birch_old"], {}, NONE) == server.Leaving()


@pytest.mark.parametrize(
    ("written", "slots", "stays", "reason"),
    [
        ({**WRITTEN, "wal_level": "minimal"}, NONE, LEVEL, "it is not the logical any more"),
        (WRITTEN, {"all": 1, "logical": 1}, LEVEL, "1 logical slots of others are there"),
        (WRITTEN, {"all": 5, "logical": 0}, SLOTS, "5 slots of others are there"),
    ],
)
def test_a_server_that_would_not_start_with_it_keeps_a_setting(
    written: dict[str, str], slots: dict[str, int], stays: server.Changed, reason: str
) -> None:
    leaving = server.planned(RECORD, [], written, slots)
    assert stays not in leaving.settings and len(leaving.settings) == 1
    assert reason in leaving.kept[0] and leaving.kept[0].endswith(stays.back())


def test_the_undo_is_of_everything_that_was_ever_done() -> None:
    record = Record(
        identities=(Identity(schema="public", table="log", was="d"), Identity(schema="public", table="x", was="n")),
        functions=(Function(schema="public", name="f", arguments="text"),),
    )
    assert prepare.undo(Member(name="acme", database="acme_prod"), record, RECORD) == (
        "ALTER SYSTEM RESET wal_level; -- was replica, and a restart",
        "ALTER SYSTEM SET max_replication_slots = '4'; -- was 4, and a restart",
        'DROP OWNED BY "erpops_wave"; DROP ROLE "erpops_wave";',
        'ALTER TABLE "public"."log" REPLICA IDENTITY DEFAULT;',
        'ALTER TABLE "public"."x" REPLICA IDENTITY NOTHING;',
        'ALTER FUNCTION "public"."f"(text) RESET search_path;',
        'DROP PUBLICATION "erpops_acme";',
    )
