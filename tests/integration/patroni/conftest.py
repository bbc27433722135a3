# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterator

import pytest
from contracts import patroni_system
from contracts.harness import LabHost
from contracts.patroni_system import Tier

from .live import DATABASE, PASSWORD, ROLE, eventually, whole


@pytest.fixture(scope="session")
def tier() -> Tier:
    return patroni_system.tier()


@pytest.fixture(scope="session")
def app(tier: Tier) -> LabHost:
    hosts = sorted(name for name, host in tier.hosts.items() if "app" in host.groups)
    if not hosts:
        pytest.skip("no host of the lab is in group app")
    return tier.hosts[hosts[0]]


@pytest.fixture(scope="session")
def tenant(tier: Tier) -> Iterator[None]:
    """A role with a database of its own, and a table to write to."""
    eventually("the cluster is whole", lambda: whole(tier))

    def drop() -> None:
        tier.leader().sql(f'DROP DATABASE IF EXISTS "{DATABASE}" WITH (FORCE)')
        tier.leader().sql(f'DROP ROLE IF EXISTS "{ROLE}"')

    drop()
    leader = tier.leader()
    leader.sql(f"CREATE ROLE \"{ROLE}\" LOGIN PASSWORD '{PASSWORD}'")
    leader.sql(f'CREATE DATABASE "{DATABASE}" OWNER "{ROLE}"')
    leader.sql(f'CREATE TABLE written (number bigint PRIMARY KEY); ALTER TABLE written OWNER TO "{ROLE}"', DATABASE)
    yield
    eventually("the cluster is whole", lambda: whole(tier))
    drop()
