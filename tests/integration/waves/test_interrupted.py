# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A verb that is killed, or fails, at every one of its steps: it goes on when run again, or is back where it was.

Writers go on all the while on both sides; what either side acknowledged must be there in the end.
"""

from __future__ import annotations

from integration.waves.live import Waves
from integration.waves.test_moves import Make, following, nothing_lost, prepared, serves

# ``name!`` is right after a step. What a step before a whole copy leaves is cleared; a few of those stand for all.
SEED = ["clear", "publish", "slot", "schema", "subscribe", "rename", "rename!", "follow", "follow!", "catch_up"]
AHEAD = ["check", "way_back", "keep", "rights", "files", "compare", "compare!"]
CUTOVER = ["check", "way_back", "fence", "drain", "carry", "files", "compare", "return_path", "open"]
ROLLBACK = ["check", "fence", "drain", "carry", "files", "compare", "open"]


def test_killed_at_every_step_it_goes_on(waves: Waves, member: Make) -> None:
    name = member("killed", "birch")
    prepared(waves, name)
    with waves.writing(name, "source"), waves.writing(name, "target"):
        for step in SEED:
            assert waves.killed("seed", name, step), step
            assert serves(waves, name) == {"source"}, step
        assert waves.done("seed", name)["state"] == "following"

        for step in AHEAD:
            assert waves.killed("cutover", name, step, state="ready"), step
            assert serves(waves, name) == {"source"}, step
        assert "tables" in waves.done("cutover", name, state="ready")["compared"]
        for step in CUTOVER:
            assert waves.killed("cutover", name, step), step
            assert "target" not in serves(waves, name), step
        assert waves.killed("cutover", name, "open!")
        assert serves(waves, name) == {"target"}
        assert waves.done("cutover", name)["actions"] == []
        assert waves.source_sql("SELECT count(*) FROM pg_replication_slots") == "0"

        for step in ("check", "files", "rights", "compare", "compare!"):
            assert waves.killed("rollback", name, step, state="ready"), step
            assert serves(waves, name) == {"target"}, step
        assert "tables" in waves.done("rollback", name, state="ready")["compared"]
        for step in ROLLBACK:
            assert waves.killed("rollback", name, step), step
            assert "source" not in serves(waves, name), step
        assert waves.killed("rollback", name, "open!")
        assert serves(waves, name) == {"source"}
        again = waves.done("rollback", name)
        assert again["actions"] == [] and again["live_since"] and again["outside"] == [], (
            "it still knows when it opened"
        )
        assert waves.target_sql("SELECT count(*) FROM pg_replication_slots") == "0"

        following(waves, name)
        waves.done("cutover", name)
        assert waves.killed("commit", name, "commit")
        assert waves.killed("commit", name, "commit!")
        assert waves.done("commit", name)["actions"] == []
    nothing_lost(waves, name, on_source=False)


def test_failing_at_every_step_it_returns(waves: Waves, member: Make) -> None:
    name = member("failing", "birch")
    following(waves, name)
    with waves.writing(name, "source"), waves.writing(name, "target"):
        for step in AHEAD[:-1]:
            result = waves.run("cutover", name, fail_at=step, state="ready")
            assert result["failed"] and "for the test" in result["msg"], step
        for step in CUTOVER:
            waves.done("cutover", name, state="ready")
            result = waves.run("cutover", name, fail_at=step)
            assert result["failed"] and "for the test" in result["msg"], step
            assert serves(waves, name) == {"source"}, step
        assert waves.source_sql("SELECT count(*) FROM pg_subscription") == "0"
        assert waves.source_sql("SELECT slot_name FROM pg_replication_slots") == "erpops_failing"
        assert waves.done("cutover", name)["state"] == "live"
        for step in ROLLBACK:
            result = waves.run("rollback", name, fail_at=step)
            assert result["failed"] and "for the test" in result["msg"], step
            assert serves(waves, name) == {"target"}, step
        waves.target.shell("sleep 0.3")
        assert waves.done("rollback", name)["state"] == "rolled_back"
    nothing_lost(waves, name, on_source=True)
