# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run must never do to a living estate, whatever it is told and wherever it is stopped."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from integration.estate import runs
from integration.estate.live import Estate

OTHER = "localhost/rebuilt"
REBUILD = """
    podman rm -f rebuilt >/dev/null 2>&1
    podman run --name rebuilt --user 0 --entrypoint sh {reference} -ec '
        file=$(find / -path "*/addons/project/__manifest__.py" -not -path "/proc/*" | head -1)
        grep "version" "$file"
        sed -i -E "/version/s/[0-9]+\\.[0-9]+/98.76/" "$file"
        grep "98.76" "$file"' >&2
    podman commit --quiet rebuilt {other}:1 >&2
    podman rm rebuilt >&2
    podman image inspect --format '{{{{.Digest}}}}' {other}:1
"""


def test_an_emptied_list_prunes_nothing(estate: Estate) -> None:
    before = runs.databases(estate), runs.roles(estate), runs.running(estate)
    assert "acme" in before[0], "control"
    message = runs.refused(estate, "site", odoo_tenants=[])
    assert "5 of 5 registered tenants are no longer declared" in message
    assert runs.changes(message) == 0
    assert (runs.databases(estate), runs.roles(estate), runs.running(estate)) == before


def test_a_list_that_lost_too_many_stops_before_anything_changes(estate: Estate) -> None:
    before = runs.databases(estate), runs.roles(estate), runs.running(estate)
    declared = [{**tenant, "tier": "gold"} for tenant in estate.tenants if tenant["name"] in ("acme", "birch")]
    message = runs.refused(estate, "site", odoo_tenants=declared)
    assert "3 of 5 registered tenants are no longer declared" in message
    assert runs.changes(message) == 0
    assert (runs.databases(estate), runs.roles(estate), runs.running(estate)) == before


def test_a_limit_without_postgresql_is_refused_with_the_reason(estate: Estate) -> None:
    message = runs.refused(estate, "site", "--limit", "app1")
    assert "Add a host of group postgres (db1, db2)" in message


def test_bad_input_is_reported_at_once_and_touches_no_host(estate: Estate) -> None:
    declared = runs.with_tenant(estate, "acme", instance="shared20", hostnames=["BIRCH.north.example.com"])
    message = runs.refused(estate, "site", odoo_tenants=declared)
    assert "tenant acme" in message and "shared20" in message and "hostnames" in message
    assert "TASK [erpops.odoo.baseline" not in message


@pytest.fixture
def victim(estate: Estate) -> str:
    """A tenant on Odoo 19 that lives on the first app host, which builds template databases too."""
    first = estate.groups["app"][0]
    return next(name for name in estate.running("19.0") if runs.active(estate, first, name))


@pytest.fixture
def rebuilt(estate: Estate) -> Iterator[str]:
    """The image of Odoo 19 with a newer module, under another digest, on the first app host."""
    host, reference = estate.groups["app"][0], estate.variables["odoo_image_references"]["odoo19"]
    made = estate.run(host, "sh", "-ec", REBUILD.format(reference=reference, other=OTHER), timeout=300)
    assert made.returncode == 0, made.stderr
    yield f"{OTHER}@{made.stdout.strip()}"
    estate.run(host, "sh", "-c", f"podman rm -f rebuilt; podman image rm --force {OTHER}:1")


def test_a_digest_with_newer_modules_starts_nothing(estate: Estate, victim: str, rebuilt: str) -> None:
    """One tenant's instance, so that one host needs the image: what another digest would do to all of them."""
    host, before = estate.app_host(victim), runs.running(estate)
    instances = [{**item, "image": resolved(estate, item)} for item in estate.variables["odoo_instances"]]
    trial = {**next(item for item in instances if item["name"] == "shared19"), "name": "trial", "image": rebuilt}
    declared = runs.with_tenant(estate, victim, instance="trial")
    message = runs.refused(estate, "tenant", odoo_instances=[*instances, trial], odoo_tenants=declared)
    assert f"tenant {victim}" in message and "project" in message, message[-3000:]
    assert runs.running(estate) == before
    assert f"{host}/odoo-{victim}.service" in before, "control: it was running"
    assert runs.logs_in(estate, victim, estate.tenant(victim)["hostnames"][0])


def resolved(estate: Estate, instance: runs.Tenant) -> str:
    key = "odoo19" if instance["version"] == "19.0" else "odoo14"
    return estate.variables["odoo_image_references"][key]


def test_a_dead_app_host_comes_back_and_starts_no_tenant_that_lives_elsewhere(estate: Estate) -> None:
    old = estate.app_host("birch")
    new = next(host for host in estate.groups["app"] if host != old)
    place = "/var/lib/erpops/tenants/birch"
    packed = estate.run(old, "sh", "-c", f"tar -C {place} -cf - . | base64", timeout=300)
    assert packed.returncode == 0
    estate.lab("kill", old)
    try:
        moved = runs.with_tenant(estate, "birch", app_host=new)
        unpack = f"mkdir -p {place} && base64 -d | tar -C {place} -xf -"
        assert estate.run(new, "sh", "-c", unpack, text=packed.stdout, timeout=300).returncode == 0
        runs.run(estate, "tenant", odoo_tenants=moved, tenant_databases_allow_move=True)  # the dead host fails in it
        assert runs.active(estate, new, "birch")
        assert runs.logs_in(estate, "birch", "birch.north.example.com")
    finally:
        estate.lab("start", old)
    assert (
        estate.run(old, "systemctl", "show", "-p", "LoadState", "odoo-birch.service").stdout.strip().endswith("loaded")
    )
    journal = ""
    for _attempt in range(60):
        journal = estate.run(old, "journalctl", "-b", "-o", "cat", "-u", "odoo-birch.service").stdout
        if new in journal:
            break
    assert new in journal, f"{old} says nothing about where birch lives: {journal[-2000:]}"
    assert not runs.active(estate, old, "birch")
    assert runs.active(estate, new, "birch")
    runs.done(estate, "tenant", odoo_tenants=moved, tenant_databases_allow_move=True)
    assert load_state(estate, old) == "not-found", "the next run takes away what no longer lives there"
    assert runs.logs_in(estate, "birch", "birch.north.example.com")


def load_state(estate: Estate, host: str) -> str:
    return estate.run(host, "systemctl", "show", "--value", "-p", "LoadState", "odoo-birch.service").stdout.strip()


def test_check_mode_says_so_when_postgresql_is_down(estate: Estate) -> None:
    hosts = estate.groups["postgres"]
    for host in hosts:
        assert estate.run(host, "systemctl", "stop", "patroni").returncode == 0
    try:
        message = runs.refused(estate, "tenant", "--check")
        assert "create database" not in message.lower()
        assert f"PostgreSQL at {', '.join(estate.address(host) for host in hosts)}" in message, message[-3000:]
    finally:
        for host in hosts:
            estate.run(host, "systemctl", "start", "patroni")
    assert runs.logs_in(estate, "acme", "acme.north.example.com")
