"""The estate role's documented variables are those that modules take and the validation reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.erpops.odoo.plugins.module_utils.estate import arguments, declared
from ansible_collections.erpops.odoo.plugins.modules import estate_validate

ROLE = Path(__file__).resolve().parents[3] / "roles" / "estate"
KEPT = ("type", "elements", "required", "choices", "default", "no_log")


def load(name: str) -> Any:
    return yaml.safe_load((ROLE / name).read_text(encoding="utf-8"))


SPECS = load("meta/argument_specs.yml")["argument_specs"]
OPTIONS = SPECS["variables"]["options"]


def skeleton(spec: dict[str, Any]) -> dict[str, Any]:
    """A spec without its prose."""
    kept = {key: spec[key] for key in KEPT if key in spec}
    if "options" in spec:
        kept["options"] = {name: skeleton(option) for name, option in spec["options"].items()}
    return kept


@pytest.mark.parametrize(
    ("variable", "spec"),
    [
        ("odoo_tiers", arguments.TIER),
        ("odoo_instances", arguments.INSTANCE),
        ("odoo_tenants", arguments.TENANT),
        ("postgres_clusters", arguments.POSTGRES_CLUSTER),
    ],
)
def test_nested_types_are_those_of_the_modules(variable: str, spec: dict[str, Any]) -> None:
    assert skeleton(OPTIONS[variable])["options"] == {name: skeleton(option) for name, option in spec.items()}


@pytest.mark.parametrize("entry", ["main", "variables"])
def test_defaults_are_those_of_the_spec(entry: str) -> None:
    assert load("defaults/main.yml") == {
        name: option["default"] for name, option in SPECS[entry]["options"].items() if "default" in option
    }


def test_no_type_is_checked_before_the_module_checks_everything() -> None:
    """Ansible's own check would stop at the first wrong type, without tenant and cure."""
    assert {option["type"] for option in SPECS["main"]["options"].values()} == {"raw"}
    assert not any(option.get("required") for option in SPECS["main"]["options"].values())


def test_numbers_have_the_validation_s_types_and_defaults() -> None:
    for name, spec in declared.SCALARS.items():
        documented = skeleton(OPTIONS[name])
        assert documented["type"] == spec["type"], name
        assert documented.get("required", False) == spec.get("required", False), name
        assert documented.get("choices") == spec.get("choices"), name
        assert documented.get("default", declared.DEFAULTS[name]) == declared.DEFAULTS[name], name


def test_the_module_takes_every_variable_and_the_task_hands_it_over() -> None:
    taken = set(estate_validate.argument_spec())
    assert taken == set(OPTIONS) | {"groups", "addresses", "hosts_of_run", "tenant_certificate_keys"}
    (task,) = load("tasks/main.yml")
    assert set(task["erpops.odoo.estate_validate"]) == taken
