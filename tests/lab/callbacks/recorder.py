# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps what every task of a run said it changed, so that check mode's prediction can be held against the run."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ansible import context
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
    name: recorder
    type: aggregate
    short_description: Keeps what every task said it changed
    description:
      - Writes one JSON file for each run of the scenario's converge playbook into the folder named by the environment
        variable ERPOPS_RECORDS, C(check-1.json), C(run-1.json) and so on. Without the variable it does nothing.
        ERPOPS_RECORDED names another playbook.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "recorder"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self.records: list[dict[str, Any]] = []
        self.recording = False

    def v2_playbook_on_start(self, playbook: Any) -> None:
        self.recording = Path(playbook._file_name).stem == os.environ.get("ERPOPS_RECORDED", "converge")

    def v2_runner_on_ok(self, result: Any) -> None:
        values = result._result
        self.records.append(
            {
                "host": result._host.get_name(),
                "task": result._task.get_name(),
                "changed": bool(values.get("changed", False)),
                "actions": values.get("actions", []) if isinstance(values.get("actions"), list) else [],
            }
        )

    def v2_playbook_on_stats(self, stats: Any) -> None:
        folder = os.environ.get("ERPOPS_RECORDS")
        if not folder or not self.recording:
            return
        kind = "check" if context.CLIARGS.get("check") else "run"
        Path(folder).mkdir(parents=True, exist_ok=True)
        number = len(list(Path(folder).glob(f"{kind}-*.json"))) + 1
        (Path(folder) / f"{kind}-{number}.json").write_text(json.dumps(self.records, indent=1), encoding="utf-8")
