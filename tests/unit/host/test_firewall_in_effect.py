# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two listings of one ruleset are the same, however often it was loaded; and a rule more, or less, is seen."""

from __future__ import annotations

import copy
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from types import ModuleType
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "roles" / "baseline" / "files" / "firewall_in_effect.py"
RULE = {
    "family": "inet",
    "table": "erpops",
    "chain": "input",
    "handle": 5,
    "expr": [{"match": {"op": "==", "left": "saddr", "right": {"set": ["10.0.0.1", {"prefix": {"len": 16}}]}}}],
}
LISTED: list[dict[str, Any]] = [
    {"metainfo": {"version": "1.1.3"}},
    {"table": {"family": "inet", "name": "erpops", "handle": 2}},
    {"chain": {"name": "input", "handle": 1, "policy": "drop"}},
    {"rule": RULE},
    {"rule": {**RULE, "handle": 6, "expr": [{"accept": None}]}},
]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("firewall_in_effect", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def listing(change: Callable[[list[dict[str, Any]]], object] = lambda items: None) -> str:
    items = copy.deepcopy(LISTED)
    change(items)
    return json.dumps({"nftables": items})


def test_handles_the_order_in_a_set_and_nfts_version_do_not_matter(script: ModuleType) -> None:
    def loaded_later(items: list[dict[str, Any]]) -> None:
        items[0]["metainfo"]["version"] = "1.2"
        items[1]["table"]["handle"] = items[3]["rule"]["handle"] = 99
        items[3]["rule"]["expr"][0]["match"]["right"]["set"].reverse()

    assert script.table(listing(loaded_later)) == script.table(listing())


@pytest.mark.parametrize(
    "change",
    [
        lambda items: items.pop(),
        lambda items: items.append(items[3]),
        lambda items: items.reverse(),
        lambda items: items[2]["chain"].update(policy="accept"),
        lambda items: items[3]["rule"]["expr"][0]["match"]["right"]["set"].append("10.9.9.9"),
    ],
    ids=["a rule less", "a rule more", "another order", "another policy", "another address"],
)
def test_everything_else_does(script: ModuleType, change: Callable[[list[dict[str, Any]]], object]) -> None:
    assert script.table(listing(change)) != script.table(listing())


@pytest.mark.parametrize(
    ("declared", "live", "expected"),
    [
        ((0, listing()), (0, listing()), 0),
        ((0, listing()), (0, listing(list.pop)), 1),
        ((0, listing()), (1, ""), 1),
        ((1, ""), (0, listing()), 2),
    ],
    ids=["as declared", "a rule was taken away", "the table is gone", "the file cannot be loaded"],
)
def test_how_it_ends(
    script: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    declared: tuple[int, str],
    live: tuple[int, str],
    expected: int,
) -> None:
    def run(*command: str) -> CompletedProcess[str]:
        code, output = declared if "unshare" in command[0] else live
        return CompletedProcess(command, code, output, "said")

    monkeypatch.setattr(script, "run", run)
    assert script.main([]) == expected
