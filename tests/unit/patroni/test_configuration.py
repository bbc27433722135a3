# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError
from ansible_collections.erpops.odoo.plugins.module_utils.patroni.configuration import (
    Timing,
    dynamic,
    merged,
    patch,
    undeclared,
)
from ansible_collections.erpops.odoo.plugins.module_utils.patroni.model import Cluster

TIMING = Timing()


def cluster(**values: Any) -> Cluster:
    return Cluster(**{"name": "main", "members": ("db1", "db2"), "synchronous": True, "memory_mb": 512, **values})


def made(of: Cluster | None = None, **values: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"memory_mb": 8192, "cpus": 2, "max_connections": 200, "timing": TIMING, **values}
    return dynamic(of or cluster(), **given)


def test_declared_memory_wins_over_the_hosts() -> None:
    assert made()["postgresql"]["parameters"]["shared_buffers"] == "128MB"
    assert made(cluster(memory_mb=None))["postgresql"]["parameters"]["shared_buffers"] == "2048MB"


def test_declared_parameters_win_over_sizes_and_baseline() -> None:
    parameters = made(cluster(parameters={"work_mem": "1MB", "jit": False, "max_connections": 50}))["postgresql"]
    assert parameters["parameters"]["work_mem"] == "1MB"
    assert parameters["parameters"]["jit"] == "off"
    assert parameters["parameters"]["max_connections"] == 50


def test_the_safe_switches_are_on() -> None:
    configuration = made()
    assert configuration["failsafe_mode"] is True
    assert configuration["synchronous_mode"] is True
    assert configuration["postgresql"]["use_pg_rewind"] is True
    assert configuration["postgresql"]["parameters"]["wal_level"] == "logical"


def test_slots_of_moves_survive_a_failover_and_there_are_enough() -> None:
    configuration = made()
    parameters = configuration["postgresql"]["parameters"]
    assert configuration["ignore_slots"] == [{"type": "logical", "plugin": "pgoutput"}]
    assert (parameters["sync_replication_slots"], parameters["hot_standby_feedback"]) == ("on", "on")
    assert parameters["max_worker_processes"] >= parameters["max_logical_replication_workers"] + 8
    assert patch(configuration, json.loads(json.dumps(configuration))) == {}


def test_only_extensions_that_need_it_are_preloaded() -> None:
    parameters = made(cluster(extensions=("unaccent", "pg_stat_statements")))["postgresql"]["parameters"]
    assert parameters["shared_preload_libraries"] == "pg_stat_statements"
    assert "shared_preload_libraries" not in made(cluster(extensions=()))["postgresql"]["parameters"]


@pytest.mark.parametrize(
    ("timing", "field"),
    [
        (Timing(ttl=10), "postgres_ttl"),
        (Timing(loop_wait=0), "postgres_loop_wait"),
        (Timing(retry_timeout=1), "postgres_retry_timeout"),
        (Timing(ttl=20, loop_wait=10, retry_timeout=10), "postgres_ttl"),
    ],
)
def test_timing_that_the_manager_would_silently_bend_is_refused(timing: Timing, field: str) -> None:
    with pytest.raises(InputError) as raised:
        made(timing=timing)
    assert field in {problem.field for problem in raised.value.problems}


def test_it_survives_json() -> None:
    assert json.loads(json.dumps(made())) == made()


def test_no_patch_where_all_is_as_declared() -> None:
    assert patch(made(), json.loads(json.dumps(made()))) == {}


def test_a_patch_holds_only_what_differs() -> None:
    actual = made()
    actual["ttl"] = 30
    actual["postgresql"]["parameters"]["work_mem"] = "1GB"
    assert patch(made(), actual) == {
        "ttl": 20,
        "postgresql": {"parameters": {"work_mem": made()["postgresql"]["parameters"]["work_mem"]}},
    }


def test_a_parameter_that_nobody_declares_goes() -> None:
    actual = made()
    actual["postgresql"]["parameters"]["log_statement"] = "all"
    change = patch(made(), actual)
    assert change == {"postgresql": {"parameters": {"log_statement": None}}}
    assert merged(actual, change) == made()


def test_other_undeclared_keys_stay_and_are_named() -> None:
    actual = {**made(), "pause": True, "slots": {"odoo": {"type": "logical"}}}
    actual["postgresql"]["pg_ident"] = []
    assert patch(made(), actual) == {}
    assert undeclared(made(), actual) == ["postgresql.pg_ident", "pause", "slots"]


def test_a_patch_brings_anything_to_what_is_declared() -> None:
    for actual in ({}, {"postgresql": {}}, {"postgresql": {"parameters": {"a": 1}}, "ttl": "x"}):
        assert merged(actual, patch(made(), actual)) == made()
