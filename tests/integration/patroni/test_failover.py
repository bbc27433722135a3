# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from contracts.harness import LabHost
from contracts.patroni_system import Tier

from .live import DATABASE, Writer, eventually, lab, reachable, whole


def leader_among_the_living(tier: Tier, dead: str) -> str:
    members = tier.listing(reachable(tier, dead))
    return next((one["Member"] for one in members if one["Role"] == "Leader" and one["Member"] != dead), "")


def rows(tier: Tier) -> set[int]:
    return {int(line) for line in tier.leader().sql("SELECT number FROM written", DATABASE).splitlines()}


def test_no_acknowledged_row_is_lost_when_the_primarys_host_dies(
    tier: Tier, app: LabHost, tenant: None, record_property: pytest.RecordProperty
) -> None:
    if len(tier.members) < 2:
        pytest.skip("a cluster of one has nobody to take over")
    writer = Writer(app)
    writer.start()
    writer.wait_for(50)
    old = tier.leader().name
    lab("kill", old)
    try:
        new = eventually("another primary", lambda: leader_among_the_living(tier, old))
        writer.wait_for(50)
    finally:
        lab("start", old)
    eventually("the old primary follows", lambda: whole(tier))
    acked = writer.stop()
    gap = writer.longest_gap(acked)
    record_property("longest_gap_seconds", round(gap, 1))
    print(f"{old} -> {new}: {len(acked)} rows acknowledged, longest gap {gap:.1f} s")
    assert tier.leader().name == new
    assert {found[0] for found in acked} <= rows(tier)


def test_a_planned_switchover_loses_nothing_either(tier: Tier, app: LabHost, tenant: None) -> None:
    if len(tier.members) < 2:
        pytest.skip("a cluster of one has nobody to take over")
    writer = Writer(app)
    writer.start()
    writer.wait_for(50)
    old = tier.leader()
    old.shell(f"patronictl -c /etc/patroni/config.yml switchover {tier.cluster.name} --force --leader {old.name}")
    eventually("another primary", lambda: tier.leader().name != old.name)
    writer.wait_for(50)
    eventually("the cluster is whole", lambda: whole(tier))
    acked = writer.stop()
    print(f"longest gap {writer.longest_gap(acked):.1f} s")
    assert {found[0] for found in acked} <= rows(tier)


def test_clients_survive_a_restart_of_the_pooler(app: LabHost, tenant: None) -> None:
    writer = Writer(app)
    writer.start()
    writer.wait_for(20)
    before = app.shell("stat -c %i /run/erpops-pgbouncer")
    for unit in ("erpops-pgbouncer@main.service", "erpops-haproxy.service"):
        app.shell(f"systemctl restart {unit}")
        writer.wait_for(20)
    assert app.shell("stat -c %i /run/erpops-pgbouncer") == before, "a container would keep the old folder mounted"
    writer.stop()
