# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every role: a full spec that equals the defaults, names of its own, and few tasks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROLES = Path(__file__).resolve().parents[3] / "roles"
NAMES = sorted(path.name for path in ROLES.iterdir() if (path / "tasks").is_dir())
MOST_TASKS = 30
# What an inventory declares for all roles.
SHARED = ("estate_", "odoo_", "tenant_certificates", "postgres_clusters", "app_container_network", "wave_")
BLOCKS = ("block", "rescue", "always")
INCLUDE = "ansible.builtin.include_tasks"


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else None


def options(name: str) -> dict[str, dict[str, Any]]:
    specs = load(ROLES / name / "meta" / "argument_specs.yml")["argument_specs"]
    return {option: spec for entry in specs.values() for option, spec in (entry.get("options") or {}).items()}


def tasks(items: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for item in items:
        inner = [task for key in BLOCKS for task in item.get(key, [])]
        yield from tasks(inner) if inner else [item]


def nested(place: str, spec: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield place, spec
    for name, option in (spec.get("options") or {}).items():
        yield from nested(f"{place}.{name}", option)


@pytest.mark.parametrize("name", NAMES)
def test_defaults_are_those_of_the_spec(name: str) -> None:
    defaults = load(ROLES / name / "defaults" / "main.yml") or {}
    assert defaults == {key: spec["default"] for key, spec in options(name).items() if "default" in spec}


@pytest.mark.parametrize("name", [name for name in NAMES if name != "estate"])  # it checks what all roles take
def test_every_variable_has_the_roles_name(name: str) -> None:
    stray = [key for key in options(name) if not key.startswith((f"{name}_", *SHARED))]
    assert stray == []


@pytest.mark.parametrize("name", NAMES)
def test_every_type_is_full(name: str) -> None:
    for key, spec in options(name).items():
        for place, part in nested(key, spec):
            assert part.get("type"), f"{place} has no type"
            assert part.get("description"), f"{place} has no description"
            if part["type"] == "list":
                assert part.get("elements"), f"{place} does not say what it is a list of"


@pytest.mark.parametrize("name", NAMES)
def test_tasks_are_few_and_named(name: str) -> None:
    """Of a role with an ``_entry``, a run takes one of its files; each is counted with those that are for all.

    What is included is counted, and not that it is.
    """
    files = {path.stem: list(tasks(load(path) or [])) for path in (ROLES / name / "tasks").glob("*.yml")}
    entries = set(options(name).get(f"{name}_entry", {}).get("choices", []))
    counts = {file: len([task for task in found if INCLUDE not in task]) for file, found in files.items()}
    shared = sum(count for file, count in counts.items() if file not in entries)
    for entry in entries or {""}:
        assert 0 < shared + counts.get(entry, 0) <= MOST_TASKS, entry
    assert all(task.get("name") for found in files.values() for task in found)
