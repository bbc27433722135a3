# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Argument specs and the fragments that document them say the same."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ansible_collections.erpops.odoo.plugins.doc_fragments import (
    absence,
    allocations,
    copies,
    estate,
    filestores,
    member,
    postgres,
    room,
    secrets,
    tools,
    window,
)
from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError
from ansible_collections.erpops.odoo.plugins.module_utils.estate import arguments
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.parameters import RESIDENCE
from ansible_collections.erpops.odoo.plugins.module_utils.replication.arguments import (
    COPIES,
    FILESTORE,
    ROOM,
    TOOLS,
    WINDOW,
)
from ansible_collections.erpops.odoo.plugins.module_utils.tenant import inputs
from ansible_collections.erpops.odoo.plugins.modules import (
    ledger,
    ledger_verify,
    tenant_databases,
    tenant_record,
    tenant_registry,
    wave_commit,
    wave_cutover,
    wave_prepare,
    wave_rollback,
    wave_seed,
)

KEPT = ("type", "elements", "required", "choices", "default")
FRAGMENTS = {
    "absence": absence,
    "allocations": allocations,
    "copies": copies,
    "estate": estate,
    "filestores": filestores,
    "member": member,
    "postgres": postgres,
    "room": room,
    "secrets": secrets,
    "tools": tools,
    "window": window,
}
MOVES = [wave_prepare, wave_seed, wave_cutover, wave_rollback, wave_commit]


def spec_form(spec: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in spec.items() if key in KEPT}
    if "options" in spec:
        kept["options"] = {name: spec_form(option) for name, option in spec["options"].items()}
    return kept


def documented_form(option: dict[str, Any]) -> dict[str, Any]:
    assert option["description"]
    kept = {key: value for key, value in option.items() if key in KEPT}
    if "suboptions" in option:
        kept["options"] = {name: documented_form(each) for name, each in option["suboptions"].items()}
    return kept


def fragment(name: str) -> dict[str, Any]:
    options: dict[str, Any] = yaml.safe_load(FRAGMENTS[name].ModuleDocFragment.DOCUMENTATION)["options"]
    return options


@pytest.mark.parametrize(
    ("name", "spec"),
    [
        ("estate", arguments.ESTATE),
        ("secrets", arguments.SECRETS),
        ("postgres", arguments.POSTGRES),
        ("absence", arguments.ABSENCE),
        ("allocations", {"allocations": RESIDENCE["allocations"]}),
        ("filestores", FILESTORE),
        ("room", ROOM),
        ("tools", TOOLS),
        ("copies", COPIES),
        ("window", WINDOW),
    ],
)
def test_a_fragment_documents_its_spec(name: str, spec: dict[str, Any]) -> None:
    documented = {key: documented_form(option) for key, option in fragment(name).items()}
    assert documented == {key: spec_form(option) for key, option in spec.items()}


@pytest.mark.parametrize("module", [tenant_databases, tenant_record, tenant_registry, ledger, *MOVES])
def test_a_module_documents_its_arguments(module: Any) -> None:
    documentation = yaml.safe_load(module.DOCUMENTATION)
    options = dict(documentation.get("options") or {})
    for name in documentation["extends_documentation_fragment"]:
        options |= fragment(name.rsplit(".", 1)[-1])
    assert {key: documented_form(option) for key, option in options.items()} == {
        key: spec_form(option) for key, option in module.ARGUMENTS.items()
    }


@pytest.mark.parametrize("module", [tenant_databases, tenant_record, tenant_registry, ledger, ledger_verify, *MOVES])
def test_documentation_is_yaml(module: Any) -> None:
    for text in (module.DOCUMENTATION, module.EXAMPLES, module.RETURN):
        assert yaml.safe_load(text)


def parameters(**values: Any) -> dict[str, Any]:
    instance = {"name": "i", "environment": "test", "version": "19.0", "image": "x"}
    tenant = {"name": "acme", "instance": "i", "hostnames": ["ACME.example.test"], "secret_version": 2}
    given: dict[str, Any] = {
        key: option.get("default") for key, option in tenant_databases.ARGUMENTS.items()
    } | {"estate_secret": "s" * 32, "postgres_hosts": ["db1"], "postgres_password": "x"}  # fmt: skip
    return {**given, "instances": [instance], "tenants": [tenant], **values}


def test_a_tenants_password_follows_its_version_and_may_be_replaced() -> None:
    first = inputs.desired_from(parameters(), ("main",), False).passwords["acme"]
    raised = {**parameters()["tenants"][0], "secret_version": 3}
    assert inputs.desired_from(parameters(tenants=[raised]), ("main",), False).passwords["acme"] != first
    replaced = parameters(secret_overrides={"postgres/acme": "mine"})
    assert inputs.desired_from(replaced, ("main",), False).passwords["acme"] == "mine"


def test_clusters_begin_with_the_registrys() -> None:
    assert list(inputs.servers_from(parameters())) == ["main"]
    clusters = [{"name": "one", "hosts": ["db1"]}, {"name": "two", "hosts": ["db3", "db4"], "port": 5433}]
    servers = inputs.servers_from(parameters(clusters=clusters))
    assert list(servers) == ["one", "two"] and servers["one"].hosts == ("db1",)
    assert (servers["two"].hosts, servers["two"].port) == (("db3", "db4"), 5433)


def test_names_that_lead_nowhere_are_reported_together() -> None:
    one = parameters()["tenants"][0]
    wrong = [one, one, {**one, "name": "birch", "instance": "other"}]
    with pytest.raises(InputError) as caught:
        inputs.tenants_of(parameters(tenants=wrong))
    assert [(each.subject, each.field) for each in caught.value.problems] == [
        ("tenant birch", "instance"),
        ("tenant acme", "name"),
    ]
