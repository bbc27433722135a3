# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `site` said in check mode on the scenario's empty hosts, held against what it then did, task by task."""

from __future__ import annotations

import json
import os
from collections import Counter
from typing import Any

import pytest

from integration.estate.live import Estate

Key = tuple[str, str, int]


@pytest.fixture(scope="module")
def records(estate: Estate) -> dict[str, dict[Key, dict[str, Any]]]:
    folder = estate.root / "build" / os.environ["LAB_NAME"] / "records"
    return {path.stem: keyed(json.loads(path.read_text(encoding="utf-8"))) for path in folder.glob("*.json")}


def keyed(results: list[dict[str, Any]]) -> dict[Key, dict[str, Any]]:
    """By host, task, and how often that host had a task of this name before."""
    seen: Counter[tuple[str, str]] = Counter()
    found = {}
    for result in results:
        at = result["host"], result["task"]
        found[(*at, seen[at])] = result
        seen[at] += 1
    return found


def told(result: dict[str, Any] | None) -> tuple[bool, list[str]]:
    if result is None:
        return False, []
    return result["changed"], [f"{action.get('verb')} {action.get('subject')}" for action in result["actions"]]


def test_check_mode_on_empty_hosts_predicts_the_run(records: dict[str, dict[Key, dict[str, Any]]]) -> None:
    predicted, happened = records["check-1"], records["run-1"]
    assert sum(result["changed"] for result in happened.values()) > 30, "control: the run built an estate"
    wrong = [
        f"{at}: predicted {told(predicted.get(at))}, happened {told(happened.get(at))}"
        for at in sorted({*predicted, *happened})
        if told(predicted.get(at)) != told(happened.get(at))
    ]
    assert wrong == [], "\n".join(wrong)


def test_a_second_run_changes_nothing(records: dict[str, dict[Key, dict[str, Any]]]) -> None:
    changed = [at for at, result in records["run-2"].items() if result["changed"] or result["actions"]]
    assert changed == []
