# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import stat
from pathlib import Path

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError
from ansible_collections.erpops.odoo.plugins.module_utils.discovery import store
from ansible_collections.erpops.odoo.plugins.module_utils.discovery.dispositions import item


def test_dispositions_come_back_as_they_were(tmp_path: Path) -> None:
    items = [
        item("cron", 'a: "b" | {{ c }}\nsecond: - line', "für # äß", "declared", "why"),
        item("route", "yes", "null", "dropped", ""),
    ]
    path = tmp_path / "deep" / "legacy1.yml"
    store.write(path, store.dispositions_text("legacy1", items))
    assert store.dispositions(path) == items
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["legacy1.yml"]


def test_no_file_is_no_dispositions(tmp_path: Path) -> None:
    assert store.dispositions(tmp_path / "none.yml") == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("dispositions: [", "Mend its YAML"),
        ("[]", "must be a list"),
        ("dispositions: {a: b}", "is 'dict'"),
        ("dispositions: [{kind: cron}]", r"dispositions\[0\]"),
        ("dispositions: [{kind: cron, name: a}, x]", r"dispositions\[1\]"),
        ("dispositions: [{kind: cron, name: 5}]", r"dispositions\[0\]"),
    ],
)
def test_a_file_that_people_broke_names_itself(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "legacy1.yml"
    path.write_text(text)
    with pytest.raises(InputError, match=told) as caught:
        store.dispositions(path)
    assert str(path) in str(caught.value)
    assert path.read_text() == text


def test_what_an_earlier_run_found_is_there_with_what_it_asks(tmp_path: Path) -> None:
    items = [item("cron", "a", "so", "declared", "why")]
    store.write(tmp_path / "legacy1.json", store.result_text({"host": "legacy1"}))
    store.write(tmp_path / "legacy1.yml", store.dispositions_text("legacy1", items))
    found = store.earlier(tmp_path, tmp_path, "legacy1")
    assert found is not None and found["discovery"] == {"host": "legacy1"} and found["dispositions"] == items
    assert len(found["unsettled"]) == 1
    assert store.earlier(tmp_path, tmp_path, "legacy2") is None
    (tmp_path / "legacy1.json").write_text("{")
    assert store.earlier(tmp_path, tmp_path, "legacy1") is None
