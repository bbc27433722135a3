# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sums up the journals of members' units with the shell functions that discovery sums up a legacy host's logs with."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError
from ansible_collections.erpops.odoo.plugins.module_utils.discovery.records import records
from ansible_collections.erpops.odoo.plugins.module_utils.discovery.script import Settings, measuring
from ansible_collections.erpops.odoo.plugins.module_utils.wave.performance import measured, serving_since

SPEC = {
    "members": {"type": "list", "elements": "dict", "required": True},
    "log_lines": {"type": "int", "default": 200_000},
    "seconds": {"type": "int", "default": 60},
}


class ActionModule(ActionBase):
    """``erpops.odoo.wave_performance``."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = super().run(tmp, task_vars)
        _validation, given = self.validate_argument_spec(argument_spec=SPEC)
        host = str((task_vars or {}).get("inventory_hostname", ""))
        answer.update(changed=False, actions=[])
        try:
            since = serving_since(given["members"])
            answer.update(performance=self.measured(host, since, given) if since else {})
        except ErpopsError as error:
            answer.update(failed=True, msg=str(error), problems=[asdict(problem) for problem in error.problems])
        return answer

    def measured(self, host: str, since: dict[str, int], given: dict[str, Any]) -> dict[str, Any]:
        settings = Settings(
            nonce=secrets.token_hex(16), statement_seconds=given["seconds"], log_lines=given["log_lines"]
        )
        # Like discovery's script: no file there, and nothing of it in a list of processes.
        output = self._low_level_execute_command("nice -n 10 sh -s", in_data=measuring(settings, since).encode())
        return measured(host, records(output["stdout"], settings.nonce, host))
