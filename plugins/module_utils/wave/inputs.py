# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Between a module's parameters, the store's values and a module's result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import Action
from ansible_collections.erpops.odoo.plugins.module_utils.ledger.model import Lock
from ansible_collections.erpops.odoo.plugins.module_utils.wave import states
from ansible_collections.erpops.odoo.plugins.module_utils.wave.gates import GATES
from ansible_collections.erpops.odoo.plugins.module_utils.wave.model import Change, Member, Run, Step

KINDS = ("begin", "end", "record", "note")
STEP: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "kind": {"type": "str", "required": True, "choices": list(KINDS)},
    "verb": {"type": "str", "choices": list(states.VERBS)},
    "outcome": {"type": "str", "choices": list(states.STATES)},
    "facts": {"type": "dict", "default": {}},
    "host": {"type": "str"},
    "database": {"type": "str"},
    "wave": {"type": "int"},
}

WAIVERS: dict[str, Any] = {
    "type": "list",
    "elements": "dict",
    "default": [],
    "options": {
        "member": {"type": "str", "required": True},
        "gate": {"type": "str", "required": True, "choices": list(GATES)},
        "rule": {"type": "str"},
        "reason": {"type": "str", "required": True},
        "until": {"type": "str", "required": True},
    },
}


def steps_from(values: Sequence[Mapping[str, Any]]) -> tuple[Step, ...]:
    return tuple(Step(**{key: item for key, item in value.items() if item is not None}) for value in values)


def run_from(parameters: Mapping[str, Any]) -> Run:
    return Run(
        operation=parameters["operation"] or "",
        owner=parameters["owner"] or "unknown",
        playbook=parameters["playbook"] or "unknown",
    )


def after_changes(members: Mapping[str, Member], changes: Sequence[Change], now: str) -> dict[str, Member]:
    """The members as the changes leave them; ``since`` of a new state is ``now``."""
    moved = {
        change.after.name: change.after
        if change.before and change.before.state == change.after.state
        else replace(change.after, since=now)
        for change in changes
    }
    return dict(sorted({**members, **moved}.items()))


def action_of(change: Change) -> Action:
    before = states.shown(change.before.state if change.before else states.NONE)
    after = change.after.state
    detail = f"{before} to {after}" if before != after else f"facts of {after}"
    return Action(change.step.verb or change.step.kind, f"member {change.after.name}", detail)


def shown(member: Member, lock: Lock | None) -> dict[str, Any]:
    """A member as playbooks see it."""
    return {
        **asdict(member),
        "serves": states.who_serves(member.state, member.origin),
        "next_verbs": list(states.next_verbs(member.state)),
        "lock": asdict(lock) if lock else None,
    }
