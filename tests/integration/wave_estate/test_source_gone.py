# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A legacy host dies for good while its last member is live: the playbooks commit the member without it.

On the estate that `make demo-wave` leaves behind, as the last of its tests: birch moves once more and stays.
"""

from __future__ import annotations

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
    state,
)
from integration.waves.users import Users

HOST = SOURCE[0]
WAYS = f"ls /etc/systemd/system /var/lib/erpops/sources | grep {HOST} || true"


@pytest.fixture(scope="module")
def dead(estate: Estate, users: Users) -> Iterator[None]:
    """The legacy host, from after the cutover on."""
    withdrawn(estate)
    for verb in ("wave_prepare", "wave_seed"):
        runs.done(estate, verb, **CHOSEN)
    runs.done(estate, "wave_cutover", **CHOSEN, wave_waivers=WAIVERS)
    estate.lab("kill", HOST)
    yield
    estate.lab("start", HOST)
    eventually(lambda: estate.run(HOST, "true").returncode == 0, "the source is not back")


def test_nothing_is_given_up_before_somebody_says_so(estate: Estate, dead: None, users: Users) -> None:
    said = runs.refused(estate, "wave_commit", **CHOSEN)
    assert "wave_move_source_gone" in said, said[-4000:]
    acknowledged(estate, users, (estate.primary(), MEMBER))


def test_the_member_is_committed_and_what_is_left_is_said(estate: Estate, dead: None, users: Users) -> None:
    said = runs.done(estate, "wave_commit", **TAKEN_OVER, wave_move_source_gone=True)
    assert f"should {HOST} ever come back" in said, said[-4000:]
    assert state(estate) == "committed"
    acknowledged(estate, users, (estate.primary(), MEMBER))
    slots = f"SELECT slot_name FROM pg_replication_slots WHERE slot_name ~ '{MEMBER}'"
    assert estate.psql(estate.primary(), slots) == []
    for host in estate.groups["postgres"]:
        assert estate.run(host, "sh", "-c", WAYS).stdout == "", f"{host} still has ways to {HOST}"


def test_the_estate_is_as_declared_without_it(estate: Estate, dead: None) -> None:
    again = runs.done(estate, "site")
    assert runs.changes(again) == 0, again[-6000:]
