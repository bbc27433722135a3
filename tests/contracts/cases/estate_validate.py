# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

from contracts.harness import Case, System, local

SECRET = "a-secret-that-no-result-may-hold-at-all"
GROUPS = ("all", "edge", "app", "postgres", "etcd", "redis")


def arguments(_system: System) -> Mapping[str, Any]:
    return {
        "estate_name": "north",
        "estate_tenancy": "multi_tenant",
        "estate_domain": "north.test",
        "estate_secret": SECRET,
        "odoo_instances": [{"name": "lab", "environment": "test", "version": "19.0", "image": "localhost/odoo:19"}],
        "odoo_tenants": [{"name": "acme", "instance": "lab", "hostnames": ["acme.north.test"], "tier": "gold"}],
        "groups": {group: ["one"] for group in GROUPS},
        "addresses": {"one": "10.0.0.11"},
    }


def contradicting(system: System) -> Mapping[str, Any]:
    tenant = {"name": "acme", "instance": "none", "hostnames": ["ACME.north.test"], "workers": "many"}
    return {**arguments(system), "estate_secret": SECRET[:20], "odoo_tenants": [tenant, {**tenant, "name": "birch"}]}


CASES = (
    Case(
        name="a sound estate",
        system=lambda: nullcontext(local()),
        arguments=arguments,
        probe=lambda system: "",
        changes=False,
        secrets=(SECRET,),
    ),
    Case(
        name="all contradictions are reported together",
        system=lambda: nullcontext(local()),
        arguments=contradicting,
        probe=lambda system: "",
        refused="has 6 problems; nothing was changed.",
        secrets=(SECRET[:20],),
    ),
)
