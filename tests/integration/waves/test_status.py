# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What wave_status shows of members on their way, by its module on the database host, while real things happen to them.

Where a member stands in the store is written there by the tests; the verbs run without it.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from contracts.harness import Result

from integration.estate.runs import eventually
from integration.waves.live import ADMIN_PASSWORD, CUT, FOLDER, HEAL, Waves
from integration.waves.test_moves import Make, following, prepared

OPERATION = "4b5a8f3e-0000-4000-8000-000000000009"
LOST = "SELECT wal_status FROM pg_replication_slots WHERE slot_name = '{slot}'"
# 60 000 rows in 300 transactions.
WRITES = (
    "DO $$ BEGIN FOR each IN 1..300 LOOP INSERT INTO x_acks (text) SELECT repeat(md5(g::text), 10)"
    " FROM generate_series(1, 200) AS g; COMMIT; END LOOP; END $$"
)
SLOW = """
    CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.0006); RETURN NEW; END';
    CREATE TRIGGER slow BEFORE INSERT ON x_acks FOR EACH ROW EXECUTE FUNCTION slow();
    ALTER TABLE x_acks ENABLE ALWAYS TRIGGER slow
"""


@pytest.fixture(scope="module", autouse=True)
def store(waves: Waves) -> None:
    """The estate's own database, as the first step of any member makes it."""
    step = {"name": "any", "kind": "record", "verb": "wave_discover", "outcome": "discovered"}
    done = waves.target.run(
        "wave_members",
        {**access(waves), "operation": OPERATION, "owner": "ann", "playbook": "wave_discover",
         "steps": [{**step, "host": "legacy1", "database": "any_old"}]},
        check=False,
    )  # fmt: skip
    assert not done.get("failed"), done


def access(waves: Waves) -> dict[str, Any]:
    return {
        "postgres_hosts": [waves.target.address],
        "postgres_password": ADMIN_PASSWORD,
        "postgres_ca_file": f"{FOLDER}/pg/ca.crt",
    }


def stands(waves: Waves, name: str, state: str) -> None:
    """The only member of the store, in this state."""
    waves.target_sql(
        "DELETE FROM wave.member; INSERT INTO wave.member (name, host, database, state, origin, operation)"
        f" VALUES ('{name}', 'legacy1', '{name}_old', '{state}', '{state}', '{OPERATION}')",
        "erpops",
    )


def status(waves: Waves, seconds: float = 1, check: bool = False) -> Result:
    arguments = {**access(waves), "sources": {"legacy1": waves.tunnel}, "seconds": seconds}
    done = waves.target.run("wave_status", arguments, check)
    assert not done.get("failed") and not done["changed"], done
    return done


def shown(waves: Waves, seconds: float = 1) -> dict[str, Any]:
    (member,) = status(waves, seconds)["members"]
    found: dict[str, Any] = member
    return found


def reasons(member: dict[str, Any]) -> str:
    return " ".join(f"{each['reason']} {each['verb']}" for each in member["blockers"])


def test_a_lag_is_shown_and_when_it_will_be_gone(waves: Waves, member: Make) -> None:
    name = member("lagging", "birch")
    following(waves, name)
    stands(waves, name, "following")
    with waves.writing(name, "source"):
        calm = shown(waves)
        assert calm["blockers"] == [] and calm["observed"]["lag"]["catch_up_seconds"] == 0, calm
        assert calm["observed"]["subscription"]["running"] and calm["observed"]["tables_waiting"] == 0
        waves.target_sql(f"ALTER SUBSCRIPTION erpops_{name} DISABLE", name)
        waves.source_sql(WRITES, f"{name}_old", "odoo")
        rests = shown(waves)
        assert "subscription on the target is disabled" in reasons(rests) and "wave_seed" in reasons(rests)
        behind = rests["observed"]["lag"]
        assert behind["lag_bytes"] > 20_000_000 and behind["catch_up_seconds"] is None and not behind["active"]
        assert f"{behind['lag_bytes'] / 1e6:.1f} MB behind" in rests["lag"] and "not known" in rests["lag"]
        waves.target_sql(SLOW, name)  # so that there is something to see
        waves.target_sql(f"ALTER SUBSCRIPTION erpops_{name} ENABLE", name)
        waves.target.shell("sleep 1")
        first, second = (shown(waves, 2)["observed"]["lag"] for _look in range(2))
        assert behind["lag_bytes"] > first["lag_bytes"] > second["lag_bytes"] > 1_048_576, (behind, first, second)
        assert 0 < first["catch_up_seconds"] < 3600 and first["active"], first
        waves.target_sql("DROP FUNCTION slow CASCADE", name)
        deadline = time.monotonic() + 120
        while (last := shown(waves))["observed"]["lag"]["catch_up_seconds"] != 0:
            assert time.monotonic() < deadline, last
        assert last["blockers"] == [] and last["tone"] == "low", last
    text = status(waves)["metrics"]
    assert f'erpops_wave_member_lag_bytes{{member="{name}",wave="",direction="forward"}}' in text
    assert f'erpops_wave_member_source_answers{{member="{name}",wave=""}} 1' in text


def test_a_changed_schema_and_a_slot_that_is_gone_are_named(waves: Waves, member: Make) -> None:
    name = member("changed", "birch")
    following(waves, name)
    stands(waves, name, "following")
    waves.source_sql("ALTER TABLE res_partner ADD COLUMN x_later int", f"{name}_old", "odoo")
    found = shown(waves)
    assert "res_partner.x_later is only on the source" in reasons(found) and found["blockers"][0]["verb"] == "wave_seed"
    assert found["observed"]["diverged"] and found["tone"] == "high" and found["state"] == "following"
    waves.source_sql("ALTER TABLE res_partner DROP COLUMN x_later", f"{name}_old", "odoo")
    assert shown(waves)["blockers"] == [], "control"
    drop = (
        "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots"
        f" WHERE slot_name = 'erpops_{name}' AND active; SELECT pg_drop_replication_slot('erpops_{name}')"
    )
    psql = f"runuser -u postgres -- psql -XAtq -p {waves.port} -v ON_ERROR_STOP=1 -c {shlex.quote(drop)}"
    waves.legacy.shell(f"cd /; for try in $(seq 50); do {psql} 2>/dev/null && exit; sleep 0.1; done; exit 1")
    found = shown(waves)
    assert "its slot on the source is gone" in reasons(found) and found["observed"]["lag"] is None
    text = status(waves)["metrics"]
    assert f'erpops_wave_member_slot_lost{{member="{name}",wave="",direction="forward"}} 1' in text
    assert f'erpops_wave_member_diverged{{member="{name}",wave=""}} 1' in text
    waves.done("seed", name)
    assert shown(waves)["blockers"] == [], "what is proposed helps"


def test_changes_that_cannot_be_applied_are_named(waves: Waves, member: Make) -> None:
    name = member("failing", "birch")
    following(waves, name)
    stands(waves, name, "following")
    waves.target_sql("INSERT INTO x_acks (id, text) VALUES (4711, 'written here')", name)
    waves.source_sql("INSERT INTO x_acks (id, text) VALUES (4711, 'written there')", f"{name}_old", "odoo")
    found = shown(waves, 12)
    assert "cannot be applied" in reasons(found) and "wave_seed" in reasons(found), found


def test_a_source_that_does_not_answer_is_a_finding_and_no_failure(waves: Waves, member: Make) -> None:
    name = member("silent", "birch")
    following(waves, name)
    stands(waves, name, "following")
    waves.target.shell(CUT)
    try:
        begun = time.monotonic()
        found = shown(waves)
        assert time.monotonic() - begun < 30
    finally:
        waves.target.shell(HEAL)
    assert "Its legacy host legacy1 does not answer" in reasons(found)
    assert "erpops-source-legacy1.service" in found["blockers"][0]["cure"]
    assert found["observed"]["lag"] is None and found["observed"]["subscription"]["enabled"], "the target is still read"
    waves.target.shell("sleep 6")  # its subscriber tries again every five seconds
    assert shown(waves)["blockers"] == []


def test_a_copy_under_way_is_shown_and_not_disturbed(waves: Waves, member: Make) -> None:
    name = member("copied", "acme_prod")
    big = "CREATE TABLE x_big AS SELECT g AS id, repeat(md5(g::text), 40) AS t FROM generate_series(1, 150000) AS g"
    waves.source_sql(f"{big}; ALTER TABLE x_big ADD PRIMARY KEY (id)", f"{name}_old", "odoo")
    prepared(waves, name)
    stands(waves, name, "seeding")
    with looking(waves) as looks:
        seeded = waves.done("seed", name)
    assert seeded["state"] == "following"
    assert seeded["lag_bytes"] <= 1_048_576 and seeded["caught_up_seconds"] >= 0
    copies = [each["observed"]["copy"] for each in looks if each["observed"]["copy"]]
    parts = [each["part"] for each in copies]
    assert {"dump", "restore"} & set(parts), parts
    order = [("dump", "restore", "indexes", "rest").index(part) for part in parts if part != "begin"]
    assert order == sorted(order), parts
    for each in copies:
        assert each["tables_total"] > 100 and each["bytes_total"] > 150_000_000, each
        assert each["tables"] is None or 0 <= each["tables"] <= each["tables_total"] + 1, each
    print([each["lag"] for each in looks])


@contextmanager
def looking(waves: Waves) -> Iterator[list[dict[str, Any]]]:
    """One look after another, by the module itself on the host; what the only member's were is there at the end."""
    arguments = {**access(waves), "sources": {"legacy1": waves.tunnel}, "seconds": 0.1}
    command = (
        f"cd {FOLDER}; umask 077; cat > arguments; rm -f looks; while [ -e arguments ]; do PYTHONPATH={FOLDER}/code"
        " python3 -m ansible_collections.erpops.odoo.plugins.modules.wave_status < arguments >> looks; done"
    )
    process = subprocess.Popen([*waves.target.ssh, command], stdin=subprocess.PIPE, text=True)
    assert process.stdin
    process.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": arguments}))
    process.stdin.close()
    looks: list[dict[str, Any]] = []
    try:
        yield looks
    finally:
        waves.target.shell(f"rm -f {FOLDER}/arguments")
        process.wait(60)
    for line in waves.target.shell(f"cat {FOLDER}/looks").splitlines():
        if line.strip():
            looks += json.loads(line)["members"]


def test_a_way_back_is_shown_filling_and_lost(waves: Waves, member: Make) -> None:
    name = member("returning", "birch")
    following(waves, name)
    waves.done("cutover", name)
    stands(waves, name, "live")
    waves.target_sql("ALTER SYSTEM SET max_slot_wal_keep_size = '64MB'")
    waves.target_sql("ALTER SYSTEM SET wal_keep_size = 0")
    waves.target_sql("SELECT pg_reload_conf()")
    write = "SELECT pg_logical_emit_message(true, 'x', repeat('x', 16000000)), pg_switch_wal()"
    try:
        found = shown(waves)
        assert found["blockers"] == [] and found["way_back"]["word"] == "open", found
        assert found["observed"]["way_back"]["limit_bytes"] == 64 * 1_048_576
        waves.source_sql(f"ALTER SUBSCRIPTION erpops_back_{name} DISABLE", f"{name}_old")
        for _segment in range(3):
            waves.target_sql(write, name)
        found = shown(waves)
        assert "there is disabled" in reasons(found) and "keeps" in reasons(found), found
        assert 50 <= found["observed"]["way_back"]["used_percent"] <= 100 and not found["observed"]["way_back"]["lost"]
        for _segment in range(6):
            waves.target_sql(write, name)
            waves.target_sql("CHECKPOINT")
        assert waves.target_sql(LOST.format(slot=f"erpops_back_{name}")) == "lost", "control"
        found = shown(waves)
        assert "wave_rollback is refused" in reasons(found) and found["blockers"][0]["verb"] == "wave_commit"
        assert found["way_back"]["word"] == "lost" and found["way_back"]["tone"] == "high"
        looked = status(waves)
        assert f'erpops_wave_member_slot_lost{{member="{name}",wave="",direction="back"}} 1' in looked["metrics"]
        assert [each for each in looked["tiles"] if each["what"] == "ways back lost" and each["value"] == 1]
        refused = waves.run("rollback", name)
        assert refused["failed"] and "no way back" in refused["msg"], "and it is"
    finally:
        waves.target_sql("ALTER SYSTEM RESET max_slot_wal_keep_size")
        waves.target_sql("ALTER SYSTEM RESET wal_keep_size")
        waves.target_sql("SELECT pg_reload_conf()")


def test_a_legacy_host_that_dies_after_the_cutover_is_reported(waves: Waves, member: Make) -> None:
    name = member("dead", "birch")
    following(waves, name)
    waves.done("cutover", name)
    stands(waves, name, "live")
    waves.target.shell(CUT)
    waves.legacy.shell("systemctl stop postgresql@13-main")
    try:
        found = shown(waves)
        said = reasons(found)
        assert "Its legacy host legacy1 does not answer" in said and "its slot on the target keeps" in said
        assert found["serves"] == "target" and found["way_back"]["tone"] == "high"
    finally:
        waves.legacy.shell("systemctl start postgresql@13-main")
        waves.target.shell(HEAL)
    eventually(lambda: shown(waves)["blockers"] == [], "it follows again by itself")


def test_a_look_is_the_same_in_check_mode_and_leaves_no_trace(waves: Waves, member: Make) -> None:
    name = member("traceless", "birch")
    following(waves, name)
    stands(waves, name, "following")
    queries = (
        ("SELECT count(*) FROM ledger.entry", "erpops"),
        ("SELECT count(*) FROM ledger.lock", "erpops"),
        ("SELECT slot_name FROM pg_replication_slots ORDER BY 1", "postgres"),
    )
    before = [waves.target_sql(query, database) for query, database in queries]
    checked, run = status(waves, check=True), status(waves)
    assert [waves.target_sql(query, database) for query, database in queries] == before
    assert checked["actions"] == run["actions"] == []
    same = ("state", "blockers", "next_verbs", "way_back")
    (first,), (second,) = checked["members"], run["members"]
    assert {key: first[key] for key in same} == {key: second[key] for key in same}
