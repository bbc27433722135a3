# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store of members on a real PostgreSQL: transitions with their entries, locks, operators at the same instant."""

from __future__ import annotations

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import Refused
from ansible_collections.erpops.odoo.plugins.module_utils.ledger import client as ledger
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import Server
from ansible_collections.erpops.odoo.plugins.module_utils.wave import store
from ansible_collections.erpops.odoo.plugins.module_utils.wave.model import Run, Step

from ..tenant_databases.live import PASSWORD, LiveCluster, run_module, run_process

ANN = Run(operation=str(uuid.UUID(int=1)), owner="ann", playbook="wave_seed")
BOB = Run(operation=str(uuid.UUID(int=2)), owner="bob", playbook="wave_seed")
STATES = "SELECT name, state, origin, operation, facts FROM wave.member ORDER BY name"


def server_of(cluster: LiveCluster) -> Server:
    return Server(
        hosts=(cluster.address,), port=cluster.port, user="erpops_admin", password=PASSWORD,
        ca_file=str(cluster.ca_file),
    )  # fmt: skip


def discover(name: str) -> Step:
    return Step(
        name=name, kind="record", verb="wave_discover", outcome="discovered", host="legacy1", database=f"{name}_prod"
    )


def bring(cluster: LiveCluster, *names: str, run: Run = ANN) -> None:
    """Members that are prepared."""
    with store.opened(server_of(cluster)) as connection:
        for verb, outcome in (("wave_discover", "discovered"), ("wave_plan", "planned")):
            steps = [Step(name=name, kind="record", verb=verb, outcome=outcome, host="legacy1", database=f"{name}_prod",
                          wave=1) for name in names]  # fmt: skip
            store.applied(connection, run, steps)
        store.applied(connection, run, [Step(name=name, kind="begin", verb="wave_prepare") for name in names])
        store.applied(
            connection, run, [Step(name=name, kind="end", verb="wave_prepare", outcome="prepared") for name in names]
        )


def begin(cluster: LiveCluster, run: Run, *names: str, break_locks: tuple[str, ...] = ()) -> Any:
    with store.opened(server_of(cluster)) as connection:
        return store.applied(
            connection, run, [Step(name=name, kind="begin", verb="wave_seed") for name in names], break_locks
        )


def bodies(cluster: LiveCluster) -> list[dict[str, Any]]:
    rows = cluster.rows("erpops", "SELECT body FROM ledger.entry WHERE event = 'wave' ORDER BY position")
    return [json.loads(row["body"]) for row in rows]


def test_each_transition_has_its_entry(cluster: LiveCluster) -> None:
    bring(cluster, "acme")
    moved = [(each["content"]["from"], each["content"]["to"]) for each in bodies(cluster)]
    assert moved == [("", "discovered"), ("discovered", "planned"), ("planned", "preparing"), ("preparing", "prepared")]
    (row,) = cluster.rows("erpops", STATES)
    assert (row["state"], row["operation"]) == ("prepared", ANN.operation)
    assert cluster.rows("erpops", "SELECT * FROM ledger.lock") == []
    assert run_module("ledger_verify", cluster.access)["findings"] == []


def test_a_step_that_cannot_be_entered_is_not_taken(cluster: LiveCluster) -> None:
    """State, lock and entry are one transaction: where the entry fails, nothing of it stays."""
    bring(cluster, "acme")
    cluster.do(
        "erpops",
        "CREATE FUNCTION ledger.no_room() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'no room'; END $$",
        "CREATE TRIGGER no_room BEFORE INSERT ON ledger.entry FOR EACH ROW EXECUTE FUNCTION ledger.no_room()",
    )
    with pytest.raises(Exception, match="no room"):
        begin(cluster, ANN, "acme")
    assert cluster.rows("erpops", STATES)[0]["state"] == "prepared"
    assert cluster.rows("erpops", "SELECT * FROM ledger.lock") == []


def test_of_two_operators_at_one_instant_exactly_one_wins(cluster: LiveCluster) -> None:
    names = [f"m{number}" for number in range(8)]
    bring(cluster, *names)

    def attempt(call: tuple[Run, str]) -> str:
        run, name = call
        try:
            begin(cluster, run, name)
        except Refused as refused:
            return str(refused)
        return "won"

    calls = [(run, name) for name in names for run in (ANN, BOB)]
    with ThreadPoolExecutor(max_workers=len(calls)) as pool:
        results = dict(zip(((run.owner, name) for run, name in calls), pool.map(attempt, calls), strict=True))
    for name in names:
        said = sorted((results["ann", name], results["bob", name]), key=lambda text: text != "won")
        assert said[0] == "won" and f"wave/{name} is 'held by " in said[1], said
    held = {row["name"]: row["owner"] for row in cluster.rows("erpops", "SELECT name, owner FROM ledger.lock")}
    rows = {row["name"]: row["operation"] for row in cluster.rows("erpops", STATES)}
    for name in names:
        winner = ANN if results["ann", name] == "won" else BOB
        assert held[f"wave/{name}"] == winner.owner and rows[name] == winner.operation
    begun = [each["content"]["member"] for each in bodies(cluster) if each["content"]["to"] == "seeding"]
    assert sorted(begun) == names, "one entry for each member"
    assert run_module("ledger_verify", cluster.access)["findings"] == []


def test_two_modules_at_one_instant(cluster: LiveCluster) -> None:
    """The same from outside: two processes of the module, on a store that neither finds made."""
    steps = [{"name": "acme", "kind": "record", "verb": "wave_discover", "outcome": "discovered", "host": "l",
              "database": "d"}]  # fmt: skip
    calls = [{**cluster.access, "steps": steps, "operation": run.operation, "owner": run.owner} for run in (ANN, BOB)]
    with ThreadPoolExecutor() as pool:
        results = list(pool.map(lambda call: run_process("wave_members", call), calls))
    assert sorted(result["changed"] for result in results) == [False, True]
    assert len(bodies(cluster)) == 1


def test_a_lock_is_broken_by_name_and_the_ledger_says_from_whom(cluster: LiveCluster) -> None:
    bring(cluster, "acme", "birch")
    begin(cluster, ANN, "acme", "birch")
    with pytest.raises(Refused) as caught:
        begin(cluster, BOB, "acme", "birch", break_locks=("acme",))
    assert [problem.subject for problem in caught.value.problems] == ["member birch"]
    assert {row["operation"] for row in cluster.rows("erpops", STATES)} == {ANN.operation}, "all steps or none"
    begin(cluster, BOB, "acme", break_locks=("acme",))
    taken = bodies(cluster)[-1]["content"]
    assert (taken["broken"]["owner"], taken["broken"]["operation"]) == ("ann", ANN.operation)
    with store.opened(server_of(cluster)) as connection, pytest.raises(Refused, match="wave/acme is 'held by bob"):
        store.applied(connection, ANN, [Step(name="acme", kind="end", verb="wave_seed", outcome="following")])


def test_the_ledger_s_end_releases_the_members(cluster: LiveCluster) -> None:
    bring(cluster, "acme")
    begin(cluster, ANN, "acme")
    with ledger.opened(server_of(cluster)) as connection:
        assert ledger.release_locks(connection, ANN.operation) == ["wave/acme"]
    (change,) = begin(cluster, BOB, "acme")
    assert (change.before.state, change.after.origin) == ("seeding", "prepared"), "a run that died is taken up"


def test_one_database_of_a_host_is_one_member(cluster: LiveCluster) -> None:
    bring(cluster, "acme")
    with store.opened(server_of(cluster)) as connection, pytest.raises(psycopg.errors.UniqueViolation):
        twin = Step(name="twin", kind="record", verb="wave_discover", outcome="discovered", host="legacy1",
                    database="acme_prod")  # fmt: skip
        store.applied(connection, ANN, [twin])


def test_the_module_predicts_refuses_and_repeats_nothing(cluster: LiveCluster) -> None:
    assert run_module("wave_members", cluster.access)["members"] == []
    assert cluster.rows("postgres", "SELECT 1 FROM pg_database WHERE datname = 'erpops'") == []
    bring(cluster, "acme", "birch")
    call = {**cluster.access, "operation": BOB.operation, "owner": "bob", "playbook": "wave_seed",
            "steps": [{"name": "acme", "kind": "begin", "verb": "wave_seed"}]}  # fmt: skip
    predicted = run_module("wave_members", call, check=True)
    assert cluster.rows("erpops", STATES)[0]["state"] == "prepared"
    done = run_module("wave_members", call)
    assert (done["actions"], done["diff"]) == (predicted["actions"], predicted["diff"])
    assert run_module("wave_members", call)["changed"] is False
    acme, birch = run_module("wave_members", cluster.access)["members"]
    assert (acme["state"], acme["serves"], acme["next_verbs"]) == ("seeding", "source", ["wave_seed", "wave_rollback"])
    assert acme["lock"]["owner"] == "bob" and birch["lock"] is None
    wrong = {**call, "steps": [{"name": "birch", "kind": "begin", "verb": "wave_commit"},
                               {"name": "elm", "kind": "begin", "verb": "wave_seed"}]}  # fmt: skip
    for check in (True, False):
        refused = run_module("wave_members", wrong, check=check, fails=True)
        assert [problem["subject"] for problem in refused["problems"]] == ["member birch", "member elm"]


def test_secrets_do_not_get_in(cluster: LiveCluster) -> None:
    bring(cluster, "acme")
    step = {"name": "acme", "kind": "note", "facts": {"source": {"db_password": "hunter2"}}}
    call = {**cluster.access, "operation": ANN.operation, "steps": [step]}
    refused = run_module("wave_members", call, fails=True)
    assert "facts.source.db_password" in refused["msg"] and "hunter2" not in json.dumps(refused["problems"])
