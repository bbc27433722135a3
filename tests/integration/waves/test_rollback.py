# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollback compares before anybody is turned away, and while nobody serves only what changed since."""

from __future__ import annotations

from collections.abc import Callable

from integration.waves.live import FILESTORES, FOLDER, Waves
from integration.waves.test_moves import following, nothing_lost, serves

Make = Callable[[str, str], str]
SLOTS = "SELECT slot_name, plugin FROM pg_replication_slots ORDER BY 1"


def live(waves: Waves, name: str) -> None:
    following(waves, name)
    assert waves.done("cutover", name)["state"] == "live"


def test_rows_are_compared_before_and_what_changed_since_again(waves: Waves, member: Make) -> None:
    name = member("homeward", "birch")
    waves.source_sql("CREATE TABLE x_keyless (t text); CREATE UNLOGGED TABLE x_u (id int)", f"{name}_old", "odoo")
    live(waves, name)
    before = waves.target_sql(SLOTS)
    ready = waves.done("rollback", name, state="ready")
    assert ready["state"] == "live" and serves(waves, name) == {"target"}
    assert ready["compared"]["tables"] > 200 and ready["compared"]["rows"] > 1000
    assert f"erpops_changes_{name}|test_decoding" in waves.target_sql(SLOTS)
    assert waves.done("rollback", name, state="ready")["actions"] == []
    said, stayed = waves.run("rollback", name, check=True, state="live"), waves.done("rollback", name, state="live")
    assert said["actions"] == stayed["actions"] != [] and waves.target_sql(SLOTS) == before
    assert waves.done("rollback", name, state="live")["actions"] == []

    ready = waves.done("rollback", name, state="ready")["compared"]
    waves.target_sql(
        "INSERT INTO res_partner (name) VALUES ('new, it\'\'s'); UPDATE res_partner SET name = 'other' WHERE id = 1;"
        "INSERT INTO x_acks (text) VALUES ('one'), ('two'); DELETE FROM x_acks WHERE text = 'one';"
        "INSERT INTO x_keyless VALUES ('b'); INSERT INTO x_u VALUES (1)",
        name,
    )  # fmt: skip
    done = waves.done("rollback", name)
    assert done["state"] == "rolled_back" and serves(waves, name) == {"source"}
    assert (done["compared"]["tables"], done["compared"]["rows"]) == (ready["tables"], ready["rows"])
    assert 5 <= done["compared"]["again"] < 100, "some rows of few tables"
    assert waves.source_sql("SELECT name FROM res_partner WHERE id = 1", f"{name}_old") == "other"
    assert waves.target_sql(SLOTS) == "" and waves.source_sql(SLOTS) == ""


def test_under_writes_nothing_is_lost_and_files_are_there_before(waves: Waves, member: Make) -> None:
    name = member("busyback", "birch")
    old, new = f"{FILESTORES}/{name}_old", f"{FOLDER}/filestores/{name}"
    waves.legacy.shell(f"rm -rf {old}; mkdir -p {old}; chown odoo {old}")
    waves.target.shell(f"rm -rf {new}; mkdir -p {new}/ab")
    with waves.writing(name, "source"), waves.writing(name, "target"):
        live(waves, name)
        waves.target.shell(f"sleep 0.5; echo early > {new}/ab/early")
        ready = waves.done("rollback", name, state="ready")
        assert ready["filestore"]["copied"] >= 1 and "rows" in ready["compared"], ready["compared"]
        assert waves.legacy.shell(f"cat {old}/ab/early") == "early\n"
        waves.target.shell(f"sleep 0.5; echo late > {new}/ab/late")
        done = waves.done("rollback", name)
        assert done["filestore"]["copied"] >= 1 and done["compared"]["again"] > 0
        assert waves.legacy.shell(f"cat {old}/ab/late") == "late\n"
        waves.target.shell("sleep 0.5")
    nothing_lost(waves, name, on_source=True)
    print("rollback", done["window_seconds"], done["timings"])


def test_a_row_that_is_not_equal_is_told_while_the_target_serves(waves: Waves, member: Make) -> None:
    name = member("unlike", "birch")
    live(waves, name)
    spoil = "SET session_replication_role = replica; UPDATE res_partner SET name = 'spoiled' WHERE id = 1"
    kept = waves.source_sql("SELECT name FROM res_partner WHERE id = 1", f"{name}_old")
    waves.source_sql(spoil, f"{name}_old")
    refused = waves.run("rollback", name, state="ready")
    assert refused["failed"] and "res_partner" in refused["msg"] and refused["state"] == "live"
    assert serves(waves, name) == {"target"} and "changes" not in waves.target_sql(SLOTS)
    waves.source_sql(spoil.replace("spoiled", kept.replace("'", "''")), f"{name}_old")
    ready = waves.done("rollback", name, state="ready")["compared"]
    assert ready["rows"] > 1000
    waves.target_sql("INSERT INTO x_acks (text) VALUES ('told')", name)
    waves.target.shell("sleep 2")
    waves.source_sql("SET session_replication_role = replica; UPDATE x_acks SET text = 'spoiled'", f"{name}_old")
    refused = waves.run("rollback", name)
    assert refused["failed"] and "x_acks: 1 rows" in refused["msg"] and serves(waves, name) == {"target"}
    assert "changes" not in waves.target_sql(SLOTS), "it would hold back the log"


def test_without_the_slot_all_rows_are_compared_in_the_window(waves: Waves, member: Make) -> None:
    name = member("slotless", "birch")
    live(waves, name)
    free = "(SELECT current_setting('max_replication_slots')::int - count(*) FROM pg_replication_slots)"
    waves.target_sql(f"SELECT pg_create_physical_replication_slot('x_' || n) FROM generate_series(1, {free}) AS n")
    try:
        ready = waves.done("rollback", name, state="ready")
        assert ready["state"] == "live" and "all replication slots are in use" in ready["compared"]["reason"]
    finally:
        waves.target_sql("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name ~ '^x_'")
    waves.done("rollback", name, state="ready")
    waves.target_sql(f"SELECT pg_drop_replication_slot('erpops_changes_{name}')")  # as Patroni does with a new primary
    done = waves.done("rollback", name)
    assert done["state"] == "rolled_back" and done["compared"]["rows"] > 1000 and "again" not in done["compared"]
