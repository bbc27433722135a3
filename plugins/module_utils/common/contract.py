# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one result contract of all modules: ``changed``, ``diff`` and ``actions``.

A module's ``main`` is: arguments, read the actual state, make the plan, and ``conclude``. Its plan is a tuple of
actions; check mode is the same code without the ``apply`` calls, so prediction and action cannot drift apart.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError


@dataclass(frozen=True, slots=True)
class Action:
    """One step of a plan, as an operator reads it.

    verb: ``create``, ``alter``, ``clone``, ``restart`` … subject: ``database acme``. detail: never a secret.
    """

    verb: str
    subject: str
    detail: str = ""


def render(snapshot: Mapping[str, Any]) -> str:
    """A snapshot as stable text for ``--diff``."""
    return json.dumps(snapshot, indent=2, sort_keys=True, default=str) + "\n"


def conclude(
    module: AnsibleModule,
    *,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    actions: Sequence[Action],
    **values: Any,
) -> None:
    """Exit by the contract. ``before`` and ``after`` are the same pure snapshot, without secrets.

    ``changed`` is that there were actions; in check mode ``actions`` are those that a run would do.
    """
    result: dict[str, Any] = {"changed": bool(actions), "actions": [asdict(action) for action in actions], **values}
    if module._diff:
        result["diff"] = {"before": render(before), "after": render(after)}
    module.exit_json(**result)


def guarded(module: AnsibleModule, work: Callable[[], None]) -> None:
    """Run a module's work; our exceptions become its failure, with every problem on a line of its own."""
    try:
        work()
    except ErpopsError as error:
        module.fail_json(
            msg=str(error),
            problems=[asdict(problem) for problem in error.problems],
            exception=traceback.format_exc(),
            **error.values,
        )
