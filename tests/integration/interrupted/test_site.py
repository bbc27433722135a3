# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that is killed, and the next one. The last of a scenario: it leaves tenants behind that nobody declares."""

from __future__ import annotations

import pytest

from integration.estate import runs
from integration.estate.live import Estate

KILLED_AFTER = (30,)  # seconds: it takes more than twice as long


def grown(estate: Estate, count: int, **more: str) -> list[runs.Tenant]:
    """The declared tenants with one of them changed, and some new ones."""
    limits = {"connections": 20 + count, "statement_timeout_seconds": 500}
    return [
        *runs.with_tenant(estate, "acme", limits=limits),
        *(
            {
                "name": f"gum{number}",
                "instance": "shared14",
                "hostnames": [f"gum{number}.north.example.com"],
                "tier": "bronze",
                **more,
            }
            for number in range(1, count + 1)
        ),
    ]


@pytest.mark.parametrize("count", range(1, len(KILLED_AFTER) + 1))
def test_a_killed_run_is_completed_by_the_next(estate: Estate, count: int) -> None:
    """Killed while it adds a tenant and changes another, forks and all."""
    declared = grown(estate, count)
    assert runs.killed(estate, "site", KILLED_AFTER[count - 1], odoo_tenants=declared), "control: it was still running"
    runs.done(estate, "site", odoo_tenants=declared)
    assert runs.logs_in(estate, f"gum{count}", f"gum{count}.north.example.com")
    assert not {name for name in runs.databases(estate) if name.endswith("__new")}
    assert runs.sql(estate, "select rolconnlimit from pg_roles where rolname = 'acme'") == [str(20 + count)]


def test_after_the_kills_there_is_nothing_left_to_do(estate: Estate) -> None:
    again = runs.done(estate, "site", odoo_tenants=grown(estate, len(KILLED_AFTER)))
    assert runs.changes(again) == 0, again[-5000:]
