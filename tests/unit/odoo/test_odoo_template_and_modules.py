# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates and modules: what is missing."""

from __future__ import annotations

from typing import Any

import pytest
from odoo_estates import NEW, OLD, allocation, tenant

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Refused
from ansible_collections.erpops.odoo.plugins.module_utils.estate.model import Instance
from ansible_collections.erpops.odoo.plugins.module_utils.odoo import modules, template
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.template import DatabaseLive

CLUSTERS = template.clusters_from(["main", "second"])
SEALED = DatabaseLive("erpops_template_owner", is_template=True, allows_connections=False)


def instance(name: str = "shared", image: str = OLD, **values: Any) -> Instance:
    return Instance(name=name, environment="production", version="19.0", image=image, **values)


def test_the_name_follows_digest_and_modules_only() -> None:
    name = template.template_name(OLD, ["b", "a"])
    assert name == template.template_name(OLD.replace("registry.test", "mirror.test"), ["a", "b", "a"])
    assert len({name, template.template_name(NEW, ["a", "b"]), template.template_name(OLD, ["a"])}) == 3
    assert len(name) == len("tpl_") + 12


def test_an_instance_without_tenants_has_one_on_the_first_cluster() -> None:
    (found,) = template.templates([instance()], [], CLUSTERS)
    assert (found.cluster.name, found.cluster.port) == ("main", 5000)


def test_one_on_every_cluster_where_its_tenants_are() -> None:
    tenants = [tenant("a", cluster="second"), tenant("b", cluster="main"), tenant("c", cluster="second")]
    found = template.templates([instance()], tenants, CLUSTERS)
    assert [(item.cluster.name, item.cluster.port) for item in found] == [("main", 5000), ("second", 5001)]


def test_an_absent_tenant_needs_none() -> None:
    (found,) = template.templates([instance()], [tenant(cluster="second", state="absent")], CLUSTERS)
    assert found.cluster.name == "main"


def test_instances_of_the_same_content_share_one() -> None:
    (found,) = template.templates([instance("a"), instance("b")], [], CLUSTERS)
    assert [value["instance"] for value in found.as_dicts()] == ["a", "b"]


def test_an_instance_elsewhere_has_none() -> None:
    assert template.templates([instance(placement="north")], [], CLUSTERS) == ()


def test_an_instance_whose_tenants_come_from_elsewhere_needs_none() -> None:
    tenants = [tenant(cluster="second")]
    name = tenants[0].name
    assert template.templates([instance()], tenants, CLUSTERS, [name]) == ()
    (found,) = template.templates([instance()], tenants, CLUSTERS, ["another"])
    assert found.cluster.name == "second"
    (found,) = template.templates([instance()], [], CLUSTERS, [name])
    assert found.cluster.name == CLUSTERS[0].name


def test_an_unknown_cluster_is_refused() -> None:
    with pytest.raises(InputError, match="third"):
        template.templates([instance()], [tenant(cluster="third")], CLUSTERS)


def test_what_has_the_name_is_complete_and_what_is_building_is_not() -> None:
    wanted = template.templates([instance()], [], CLUSTERS)
    assert template.to_build(wanted, {}) == wanted
    assert template.to_build(wanted, {"main": {wanted[0].building: SEALED}}) == wanted
    assert template.to_build(wanted, {"second": {wanted[0].database: SEALED}}) == wanted
    assert template.to_build(wanted, {"main": {wanted[0].database: SEALED}}) == ()


def test_unused_templates_are_named() -> None:
    wanted = template.templates([instance()], [], CLUSTERS)
    live = {"main": {wanted[0].database: SEALED, "tpl_old": SEALED}, "second": {wanted[0].database: SEALED}}
    assert template.unused(wanted, live) == [
        {"cluster": "main", "database": "tpl_old"},
        {"cluster": "second", "database": wanted[0].database},
    ]


def test_actions_and_snapshot_say_the_same() -> None:
    wanted = template.templates([instance(modules=("sale",))], [], CLUSTERS)
    (action,) = template.actions(wanted)
    assert action.detail == "cluster main, for shared: base, sale"
    assert template.snapshot(wanted, []) == {f"main/{wanted[0].database}": "absent"}
    assert template.snapshot(wanted, wanted) == {f"main/{wanted[0].database}": "ready"}


# Modules of tenants

BASE = {"base": "19.0.1.3"}
MANIFESTS = {OLD: {**BASE, "sale": "19.0.1.0", "stock": "19.0.1.0"}}


def test_only_served_tenants_of_this_host() -> None:
    tenants = [
        tenant("here", modules=["sale"]),
        tenant("there", modules=["sale"]),
        tenant("asleep", modules=["sale"], state="suspended"),
        tenant("coming", modules=["sale"], source_url="http://10.82.0.11"),
        tenant("plain"),
    ]
    places = [allocation(item.name, app_host="app2" if item.name == "there" else "app1") for item in tenants]
    assert [resident.name for resident in modules.residents(tenants, places, "app1")] == ["here"]


def test_missing_modules_of_tenant_and_instance_are_installed_once() -> None:
    resident = modules.residents([tenant(modules=["stock"], instance={"modules": ["sale"]})], [allocation()], "app1")
    (found,) = modules.installations(resident, {"acme": BASE})
    assert found.modules == ("sale", "stock")
    modules.check([found], {"acme": BASE}, MANIFESTS)
    before, after = modules.snapshots([found])
    assert (before, after) == (
        {"acme": {"sale": "absent", "stock": "absent"}},
        {"acme": {"sale": "installed", "stock": "installed"}},
    )
    assert modules.actions([found])[0].detail == "sale, stock"
    assert modules.installations(resident, {"acme": {**BASE, "sale": "1", "stock": "1"}}) == ()


def test_a_predicted_tenant_has_what_its_template_has() -> None:
    found = tenant(modules=["stock"], instance={"modules": ["sale"]})
    assert modules.newborn(found) == {"base": "", "sale": ""}


def test_an_unknown_module_is_refused() -> None:
    resident = modules.residents([tenant(modules=["slae"])], [allocation()], "app1")
    planned = modules.installations(resident, {"acme": BASE})
    with pytest.raises(InputError, match="slae"):
        modules.check(planned, {"acme": BASE}, MANIFESTS)


def test_an_image_of_other_versions_is_refused() -> None:
    resident = modules.residents([tenant(modules=["sale"])], [allocation()], "app1")
    planned = modules.installations(resident, {"acme": {"base": "19.0.1.2"}})
    with pytest.raises(Refused, match=r"base 19\.0\.1\.2 -> 19\.0\.1\.3"):
        modules.check(planned, {"acme": {"base": "19.0.1.2"}}, MANIFESTS)
