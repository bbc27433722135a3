# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError
from ansible_collections.erpops.odoo.plugins.module_utils.patroni.model import cluster_of, clusters_from

HOSTS = ["db1", "db2", "db3"]


def test_without_declaration_one_cluster_of_all_hosts() -> None:
    (cluster,) = clusters_from([], HOSTS)
    assert (cluster.name, cluster.members, cluster.synchronous, cluster.port) == ("main", tuple(HOSTS), True, 5432)
    assert cluster.server_name == "main.postgres.internal"


def test_one_member_is_not_synchronous() -> None:
    (cluster,) = clusters_from([{"name": "uat", "members": ["db3"], "synchronous": None}], HOSTS)
    assert cluster.synchronous is False


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ([{"name": "a", "members": ["db9"]}], "members[0]"),
        ([{"name": "a", "members": []}], "members"),
        ([{"name": "a", "members": ["db1"]}, {"name": "a", "members": ["db2"]}], "name"),
        ([{"name": "a", "members": ["db1"]}, {"name": "b", "members": ["db1"]}], "members"),
        ([{"name": "a", "members": ["db1"], "memory_mb": 64}], "memory_mb"),
        ([{"name": "a", "members": ["db1"], "synchronous": True}], "synchronous"),
        ([{"name": "a", "members": ["db1"], "parameters": {"listen_addresses": "*"}}], "parameters.listen_addresses"),
        ([{"name": "a", "members": ["db1"], "parameters": {"SSL": "off"}}], "parameters.SSL"),
    ],
)
def test_faults(values: list[dict[str, Any]], field: str) -> None:
    with pytest.raises(InputError) as raised:
        clusters_from(values, HOSTS)
    assert [problem.field for problem in raised.value.problems] == [field]


def test_all_faults_at_once() -> None:
    with pytest.raises(InputError) as raised:
        clusters_from([{"name": "a", "members": ["db8", "db9"], "memory_mb": 1}], HOSTS)
    assert len(raised.value.problems) == 3


def test_a_host_without_cluster_is_named() -> None:
    clusters = clusters_from([{"name": "a", "members": ["db1"]}], HOSTS)
    assert cluster_of(clusters, "db1").name == "a"
    with pytest.raises(InputError, match="host db2"):
        cluster_of(clusters, "db2")
