# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one verb on the database host as its module does, and dies (SIGKILL) or fails where a test wants it.

Arguments as JSON on stdin: ``{"verb", "parameters", "check", "die_at", "fail_at", "at"}``, where ``at`` is a step and a
command that the host runs before it; the result as JSON on stdout. It is copied to the host; what it runs is the
collection's own code.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError
from ansible_collections.erpops.odoo.plugins.module_utils.replication import steps, verbs, verbs_alone


def interrupted(die_at: str, fail_at: str, at: list[str]) -> None:
    """``name`` stops before a step, ``name!`` right after it."""
    begin, step = steps.Steps.begin, steps.Steps.step

    def stopped(self: steps.Steps, name: str) -> None:
        if name == die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if name == fail_at:
            raise ErpopsError(f"failed at {name} for the test")
        if at and name == at[0]:
            subprocess.run(["bash", "-ec", at[1]], check=True, stdout=subprocess.DEVNULL, timeout=120)
        begin(self, name)

    class After:
        def __init__(self, inner: Any, name: str) -> None:
            self.inner, self.name = inner, name

        def __enter__(self) -> None:
            self.inner.__enter__()

        def __exit__(self, *error: Any) -> Any:
            done = self.inner.__exit__(*error)
            if f"{self.name}!" == die_at and error[0] is None:
                os.kill(os.getpid(), signal.SIGKILL)
            return done

    steps.Steps.begin = stopped  # type: ignore[method-assign]
    steps.Steps.step = lambda self, name: After(step(self, name), name)  # type: ignore


def main() -> None:
    wanted = json.load(sys.stdin)
    interrupted(wanted.get("die_at", ""), wanted.get("fail_at", ""), wanted.get("at", []))
    result: dict[str, Any] = {}
    try:
        chosen = verbs_alone if wanted["parameters"].get("source_gone") else verbs
        outcome = getattr(chosen, wanted["verb"])(wanted["parameters"], check_mode=wanted.get("check", False))
        result = {
            "before": outcome.before,
            "after": outcome.after,
            "actions": [asdict(action) for action in outcome.actions],
            **outcome.values,
        }
    except ErpopsError as error:
        result = {"failed": True, "msg": str(error), **error.values}
    json.dump(result, sys.stdout, default=str)


if __name__ == "__main__":
    main()
