# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A legacy host that does not come back, in every state in which somebody would be left without a way on."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from integration.waves.live import ADMIN_PASSWORD, CUT, FOLDER, HEAL, Waves
from integration.waves.test_moves import CONNECT, Make, following, nothing_lost, serves

LEFT = """
    SELECT (SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'erpops_back_{name}')
         + (SELECT count(*) FROM pg_publication WHERE pubname = 'erpops_back_{name}')
"""
DIE = "systemctl kill --signal=KILL postgresql@13-main || true; systemctl stop postgresql@13-main || true"


def live(waves: Waves, name: str) -> None:
    following(waves, name)
    assert waves.done("cutover", name)["state"] == "live"


@contextmanager
def gone(waves: Waves) -> Iterator[None]:
    """The legacy host's PostgreSQL is dead, and comes back only so that other tests find it."""
    waves.legacy.shell(DIE)
    try:
        yield
    finally:
        waves.legacy.shell("systemctl reset-failed postgresql@13-main; systemctl start postgresql@13-main")
        waves.target.shell(HEAL)


@contextmanager
def cut(waves: Waves) -> Iterator[None]:
    """Nobody leads to the legacy host, which goes on by itself."""
    waves.target.shell(CUT)
    try:
        yield
    finally:
        waves.target.shell(HEAL)


@contextmanager
def cut_at(waves: Waves, step: str) -> Iterator[tuple[str, str]]:
    """The same from a step of a verb on."""
    try:
        yield step, CUT
    finally:
        waves.target.shell(HEAL)


def target_serves(waves: Waves, name: str) -> bool:
    return waves.target_sql(CONNECT.format(role=name, database=name)) == "t"


def test_a_live_member_is_committed_without_its_source(waves: Waves, member: Make) -> None:
    name = member("bereft", "birch")
    live(waves, name)
    refused = waves.run("commit", name, source_gone=True)
    assert refused["failed"] and "answers" in refused["msg"] and "source_gone" in refused["msg"], refused
    with waves.writing(name, "target"):
        with gone(waves):
            refused = waves.run("commit", name)
            assert refused["failed"] and "wave_move_source_gone" in refused["msg"], refused
            rolled = waves.run("rollback", name, source_gone=True)
            assert (rolled["state"], rolled["actions"]) == ("live", []), "it serves; there is nowhere to go back to"
            refused = waves.run("rollback", name, source_gone=True, withdraw=True)
            assert refused["failed"] and target_serves(waves, name), "an open database is never removed"
            predicted = waves.run("commit", name, check=True, source_gone=True)
            assert waves.target_sql(LEFT.format(name=name), name) == "2", "a prediction takes nothing away"
            committed = waves.done("commit", name, source_gone=True)
            assert predicted["actions"] == committed["actions"] != [] and predicted["after"] == committed["after"]
            assert committed["state"] == "committed" and committed["dump"]["rows"] > 1000
            assert any(f"{name}_old" in each for each in committed["source_left"])
            assert waves.target_sql(LEFT.format(name=name), name) == "0"
            again = waves.done("commit", name, source_gone=True)
            assert again["actions"] == [] and again["dump"] == committed["dump"]
        assert serves(waves, name) == {"target"}, "it came back, and is still fenced"
        refused = waves.run("rollback", name)
        assert refused["failed"] and "no way back" in refused["msg"], refused
    nothing_lost(waves, name, on_source=False)


@pytest.mark.parametrize("step", ["fence", "drain", "carry", "compare"])
def test_a_source_that_is_lost_in_a_rollback_leaves_the_target_serving(waves: Waves, member: Make, step: str) -> None:
    name = member("widowed", "birch")
    live(waves, name)
    with waves.writing(name, "source"), waves.writing(name, "target"):
        with cut_at(waves, step) as at:
            failed = waves.run("rollback", name, at=at, drain_seconds=5)
            assert failed["failed"] and "The target serves again" in failed["msg"], failed
            assert failed["state"] == "live" and target_serves(waves, name)
        assert serves(waves, name) == {"target"}
        waves.target.shell("sleep 0.5")
        assert waves.done("rollback", name)["state"] == "rolled_back", "what came since goes back as well"
        waves.target.shell("sleep 0.3")
    nothing_lost(waves, name, on_source=True)


def test_where_the_source_may_have_been_opened_only_the_operator_opens_the_target(waves: Waves, member: Make) -> None:
    name = member("unsure", "birch")
    live(waves, name)
    with waves.writing(name, "source"), waves.writing(name, "target"):
        with cut_at(waves, "open") as at:
            failed = waves.run("rollback", name, at=at)
            assert failed["failed"] and "nobody knows whether it is open" in failed["msg"], failed
            assert failed["state"] == "rolling_back" and serves(waves, name) == set()
            again = waves.run("rollback", name)
            assert again["failed"] and "wave_move_source_gone" in again["msg"], again
            refused = waves.run("commit", name, source_gone=True)
            assert refused["failed"] and "wave_rollback with source_gone" in refused["msg"], refused
            predicted = waves.run("rollback", name, check=True, source_gone=True)
            assert serves(waves, name) == set(), "a prediction opens nothing"
            opened = waves.done("rollback", name, source_gone=True)
            assert predicted["actions"] == opened["actions"] != [] and predicted["after"] == opened["after"]
            assert opened["state"] == "live" and opened["live_since"] and "opened before" in opened["source_left"][0]
            assert waves.done("rollback", name, source_gone=True)["actions"] == []
            assert target_serves(waves, name)
        assert serves(waves, name) == {"target"}
        waves.target.shell("sleep 0.5")
        assert waves.done("rollback", name)["state"] == "rolled_back", "it was followed all the while"
        waves.target.shell("sleep 0.3")
    nothing_lost(waves, name, on_source=True)


def test_a_source_that_is_lost_right_after_it_was_opened_is_not_doubled(waves: Waves, member: Make) -> None:
    name = member("after", "birch")
    live(waves, name)
    with waves.writing(name, "source"), waves.writing(name, "target"):
        with cut_at(waves, "finish") as at:
            done = waves.done("rollback", name, at=at)
            assert done["state"] == "rolled_back" and serves(waves, name) == {"source"}
        assert waves.done("rollback", name)["actions"] == []
        waves.target.shell("sleep 0.3")
    nothing_lost(waves, name, on_source=True)


def test_a_copy_that_never_served_is_withdrawn_without_its_source(waves: Waves, member: Make) -> None:
    name = member("orphan", "birch")
    following(waves, name)
    with gone(waves):
        refused = waves.run("rollback", name, source_gone=True)
        assert refused["failed"] and "never served" in refused["msg"] and "withdraw" in refused["msg"], refused
        there = f"SELECT count(*) FROM pg_database WHERE datname ~ '^{name}'"
        assert waves.target_sql(there) == "1"
        assert waves.run("rollback", name, check=True, source_gone=True, withdraw=True)["after"]["state"] == "planned"
        assert waves.target_sql(there) == "1"
        assert waves.done("rollback", name, source_gone=True, withdraw=True)["state"] == "planned"
        assert waves.target_sql(there) == "0"
        assert waves.target_sql("SELECT count(*) FROM pg_subscription") == "0"
        assert waves.done("rollback", name, source_gone=True, withdraw=True)["actions"] == []
    assert serves(waves, name) == {"source"}


def test_a_copy_that_followed_opens_without_its_source(waves: Waves, member: Make) -> None:
    """What had arrived is there, what the source wrote after it is not, and nothing is numbered twice."""
    name = member("heir", "birch")
    waves.source_sql("CREATE SEQUENCE x_free", f"{name}_old", "odoo")
    following(waves, name)
    with waves.writing(name, "source"):
        waves.target.shell("sleep 2")
        refused = waves.run("cutover", name, source_gone=True)
        assert refused["failed"] and "answers" in refused["msg"], refused
        waves.legacy.shell(DIE)
    with gone(waves):
        refused = waves.run("cutover", name)
        assert refused["failed"] and "wave_move_source_gone" in refused["msg"], refused
        assert waves.done("cutover", name, source_gone=True, state="ready")["actions"] == []
        predicted = waves.run("cutover", name, check=True, source_gone=True)
        assert not target_serves(waves, name)
        opened = waves.done("cutover", name, source_gone=True)
        assert predicted["actions"] == opened["actions"] != [] and predicted["after"] == opened["after"]
        assert opened["state"] == "live" and target_serves(waves, name)
        assert opened["arrived_until"]["written"] and any("public.x_free" in each for each in opened["behind"])
        assert "beside the target" in opened["source_left"][0]
        assert waves.done("cutover", name, source_gone=True)["actions"] == []
        taken = {int(line) for line in waves.target_sql("SELECT id FROM x_acks", name).split()}
        assert len(taken) > 50
        highest = "SELECT nextval('{0}_id_seq') > coalesce(max(id), 0) FROM {0}"
        for table in ("x_acks", "res_partner", "res_users"):
            assert waves.target_sql(highest.format(table), name) == "t", table
        assert waves.target_sql("SELECT count(*) FROM pg_subscription") == "0"
        assert waves.target_sql("SELECT count(*) FROM pg_replication_slots") == "0", "it has no way back"
        rolled = waves.run("rollback", name, source_gone=True)
        assert (rolled["state"], rolled["actions"]) == ("live", [])
        assert waves.done("commit", name, source_gone=True)["state"] == "committed"
    written = {int(line) for line in waves.source_sql("SELECT id FROM x_acks", f"{name}_old").split()}
    assert taken - written == set() and len(written - taken) < 100, "it was followed closely until it died"


def test_a_source_that_is_lost_right_after_the_target_opened_keeps_nobody_from_it(waves: Waves, member: Make) -> None:
    name = member("opened", "birch")
    following(waves, name)
    with waves.writing(name, "source"), waves.writing(name, "target"):
        with cut_at(waves, "finish") as at:
            failed = waves.run("cutover", name, at=at)
            assert failed["failed"] and "The target is open and serves" in failed["msg"], failed
            assert (failed["state"], failed["source_lost"]) == ("live", True)
            assert serves(waves, name) == {"target"}
        assert waves.done("cutover", name)["state"] == "live"
        assert waves.source_sql(f"SELECT count(*) FROM pg_replication_slots WHERE slot_name ~ '{name}'") == "0"
        assert waves.done("rollback", name)["state"] == "rolled_back"
        waves.target.shell("sleep 0.3")
    nothing_lost(waves, name, on_source=True)


def test_a_cutover_that_lost_its_source_is_completed_without_it(waves: Waves, member: Make) -> None:
    name = member("alone", "birch")
    following(waves, name)
    with waves.writing(name, "source"), waves.writing(name, "target"), cut_at(waves, "compare") as at:
        failed = waves.run("cutover", name, at=at)
        assert failed["failed"] and "wave_move_source_gone" in failed["msg"], failed
        assert serves(waves, name) == set()
        opened = waves.done("cutover", name, source_gone=True)
        assert opened["state"] == "live" and serves(waves, name) == {"target"}
        waves.target.shell("sleep 0.5")
    nothing_lost(waves, name, on_source=False)


def test_a_member_that_is_moved_by_dumps_has_a_way_on_as_well(waves: Waves, member: Make) -> None:
    """Nothing follows, so a copy that never served is as old as its seed, and stays closed."""
    name = member("carted", "birch")
    assert waves.done("prepare", name, allow=["functions", "dump"], spare_slots=900)["by_dump"]
    assert waves.done("seed", name)["state"] == "following"
    with cut(waves):
        refused = waves.run("cutover", name, source_gone=True)
        assert refused["failed"] and "did not follow" in refused["msg"] and not target_serves(waves, name)
    with waves.writing(name, "source"), waves.writing(name, "target"):
        assert waves.done("cutover", name)["state"] == "live"
        with cut_at(waves, "rows") as at:
            failed = waves.run("rollback", name, at=at)
            assert failed["failed"] and "The target serves again" in failed["msg"], failed
            assert target_serves(waves, name)
        with cut_at(waves, "open") as at:
            failed = waves.run("rollback", name, at=at)
            assert failed["failed"] and failed["state"] == "rolling_back" and serves(waves, name) == set()
            assert waves.done("rollback", name, source_gone=True)["state"] == "live"
            waves.target.shell("sleep 0.3")
            committed = waves.done("commit", name, source_gone=True)
            assert committed["state"] == "committed" and committed["dump"]["rows"] > 1000
            assert waves.done("commit", name, source_gone=True)["actions"] == []
    nothing_lost(waves, name, on_source=False)


HOLDER = r"""
import os, socket, sys, time
from ansible_collections.erpops.odoo.plugins.module_utils.postgres import client
server = client.Server(hosts=(sys.argv[1],), port=5432, user="erpops_admin", password=sys.argv[2], ca_file=sys.argv[3])
connection = client.connect(server, "postgres")
connection.execute("SELECT pg_advisory_lock(7310103, hashtext(%s))", [sys.argv[4]])
print(socket.socket(fileno=os.dup(connection.fileno())).getsockname()[1], flush=True)
time.sleep(600)
"""
HOLDERS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 7310103 AND granted"


def test_the_lock_of_a_host_that_died_is_given_up_and_waited_for(waves: Waves, member: Make) -> None:
    """Its packets are dropped before it is killed, so that the server hears of no end."""
    name = member("locked", "birch")
    live(waves, name)
    command = shlex.join(["env", f"PYTHONPATH={FOLDER}/code", "python3", "-c", HOLDER, waves.target.address,
                          ADMIN_PASSWORD, f"{FOLDER}/pg/ca.crt", name])  # fmt: skip
    port = f"{FOLDER}/holder.port"
    waves.target.shell(f"systemd-run --quiet --collect --unit=holder --property=StandardOutput=file:{port} {command}")
    waves.target.shell(f"for _ in $(seq 50); do [ -s {port} ] && break; sleep 0.1; done; test -s {port}")
    drop = " ".join(f"nft 'add rule inet holder out tcp {end} '$(cat {port})' drop';" for end in ("sport", "dport"))
    chain = "nft 'add chain inet holder out { type filter hook output priority 0; }'"
    try:
        waves.target.shell(f"nft 'add table inet holder'; {chain}; {drop} systemctl kill --signal=KILL holder")
        assert waves.target_sql(HOLDERS) == "1", "control: the server knows nothing of it"
        begun = time.monotonic()
        assert waves.done("rollback", name)["state"] == "rolled_back"
        assert time.monotonic() - begun < 45
        assert waves.target_sql(HOLDERS) == "0"
    finally:
        waves.target.shell("nft 'delete table inet holder'; systemctl stop holder 2>/dev/null || true")
    assert serves(waves, name) == {"source"}
