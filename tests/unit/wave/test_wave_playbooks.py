# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In which order the verbs that move members go."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

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
    assert next(each for each in after if each) == "wave_end.yml"
    assert found[-1] == "wave_failures.yml"


def test_a_database_host_that_is_down_keeps_no_member_from_moving() -> None:
    tasks = yaml.safe_load((PLAYBOOKS.parent / "roles/wave_rehearsal/tasks/close.yml").read_text())
    on_holders = [task for task in tasks if task.get("loop") == "{{ wave_rehearsal_holders }}"]
    assert on_holders and all(task["ignore_unreachable"] for task in on_holders)


SAID = """
- hosts: localhost
  gather_facts: false
  connection: local
  vars_files: [{variables}]
  vars:
    wave_move_entry: {entry}
    wave_before: {before}
    wave_member: {{origin: {origin}, rehearsals: [{{at: before, ok: true}}]}}
    {more}
  tasks:
    - ansible.builtin.copy: {{content: "{{{{ wave_move_end | to_json }}}}", dest: {said}, mode: "0600"}}
"""


FAILED = """wave_move_problem: it failed
    wave_move_outcome: "{{ wave_move_outcomes.get(wave_move_entry, {}).get(wave_move_left, '') }}"
"""


def ended(
    entry: str, folder: Path, before: str = "following", origin: str = "following", more: str = FAILED
) -> dict[str, Any]:
    """What the store is told; without more of a member whose part of a verb failed before anything else was known."""
    play, said = folder / "play.yml", folder / "said.json"
    variables = PLAYBOOKS.parent / "roles/wave_move/vars/main.yml"
    play.write_text(SAID.format(variables=variables, entry=entry, said=said, before=before, origin=origin, more=more))
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "localhost,", str(play)]
    done = subprocess.run(
        command, cwd=folder, env=os.environ, capture_output=True, text=True, timeout=120, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(said.read_text())
    return found


def test_the_last_rehearsal_is_the_last_even_if_it_failed(tmp_path: Path) -> None:
    said = ended("rehearse", tmp_path)
    assert said["outcome"] == "following"
    assert [each["ok"] for each in said["facts"]["rehearsals"]] == [True, False]
    assert said["facts"]["failed_rehearse"]["reason"] == "it failed"


def test_what_failed_is_no_rehearsal_where_none_was_asked_for(tmp_path: Path) -> None:
    said = ended("seed", tmp_path)
    assert (said["outcome"], list(said["facts"])) == ("", ["failed_seed"])


SEEDED = "wave_move_seeded: {{actions: [{{verb: {verb}}}], copied: {copied}, left: [x], timings: [{{seconds: 2.5}}]}}"


@pytest.mark.parametrize(
    ("verb", "copied", "seconds"), [("seed", "true", 2.5), ("seed", "false", None), ("copy", "false", "as before")]
)
def test_a_seed_is_measured_by_the_run_that_copied(tmp_path: Path, verb: str, copied: str, seconds: Any) -> None:
    said = ended("seed", tmp_path, more=SEEDED.format(verb=verb, copied=copied))
    assert said["outcome"] == "following" and said["facts"]["left"] == ["x"]
    assert said["facts"].get("seed", {"seconds": "as before"})["seconds"] == seconds


@pytest.mark.parametrize(
    ("entry", "before", "origin", "outcome"),
    [
        ("cutover", "following", "following", "following"),
        ("cutover", "cutting_over", "following", ""),
        ("rollback", "live", "live", "live"),
        ("rollback", "rolling_back", "live", ""),
        ("rollback", "following", "following", ""),
        ("commit", "live", "live", "live"),
        ("commit", "committing", "live", ""),
    ],
)
def test_a_member_that_was_at_rest_is_where_it_was_if_nothing_was_begun(
    tmp_path: Path, entry: str, before: str, origin: str, outcome: str
) -> None:
    assert ended(entry, tmp_path, before, origin)["outcome"] == outcome


RETURNED = {"timings": [], "compared": {}, "filestore": {}, "left": [], "source_left": []}


def returned(**values: Any) -> str:
    return f"wave_move_returned: {json.dumps({**RETURNED, **values})}"


@pytest.mark.parametrize(("origin", "outcome"), [("live", "rolled_back"), ("following", "withdrawn")])
def test_a_rollback_that_came_back_is_no_longer_live(tmp_path: Path, origin: str, outcome: str) -> None:
    said = ended("rollback", tmp_path, "rolling_back", origin, returned(state="rolled_back"))
    assert (said["outcome"], list(said["facts"])) == (outcome, ["rollback", "left"])


def test_a_rollback_whose_source_is_gone_ends_live_and_keeps_what_is_left_there(tmp_path: Path) -> None:
    left = ["Its database may be open."]
    said = ended("rollback", tmp_path, "rolling_back", "live", returned(state="live", source_left=left))
    assert (said["outcome"], list(said["facts"])) == ("live", ["failed_rollback"])
    assert said["facts"]["failed_rollback"]["source_left"] == left


@pytest.mark.parametrize(("lost", "outcome"), [({}, "rolled_back"), ({"source_lost": True}, "live")])
def test_an_open_target_goes_back_unless_its_source_was_lost(
    tmp_path: Path, lost: dict[str, Any], outcome: str
) -> None:
    cut = f"    wave_move_cut: {json.dumps({'state': 'live', **lost})}"
    said = ended("cutover", tmp_path, "cutting_over", more=FAILED + cut)
    assert said["outcome"] == outcome


def test_nothing_is_asked_of_a_legacy_host_that_is_gone() -> None:
    """Every play on group legacy behind a commit: an unreachable host would end the run."""
    for name in ("wave_commit", "wave_access"):
        plays = yaml.safe_load((PLAYBOOKS / f"{name}.yml").read_text())
        tasks = [task for play in plays if play.get("hosts") == "legacy" for task in play["tasks"]]
        assert tasks and all("_gone | default(false) | bool" in task["when"] for task in tasks), name
