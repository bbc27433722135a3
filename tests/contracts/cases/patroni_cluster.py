# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

from contracts.harness import Case, System
from contracts.patroni_system import Tier, first_cluster

ROLES = "SELECT string_agg(rolname || rolsuper || rolcreatedb || rolpassword, ' ' ORDER BY rolname) FROM pg_authid"
PARAMETERS = "SELECT string_agg(name || setting, ' ' ORDER BY name) FROM pg_settings WHERE name NOT LIKE 'in_%'"
CONFIGURATION = "patronictl -c /etc/patroni/config.yml show-config"


def probe(system: System) -> object:
    tier: Tier = system.facts["tier"]
    leader = tier.leader()
    settings = {name: host.sql(PARAMETERS) for name, host in tier.members.items()}
    return leader.sql(ROLES), settings, leader.shell(CONFIGURATION)


def given(**more: Any) -> Any:
    return lambda system: system.facts["tier"].arguments(**more)


def alter_system(tier: Tier) -> None:
    host = list(tier.members.values())[-1]
    host.sql("ALTER SYSTEM SET log_min_duration_statement = '777ms'")
    host.sql("SELECT pg_reload_conf()")


def spoil(tier: Tier) -> None:
    leader = tier.leader()
    leader.sql("ALTER ROLE erpops_template SUPERUSER PASSWORD 'another'")
    leader.sql("GRANT TEMPORARY ON DATABASE postgres TO PUBLIC")


CASES = (
    Case(
        name="sets a parameter",
        system=first_cluster(),
        arguments=given(parameters={"log_min_duration_statement": "4321ms"}),
        probe=probe,
    ),
    Case(
        name="restarts for a parameter that wants it",
        system=first_cluster(),
        arguments=given(parameters={"max_prepared_transactions": 3}),
        probe=probe,
    ),
    Case(name="takes back what ALTER SYSTEM set", system=first_cluster(alter_system), arguments=given(), probe=probe),
    Case(name="mends roles and privileges", system=first_cluster(spoil), arguments=given(), probe=probe),
    Case(name="leaves a whole cluster alone", system=first_cluster(), arguments=given(), probe=probe, changes=False),
    Case(
        name="refuses a parameter that PostgreSQL does not have",
        system=first_cluster(),
        arguments=given(parameters={"wrok_mem": "4MB"}),
        probe=probe,
        changes=False,
        refused="Did you mean 'work_mem'?",
    ),
    Case(
        name="refuses a value that Patroni would swallow",
        system=first_cluster(),
        arguments=given(ttl=10),
        probe=probe,
        changes=False,
        refused="at least 20",
    ),
)
