# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks that are full, servers that die and hosts that are cut off in the middle of a verb, under writers.

Whatever happens, one side serves or the verb is to be run again, and then every acknowledged row is there.
"""

from __future__ import annotations

import pytest

from integration.estate.runs import eventually
from integration.waves.live import CUT, FOLDER, HEAL, PG_CTL, Waves
from integration.waves.test_moves import Make, following, nothing_lost, prepared, serves

BALLAST = f"{FOLDER}/ballast"
FILL = f"dd if=/dev/zero of={BALLAST} bs=1M 2>/dev/null || true; truncate -s -8M {BALLAST}"
# The server dies as by a power cut, and comes back.
CRASH = f"{PG_CTL} -m immediate restart"
FAR_BEHIND = "SELECT count(pg_logical_emit_message(false, '', repeat('x', 1000000))) FROM generate_series(1, 12)"


def test_a_full_disk_of_the_target_stops_a_seed_and_nothing_else(waves: Waves, member: Make) -> None:
    name = member("full", "birch")
    prepared(waves, name)
    with waves.writing(name, "source"):
        try:
            failed = waves.run("seed", name, at=("restore", FILL))
            assert failed.get("failed") and "No space left on device" in failed["msg"], failed
        finally:  # a server that cannot write its log ends itself
            up = f"({PG_CTL} status) >/dev/null || ({PG_CTL} start) >/dev/null"
            waves.target.shell(f"rm -f {BALLAST}; for try in $(seq 20); do ({up}) && exit; sleep 1; done; exit 1")
        assert serves(waves, name) == {"source"}
        assert waves.done("seed", name)["state"] == "following"
        waves.done("cutover", name)
    nothing_lost(waves, name, on_source=False)


@pytest.mark.parametrize("step", ["restore", "catch_up"])
def test_a_target_that_dies_in_a_seed(waves: Waves, member: Make, step: str) -> None:
    name = member("died", "birch")
    prepared(waves, name)
    with waves.writing(name, "source"):
        first = waves.run("seed", name, at=(step, CRASH))
        assert serves(waves, name) == {"source"}
        assert first.get("failed") or first["state"] == "following"
        assert waves.done("seed", name)["state"] == "following"
        waves.done("cutover", name)
    nothing_lost(waves, name, on_source=False)


@pytest.mark.parametrize(
    "step", ["way_back", "drain", "carry", "compare", pytest.param("open", marks=pytest.mark.landing)]
)
def test_a_target_that_dies_in_a_cutover_returns_or_goes_on(waves: Waves, member: Make, step: str) -> None:
    name = member("dying", "birch")
    following(waves, name)
    with waves.writing(name, "source"), waves.writing(name, "target"):
        first = waves.run("cutover", name, at=(step, CRASH))
        assert len(serves(waves, name)) == 1, "one side serves, whatever became of it"
        if first.get("failed"):
            assert f"member {name}" in first["msg"] or "PostgreSQL at" in first["msg"], first
            assert waves.run("seed", name).get("failed") is None, "it follows again"
            waves.done("cutover", name)
        waves.target.shell("sleep 0.3")
        assert waves.done("rollback", name)["state"] == "rolled_back"
    nothing_lost(waves, name, on_source=True)


def test_a_source_that_is_cut_off_in_a_seed(waves: Waves, member: Make) -> None:
    name = member("cutoff", "birch")
    prepared(waves, name)
    with waves.writing(name, "source"):
        try:
            failed = waves.run("seed", name, at=("dump", CUT))
            assert failed.get("failed"), failed
            assert serves(waves, name) == {"source"}
        finally:
            waves.target.shell(HEAL)
        assert waves.done("seed", name)["state"] == "following"
        waves.done("cutover", name)
    nothing_lost(waves, name, on_source=False)


@pytest.mark.parametrize("step", [pytest.param("drain", marks=pytest.mark.landing), "compare", "return_path"])
def test_a_source_that_is_cut_off_in_a_cutover(waves: Waves, member: Make, step: str) -> None:
    name = member("cutover", "birch")
    following(waves, name)
    with waves.writing(name, "source"), waves.writing(name, "target"):
        try:
            failed = waves.run("cutover", name, at=(step, CUT))
            assert failed.get("failed") and "Nobody serves; run wave_cutover again" in failed["msg"], failed
            assert "target" not in serves(waves, name), "it may not open what it could not compare"
            waves.source_sql(FAR_BEHIND)  # of that server; nobody may be left unserved until the target is near again
        finally:
            waves.target.shell(HEAL)
        waves.done("cutover", name)
        assert serves(waves, name) == {"target"}
    nothing_lost(waves, name, on_source=False)


def test_a_source_that_was_away_is_followed_again_by_itself(waves: Waves, member: Make) -> None:
    name = member("away", "birch")
    following(waves, name)
    with waves.writing(name, "source"):
        waves.target.shell(f"{CUT}; sleep 2; {HEAL}")
        assert waves.done("seed", name)["diverged"] == [], "a lost connection is no reason to copy anew"
        waves.done("cutover", name)
    nothing_lost(waves, name, on_source=False)


def test_a_target_that_stays_behind_turns_nobody_away(waves: Waves, member: Make) -> None:
    name = member("slow", "birch")
    following(waves, name)
    lock = "BEGIN; LOCK TABLE x_acks IN SHARE ROW EXCLUSIVE MODE; SELECT pg_sleep(120)"
    holding = f"psql -Xq -h {FOLDER}/pg -d {name} -c '{lock}'"
    holders = "FROM pg_locks WHERE mode = 'ShareRowExclusiveLock' AND granted"
    waves.target.shell(f"systemd-run --quiet --collect --unit=erpops-test-lock --uid=postgres {holding}")
    try:
        eventually(lambda: waves.target_sql(f"SELECT count(*) {holders}", name) != "0", "the table is locked")
        waves.source_sql("INSERT INTO x_acks (text) VALUES ('late')", f"{name}_old", "odoo")
        waves.source_sql(FAR_BEHIND)
        refused = waves.run("cutover", name, drain_seconds=3)
        assert refused.get("failed") and "came no nearer than 1048576 within 3 seconds" in refused["msg"], refused
        assert serves(waves, name) == {"source"}
    finally:
        waves.target_sql(f"SELECT pg_terminate_backend(pid) {holders}", name)
    waves.done("cutover", name)
    assert waves.target_sql("SELECT count(*) FROM x_acks WHERE text = 'late'", name) == "1"


def test_changes_that_cannot_be_applied_are_found_and_copied_anew(waves: Waves, member: Make) -> None:
    name = member("conflict", "birch")
    following(waves, name)
    waves.target_sql("INSERT INTO x_acks (id, text) VALUES (4711, 'written here')", name)
    waves.source_sql("INSERT INTO x_acks (id, text) VALUES (4711, 'written there')", f"{name}_old", "odoo")
    waves.target.shell("sleep 2")
    refused = waves.run("cutover", name)
    assert refused["failed"] and serves(waves, name) == {"source"}
    assert "cannot be applied" in waves.done("seed", name)["diverged"][0]
    waves.done("cutover", name)
    assert waves.target_sql("SELECT text FROM x_acks WHERE id = 4711", name) == "written there"


def test_wrong_passwords_are_said_and_change_nothing(waves: Waves, member: Make) -> None:
    name = member("password", "birch")
    prepared(waves, name)
    feed = waves.login([waves.tunnel], port=5433, password="not theirs")
    failed = waves.run("seed", name, feed=feed)
    assert failed["failed"] and "password authentication failed" in failed["msg"], failed
    assert "not theirs" not in failed["msg"]
    assert waves.done("seed", name)["state"] == "following"
    refused = waves.run("cutover", name, postgres_password="not ours")
    assert refused["failed"] and "password authentication failed" in refused["msg"], refused
    assert serves(waves, name) == {"source"}
    assert waves.done("cutover", name)["state"] == "live"
