# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What actions share that work on a host over the connection that is there, without a Python on it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, ClassVar

from ansible.plugins.action import ActionBase

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError


class HostAction(ActionBase):
    """An action that says what arguments it takes, and does its work; errors end it as they end a module."""

    TRANSFERS_FILES = False
    SPEC: ClassVar[dict[str, Any]] = {}
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = super().run(tmp, task_vars)
        _validation, given = self.validate_argument_spec(argument_spec=self.SPEC)
        host = str((task_vars or {}).get("inventory_hostname", ""))
        try:
            answer.update(self.work(host, given))
        except ErpopsError as error:
            answer.update(failed=True, msg=str(error), problems=[asdict(problem) for problem in error.problems])
        return answer

    def work(self, host: str, given: dict[str, Any]) -> dict[str, Any]:
        """What is done on ``host`` with the arguments; returns what the action does."""
        raise NotImplementedError
