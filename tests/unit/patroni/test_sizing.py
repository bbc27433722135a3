# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.patroni.sizing import sized


def test_a_quarter_of_the_memory_is_shared() -> None:
    assert sized(512, 2, 200)["shared_buffers"] == "128MB"
    assert sized(65536, 16, 200)["shared_buffers"] == "16384MB"


def test_a_few_megabytes_more_or_less_change_nothing() -> None:
    assert sized(24105, 2, 200) == sized(24098, 2, 200)


@pytest.mark.parametrize("memory_mb", [128, 256, 512, 1024, 4096, 16384, 131072, 1048576])
@pytest.mark.parametrize("connections", [50, 200, 1000])
def test_bounds(memory_mb: int, connections: int) -> None:
    values = sized(memory_mb, 4, connections)
    megabytes = {name: int(str(value)[:-2]) for name, value in values.items() if str(value).endswith("MB")}
    assert 4 <= megabytes["work_mem"] <= 64
    assert 32 <= megabytes["maintenance_work_mem"] <= 2048
    assert megabytes["shared_buffers"] < megabytes["effective_cache_size"] < memory_mb
    assert megabytes["min_wal_size"] < megabytes["max_wal_size"]
    assert values["max_connections"] == connections


def test_more_connections_sort_in_less_memory() -> None:
    few, many = sized(16384, 4, 100)["work_mem"], sized(16384, 4, 1000)["work_mem"]
    assert (few, many) == ("64MB", "12MB")


@pytest.mark.parametrize(("cpus", "gather"), [(1, 0), (2, 1), (8, 4), (64, 4)])
def test_parallel_workers_follow_the_processors(cpus: int, gather: int) -> None:
    values = sized(4096, cpus, 200)
    assert values["max_parallel_workers_per_gather"] == gather
    assert int(values["max_worker_processes"]) >= int(values["max_parallel_workers"])
