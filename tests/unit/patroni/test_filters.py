# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.erpops.odoo.plugins.filter.postgres_clusters import (
    patroni_configuration,
    postgres_absence,
    postgres_cluster_of,
    postgres_clusters,
)

HOSTS = ["db1", "db2", "db3"]
DECLARED: list[dict[str, Any]] = [
    {"name": "main", "members": ["db1", "db2"], "memory_mb": 512},
    {"name": "uat", "members": ["db3"]},
]


def finding(member: str, cluster: str, **values: Any) -> dict[str, Any]:
    base = {"data_directory": "/data", "data_directory_exists": False, "installed": False, "initialize": "absent"}
    return {"member": member, "cluster": cluster, **base, **values}


FINDINGS = [finding("db1", "main"), finding("db2", "main"), finding("db3", "uat")]


def test_defaults_are_filled_in() -> None:
    main, uat = postgres_clusters(DECLARED, HOSTS)
    assert (main["synchronous"], main["port"], main["server_name"]) == (True, 5432, "main.postgres.internal")
    assert (uat["synchronous"], uat["memory_mb"]) == (False, None)
    assert [cluster["name"] for cluster in postgres_clusters(None, HOSTS)] == ["main"]


def test_a_host_finds_its_cluster() -> None:
    assert postgres_cluster_of(DECLARED, HOSTS, "db3")["name"] == "uat"


def test_a_cluster_goes_on_to_its_configuration() -> None:
    made = patroni_configuration(postgres_cluster_of(DECLARED, HOSTS, "db1"), 9999, 2, 200, 20, 5, 5)
    assert made["postgresql"]["parameters"]["shared_buffers"] == "128MB"
    with pytest.raises(AnsibleFilterError, match="postgres_ttl"):
        patroni_configuration(postgres_cluster_of(DECLARED, HOSTS, "db1"), 9999, 2, 200, 10, 5, 5)


def test_faults_become_errors_of_the_filter() -> None:
    with pytest.raises(AnsibleFilterError, match="db9"):
        postgres_clusters([{"name": "main", "members": ["db9"]}], HOSTS)
    with pytest.raises(AnsibleFilterError, match="name and members"):
        postgres_clusters([{"name": "main"}], HOSTS)


def test_absence_needs_all_clusters_and_all_hosts() -> None:
    assert postgres_absence(FINDINGS, DECLARED, HOSTS)
    assert not postgres_absence(FINDINGS[:2], DECLARED, HOSTS)
    assert not postgres_absence([*FINDINGS[:2], finding("db3", "uat", data_directory_exists=True)], DECLARED, HOSTS)
