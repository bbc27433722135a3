# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules do for a member whose source is gone for good (``source_gone``); the same as ``verbs``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import Action
from ansible_collections.erpops.odoo.plugins.module_utils.filestore.copy_client import unknown
from ansible_collections.erpops.odoo.plugins.module_utils.replication import alone, client, plan, verbs
from ansible_collections.erpops.odoo.plugins.module_utils.replication.arguments import filestores_from
from ansible_collections.erpops.odoo.plugins.module_utils.replication.client import Sides
from ansible_collections.erpops.odoo.plugins.module_utils.replication.model import TargetFacts
from ansible_collections.erpops.odoo.plugins.module_utils.replication.verbs import Outcome


@contextmanager
def _opened(parameters: Mapping[str, Any], check_mode: bool) -> Iterator[tuple[Sides, TargetFacts]]:
    with verbs.connected(parameters, check_mode, patient=True) as sides:
        alone.check_gone(sides)
        yield sides, alone.read(sides)


def _done(sides: Sides, state: str, expected: str, action: Action | None, check_mode: bool, **values: Any) -> Outcome:
    after = expected if check_mode or action is None else plan.stands_alone(alone.read(sides))
    return verbs.outcome(sides, state, after, action, **values)


def cutover(parameters: Mapping[str, Any], *, check_mode: bool) -> Outcome:
    """Nobody can be switched over from a source that is gone: the copy that followed opens as it is."""
    wanted = parameters["state"]
    with _opened(parameters, check_mode) as (sides, target):
        state, subject = alone.check_followed(sides, target), f"member {sides.member.name}"
        found: dict[str, Any] = {}
        action, expected = None, state
        if wanted == "live" and state != plan.LIVE:
            action, expected = Action("open", subject), plan.LIVE
            if not check_mode:
                found = alone.cutover(sides, _lacking(parameters, sides))
        elif wanted == "following" and state == plan.FOLLOWING and target.back_slot is not None:
            action = Action("return", subject)
            if not check_mode:
                alone.no_way_back(sides)
        told = {key: found.get(key) for key in ("statistics", "arrived_until")}
        told |= {"behind": found.get("behind", []), "held": False, "schema_changes": []}
        left = plan.left_on_source("wave_cutover", sides.member, state) if wanted == "live" else []
        return _done(
            sides, state, expected, action, check_mode, found=state, source_left=left, **told,
            **verbs.measured(sides, found),
        )  # fmt: skip


def _lacking(parameters: Mapping[str, Any], sides: Sides) -> Callable[[], Sequence[str]]:
    stores = filestores_from(parameters)
    if stores is None:
        return lambda: ()
    return lambda: unknown(stores.target, client.attachments(sides.target), stores.seconds)


def rollback(parameters: Mapping[str, Any], *, check_mode: bool) -> Outcome:
    """No way leads back to a source that is gone: the target opens again, or a copy that never served is removed."""
    verb = "withdraw" if parameters["withdraw"] else "wave_rollback"
    with _opened(parameters, check_mode) as (sides, target):
        state, subject = plan.check_alone(verb, sides.member, target), f"member {sides.member.name}"
        if verb == "withdraw":
            action = None if state == plan.PLANNED else Action("withdraw", subject)
            act, expected = alone.withdraw, plan.PLANNED
        else:
            action = None if state == plan.LIVE else Action("open again", subject)
            act, expected = alone.open_again, plan.LIVE
        if parameters["state"] != "rolled_back":  # nothing can be made ready without the source
            action, expected = None, state
        if action and not check_mode:
            act(sides, target)
        told = {**verbs.NEVER_LIVE, "live_since": target.opened or None}
        told["source_left"] = plan.left_on_source(verb, sides.member, state)
        return _done(sides, state, expected, action, check_mode, found=state, **verbs.measured(sides, {}), **told)


def commit(parameters: Mapping[str, Any], *, check_mode: bool) -> Outcome:
    wanted = verbs.dumping(parameters)
    with _opened(parameters, check_mode) as (sides, target):
        state = plan.check_alone("wave_commit", sides.member, target)
        action = None if state == plan.COMMITTED else Action("commit", f"member {sides.member.name}")
        dumped = {} if check_mode else alone.commit(sides, wanted, target)
        way_back = target.back_slot is not None
        left = plan.left_on_source("wave_commit", sides.member, state, way_back=way_back)
        return _done(sides, state, plan.COMMITTED, action, check_mode, dump=dumped, source_left=left)
