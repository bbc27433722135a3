"""A tenant's pool and its sessions together are its connection limit."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.erpops.odoo.plugins.filter.tenant_pools import tenant_pools

INSTANCES = [
    {"name": "shared", "environment": "test", "version": "19.0", "image": "localhost/odoo:19"},
    {"name": "cloud", "environment": "test", "version": "19.0", "image": "localhost/odoo:19", "placement": "k8s"},
]


def tenant(**values: Any) -> dict[str, Any]:
    return {"name": "acme", "instance": "shared", "hostnames": ["acme.example"], **values}


@pytest.mark.parametrize(
    ("values", "pools"),
    [
        ({"tier": "bronze"}, [("acme", "main", 6)]),
        ({"tier": "bronze", "cron_threads": 3}, [("acme", "main", 4)]),
        ({"tier": "gold", "cluster": "other"}, [("acme", "other", 18)]),
        ({"limits": {"connections": 2}, "cron_threads": 1}, [("acme", "main", 1)]),
        ({"limits": {"connections": 40}, "tier": "bronze"}, [("acme", "main", 38)]),
        ({"tier": "bronze", "state": "suspended"}, [("acme", "main", 6)]),
        ({"tier": "bronze", "state": "absent"}, []),
        ({"tier": "bronze", "instance": "cloud"}, []),
        ({}, []),
    ],
)
def test_the_pool_is_what_the_sessions_leave(values: dict[str, Any], pools: list[tuple[str, str, int]]) -> None:
    found = tenant_pools([tenant(**values)], INSTANCES)
    assert [(pool["name"], pool["cluster"], pool["pool_size"]) for pool in found] == pools


def test_a_declared_tier_takes_the_place_of_the_one_that_is_there() -> None:
    tiers = [{"name": "bronze", "cron_threads": 0, "limits": {"connections": 30}}]
    assert tenant_pools([tenant(tier="bronze")], INSTANCES, tiers)[0]["pool_size"] == 29
