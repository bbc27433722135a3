# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In which order the verbs that move members go."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

PLAYBOOKS = Path(__file__).resolve().parents[3] / "playbooks"


def parts(verb: str) -> list[str]:
    plays = yaml.safe_load((PLAYBOOKS / f"{verb}.yml").read_text())
    return [play.get("ansible.builtin.import_playbook", "") for play in plays]


@pytest.mark.parametrize(
    "verb", ["wave_prepare", "wave_seed", "wave_rehearse", "wave_cutover", "wave_rollback", "wave_commit"]
)
def test_locks_are_released_before_anything_may_refuse_the_rest(verb: str) -> None:
    found = parts(verb)
    after = found[found.index("wave_begin.yml") + 1 :]
    assert next(each for each in after if each and each != "wave_close.yml") == "wave_end.yml"
    assert found[-1] == "wave_failures.yml"


def test_a_database_host_that_is_down_keeps_no_member_from_moving() -> None:
    tasks = yaml.safe_load((PLAYBOOKS.parent / "roles/wave_rehearsal/tasks/close.yml").read_text())
    on_holders = [task for task in tasks if task.get("loop") == "{{ wave_rehearsal_holders }}"]
    assert on_holders and all(task["ignore_unreachable"] for task in on_holders)
