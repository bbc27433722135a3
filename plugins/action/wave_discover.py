# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one script on a legacy host over the connection that is there, and makes the result of its output here."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import Action, render
from ansible_collections.erpops.odoo.plugins.module_utils.discovery.dispositions import merged, proposed, unsettled
from ansible_collections.erpops.odoo.plugins.module_utils.discovery.records import records, said
from ansible_collections.erpops.odoo.plugins.module_utils.discovery.result import result
from ansible_collections.erpops.odoo.plugins.module_utils.discovery.script import Settings, script
from ansible_collections.erpops.odoo.plugins.module_utils.discovery.store import (
    dispositions,
    dispositions_text,
    result_text,
    write,
)
from ansible_collections.erpops.odoo.plugins.plugin_utils.host_action import HostAction

SPEC = {
    "folder": {"type": "path"},
    "dispositions_folder": {"type": "path"},
    "statement_seconds": {"type": "int", "default": 60},
    "checksums": {"type": "bool", "default": True},
    "log_lines": {"type": "int", "default": 200_000},
    "filestores": {"type": "list", "elements": "path", "default": []},
}


class ActionModule(HostAction):
    """``erpops.odoo.wave_discover``."""

    SPEC = SPEC

    def work(self, host: str, given: dict[str, Any]) -> dict[str, Any]:
        file = Path(given["dispositions_folder"]) / f"{host}.yml" if given["dispositions_folder"] else None
        known = dispositions(file) if file else []  # a file that cannot be read stops before the host is asked
        found = self.read_host(host, given)
        items = merged(known, proposed(found))
        before, after = ({"host": host, "dispositions": each} for each in (known, items))
        actions = [Action("write", f"dispositions of host {host}", str(file))] if file and items != known else []
        if not self._task.check_mode:
            if given["folder"]:
                write(Path(given["folder"]) / f"{host}.json", result_text(found))
            if file and actions:
                write(file, dispositions_text(host, items))
        values: dict[str, Any] = {
            "changed": bool(actions),
            "actions": [asdict(action) for action in actions],
            "discovery": found,
            "dispositions": items,
            "unsettled": unsettled(items),
        }
        if self._task.diff and actions:
            values["diff"] = {"before": render(before), "after": render(after)}
        return values

    def read_host(self, host: str, given: dict[str, Any]) -> dict[str, Any]:
        settings = Settings(
            nonce=secrets.token_hex(16),
            statement_seconds=given["statement_seconds"],
            checksums=given["checksums"],
            log_lines=given["log_lines"],
            filestores=tuple(given["filestores"]),
        )
        # The script goes through the shell's standard input: no file there, and nothing of it in a list of processes.
        output = self._low_level_execute_command("nice -n 10 sh -s", in_data=script(settings).encode())
        ended = said(output["rc"], output.get("stderr") or "")
        return result(host, records(output["stdout"], settings.nonce, host, ended))
