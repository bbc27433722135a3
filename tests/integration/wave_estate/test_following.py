# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A member that follows: its unit does nothing before the target opens, and no row goes with a primary that dies while
its standby lags.

On the estate that `make demo-wave` leaves behind: birch is served by its legacy host again.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator

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
    promoted,
    replicates,
    state,
)
from integration.waves.independent import Side, not_attached, not_once, sums
from integration.waves.users import Users

UNIT = f"odoo-{MEMBER}.service"
POLLED_SECONDS = 150  # Odoo's scheduler looks every minute, first after one
REFUSED_SECONDS = 90  # Patroni gives a dead primary 20
SETTLED_SECONDS = 5
# What an Odoo that could connect would do at once: a mail to send, and every action due.
DUE = """
    WITH message AS (
        INSERT INTO mail_message (message_type, subject, message_id, email_from)
        VALUES ('email', 'waits', '<waits@north.example.com>', 'a@north.example.com') RETURNING id
    )
    INSERT INTO mail_mail (mail_message_id, state, email_to, body_html)
    SELECT id, 'outgoing', 'b@north.example.com', 'text' FROM message;
    UPDATE ir_cron SET nextcall = '2020-01-01'
"""
WAITS = (
    "SELECT q.state FROM mail_mail AS q JOIN mail_message AS m ON m.id = q.mail_message_id"
    " WHERE m.message_id = '<waits@north.example.com>'"
)
# Of every sequence: numbers of documents, and of whatever a row would be given.
SEQUENCES = "SELECT schemaname, sequencename, last_value FROM pg_sequences ORDER BY 1, 2"
ROLE = f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{MEMBER}' AND datname = '{MEMBER}'"
SESSIONS = f"SELECT sessions FROM pg_stat_database WHERE datname = '{MEMBER}'"
NAMES = "SELECT name FROM res_partner WHERE name LIKE 'user at work %'"
SYNCHRONOUS = "SELECT application_name FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')"


@pytest.fixture(scope="module", autouse=True)
def following(estate: Estate) -> Iterator[None]:
    """birch follows; in the end its legacy host serves it, and nothing is left of the move."""
    if state(estate) != "following":
        runs.done(estate, "wave_prepare", **CHOSEN)
        runs.done(estate, "wave_seed", **CHOSEN)
    yield
    if state(estate) in ("following", "diverged", "live"):
        runs.done(estate, "wave_rollback", **CHOSEN)


@pytest.fixture
def resting_source(estate: Estate) -> Iterator[None]:
    """Nobody writes there but a test: whatever changes on either side is the unit's doing."""
    assert estate.run(SOURCE[0], "systemctl", "stop", "odoo.service").returncode == 0
    yield
    assert estate.run(SOURCE[0], "systemctl", "start", "odoo.service").returncode == 0
    estate.browser(MEMBER).wait_for_page()


def every_value(estate: Estate, side: Side) -> tuple[object, object]:
    """Every row of every table, as a sum, and every sequence."""
    return sums(estate, *side), estate.psql(side[0], SEQUENCES, side[1])


@pytest.mark.usefixtures("resting_source")
def test_the_unit_runs_before_the_opening_and_does_nothing(estate: Estate) -> None:
    """As it does while the cutover prepares: no action, no mail, no number, no connection."""
    primary = estate.primary()
    target = (primary, MEMBER)
    estate.psql(SOURCE[0], DUE, SOURCE[1])
    eventually(lambda: estate.psql(primary, WAITS, MEMBER) == ["outgoing"], "the target does not follow")
    time.sleep(SETTLED_SECONDS)
    before = {side: every_value(estate, side) for side in (SOURCE, target)}
    (host,) = runs.files(estate, MEMBER)
    time.sleep(1)  # the last of ours is counted by then
    sessions = estate.psql(primary, SESSIONS)
    began = estate.run(host, "date", "+%s").stdout.strip()
    estate.run(host, "systemctl", "start", UNIT)
    try:
        end = time.monotonic() + POLLED_SECONDS
        while time.monotonic() < end:
            assert estate.psql(primary, ROLE) == ["0"]
            time.sleep(1)
        assert runs.active(estate, host, MEMBER), "control: it runs"
        log = estate.run(host, "journalctl", "--unit", UNIT, "--since", f"@{began}", "--output", "cat").stdout
        assert re.search("permission denied for database|OperationalError", log), f"control: it tries\n{log[-3000:]}"
        assert estate.psql(primary, SESSIONS) == sessions, "somebody was let in"
    finally:
        estate.run(host, "systemctl", "stop", UNIT)
    for side, values in before.items():
        assert every_value(estate, side) == values, side
    assert estate.psql(primary, WAITS, MEMBER) == ["outgoing"]


def shown(estate: Estate, host: str) -> set[str]:
    """What users were told, as far as this host of the target has it."""
    return set(estate.psql(host, NAMES, MEMBER))


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(1)
    return False


def alone(estate: Estate, primary: str) -> bool:
    """Patroni lets the primary go on without a standby; that one may not take over from then on."""
    return estate.psql(primary, "SHOW synchronous_standby_names") == [""]


@pytest.mark.parametrize("goes_on_alone", [False, True], ids=["while it waits for it", "after it went on alone"])
def test_no_row_goes_with_a_primary_that_its_standby_has_lost(
    estate: Estate, users: Users, goes_on_alone: bool
) -> None:
    dead = estate.primary()
    (other,) = (host for host in estate.groups["postgres"] if host != dead)
    eventually(lambda: estate.psql(dead, SYNCHRONOUS) == [other], "control: the standby is a synchronous one")
    estate.lab("split", dead, other)
    try:
        time.sleep(1)
        begun = len(users.acknowledged)
        eventually(lambda: len(users.acknowledged) > begun + 10, "the source serves")
        if goes_on_alone:
            eventually(lambda: alone(estate, dead), "the primary waits for its standby for ever")
            eventually(lambda: len(users.acknowledged) > begun + 20, "the source serves")
            eventually(lambda: bool(shown(estate, dead) - shown(estate, other)), "control: the standby lags")
        else:
            since = set(users.acknowledged[begun:])
            assert not since & shown(estate, dead), "confirmed before the standby has them"
        had = shown(estate, dead)
        estate.lab("kill", dead)
        took_over = within(REFUSED_SECONDS, lambda: promoted(estate, [other]))
        lost = had - shown(estate, other)
        print("took over" if took_over else "stood aside", f"{len(lost)} rows are on the dead primary alone")
        assert not (took_over and lost), "the source was told that they are safe"
    finally:
        estate.lab("join")
        estate.lab("start", dead)
    eventually(lambda: promoted(estate, estate.groups["postgres"]), "nobody writes")
    eventually(lambda: replicates(estate), "there is no standby")
    told, files = list(users.acknowledged), dict(users.attached)
    eventually(lambda: not_once(estate, (estate.primary(), MEMBER), told) == [], "rows are missing")
    assert runs.done(estate, "wave_seed", **CHOSEN) and state(estate) == "following"
    assert not_once(estate, SOURCE, told) == [] and not_attached(estate, SOURCE, files) == []


def test_every_row_is_there_once_after_the_cutover(estate: Estate, users: Users) -> None:
    """On both sides: what users write on the target follows to the source."""
    runs.done(estate, "wave_cutover", **CHOSEN, wave_waivers=WAIVERS)
    assert state(estate) == "live"
    acknowledged(estate, users, (estate.primary(), MEMBER))
    users.resting.set()
    time.sleep(2)  # a write that is under way
    told = list(users.acknowledged)
    eventually(lambda: not_once(estate, SOURCE, told) == [], "the source lacks rows")
    assert not_once(estate, (estate.primary(), MEMBER), told) == []
    users.resting.clear()
