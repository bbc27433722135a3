# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A target whose asynchronous standby takes over without the last rows, which the source was told to be safe.

The standby is a copy of the primary's data as of a moment, which really is started, and promoted. What only a
synchronous one keeps from being lost is found here by comparing.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from integration.waves.live import FOLDER, PG_CTL, Waves
from integration.waves.test_moves import Make, following, nothing_lost, only_a_new_copy_leads_on, serves

DATA, STANDBY, DEAD = (f"{FOLDER}/pg/{name}" for name in ("data", "standby", "dead"))
# From here on nothing reaches it any more.
CUT_OFF = f"{PG_CTL} -m fast stop >/dev/null; cp -a {DATA} {STANDBY}; {PG_CTL} start >/dev/null"
TAKES_OVER = (
    f"{PG_CTL} -m immediate stop >/dev/null; mv {DATA} {DEAD}; mv {STANDBY} {DATA}; touch {DATA}/standby.signal;"
    f" {PG_CTL} start >/dev/null; {PG_CTL} promote >/dev/null"
)
LATE = "SELECT count(*) FROM x_acks WHERE text = 'late'"


@pytest.fixture(autouse=True)
def tidy(waves: Waves) -> Iterator[None]:
    yield
    waves.target.shell(f"rm -rf {STANDBY} {DEAD}")


def late(waves: Waves, name: str) -> None:
    """Rows that reach the target, which confirms them to the source, and that its standby lacks."""
    waves.target.shell(CUT_OFF)
    waves.source_sql("INSERT INTO x_acks (text) SELECT 'late' FROM generate_series(1, 1000)", f"{name}_old", "odoo")
    assert waves.done("seed", name)["diverged"] == []
    confirmed = f"SELECT confirmed_flush_lsn >= '{waves.source_sql('SELECT pg_current_wal_lsn()')}'"
    for _try in range(50):
        if waves.source_sql(f"{confirmed} FROM pg_replication_slots WHERE slot_name = 'erpops_{name}'") == "t":
            break
        waves.target.shell("sleep 0.2")
    assert waves.target_sql(LATE, name) == "1000", "control"


@pytest.mark.landing
def test_rows_that_went_with_the_primary_are_found_and_copied_anew(waves: Waves, member: Make) -> None:
    name = member("lagging", "birch")
    following(waves, name)
    late(waves, name)
    waves.target.shell(TAKES_OVER)
    assert waves.target_sql(LATE, name) == "0", "control: nothing says that they are gone"
    refused = waves.run("cutover", name, state="ready")
    assert refused["failed"] and "x_acks" in refused["msg"] and serves(waves, name) == {"source"}
    only_a_new_copy_leads_on(waves, name, "x_acks")
    with waves.writing(name, "source"):
        waves.done("cutover", name)
    assert waves.target_sql(LATE, name) == "1000"
    nothing_lost(waves, name, on_source=False)


@pytest.mark.landing
def test_what_was_compared_on_the_primary_that_died_is_compared_again(waves: Waves, member: Make) -> None:
    """It takes over between the comparison and the window, where only what changed since would be looked at."""
    name = member("overtaken", "birch")
    following(waves, name)
    late(waves, name)
    assert waves.done("cutover", name, state="ready")["compared"]["rows"] > 1000
    waves.target.shell(TAKES_OVER)
    assert waves.target_sql(LATE, name) == "0", "control: nothing says that they are gone"
    refused = waves.run("cutover", name)
    assert refused.get("failed") and "x_acks" in refused["msg"], refused
    assert serves(waves, name) == {"source"}
    only_a_new_copy_leads_on(waves, name, "x_acks")
    waves.done("cutover", name)
    assert waves.target_sql(LATE, name) == "1000"
