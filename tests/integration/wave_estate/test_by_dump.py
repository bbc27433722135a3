# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A member whose legacy host must stay as it is moves there and back by dumps, through the playbooks, while users work.

On the estate that `make demo-wave` leaves behind: birch is served by its legacy host again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from integration.estate import runs
from integration.estate.live import Estate
from integration.estate.runs import eventually
from integration.wave_estate.test_faults import (
    CHOSEN,
    MEMBER,
    SOURCE,
    WAIVERS,
    acknowledged,
    connections,
    state,
)
from integration.waves.users import Users

HOST = SOURCE[0]
ALLOWED: dict[str, Any] = {**CHOSEN, "wave_move_allow": ["functions", "dump"]}


@pytest.fixture(scope="module", autouse=True)
def untouched(estate: Estate) -> Iterator[None]:
    """The member is withdrawn, and its PostgreSQL is as one that nobody prepared for being followed."""
    withdrawn(estate)
    restarted(estate, "replica")
    yield
    withdrawn(estate)
    restarted(estate, "logical")


def withdrawn(estate: Estate) -> None:
    if state(estate) == "live":
        runs.done(estate, "wave_rollback", **CHOSEN)
    if state(estate) == "rolled_back":
        runs.done(estate, "wave_prepare", **ALLOWED)
    if state(estate) != "withdrawn":
        runs.done(estate, "wave_rollback", **CHOSEN)
    assert estate.psql(HOST, "SELECT count(*) FROM pg_replication_slots") == ["0"]
    assert estate.psql(HOST, "SELECT count(*) FROM pg_publication", MEMBER) == ["0"]


def restarted(estate: Estate, level: str) -> None:
    estate.psql(HOST, f"ALTER SYSTEM SET wal_level = '{level}'")
    assert estate.run(HOST, "systemctl", "restart", "postgresql.service").returncode == 0
    eventually(lambda: estate.psql(HOST, "SHOW wal_level") == [level], "PostgreSQL is not back")


def test_it_goes_there_and_back(estate: Estate, users: Users) -> None:
    said = runs.refused(estate, "wave_prepare", **{**ALLOWED, "wave_move_allow": ["functions"]})
    assert f"member {MEMBER}" in said and "wal_level" in said and "Allow settings" in said
    runs.done(estate, "wave_prepare", **ALLOWED)
    runs.done(estate, "wave_seed", **ALLOWED)
    assert state(estate) == "following"
    acknowledged(estate, users, SOURCE)
    runs.done(estate, "wave_rehearse", **ALLOWED)
    runs.done(estate, "wave_cutover", **ALLOWED, wave_waivers=WAIVERS)
    assert state(estate) == "live" and connections(estate, SOURCE) == 0
    acknowledged(estate, users, (estate.primary(), MEMBER))
    runs.done(estate, "wave_status", **CHOSEN)
    runs.done(estate, "wave_rollback", **ALLOWED)
    assert state(estate) == "rolled_back" and connections(estate, (estate.primary(), MEMBER)) == 0
    acknowledged(estate, users, SOURCE)
    assert estate.psql(HOST, "SHOW wal_level") == ["replica"]
