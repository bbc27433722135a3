# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError
from ansible_collections.erpops.odoo.plugins.module_utils.patroni import access, plan
from ansible_collections.erpops.odoo.plugins.module_utils.patroni.access import RoleFound
from ansible_collections.erpops.odoo.plugins.module_utils.patroni.configuration import Timing, dynamic
from ansible_collections.erpops.odoo.plugins.module_utils.patroni.converge import settled
from ansible_collections.erpops.odoo.plugins.module_utils.patroni.model import Cluster
from ansible_collections.erpops.odoo.plugins.module_utils.patroni.plan import Actual, Desired, Member
from ansible_collections.erpops.odoo.plugins.module_utils.patroni.settings import Setting
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.scram import verifier

ROLES = access.roles(
    {name: f"secret-{name}" for name in ("erpops_admin", "erpops_template", "pgbouncer_auth", "replicator", "rewind")}
)
LEADER = Member(name="db1", role="leader", state="running")
STANDBY = Member(name="db2", role="sync_standby", state="streaming", lag_bytes=0)
RESTARTING = ("max_connections", "shared_buffers", "wal_level", "max_worker_processes")


def desired(**values: Any) -> Desired:
    restart = values.pop("restart", "in_place")
    cluster = Cluster(**{"name": "main", "members": ("db1", "db2"), "synchronous": True, "memory_mb": 512, **values})
    configuration = dynamic(cluster, memory_mb=0, cpus=2, max_connections=200, timing=Timing())
    return Desired(cluster=cluster, configuration=configuration, roles=ROLES, restart=restart)


def live(of: Desired) -> dict[str, Setting]:
    """Settings as strings, so that the declared value is the live one."""
    return {
        name: Setting(name=name, setting=str(value), context="postmaster" if name in RESTARTING else "sighup")
        for name, value in of.parameters.items()
    }


def actual(of: Desired, **values: Any) -> Actual:
    found = access.Found(
        roles={
            role.name: RoleFound(attributes=dict(role.attributes), verifier=verifier(role.password)) for role in ROLES
        },
        function=access.expected_function(),
        public=dict(access.PUBLIC_MAY),
        extensions=frozenset(of.cluster.extensions),
        available=frozenset({"pg_stat_statements", "unaccent"}),
    )
    base: dict[str, Any] = {
        "configuration": of.configuration,
        "members": (LEADER, STANDBY),
        "settings": {"db1": live(of), "db2": live(of)},
        "access": found,
    }
    return Actual(**{**base, **values})


def words(of: Desired, there: Actual) -> list[tuple[str, str]]:
    return [(action.verb, action.subject) for action in plan.plan_actual(of, there).actions]


def test_nothing_to_do() -> None:
    made = plan.plan_actual(desired(), actual(desired()))
    assert made == plan.Plan()
    assert plan.snapshot(desired(), actual(desired())) == plan.desired_snapshot(desired(), actual(desired()), made)


def test_what_check_mode_says_of_nothing_is_what_a_bootstrap_then_reports() -> None:
    of = desired()
    fresh = actual(of, access=replace(access.Found(), available=frozenset({"pg_stat_statements"})), bootstrapped=True)
    assert plan.plan_absent(of).actions == plan.plan_actual(of, fresh).actions
    assert plan.snapshot(of, None) == plan.snapshot(of, fresh) == {}


def test_a_reloadable_parameter_needs_no_restart() -> None:
    of = desired()
    before = desired(parameters={"work_mem": "1GB"})
    there = actual(of, configuration=before.configuration)
    assert words(of, there) == [("set", "postgresql.parameters.work_mem of cluster main")]


def test_replicas_restart_first() -> None:
    of = desired(parameters={"max_connections": 300, "work_mem": "4MB"})
    there = actual(of, configuration=desired().configuration)
    restarts = [subject for verb, subject in words(of, there) if verb == "restart"]
    assert restarts == ["member db2", "member db1"]


def test_never_restarts_when_told_so() -> None:
    of = desired(parameters={"max_connections": 300}, restart="never")
    there = actual(of, configuration=desired().configuration)
    assert [said[0] for said in words(of, there)] == ["set"]


def test_a_member_that_waits_for_a_restart_gets_it() -> None:
    waiting = replace(STANDBY, pending_restart=True)
    assert words(desired(), actual(desired(), members=(LEADER, waiting))) == [("restart", "member db2")]


def test_a_member_that_does_not_answer_is_not_restarted() -> None:
    waiting = replace(STANDBY, pending_restart=True)
    there = actual(desired(), members=(LEADER, waiting), settings={"db1": live(desired())})
    assert words(desired(), there) == []


def test_what_alter_system_set_is_taken_back_and_is_drift() -> None:
    settings = live(desired())
    settings["work_mem"] = replace(settings["work_mem"], setting="1GB", from_alter_system=True)
    made = plan.plan_actual(desired(), actual(desired(), settings={"db1": settings, "db2": live(desired())}))
    assert made.resets == {"db1": ("work_mem",)}
    assert [(one.member, one.parameter, one.live) for one in made.drift] == [("db1", "work_mem", "1GB")]
    assert [(action.verb, action.subject) for action in made.actions] == [("reset", "work_mem of member db1")]


def test_what_cannot_be_is_refused_with_all_faults() -> None:
    of = desired(parameters={"wrok_mem": "4MB"}, extensions=("unaccent", "postgis"))
    with pytest.raises(InputError) as raised:
        plan.plan_actual(of, actual(of, settings={"db1": live(desired()), "db2": live(desired())}))
    assert [problem.field for problem in raised.value.problems] == ["parameters.wrok_mem", "extensions[1]"]


def test_undeclared_keys_are_reported() -> None:
    there = actual(desired(), configuration={**desired().configuration, "pause": True})
    made = plan.plan_actual(desired(), there)
    assert (made.actions, made.undeclared) == ((), ("pause",))


def test_members_are_read_as_patroni_gives_them() -> None:
    (one, two) = plan.members_from(
        {
            "members": [
                {"name": "db1", "role": "leader", "state": "running", "tags": {"zone": "a"}},
                {"name": "db2", "role": "replica", "state": "streaming", "lag": "unknown", "pending_restart": True},
            ]
        }
    )
    assert (one.leads, one.zone, one.pending_restart) == (True, "a", False)
    assert (two.follows, two.lag_bytes, two.pending_restart) == (True, None, True)


def test_settled_only_with_leader_all_members_and_a_synchronous_standby() -> None:
    everyone = ["db1", "db2"]
    assert settled(desired(), (LEADER, STANDBY), everyone) == []
    replica = replace(STANDBY, role="replica")
    starting = replace(STANDBY, state="starting")
    assert [problem.field for problem in settled(desired(), (LEADER, replica), everyone)] == ["synchronous standby"]
    assert "host db2" in [problem.subject for problem in settled(desired(), (LEADER, starting), everyone)]
    assert "leader" in [problem.field for problem in settled(desired(), (STANDBY,), everyone)]


def test_a_dead_member_that_is_not_expected_blocks_nobody() -> None:
    assert settled(desired(), (LEADER,), ["db1"]) == []
    assert settled(desired(synchronous=False), (LEADER, replace(STANDBY, role="replica")), ["db1", "db2"]) == []
