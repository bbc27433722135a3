# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the page of an estate's discovery on the controller."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.erpops.odoo.plugins.module_utils.discovery.store import earlier, write
from ansible_collections.erpops.odoo.plugins.module_utils.report.discovery import estate
from ansible_collections.erpops.odoo.plugins.module_utils.report.page import render

SPEC = {
    "path": {"type": "path", "required": True},
    "estate": {"type": "str", "required": True},
    "hosts": {"type": "list", "elements": "str", "required": True},
    "discovered": {"type": "list", "elements": "dict", "required": True},
    "folder": {"type": "path"},
    "dispositions_folder": {"type": "path"},
}


class ActionModule(ActionBase):
    """``erpops.odoo.wave_discovery_report``."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = super().run(tmp, task_vars)
        _validation, given = self.validate_argument_spec(argument_spec=SPEC)
        path = Path(given["path"])
        discovered = [*given["discovered"], *self.earlier(given)]
        text = render("discovery.html.j2", page=estate(given["estate"], given["hosts"], discovered))
        if not self._task.check_mode:
            write(path, text)
        # Like the ledger's entries, a run's evidence is no change of the estate.
        answer.update(changed=False, actions=[])
        return answer

    @staticmethod
    def earlier(given: dict[str, Any]) -> list[dict[str, Any]]:
        """What earlier runs wrote of the hosts that this one did not read, such as those that ``--limit`` left out."""
        if not given["folder"]:
            return []
        answered = {each["discovery"]["host"] for each in given["discovered"] if each.get("discovery")}
        return [
            found
            for host in given["hosts"]
            if host not in answered
            and (found := earlier(Path(given["folder"]), Path(given["dispositions_folder"] or given["folder"]), host))
        ]
