# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger on a real PostgreSQL: it records, spools and replays once, locks, refuses changes, finds tampering."""

from __future__ import annotations

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ..tenant_databases.live import LiveCluster, run_module, run_process

# What a superuser must do before a row lets itself be changed.
DISARM = (
    "ALTER TABLE ledger.entry DISABLE TRIGGER ALL",
    "ALTER TABLE ledger.entry DROP CONSTRAINT IF EXISTS entry_hash, DROP CONSTRAINT IF EXISTS entry_position",
)


def parameters(cluster: LiveCluster, spool: Path, event: str, **values: Any) -> dict[str, Any]:
    return {**cluster.access, "spool": str(spool), "event": event, **values}


def ledger(cluster: LiveCluster, spool: Path, event: str, **values: Any) -> dict[str, Any]:
    run = {name: values.pop(name) for name in ("check", "fails") if name in values}
    return run_module("ledger", parameters(cluster, spool, event, **values), **run)


def ledger_at_once(cluster: LiveCluster, calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda call: run_process("ledger", parameters(cluster, **call)), calls))


def verify(cluster: LiveCluster, **values: Any) -> list[str]:
    result = run_module("ledger_verify", {**cluster.access, "report_only": True, **values})
    return [finding["kind"] for finding in result["findings"]]


def bodies(cluster: LiveCluster) -> list[dict[str, Any]]:
    return [
        json.loads(row["body"]) for row in cluster.rows("erpops", "SELECT body FROM ledger.entry ORDER BY position")
    ]


@pytest.fixture
def operations(cluster: LiveCluster, tmp_path: Path) -> list[str]:
    """Three operations, six entries."""
    begun = []
    for number in range(3):
        result = ledger(cluster, tmp_path, "begin", playbook=f"p{number}", operator="ann", tags=["a", "b"])
        ledger(cluster, tmp_path, "end", operation=result["operation"], result="ok")
        begun.append(result["operation"])
    return begun


def test_an_operation_is_two_rows_and_no_change(cluster: LiveCluster, tmp_path: Path) -> None:
    head_file = tmp_path / "heads"
    begun = ledger(
        cluster, tmp_path, "begin", playbook="site", estate="north", operator="ann", awx_user="bob", awx_job="17",
        change_ticket="CHG-1", commit="abc", limit="db1", tags=["postgres"], head_file=str(head_file),
    )  # fmt: skip
    ended = ledger(cluster, tmp_path, "end", operation=begun["operation"], result="ok", head_file=str(head_file))
    assert begun["changed"] is False and ended["changed"] is False
    assert begun["recorded"] and begun["head"]["position"] == 1 and ended["head"]["position"] == 2
    first, second = bodies(cluster)
    assert first["content"] == {
        "playbook": "site", "estate": "north", "operator": "ann", "awx_user": "bob", "awx_job": "17",
        "change_ticket": "CHG-1", "commit": "abc", "limit": "db1", "tags": ["postgres"],
    }  # fmt: skip
    assert second["content"] == {"result": "ok"}
    (row,) = cluster.rows("erpops", "SELECT * FROM ledger.operation")
    assert (row["playbook"], row["operator"], row["result"]) == ("site", "ann", "ok")
    assert row["started_at"] <= row["ended_at"]
    heads = [json.loads(line) for line in head_file.read_text().splitlines()]
    assert [head["hash"] for head in heads] == [begun["head"]["hash"], ended["head"]["hash"]]


def test_check_mode_writes_nothing(cluster: LiveCluster, tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    result = ledger(cluster, spool, "begin", playbook="site", check=True)
    assert result["operation"] and not result["recorded"] and not result["spooled"]
    assert not spool.exists()
    assert cluster.rows("postgres", "SELECT 1 FROM pg_database WHERE datname = 'erpops'") == []


def test_what_waited_is_replayed_in_order_and_once(cluster: LiveCluster, tmp_path: Path) -> None:
    """Two hosts spooled the same operation; both replay it."""
    operation, spools = str(uuid.uuid4()), [tmp_path / "one", tmp_path / "two"]
    cluster.power("stop")
    try:
        for spool in spools:
            result = ledger(cluster, spool, "begin", operation=operation, playbook="site")
            assert result["spooled"] and not result["recorded"] and result["changed"] is False
            evidence = [{"name": "plan", "sha256": "00"}]
            ledger(cluster, spool, "evidence", operation=operation, subject="plan", evidence=evidence)
            assert len((spool / f"{operation}.jsonl").read_text().splitlines()) == 2
    finally:
        cluster.power("start")
    results = ledger_at_once(
        cluster, [{"spool": spool, "event": "end", "operation": operation, "result": "ok"} for spool in spools]
    )
    assert sorted(result["replayed"] for result in results) == [0, 2]
    assert [body["event"] for body in bodies(cluster)] == ["begin", "evidence", "end"]
    assert not [path for spool in spools for path in spool.glob("*.jsonl")]
    assert verify(cluster) == []


def test_a_torn_line_of_the_spool_is_kept_beside(cluster: LiveCluster, tmp_path: Path) -> None:
    operation = str(uuid.uuid4())
    (tmp_path / f"{operation}.jsonl").write_text('{"id": "x", "operat')
    result = ledger(cluster, tmp_path, "begin", operation=operation, playbook="site")
    assert "torn line" in json.dumps(result["warnings"])
    assert (tmp_path / f"{operation}.jsonl.torn").exists()
    assert len(bodies(cluster)) == 1


def test_the_first_writers_of_a_new_estate_may_come_together(cluster: LiveCluster, tmp_path: Path) -> None:
    operations = [str(uuid.uuid4()) for number in range(4)]
    results = ledger_at_once(
        cluster,
        [{"spool": tmp_path / each, "event": "begin", "operation": each, "playbook": "p"} for each in operations],
    )
    assert sorted(result["head"]["position"] for result in results) == [1, 2, 3, 4]
    assert verify(cluster) == []


def test_a_lock_names_its_owner_and_the_way_out(cluster: LiveCluster, tmp_path: Path) -> None:
    first = ledger(cluster, tmp_path, "begin", playbook="site", awx_user="ann", lock="estate")
    second = ledger(cluster, tmp_path, "begin", playbook="tenant", operator="bob", lock="estate", fails=True)
    for word in ("estate", "ann", "since 20", "site", first["operation"], "ledger_break_lock=true"):
        assert word in second["msg"]
    assert len(bodies(cluster)) == 1
    again = ledger(cluster, tmp_path, "lock", operation=first["operation"], lock="estate", awx_user="ann")
    assert again["recorded"]
    ledger(cluster, tmp_path, "end", operation=first["operation"], result="ok")
    assert cluster.rows("erpops", "SELECT * FROM ledger.lock") == []
    assert bodies(cluster)[-1]["content"] == {"released": ["estate"], "result": "ok"}


def test_a_dead_runs_lock_can_be_taken_over(cluster: LiveCluster, tmp_path: Path) -> None:
    dead = ledger(cluster, tmp_path, "begin", playbook="site", operator="ann", lock="estate")
    second = ledger(cluster, tmp_path, "begin", playbook="site", operator="bob", lock="estate", break_lock=True)
    (row,) = cluster.rows("erpops", "SELECT operation, owner FROM ledger.lock")
    assert row == {"operation": second["operation"], "owner": "bob"}
    assert bodies(cluster)[-1]["content"]["broken"]["operation"] == dead["operation"]
    ledger(cluster, tmp_path, "end", operation=dead["operation"], result="failed")
    assert cluster.rows("erpops", "SELECT owner FROM ledger.lock") == [{"owner": "bob"}]


def test_a_lock_is_never_pretended(cluster: LiveCluster, tmp_path: Path) -> None:
    cluster.power("stop")
    try:
        result = ledger(cluster, tmp_path, "lock", operation=str(uuid.uuid4()), lock="estate", fails=True)
        assert cluster.address in result["msg"]
        begun = ledger(cluster, tmp_path, "begin", playbook="site", lock="estate")
        assert "was not taken" in json.dumps(begun["warnings"])
    finally:
        cluster.power("start")


def test_secrets_are_refused(cluster: LiveCluster, tmp_path: Path) -> None:
    evidence = [{"db_password": "x"}]
    result = ledger(
        cluster, tmp_path, "evidence", operation=str(uuid.uuid4()), subject="s", evidence=evidence, fails=True
    )
    assert "db_password" in result["msg"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger.entry SET body = body WHERE position = 1",
        "DELETE FROM ledger.entry WHERE position = 6",
        "TRUNCATE ledger.entry",
        "INSERT INTO ledger.entry (position, body, prev_hash, hash) SELECT 7, body, hash, hash || 'x' FROM ledger.entry"
        " WHERE position = 1",
    ],
)
def test_a_superusers_ordinary_statement_is_refused(
    cluster: LiveCluster, operations: list[str], statement: str
) -> None:
    for prefix in ("", "SET session_replication_role = replica; "):
        with pytest.raises(psycopg.Error):
            cluster.do("erpops", prefix + statement)
    assert verify(cluster) == []


def test_a_changed_row_is_found(cluster: LiveCluster, operations: list[str]) -> None:
    cluster.do("erpops", *DISARM, "UPDATE ledger.entry SET body = replace(body, 'p1', 'p9') WHERE position = 3")
    result = run_module("ledger_verify", cluster.access, fails=True)
    assert [(each["position"], each["kind"]) for each in result["findings"]] == [(3, "changed")]
    assert "entry 3" in result["msg"]


def test_a_changed_row_with_its_hash_recomputed_is_found(cluster: LiveCluster, operations: list[str]) -> None:
    cluster.do(
        "erpops", *DISARM,
        "UPDATE ledger.entry SET body = replace(body, 'p1', 'p9') WHERE position = 3",
        "UPDATE ledger.entry SET hash = encode(sha256(convert_to(prev_hash || E'\\n' || body, 'UTF8')), 'hex')"
        " WHERE position = 3",
    )  # fmt: skip
    assert verify(cluster) == ["inserted"]


def test_a_removed_row_is_found(cluster: LiveCluster, operations: list[str]) -> None:
    cluster.do("erpops", *DISARM, "DELETE FROM ledger.entry WHERE position IN (3, 4)")
    assert verify(cluster) == ["removed"]


def test_a_removed_row_is_found_when_the_gap_is_closed(cluster: LiveCluster, operations: list[str]) -> None:
    cluster.do(
        "erpops", *DISARM, "DELETE FROM ledger.entry WHERE position = 3",
        "UPDATE ledger.entry SET position = position - 1 WHERE position > 3",
    )  # fmt: skip
    assert "inserted" in verify(cluster)


def test_an_inserted_row_is_found(cluster: LiveCluster, operations: list[str]) -> None:
    cluster.do(
        "erpops", *DISARM,
        "UPDATE ledger.entry SET position = position + 100 WHERE position > 3",
        "UPDATE ledger.entry SET position = position - 99 WHERE position > 100",
        "INSERT INTO ledger.entry (position, body, prev_hash, hash) VALUES (4,"
        " '{\"id\":\"f\",\"operation\":\"f\",\"event\":\"approve\",\"position\":4}', repeat('a', 64), repeat('b', 64))",
    )  # fmt: skip
    kinds = verify(cluster)
    assert "changed" in kinds and "inserted" in kinds


def test_a_removed_tail_is_found_by_a_head_kept_elsewhere(
    cluster: LiveCluster, tmp_path: Path, operations: list[str]
) -> None:
    head_file = tmp_path / "heads"
    head = ledger(cluster, tmp_path, "begin", playbook="last", head_file=str(head_file))["head"]
    assert verify(cluster, head_position=head["position"], head_hash=head["hash"]) == []
    cluster.do("erpops", *DISARM, "DELETE FROM ledger.entry WHERE position > 4")
    assert verify(cluster) == []
    assert verify(cluster, head_position=head["position"], head_hash=head["hash"]) == ["tail"]
    assert verify(cluster, head_file=str(head_file)) == ["tail"]


def test_a_recomputed_chain_is_found_by_a_head_kept_elsewhere(
    cluster: LiveCluster, tmp_path: Path, operations: list[str]
) -> None:
    head = run_module("ledger_verify", cluster.access)["head"]
    cluster.do("erpops", "DROP SCHEMA ledger CASCADE")
    for number in range(3):
        result = ledger(cluster, tmp_path, "begin", playbook=f"p{number}", operator="eve")
        ledger(cluster, tmp_path, "end", operation=result["operation"], result="ok")
    assert verify(cluster) == []
    assert verify(cluster, head_position=head["position"], head_hash=head["hash"]) == ["changed"]


def test_a_ledger_that_is_gone_is_an_error(cluster: LiveCluster) -> None:
    result = run_module("ledger_verify", cluster.access, fails=True)
    assert "erpops" in result["msg"]
