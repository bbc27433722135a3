# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.estate.secrets import derive
from contracts.harness import Case, System
from contracts.redis_system import ACCESS, ADMIN_PASSWORD, ASK, FOLDER, PORT, own_redis

SECRET = "the-secret-of-the-estate-of-this-case"
# A tenant that somebody widened, one that is to go, one that nobody declares.
FOUND = f"""{ASK} acl setuser acme on nopass '~*' +@all; {ASK} acl setuser gone on '~gone:*' +get
{ASK} acl setuser stranger on '~stranger:*' +get; {ASK} acl setuser default on nopass '~*' +@all"""


def tenant(name: str, state: str = "present") -> dict[str, Any]:
    return {"name": name, "instance": "lab", "hostnames": [f"{name}.test"], "state": state}


def arguments(_system: System) -> Mapping[str, Any]:
    return {
        **ACCESS,
        "base_file": f"{FOLDER}/base.acl",
        "servers": [{"name": "sessions", "port": PORT}],
        "estate_secret": SECRET,
        "instances": [{"name": "lab", "environment": "test", "version": "19.0", "image": "localhost/odoo:19"}],
        "tenants": [tenant("acme"), tenant("birch"), tenant("cedar", "suspended"), tenant("gone", "absent")],
    }


def refused(system: System) -> Mapping[str, Any]:
    return {**arguments(system), "admin_password": "another-password"}


def probe(system: System) -> object:
    return system.shell(f"{ASK} acl list | sort; sort {FOLDER}/sessions/users.acl")


CASES = (
    Case(
        name="users are created, put back, switched off and removed",
        system=own_redis(FOUND),
        arguments=arguments,
        probe=probe,
        secrets=(SECRET, ADMIN_PASSWORD, derive(SECRET, "redis", "acme")),
    ),
    Case(
        name="a refused login is no empty server",
        system=own_redis(),
        arguments=refused,
        probe=probe,
        refused="refuses user erpops_admin",
        secrets=("another-password",),
    ),
)
