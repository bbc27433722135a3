# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All database hosts of the target die: the source serves with what wave_keep brought; a target that returns rests.

On the estate that `make demo-wave` leaves behind: birch is served by its legacy host again, and moves once more.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from integration.estate import runs
from integration.estate.live import Estate
from integration.estate.runs import eventually
from integration.wave_estate.test_by_dump import withdrawn
from integration.wave_estate.test_faults import (
    CHOSEN,
    MEMBER,
    SOURCE,
    TAKEN_OVER,
    WAIVERS,
    acknowledged,
    connections,
    promoted,
    replicates,
    state,
)
from integration.waves.independent import not_attached, not_once
from integration.waves.users import Users

HOST, DATABASE = SOURCE
NUMBERED = "CREATE SEQUENCE IF NOT EXISTS ir_sequence_777; SELECT setval('ir_sequence_777', 41)"
LARGE = (
    "SELECT lo_unlink(oid) FROM pg_largeobject_metadata WHERE oid = 424242;"
    " SELECT lo_from_bytea(424242, 'a large object of the target')"
)
NAME = f"after the last keep {secrets.token_hex(4)}"
LATER = f"INSERT INTO res_partner (name) VALUES ('{NAME}')"
FOUND = f"SELECT count(*) FROM res_partner WHERE name = '{NAME}'"


@pytest.fixture(scope="module")
def live(estate: Estate, users: Users) -> None:
    withdrawn(estate)
    for verb in ("wave_prepare", "wave_seed"):
        runs.done(estate, verb, **CHOSEN)
    runs.done(estate, "wave_cutover", **CHOSEN, wave_waivers=WAIVERS)
    acknowledged(estate, users, (estate.primary(), MEMBER))


@pytest.fixture(scope="module")
def gone(estate: Estate, live: None) -> Iterator[None]:
    """All database hosts are dead, until the module's end or until a test starts them."""
    hosts = estate.groups["postgres"]
    for host in hosts:
        estate.lab("kill", host)
    yield
    for host in hosts:
        if estate.run(host, "true").returncode != 0:
            estate.lab("start", host)


def test_keep_brings_what_no_replication_carries_while_users_work(estate: Estate, live: None, users: Users) -> None:
    estate.psql(estate.primary(), f"{NUMBERED}; {LARGE}", MEMBER)
    users.resting.set()
    eventually(lambda: not_once(estate, SOURCE, users.acknowledged) == [], "the source does not follow")
    assert not_attached(estate, SOURCE, users.attached), "control: nobody has brought the files yet"
    users.resting.clear()
    told = dict(users.attached)
    said = runs.done(estate, "wave_keep")
    assert state(estate) == "live" and connections(estate, SOURCE) == 0, said[-4000:]
    assert not_attached(estate, SOURCE, told) == []
    assert estate.psql(HOST, "SELECT last_value FROM ir_sequence_777", DATABASE) == ["41"]
    assert estate.psql(HOST, "SELECT convert_from(lo_get(424242), 'utf8')", DATABASE) == [
        "a large object of the target"
    ]
    acknowledged(estate, users, (estate.primary(), MEMBER))


def test_a_source_is_not_opened_beside_a_target_that_answers(estate: Estate, live: None, users: Users) -> None:
    said = runs.refused(estate, "wave_open_source", **CHOSEN)
    assert "answers. Run wave_rollback, which loses nothing" in said, said[-4000:]
    assert connections(estate, SOURCE) == 0
    acknowledged(estate, users, (estate.primary(), MEMBER))


def test_the_source_serves_with_what_was_brought(
    estate: Estate, live: None, users: Users, request: pytest.FixtureRequest
) -> None:
    users.resting.set()
    runs.done(estate, "wave_keep", **CHOSEN)
    estate.psql(estate.primary(), LATER, MEMBER)
    eventually(lambda: estate.psql(HOST, FOUND, DATABASE) == ["1"], "the source does not follow")
    request.getfixturevalue("gone")
    foretold = runs.done(estate, "wave_open_source", "--check", **CHOSEN)
    assert runs.changes(foretold) > 0 and connections(estate, SOURCE) == 0
    runs.done(estate, "wave_open_source", **CHOSEN)
    users.resting.clear()
    acknowledged(estate, users, SOURCE)
    assert estate.psql(HOST, FOUND, DATABASE) == ["1"]
    assert runs.changes(runs.done(estate, "wave_open_source", **CHOSEN)) == 0


def test_a_target_that_returns_rests(estate: Estate, gone: None, users: Users) -> None:
    hosts = estate.groups["postgres"]
    for host in hosts:
        estate.lab("start", host)
    eventually(lambda: promoted(estate, hosts), "nobody was promoted")
    eventually(lambda: replicates(estate), "the standby does not follow")
    acknowledged(estate, users, SOURCE)
    runs.done(estate, "wave_rollback", **TAKEN_OVER)
    assert state(estate) == "rolled_back"
    assert connections(estate, (estate.primary(), MEMBER)) == 0
    acknowledged(estate, users, SOURCE)
    runs.done(estate, "site")
    assert not any(runs.active(estate, host, MEMBER) for host in estate.groups["app"])
    acknowledged(estate, users, SOURCE)
