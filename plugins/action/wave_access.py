# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps lines of authorized_keys and files on a host over the connection that is there; no Python is used there."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import render
from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError
from ansible_collections.erpops.odoo.plugins.module_utils.discovery.records import records
from ansible_collections.erpops.odoo.plugins.module_utils.wave import access
from ansible_collections.erpops.odoo.plugins.plugin_utils.host_action import HostAction

STATE = {"type": "str", "choices": ["present", "absent"], "default": "present"}
SPEC = {
    "keys": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "no_log": False,
        "options": {
            "user": {"type": "str", "required": True},
            "line": {"type": "str"},
            "comment": {"type": "str"},
            "state": STATE,
        },
    },
    "files": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "path": {"type": "str", "required": True},
            "content": {"type": "str"},
            "owner": {"type": "str", "default": "root"},
            "mode": {"type": "str", "default": "0644"},
            "state": STATE,
        },
    },
}


class ActionModule(HostAction):
    """``erpops.odoo.wave_access``."""

    SPEC = SPEC

    def work(self, host: str, given: dict[str, Any]) -> dict[str, Any]:
        wanted = access.wanted_from(given)
        nonce = secrets.token_hex(16)
        found = access.host_from(self.told(access.reading(wanted, nonce), host, "read"), nonce, host)
        plan = access.plan(wanted, found, host)
        if plan.commands and not self._task.check_mode:
            records(self.told(access.script(plan.commands, nonce), host, "written"), nonce, host)
        values: dict[str, Any] = {"changed": bool(plan.actions), "actions": [asdict(one) for one in plan.actions]}
        if self._task.diff:
            values["diff"] = {"before": render(plan.before), "after": render(plan.after)}
        return values

    def told(self, script: str, host: str, done: str) -> str:
        """What a script printed. It goes through the shell's standard input: no file there."""
        output = self._low_level_execute_command("sh -s", in_data=script.encode())
        if output["rc"] != 0:
            raise ErpopsError(f"The access to host {host} could not be {done}: {output['stderr'].strip()[-500:]}")
        return str(output["stdout"])
