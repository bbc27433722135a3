"""Files, parameters and units of declared instances; and that the role's parts agree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from ansible_collections.erpops.odoo.plugins.module_utils.redis import render
from ansible_collections.erpops.odoo.plugins.module_utils.redis.model import COMMANDS

ROLE = Path(__file__).resolve().parents[3] / "roles" / "redis"
SESSIONS = {
    "name": "sessions",
    "port": 6379,
    "maxmemory_mb": 2,
    "maxmemory_policy": "volatile-lru",
    "appendonly": True,
    "parameters": {"timeout": 30},
}


def load(name: str) -> Any:
    return yaml.safe_load((ROLE / name).read_text(encoding="utf-8"))


def test_parameters_are_as_the_server_shows_them() -> None:
    values = render.parameters(SESSIONS, replicated=True)
    assert values["maxmemory"] == "2097152"
    assert values["appendonly"] == "yes"
    assert values["timeout"] == "30"
    assert values["min-replicas-to-write"] == "1"


def test_a_single_host_or_a_cache_takes_writes_without_replicas() -> None:
    assert render.parameters(SESSIONS, replicated=False)["min-replicas-to-write"] == "0"
    assert render.parameters({**SESSIONS, "appendonly": False}, replicated=True)["min-replicas-to-write"] == "0"


def test_live_parameters_stand_in_their_own_file_which_restarts_nothing() -> None:
    files = {item["path"]: item["content"] for item in render.files([SESSIONS], True, "redis")}
    (unit,) = render.units([SESSIONS])
    assert 'maxmemory "2097152"' in files["/etc/erpops/redis/sessions-live.conf"]
    assert "maxmemory" not in files["/etc/erpops/redis/sessions.conf"]
    assert "/etc/erpops/redis/sessions.conf" in unit["restart_when"]
    assert "/etc/erpops/redis/sessions-live.conf" not in unit["restart_when"]


def test_defaults_are_those_of_the_spec_for_both_entry_points() -> None:
    specs = load("meta/argument_specs.yml")["argument_specs"]
    for entry in ("main", "users"):
        assert load("defaults/main.yml") == {
            name: option["default"] for name, option in specs[entry]["options"].items() if "default" in option
        }


def test_every_instance_of_the_role_has_commands_for_tenants() -> None:
    specs = load("meta/argument_specs.yml")["argument_specs"]
    assert specs["main"]["options"]["redis_instances"]["options"]["name"]["choices"] == list(COMMANDS)


def test_each_default_instance_says_its_memory_policy_and_persistence() -> None:
    policies = {
        item["name"]: (item["maxmemory_policy"], item["appendonly"])
        for item in load("defaults/main.yml")["redis_instances"]
    }
    assert policies == {
        "sessions": ("volatile-lru", True),
        "cache": ("allkeys-lru", False),
        "queue": ("noeviction", True),
    }
