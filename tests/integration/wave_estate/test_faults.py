# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A member's move by its playbooks, which are killed, and whose hosts are cut off or die, while users work.

On the estate that `make demo-wave` leaves behind: birch is served by its legacy host again, and moves once more. The
tests stand in the order of the move.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.wave.gates import GATES
from integration.estate import runs
from integration.estate.live import Estate
from integration.estate.runs import eventually
from integration.waves.independent import not_attached, not_once
from integration.waves.users import Users

MEMBER, SOURCE = "birch", ("legacy1", "birch")
WAIVERS = [
    {"member": MEMBER, "gate": gate, "reason": "a test of faults", "until": "2099-12-31"}
    for gate in GATES
    if gate not in ("preflight", "update")  # waived by rule; nothing is updated
]
CHOSEN: dict[str, Any] = {"wave_names": MEMBER}
TAKEN_OVER: dict[str, Any] = {**CHOSEN, "wave_break_locks": [MEMBER]}  # whoever was killed still holds the lock


def state(estate: Estate) -> str:
    return estate.psql(estate.primary(), f"SELECT state FROM wave.member WHERE name = '{MEMBER}'", "erpops")[0]


def in_the_way(estate: Estate) -> str:
    """What wave_status says of the member, while users are at work."""
    runs.done(estate, "wave_status")
    told = json.loads((Path(estate.variables["wave_status_folder"]) / "wave_status.json").read_text())
    (member,) = [each for each in told["members"] if each["name"] == MEMBER]
    return " ".join(f"{each['reason']} {each['verb']}" for each in member["blockers"])


def page_is_shown(estate: Estate) -> bool:
    return estate.browser(MEMBER).get("/web/login").status == 503


def connections(estate: Estate, side: tuple[str, str]) -> int:
    """Of Odoo, to one side's database."""
    host, database = side
    query = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND usename IN ('odoo', '{MEMBER}')"
    return int(estate.psql(host, query)[0])


def under_way(estate: Estate, playbook: str) -> AbstractContextManager[subprocess.Popen[str]]:
    return runs.under_way(estate, playbook, **TAKEN_OVER, wave_waivers=WAIVERS)


def kill_when(estate: Estate, playbook: str, holds: Callable[[], bool], what: str) -> None:
    runs.kill_when(estate, playbook, holds, what, **TAKEN_OVER, wave_waivers=WAIVERS)


def acknowledged(estate: Estate, users: Users, side: tuple[str, str]) -> None:
    """Users get through again, and whatever they were told is there exactly once, with its file."""
    before, files = len(users.acknowledged), len(users.attached)
    eventually(lambda: len(users.acknowledged) > before + 2 and len(users.attached) > files, "nobody can write")
    users.resting.set()
    time.sleep(2)  # a write that is under way
    try:
        assert not_once(estate, side, users.acknowledged) == []
        assert not_attached(estate, side, users.attached) == []
    finally:
        users.resting.clear()


def test_a_killed_seed_is_completed_by_the_next(estate: Estate, users: Users) -> None:
    runs.done(estate, "wave_prepare", **CHOSEN)
    kill_when(estate, "wave_seed", lambda: state(estate) == "seeding", "no seed began")
    assert state(estate) == "seeding"
    said = runs.refused(estate, "wave_seed", **CHOSEN)
    assert f"lock wave/{MEMBER}" in said and "wave_break_locks" in said
    runs.done(estate, "wave_seed", **TAKEN_OVER)
    assert state(estate) == "following"
    acknowledged(estate, users, SOURCE)


def test_a_changed_schema_is_named_and_copied_anew(estate: Estate, users: Users) -> None:
    assert "diverged" not in in_the_way(estate), "control"
    estate.psql(SOURCE[0], "ALTER TABLE res_partner ADD COLUMN x_later int", SOURCE[1])
    said = in_the_way(estate)
    assert "x_later" in said and "wave_seed" in said and state(estate) == "following", "seen, before any verb meets it"
    said = runs.refused(estate, "wave_rehearse", **CHOSEN)
    assert "x_later" in said and "run wave_seed" in said, said[-4000:]
    assert state(estate) == "diverged"
    said = runs.refused(estate, "wave_cutover", **CHOSEN, wave_waivers=WAIVERS)
    assert "From here wave_seed or wave_rollback may run" in said, said[-4000:]
    acknowledged(estate, users, SOURCE)
    runs.done(estate, "wave_seed", **CHOSEN)
    assert state(estate) == "following"


def test_a_target_that_dies_in_the_seed_costs_no_more_than_another_run(estate: Estate, users: Users) -> None:
    """Its standby takes over; what the subscription had confirmed is there, or is copied anew."""
    estate.psql(SOURCE[0], "ALTER TABLE res_partner DROP COLUMN x_later", SOURCE[1])
    with died(estate, "wave_seed", lambda: state(estate) == "seeding", "no seed began") as said:
        assert "member" in said
        acknowledged(estate, users, SOURCE)
    runs.done(estate, "wave_seed", **TAKEN_OVER)
    assert state(estate) == "following"
    acknowledged(estate, users, SOURCE)


def test_a_target_that_dies_in_the_cutover_leaves_everybody_with_one_side(estate: Estate, users: Users) -> None:
    with died(estate, "wave_cutover", lambda: page_is_shown(estate), "no page was shown"):
        pass
    if state(estate) == "diverged":
        runs.done(estate, "wave_seed", **TAKEN_OVER)
    serving = SOURCE if connections(estate, SOURCE) else (estate.primary(), MEMBER)
    assert not (connections(estate, SOURCE) and connections(estate, (estate.primary(), MEMBER)))
    if state(estate) in ("following", "live"):
        acknowledged(estate, users, serving)
    if state(estate) == "live":  # it died too late
        for verb in ("wave_rollback", "wave_prepare", "wave_seed"):
            runs.done(estate, verb, **TAKEN_OVER)


@contextmanager
def died(estate: Estate, playbook: str, holds: Callable[[], bool], what: str) -> Iterator[str]:
    """The target's primary is dead from when something holds until the context's end; what the run said."""
    dead = estate.primary()
    others = [host for host in estate.groups["postgres"] if host != dead]
    with under_way(estate, playbook) as process:
        eventually(lambda: holds() or process.poll() is not None, what)
        assert process.poll() is None, f"control: it was still running\n{process.communicate()[0][-4000:]}"
        estate.lab("kill", dead)
        try:
            said = process.communicate(timeout=900)[0]
            eventually(lambda: promoted(estate, others), "nobody was promoted")
            yield said
        finally:
            estate.lab("start", dead)
    assert process.returncode != 0, said[-4000:]
    eventually(lambda: replicates(estate), "the old primary does not follow")


def test_the_modules_host_dies_in_the_cutover_and_another_one_brings_the_member_back(
    estate: Estate, users: Users
) -> None:
    if state(estate) == "cutting_over":
        runs.done(estate, "wave_cutover", **TAKEN_OVER, wave_waivers=WAIVERS)
    if state(estate) == "live":
        for verb in ("wave_rollback", "wave_prepare", "wave_seed"):
            runs.done(estate, verb, **CHOSEN)
    assert not page_is_shown(estate), "control: somebody serves"
    with modules_host_died(estate, "wave_cutover"):
        assert state(estate) in ("following", "live")
        acknowledged(estate, users, SOURCE if state(estate) == "following" else (estate.primary(), MEMBER))
    if state(estate) == "live":  # it died too late
        for verb in ("wave_rollback", "wave_prepare", "wave_seed"):
            runs.done(estate, verb, **CHOSEN)


@contextmanager
def modules_host_died(estate: Estate, playbook: str) -> Iterator[None]:
    """The standby, on which a member's modules run, is dead since the plain page was shown, and the run is over."""
    primary = estate.primary()
    (standby,) = [host for host in estate.groups["postgres"] if host != primary]
    with under_way(estate, playbook) as process:
        eventually(lambda: page_is_shown(estate) or process.poll() is not None, "no page was shown")
        assert process.poll() is None, f"control: it was still running\n{process.communicate()[0][-4000:]}"
        estate.lab("kill", standby)
        try:
            said = process.communicate(timeout=900)[0]
            assert process.returncode != 0 and f"fatal: [{standby}]: UNREACHABLE" in said, said[-4000:]
            yield
        finally:
            estate.lab("start", standby)
    eventually(lambda: replicates(estate), "the standby does not follow")


def test_a_source_that_is_cut_off_in_the_cutover_serves_again_or_is_led_on(estate: Estate, users: Users) -> None:
    with under_way(estate, "wave_cutover") as process:
        eventually(lambda: page_is_shown(estate), "no page was shown")
        estate.lab("cut", SOURCE[0])
        try:
            said = process.communicate(timeout=600)[0]
        finally:
            estate.lab("heal", SOURCE[0])
    assert process.returncode != 0, "control: the cable was out"
    assert f"member {MEMBER}" in said, said[-4000:]
    assert state(estate) in ("cutting_over", "following")
    assert connections(estate, (estate.primary(), MEMBER)) == 0
    eventually(lambda: estate.run(SOURCE[0], "true").returncode == 0, "the source is not back")


def test_a_killed_cutover_is_completed_by_the_next(estate: Estate, users: Users) -> None:
    if state(estate) == "following":
        kill_when(estate, "wave_cutover", lambda: page_is_shown(estate), "no page was shown")
    runs.done(estate, "wave_cutover", **TAKEN_OVER, wave_waivers=WAIVERS)
    assert state(estate) == "live"
    acknowledged(estate, users, (estate.primary(), MEMBER))
    assert connections(estate, SOURCE) == 0


def test_writes_go_back_after_the_targets_primary_died(estate: Estate, users: Users) -> None:
    dead = estate.primary()
    others = [host for host in estate.groups["postgres"] if host != dead]
    assert all(keeps_the_way_back(estate, host) for host in others), "the cutover waited for it"
    estate.lab("kill", dead)
    try:
        eventually(lambda: promoted(estate, others), "nobody was promoted")
        acknowledged(estate, users, (estate.primary(*others), MEMBER))
    finally:
        estate.lab("start", dead)
    eventually(lambda: replicates(estate), "the old primary does not follow")
    acknowledged(estate, users, (estate.primary(), MEMBER))


def keeps_the_way_back(estate: Estate, host: str) -> bool:
    found = f"SELECT 1 FROM pg_replication_slots WHERE slot_name = 'erpops_back_{MEMBER}' AND synced AND NOT temporary"
    return estate.psql(host, found) == ["1"]


def promoted(estate: Estate, hosts: list[str]) -> bool:
    try:
        return bool(estate.primary(*hosts))
    except AssertionError:
        return False


def replicates(estate: Estate) -> bool:
    primary = estate.primary()
    found = estate.psql(primary, "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
                                 " AND usename <> 'erpops_wave'")  # fmt: skip
    return found != ["0"]


def test_the_legacy_host_may_die_while_its_way_back_is_open(estate: Estate, users: Users) -> None:
    estate.lab("kill", SOURCE[0])
    try:
        acknowledged(estate, users, (estate.primary(), MEMBER))
        said = in_the_way(estate)
        assert f"Its legacy host {SOURCE[0]} does not answer" in said and "its slot on the target keeps" in said, said
    finally:
        estate.lab("start", SOURCE[0])
    eventually(lambda: estate.run(SOURCE[0], "true").returncode == 0, "the source is not back")
    eventually(lambda: SOURCE[0] not in in_the_way(estate), "its way back is not followed again")


def test_a_killed_rollback_is_completed_by_the_next(estate: Estate, users: Users) -> None:
    kill_when(estate, "wave_rollback", lambda: page_is_shown(estate), "no page was shown")
    runs.done(estate, "wave_rollback", **TAKEN_OVER)
    assert state(estate) == "rolled_back"
    acknowledged(estate, users, SOURCE)
    assert connections(estate, (estate.primary(), MEMBER)) == 0


def test_the_modules_host_dies_in_the_rollback_and_another_one_goes_on(estate: Estate, users: Users) -> None:
    for verb in ("wave_prepare", "wave_seed"):
        runs.done(estate, verb, **CHOSEN)
    runs.done(estate, "wave_cutover", **CHOSEN, wave_waivers=WAIVERS)
    with modules_host_died(estate, "wave_rollback"):
        assert state(estate) in ("rolled_back", "live")
        acknowledged(estate, users, SOURCE if state(estate) == "rolled_back" else (estate.primary(), MEMBER))
    if state(estate) == "live":
        runs.done(estate, "wave_rollback", **CHOSEN)
