# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments of the modules of waves: documented as they are taken, exemplified truly, and handed over by the roles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.erpops.odoo.plugins.doc_fragments import absence, discovered, postgres, waves
from ansible_collections.erpops.odoo.plugins.module_utils.planning import arguments
from ansible_collections.erpops.odoo.plugins.modules import wave_map, wave_members, wave_plan, wave_status

ROLES = Path(__file__).resolve().parents[3] / "roles"
FRAGMENTS = {"absence": absence, "discovered": discovered, "postgres": postgres, "waves": waves}
MODULES = [wave_map, wave_members, wave_plan, wave_status]
KEPT = ("type", "elements", "required", "choices", "default")


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


def role_form(option: dict[str, Any]) -> dict[str, Any]:
    """Without defaults, which a role's spec has at its top only."""
    kept = {key: value for key, value in option.items() if key in KEPT and key != "default"}
    if "options" in option:
        kept["options"] = {name: role_form(each) for name, each in option["options"].items()}
    return kept


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rsplit(".", 1)[-1])
def test_a_module_documents_its_arguments(module: Any) -> None:
    documentation = yaml.safe_load(module.DOCUMENTATION)
    options = dict(documentation.get("options") or {})
    for name in documentation["extends_documentation_fragment"]:
        fragment = FRAGMENTS[name.rsplit(".", 1)[-1]]
        options |= yaml.safe_load(fragment.ModuleDocFragment.DOCUMENTATION)["options"]
    assert {key: documented_form(option) for key, option in options.items()} == {
        key: spec_form(option) for key, option in module.ARGUMENTS.items()
    }
    assert yaml.safe_load(module.RETURN)


def wrong(given: Any, options: dict[str, Any], place: str) -> list[str]:
    """What of an example the module would not take; a template may become anything."""
    found = [f"{place}.{key} is not known" for key in given if key not in options]
    found += [f"{place}.{key} is missing" for key, spec in options.items() if spec.get("required") and key not in given]
    for key, value in given.items():
        spec = options.get(key, {})
        if spec.get("choices") and isinstance(value, str) and value not in spec["choices"]:
            found.append(f"{place}.{key} is {value}")
        for number, item in enumerate(value if isinstance(value, list) else [value]):
            if "options" in spec and isinstance(item, dict):
                found += wrong(item, spec["options"], f"{place}.{key}[{number}]")
    return found


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rsplit(".", 1)[-1])
def test_examples_are_true(module: Any) -> None:
    name = f"erpops.odoo.{module.__name__.rsplit('.', 1)[-1]}"
    tasks = [task for task in yaml.safe_load(module.EXAMPLES) if name in task]
    assert tasks
    for task in tasks:
        assert wrong(task[name], module.ARGUMENTS, task["name"]) == []


PAIRS = {
    "wave_plan_window": arguments.PLAN["window"],
    "wave_plan_freezes": arguments.PLAN["freezes"],
    "wave_plan_members": arguments.PLAN["settings"],
    "wave_plan_app_hosts": arguments.PLAN["app_hosts"],
    "wave_plan_rates": arguments.PLAN["rates"],
    "wave_map_links": arguments.MAP["links"],
    "wave_members": arguments.MAP["members"],
}


@pytest.mark.parametrize("variable", PAIRS)
def test_the_roles_variables_are_the_modules_arguments(variable: str) -> None:
    specs = yaml.safe_load((ROLES / "wave_plan" / "meta" / "argument_specs.yml").read_text())
    documented = specs["argument_specs"]["main"]["options"][variable]
    assert role_form(documented) == role_form(PAIRS[variable])


@pytest.mark.parametrize(
    "name", ["parallel", "members_per_wave", "copy_hours_per_wave", "settle_days", "effort_seconds"]
)
def test_defaults_are_the_module_s(name: str) -> None:
    defaults = yaml.safe_load((ROLES / "wave_plan" / "defaults" / "main.yml").read_text())
    assert defaults[f"wave_plan_{name}"] == arguments.PLAN[name]["default"]


def test_the_role_hands_everything_over() -> None:
    task = yaml.safe_load((ROLES / "wave_plan" / "tasks" / "main.yml").read_text())[0]
    assert set(task["erpops.odoo.wave_plan"]) == set(arguments.PLAN)
