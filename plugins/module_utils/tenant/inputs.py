# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a module's arguments to the desired state: typed values and every password that the plan compares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Problem
from ansible_collections.erpops.odoo.plugins.module_utils.estate import secrets
from ansible_collections.erpops.odoo.plugins.module_utils.estate.model import (
    Instance,
    ResolvedTenant,
    Tenant,
    instances_from,
    resolve,
    tenants_from,
    tiers_from,
)
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import Server, server_from
from ansible_collections.erpops.odoo.plugins.module_utils.tenant.model import READER, Desired

HOME = "main"


def servers_from(parameters: Mapping[str, Any]) -> dict[str, Server]:
    """Every cluster by name; the registry's first, which postgres_hosts are the members of."""
    home = server_from(parameters)
    clusters = parameters["clusters"] or []
    if not clusters:
        return {HOME: home}
    first = clusters[0]["name"]
    others = {each["name"]: home.at(each["hosts"], each.get("port")) for each in clusters[1:]}
    return {first: home, **others}


def desired_from(parameters: Mapping[str, Any], clusters: Sequence[str], check_mode: bool) -> Desired:
    tenants = tenants_of(parameters)
    return Desired(
        tenants=tenants,
        clusters=tuple(clusters),
        app_hosts=tuple(parameters["app_hosts"]),
        templates={
            (each.get("cluster") or clusters[0], each["instance"]): each["database"] for each in parameters["templates"]
        },
        extensions=tuple(parameters["extensions"]),
        passwords=_passwords(parameters, tenants),
        admin=parameters["postgres_user"],
        shrink_limit_percent=parameters["shrink_limit_percent"],
        allow_move=parameters["allow_move"],
        confirm_removal=tuple(parameters["confirm_removal"]),
        removal_proof=parameters["removal_proof"],
        migrated=tuple(parameters["migrated"]),
        prepare_only=parameters["prepare_only"],
        templates_predicted=check_mode,
    )


def tenants_of(parameters: Mapping[str, Any]) -> tuple[ResolvedTenant, ...]:
    """The tenants with their instances and tiers filled in; a name that leads nowhere is an error of the input."""
    tenants, instances = tenants_from(parameters["tenants"]), instances_from(parameters["instances"])
    problems = [*_dangling(tenants, instances), *_twice(tenants)]
    if problems:
        raise InputError("The declared tenants contradict themselves; nothing was changed.", problems)
    return resolve(tenants, instances, tiers_from(parameters["tiers"]))


def _dangling(tenants: Sequence[Tenant], instances: Sequence[Instance]) -> list[Problem]:
    names = {instance.name for instance in instances}
    cure = f"Declare it in instances; there are: {', '.join(sorted(names)) or 'none'}."
    return [
        Problem(f"tenant {tenant.name}", "instance", tenant.instance, cure)
        for tenant in tenants
        if tenant.instance not in names
    ]


def _twice(tenants: Sequence[Tenant]) -> list[Problem]:
    names = [tenant.name for tenant in tenants]
    return [
        Problem(f"tenant {name}", "name", name, "It is declared more than once: a name is one database and one role.")
        for name in sorted({name for name in names if names.count(name) > 1})
    ]


def administrators_from(parameters: Mapping[str, Any], tenants: Sequence[ResolvedTenant]) -> dict[str, str]:
    """The first administrator's password of every tenant; it is used at birth only."""
    return {tenant.name: _password(parameters, "odoo_admin", tenant.name, tenant.secret_version) for tenant in tenants}


def _passwords(parameters: Mapping[str, Any], tenants: Sequence[ResolvedTenant]) -> dict[str, str]:
    own = {tenant.name: _password(parameters, "postgres", tenant.name, tenant.secret_version) for tenant in tenants}
    return {**own, READER: _password(parameters, READER)}


def _password(parameters: Mapping[str, Any], purpose: str, subject: str = "", version: int = 1) -> str:
    overrides = parameters["secret_overrides"]
    return secrets.password(parameters["estate_secret"], overrides, purpose, subject, version)
