# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL's parameters from the memory and processors that it may use."""

from __future__ import annotations

MINIMUM_MEMORY_MB = 128
FOLLOWERS = 20  # members of waves that may follow their sources at once


def sized(memory_mb: int, cpus: int, max_connections: int) -> dict[str, str | int]:
    """A baseline for many small and middling Odoo databases on SSDs.

    A quarter for shared buffers, the rest mostly page cache. work_mem is what is left when every connection sorts
    once, so that a burst of reports does not end in the kernel's out-of-memory killer.
    """
    # A host shows a few MB more or less after a new kernel: that must not look like a change.
    memory_mb = memory_mb // 256 * 256 if memory_mb >= 2048 else memory_mb
    shared = memory_mb // 4
    work = _between(4, (memory_mb - shared) // max_connections, 64)
    workers = max(8, cpus) + FOLLOWERS
    return {
        "shared_buffers": f"{shared}MB",
        "effective_cache_size": f"{memory_mb * 7 // 10}MB",
        "work_mem": f"{work}MB",
        "maintenance_work_mem": f"{_between(32, memory_mb // 16, 2048)}MB",
        "max_connections": max_connections,
        "max_worker_processes": workers,
        "max_parallel_workers": max(2, cpus),
        "max_parallel_workers_per_gather": _between(0, cpus // 2, 4),
        "max_wal_size": f"{_between(1024, memory_mb, 16384)}MB",
        "min_wal_size": f"{_between(128, memory_mb // 4, 2048)}MB",
    }


def _between(lowest: int, value: int, highest: int) -> int:
    return max(lowest, min(value, highest))
