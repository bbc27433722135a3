# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Quadlet files."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from odoo_estates import HOST, OLD, allocation, tenant

from ansible_collections.erpops.odoo.plugins.module_utils.estate.model import Limits, ResolvedTenant
from ansible_collections.erpops.odoo.plugins.module_utils.odoo import quadlet
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.model import Resident, Sessions


def lines(text: str) -> list[str]:
    return text.splitlines()


def web(resolved: ResolvedTenant | None = None, **host: Any) -> list[str]:
    resident = Resident(tenant=resolved or tenant(), allocation=allocation())
    return lines(quadlet.web_container(resident, replace(HOST, **host)))


def test_the_container_can_do_nothing_but_serve() -> None:
    found = web()
    for line in (
        f"Image={OLD}",
        "Pull=never",
        "User=20001",
        "Group=20001",
        "ReadOnly=true",
        "NoNewPrivileges=true",
        "DropCapability=all",
        "Network=odoo-acme.network",
        "Volume=/etc/erpops/tenants/acme:/etc/odoo:ro",
        "Volume=/var/lib/erpops/tenants/acme:/var/lib/odoo:rw",
        "Volume=/run/erpops-pgbouncer:/run/postgresql:ro",
        "HealthOnFailure=none",
    ):
        assert line in found, line


def test_it_asks_the_registry_and_never_gives_up() -> None:
    found = web()
    assert "ExecStartPre=/usr/local/lib/erpops/tenant-lives-here acme" in found
    assert "Restart=always" in found
    assert "StartLimitIntervalSec=0" in found


@pytest.mark.parametrize(
    ("workers", "published"), [(0, ["10.0.0.5:10004:8069"]), (2, ["10.0.0.5:10004:8069", "10.0.0.5:10005:8072"])]
)
def test_published_ports(workers: int, published: list[str]) -> None:
    found = [line for line in web(tenant(workers=workers)) if line.startswith("PublishPort=")]
    assert found == [f"PublishPort={port}" for port in published]


def test_no_boot_starts_a_suspended_tenant() -> None:
    resting = (tenant(state="suspended"), tenant(source_url="http://10.82.0.11"))
    assert "WantedBy=multi-user.target" in lines(quadlet.dropin(tenant()))
    assert all("WantedBy=multi-user.target" not in lines(quadlet.dropin(each)) for each in resting)


def test_a_tenant_that_wakes_needs_no_restart_for_its_files() -> None:
    assert web() == web(tenant(source_url="http://10.82.0.11"))


def test_the_unit_waits_for_the_pooler_of_its_cluster() -> None:
    after = next(line for line in web(tenant(cluster="second")) if line.startswith("After="))
    assert "erpops-pgbouncer@second.service" in after


def test_without_tls_no_certificate_is_mounted() -> None:
    assert any("ca.crt" in line for line in web())
    assert not any("ca.crt" in line for line in web(sessions=Sessions(ca_file="")))


def test_crons_of_their_own_publish_nothing_and_do_not_listen() -> None:
    resident = Resident(tenant=tenant(instance={"cron_placement": "separate"}, cron_threads=3), allocation=allocation())
    found = lines(quadlet.cron_container(resident, HOST))
    assert not [line for line in found if line.startswith("PublishPort=")]
    assert "Entrypoint=odoo" in found
    assert "Exec=--config=/etc/odoo/odoo.conf --no-http --workers=0 --max-cron-threads=3" in found
    assert "HealthCmd=python3 /etc/odoo/health.py --cron" in found
    assert "ContainerName=odoo-acme-cron" in found


def test_network() -> None:
    found = lines(quadlet.network(Resident(tenant=tenant(), allocation=allocation(number=17)), HOST))
    assert {"Subnet=10.90.1.16/28", "Gateway=10.90.1.17", "Options=isolate=strict", "DisableDNS=true"} <= set(found)


@pytest.mark.parametrize(
    ("limits", "written", "live"),
    [
        (Limits(), {}, {"MemoryMax": "infinity", "CPUQuotaPerSecUSec": "infinity", "IOWeight": "[not set]"}),
        (Limits(memory_mb=512), {"MemoryMax": "512M"}, {"MemoryMax": "536870912"}),
        (Limits(cpu_percent=50), {"CPUQuota": "50%"}, {"CPUQuotaPerSecUSec": "500ms"}),
        (Limits(cpu_percent=150), {"CPUQuota": "150%"}, {"CPUQuotaPerSecUSec": "1.500000s"}),
        (Limits(cpu_percent=200), {"CPUQuota": "200%"}, {"CPUQuotaPerSecUSec": "2s"}),
        (Limits(io_weight=300), {"IOWeight": "300"}, {"IOWeight": "300"}),
    ],
)
def test_limits(limits: Limits, written: dict[str, str], live: dict[str, str]) -> None:
    assert quadlet.service_limits(limits) == {**written, "TasksMax": "512"}
    assert live.items() <= quadlet.live_limits(limits).items()
