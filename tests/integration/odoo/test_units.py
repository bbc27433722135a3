# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must not happen on an app host: code of other versions on a database, a tenant that lives elsewhere."""

from __future__ import annotations

from typing import Any

from contracts.app_system import NAME, NUMBER, UNIT, given, own_tenant
from contracts.harness import System

from ansible_collections.erpops.odoo.plugins.module_utils.odoo.quadlet import LIVES_HERE

OTHER = "localhost/contract-other"
FILE = f"/etc/containers/systemd/odoo-{NAME}.container"
STATE = f"systemctl show --property=ActiveState,InvocationID {UNIT}; sha256sum {FILE}"


def units(system: System, image: str = "", **more: Any) -> dict[str, Any]:
    arguments = given(address=system.facts["app"].address, start_timeout_seconds=600, **more)(system)
    if image:
        arguments["instances"][0]["image"] = image
    return system.run("tenant_units", arguments, False)


def other_digest(system: System) -> str:
    """The same image under another digest, as a rebuilt one would be."""
    system.shell(
        f"podman run --name contract-other --entrypoint /bin/true {system.facts['image']}"
        f" && podman commit --quiet contract-other {OTHER}:1 >/dev/null; podman rm --force contract-other >/dev/null"
    )
    digest = system.shell(f"podman image inspect --format '{{{{.Digest}}}}' {OTHER}:1").strip()
    return f"{OTHER}@{digest}"


def forget_image(system: System) -> None:
    system.shell(f"podman image rm --force {OTHER}:1 >/dev/null 2>&1 || true")


def test_an_image_with_other_versions_starts_nothing_and_one_with_the_same_does() -> None:
    with own_tenant(clean=forget_image)() as system:
        assert not units(system).get("failed")
        image, before = other_digest(system), system.shell(STATE)
        version = system.facts["postgres"].sql("SELECT latest_version FROM ir_module_module WHERE name = 'web'", NAME)
        system.facts["postgres"].sql("UPDATE ir_module_module SET latest_version = '1.0' WHERE name = 'web'", NAME)
        refused = units(system, image)
        assert refused.get("failed")
        assert f"web 1.0 -> {version}" in refused["msg"]
        assert "release" in refused["msg"]
        assert system.shell(STATE) == before
        system.facts["postgres"].sql(
            f"UPDATE ir_module_module SET latest_version = '{version}' WHERE name = 'web'",
            NAME,
        )
        done = units(system, image)
        assert not done.get("failed"), done.get("msg")
        assert [action["verb"] for action in done["actions"] if action["subject"].startswith("unit ")] == ["restart"]
        running = system.shell(f"podman container inspect --format '{{{{.ImageName}}}}' odoo-{NAME}").strip()
        assert running == image


def test_a_unit_starts_only_where_the_registry_says_and_comes_back_by_itself() -> None:
    with own_tenant()() as system:
        assert not units(system).get("failed")
        postgres = system.facts["postgres"]
        postgres.sql(f"UPDATE registry.tenant SET app_host = 'another' WHERE number = {NUMBER}", "erpops")
        said = system.shell(f"{LIVES_HERE} {NAME} 2>&1 || true")
        assert "lives on another" in said
        system.shell(f"systemctl --no-block restart {UNIT}; sleep 8")
        assert "ActiveState=active" not in system.shell(f"systemctl show --property=ActiveState {UNIT}")
        assert NAME not in system.shell("podman ps --format '{{.Names}}'")
        home = system.facts["app"].name
        postgres.sql(f"UPDATE registry.tenant SET app_host = '{home}' WHERE number = {NUMBER}", "erpops")
        system.shell(f"timeout 120 bash -c 'until systemctl --quiet is-active {UNIT}; do sleep 1; done'")


def test_an_emptied_list_leaves_units_alone_and_says_so() -> None:
    with own_tenant()() as system:
        assert not units(system).get("failed")
        before = system.shell(STATE)
        done = units(system, tenants=[])
        assert NAME in done["undeclared"]
        assert (done["changed"], done["actions"]) == (False, [])
        assert system.shell(STATE) == before
