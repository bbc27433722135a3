# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A throwaway PostgreSQL cluster beside the test, as the system of a contract case."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from integration.tenant_databases import live

from contracts.harness import System, local

PORT = 5495


def own_postgres(
    prepare: Callable[[live.LiveCluster], None] = lambda cluster: None,
) -> Callable[[], AbstractContextManager[System]]:
    @contextlib.contextmanager
    def opened() -> Iterator[System]:
        with tempfile.TemporaryDirectory() as folder:
            cluster = live.start(Path(folder), PORT)
            try:
                prepare(cluster)
                yield local(cluster=cluster, folder=folder)
            finally:
                live.stop(cluster)

    return opened


def everything(system: System) -> object:
    """Roles with their verifiers, databases with their owners and rights; and the registry, where there is one."""
    cluster: live.LiveCluster = system.facts["cluster"]
    roles = cluster.rows("postgres", "SELECT * FROM pg_authid WHERE rolname !~ '^pg_' ORDER BY rolname")
    databases = cluster.rows(
        "postgres",
        "SELECT datname, datdba::regrole::text, datallowconn, datistemplate, datacl::text FROM pg_database ORDER BY 1",
    )
    there = any(row["datname"] == "erpops" for row in databases)
    registry = cluster.rows("erpops", "SELECT * FROM registry.tenant ORDER BY number") if there else []
    return repr((roles, databases, registry))
