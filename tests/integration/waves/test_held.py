# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A target that is held after it opened, for an update of modules: it is thrown away, or users are led there."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from integration.waves.live import Waves
from integration.waves.test_moves import following, nothing_lost, restart_source, serves

Make = Callable[[str, str], str]
PARTNER = "SELECT name FROM res_partner WHERE id = 1"
COLUMN = "SELECT count(*) FROM pg_attribute WHERE attrelid = 'res_partner'::regclass AND attname = 'x_half'"
UPDATED = (
    "ALTER TABLE res_partner ADD COLUMN x_half int; UPDATE res_partner SET name = 'half', x_half = 1;"
    "DELETE FROM x_acks; CREATE TABLE x_more (id serial PRIMARY KEY); INSERT INTO x_more DEFAULT VALUES"
)


def follows(waves: Waves, name: str) -> str:
    return waves.source_sql(f"SELECT subenabled FROM pg_subscription WHERE subname = 'erpops_back_{name}'")


def held(waves: Waves, name: str) -> None:
    done = waves.done("cutover", name, state="held")
    assert done["state"] == "live" and done["held"] and serves(waves, name) == {"target"}
    assert follows(waves, name) == "f"
    for state in ("held", "ready"):
        again = waves.done("cutover", name, state=state)
        assert again["actions"] == [] and again["held"] and follows(waves, name) == "f", state


def as_it_was(waves: Waves, name: str, partner: str) -> None:
    old = f"{name}_old"
    assert serves(waves, name) == {"source"}
    assert waves.source_sql(PARTNER, old) == partner and waves.source_sql(COLUMN, old) == "0"
    for run in (waves.source_sql, waves.target_sql):
        assert run("SELECT count(*) FROM pg_replication_slots") == "0"
    assert waves.source_sql("SELECT count(*) FROM pg_subscription") == "0"


def test_what_was_done_to_it_is_thrown_away(waves: Waves, member: Make) -> None:
    name = member("held", "birch")
    partner = waves.source_sql(PARTNER, f"{name}_old")
    following(waves, name)
    with waves.writing(name, "source"):
        waves.legacy.shell("sleep 1")
        held(waves, name)
        waves.target_sql(UPDATED, name)
        predicted = waves.run("rollback", name, check=True)
        back = waves.done("rollback", name)
        assert predicted["actions"] == back["actions"] != [] and back["state"] == "rolled_back"
        assert waves.done("rollback", name)["actions"] == []
        waves.legacy.shell("sleep 1")
    as_it_was(waves, name, partner)
    nothing_lost(waves, name, on_source=True)
    following(waves, name)
    assert waves.target_sql(COLUMN, name) == "0" and waves.done("cutover", name)["held"] is False


@pytest.mark.parametrize("step", ["fence!", "open", "open!"])
def test_a_killed_one_that_is_thrown_away_ends_so(waves: Waves, member: Make, step: str) -> None:
    name = member("heldkilled", "birch")
    partner = waves.source_sql(PARTNER, f"{name}_old")
    following(waves, name)
    assert waves.killed("cutover", name, "open!", state="held")
    held(waves, name)
    waves.target_sql(UPDATED, name)
    assert waves.killed("rollback", name, step)
    assert waves.done("rollback", name)["state"] == "rolled_back"
    as_it_was(waves, name, partner)


def test_users_are_led_to_it_and_the_source_follows(waves: Waves, member: Make) -> None:
    name = member("released", "birch")
    following(waves, name)
    held(waves, name)
    waves.target_sql("UPDATE res_partner SET name = 'updated' WHERE id = 1", name)
    predicted, done = waves.run("cutover", name, check=True), waves.done("cutover", name)
    assert predicted["actions"] == done["actions"] != []
    assert (predicted["before"], predicted["after"]) == (done["before"], done["after"])
    assert not done["held"] and done["schema_changes"] == [] and follows(waves, name) == "t"
    assert waves.done("cutover", name)["actions"] == []
    with waves.writing(name, "target"):
        deadline = time.monotonic() + 30
        while waves.source_sql(PARTNER, f"{name}_old") != "updated":
            assert time.monotonic() < deadline, "the source does not follow"
            time.sleep(0.5)
        assert waves.done("rollback", name)["state"] == "rolled_back"
    assert waves.source_sql(PARTNER, f"{name}_old") == "updated", "what users were led to is not thrown away"
    nothing_lost(waves, name, on_source=True)


def test_a_changed_schema_ends_the_way_back(waves: Waves, member: Make) -> None:
    name = member("heldnew", "birch")
    following(waves, name)
    held(waves, name)
    waves.target_sql("ALTER TABLE res_partner ADD COLUMN x_half int", name)
    done = waves.done("cutover", name)
    assert any("x_half" in each for each in done["schema_changes"])
    assert waves.target_sql("SELECT count(*) FROM pg_replication_slots") == "0", "nothing holds back the log"
    assert waves.source_sql("SELECT count(*) FROM pg_subscription") == "0"
    refused = waves.run("rollback", name)
    assert refused["failed"] and "no way back" in refused["msg"] and serves(waves, name) == {"target"}
    assert waves.done("commit", name)["state"] == "committed"


def test_by_dumps_it_is_thrown_away_too(waves: Waves, member: Make) -> None:
    name = member("helddump", "birch")
    partner = waves.source_sql(PARTNER, f"{name}_old")
    waves.source_sql("ALTER SYSTEM SET wal_level = 'replica'")
    restart_source(waves)
    try:
        waves.done("prepare", name, allow=["functions", "role", "dump"])
        waves.done("seed", name)
        done = waves.done("cutover", name, state="held")
        assert done["held"] and serves(waves, name) == {"target"}
        waves.target_sql(UPDATED, name)
        assert waves.done("rollback", name)["state"] == "rolled_back"
        assert serves(waves, name) == {"source"}
        assert waves.source_sql(PARTNER, f"{name}_old") == partner
    finally:
        waves.source_sql("ALTER SYSTEM SET wal_level = 'logical'")
        restart_source(waves)
