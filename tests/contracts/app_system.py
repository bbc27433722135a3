# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tenant of its own for the cases of modules on app hosts: a copy of one that a converged estate serves."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.estate.secrets import derive
from contracts.harness import LabHost, System

NAME = "contract-case"
NUMBER = 3999
SECRET = "the-secret-of-the-estate-of-this-case"
UNIT = f"odoo-{NAME}.service"
FILES = f"/etc/containers/systemd/odoo-{NAME}* /etc/erpops/tenants/{NAME} /var/lib/erpops/tenants/{NAME}"
CLEAN = f"""systemctl stop {UNIT} odoo-{NAME}-network.service 2>/dev/null || true
podman network rm --force odoo-{NAME} >/dev/null 2>&1 || true
rm -rf {FILES} /var/lib/erpops/removal/{NAME}* /srv/contract-store; systemctl daemon-reload
systemctl reset-failed {UNIT} 2>/dev/null || true"""


def leader(hosts: Mapping[str, LabHost]) -> LabHost:
    members = [host for _name, host in sorted(hosts.items()) if "postgres" in host.groups]
    return next(host for host in members if host.sql("SELECT pg_is_in_recovery()") == "f")


def model_tenant(app: LabHost) -> tuple[str, str, str]:
    """Name, image and version of a tenant with one unit that the estate serves on this host."""
    found = app.shell("grep -H -e ^Image= -e ^Description=Odoo /etc/containers/systemd/odoo-*.container || true")
    images = dict(re.findall(r"/odoo-([a-z0-9-]+)\.container:Image=(\S+)", found))
    versions = dict(re.findall(r"/odoo-([a-z0-9-]+)\.container:Description=Odoo (\S+) of tenant", found))
    active = app.shell("systemctl list-units --state=active --plain --no-legend 'odoo-*.service'")  # one may rest
    serves = set(re.findall(r"^odoo-([a-z0-9-]+)\.service", active, re.MULTILINE))
    known = sorted(serves & images.keys() & versions.keys())
    names = [name for name in known if f"{name}-cron" not in images and not name.endswith("-cron")]
    if not names:
        pytest.skip("no tenant of the estate runs on the app host")
    return names[0], images[names[0]], versions[names[0]]


def birth(postgres: LabHost, model: str, app: str) -> None:
    """Role, database and registry row, without the modules under test."""
    bury(postgres)
    postgres.sql(f"CREATE ROLE \"{NAME}\" LOGIN PASSWORD '{derive(SECRET, 'postgres', NAME)}'")
    postgres.sql(f'CREATE DATABASE "{NAME}" OWNER "{NAME}" TEMPLATE template0')
    postgres.shell(
        f"cd / && runuser -u postgres -- pg_dump --no-owner --no-privileges {model}"
        f" | PGOPTIONS='-c role={NAME}' runuser -u postgres -- psql -Xq -o /dev/null -d {NAME} 2>&1 | tail -n 3"
    )
    postgres.sql(
        "INSERT INTO registry.tenant (number, name, app_host, image, state, instance, cluster, hostnames)"
        f" VALUES ({NUMBER}, '{NAME}', '{app}', '', 'present', 'contract', 'main', '{{{NAME}.test}}')",
        "erpops",
    )


def bury(postgres: LabHost) -> None:
    postgres.sql(f"DELETE FROM registry.tenant WHERE number = {NUMBER}", "erpops")
    postgres.sql(f'DROP DATABASE IF EXISTS "{NAME}" WITH (FORCE)')
    # The pooler keeps sessions, which know a role by its number: the next role of this name has another.
    postgres.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{NAME}'")
    postgres.sql(f'DROP ROLE IF EXISTS "{NAME}"')


def own_tenant(
    prepare: Callable[[System], None] = lambda _: None,
    *,
    database: bool = True,
    clean: Callable[[System], None] = lambda _: None,
) -> Callable[[], AbstractContextManager[System]]:
    """The app host, with a registered tenant that has a database and no unit yet."""

    @contextlib.contextmanager
    def opened() -> Iterator[System]:
        hosts = LabHost.all()
        apps = [host for _name, host in sorted(hosts.items()) if "app" in host.groups]
        if not apps:
            pytest.skip("no host of the lab is in group app")
        app, postgres = apps[0], leader(hosts)
        name, image, version = model_tenant(app)
        facts = {"app": app, "postgres": postgres, "image": image, "version": version}
        system = System(run=app.run, shell=app.shell, facts=facts)
        try:
            app.shell(CLEAN)
            if database:
                birth(postgres, name, app.name)
            prepare(system)
            yield system
        finally:
            clean(system)
            app.shell(CLEAN)
            bury(postgres)

    return opened


def given(state: str = "present", modules: tuple[str, ...] = (), **more: Any) -> Callable[[System], Mapping[str, Any]]:
    """What every module of an app host takes, for the case's tenant alone: others are left as they are."""

    def arguments(system: System) -> dict[str, Any]:
        facts = system.facts
        return {
            "instances": [
                {"name": "contract", "environment": "test", "version": facts["version"], "image": facts["image"]}
            ],
            "tenants": [
                {
                    "name": NAME,
                    "instance": "contract",
                    "hostnames": [f"{NAME}.test"],
                    "state": state,
                    "modules": list(modules),
                }
            ],
            "allocations": [{"name": NAME, "number": NUMBER, "app_host": facts["app"].name}],
            "host": facts["app"].name,
            "estate_secret": SECRET,
            **more,
        }

    return arguments
