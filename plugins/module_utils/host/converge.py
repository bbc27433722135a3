# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files and units brought to their wanted state, or predicted: what modules that write both share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import Action
from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError
from ansible_collections.erpops.odoo.plugins.module_utils.host import file_client, file_plan, unit_client, unit_plan
from ansible_collections.erpops.odoo.plugins.module_utils.host.model import (
    UnitsFound,
    WantedDirectory,
    WantedFile,
    WantedUnit,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """Both sides of the diff, what was done or would be, and the files whose content changed."""

    before: Mapping[str, Any]
    after: Mapping[str, Any]
    actions: Sequence[Action]
    changed_files: Sequence[str] = ()
    assumed: Sequence[str] = ()


def files(directories: Sequence[WantedDirectory], wanted: Sequence[WantedFile], *, check_mode: bool) -> Brought:
    directories = [file_client.canonical_directory(each) for each in directories]
    wanted = [file_client.canonical_file(each) for each in wanted]
    found = file_client.observe(directories, wanted)
    problems = file_plan.system_problems(directories, wanted, found, assume=check_mode)
    if problems:
        raise InputError("The files cannot be written. Nothing was changed.", problems)
    changes = file_plan.plan(directories, wanted, found)
    if not check_mode:
        file_client.apply(changes)
    return Brought(
        before=file_plan.snapshot(changes, after=False),
        after=file_plan.snapshot(changes, after=True),
        actions=[file_plan.action(change) for change in changes],
        changed_files=file_plan.changed_files(changes),
        assumed=file_plan.assumed(found),
    )


def units(
    wanted: Sequence[WantedUnit],
    changed: Sequence[str],
    *,
    check_mode: bool,
    timeout: float,
    seen: UnitsFound | None = None,
) -> Brought:
    """``changed``: files of theirs that are new or, in check mode, would be. ``seen``: the units before these came."""
    problems = unit_plan.input_problems(wanted)
    if problems:
        raise InputError("The declared units contradict themselves. Nothing was changed.", problems)
    found = unit_client.observe(wanted, assume=check_mode)
    before = seen or found
    reasons = unit_plan.reload_reasons(wanted, found, changed, unit_client.quadlets())
    if reasons and not check_mode:
        unit_client.command("daemon-reload", [])
        found = unit_client.observe(wanted, assume=check_mode)
    problems = () if check_mode else unit_plan.missing(wanted, found)
    if problems:
        raise InputError("There are no such units. None was started.", problems)
    verbs = unit_plan.plan(wanted, found, changed, assume=check_mode)
    if not check_mode:
        unit_client.apply(verbs, found, timeout)
    return Brought(
        before=unit_plan.snapshot(wanted, before, verbs, after=False),
        after=unit_plan.snapshot(wanted, before, verbs, after=True),
        actions=unit_plan.actions(reasons, verbs),
    )
