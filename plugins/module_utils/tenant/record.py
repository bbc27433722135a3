# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tenant registry is told after the units run: the image that each tenant's unit was started with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import Action
from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import Unreachable
from ansible_collections.erpops.odoo.plugins.module_utils.postgres import client as postgres
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import Server
from ansible_collections.erpops.odoo.plugins.module_utils.tenant import client
from ansible_collections.erpops.odoo.plugins.module_utils.tenant.model import Registered

WRITE: LiteralString = """
    UPDATE registry.tenant AS row SET image = running.image
    FROM unnest(%s::text[], %s::text[]) AS running (name, image)
    WHERE row.name = running.name AND row.state <> 'absent'
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What was remembered, and what of it changes."""

    before: Mapping[str, str]
    changes: Mapping[str, str]

    @property
    def after(self) -> dict[str, str]:
        return {**self.before, **self.changes}

    @property
    def actions(self) -> tuple[Action, ...]:
        return tuple(
            Action("update", f"registry of tenant {name}", f"image: {self.before[name] or 'unknown'} -> {image}")
            for name, image in self.changes.items()
        )


def plan(rows: Sequence[Registered], running: Sequence[Mapping[str, Any]]) -> Recorded:
    """A tenant that is not registered is passed over: in check mode one that is to be born, with this very image."""
    before = {row.name: row.image for row in rows if row.alive}
    images = {each["name"]: each["image"] for each in running}
    changes = {name: images[name] for name in before if images.get(name, before[name]) != before[name]}
    return Recorded(before=before, changes=changes)


def record(server: Server, running: Sequence[Mapping[str, Any]], *, absent: bool, check_mode: bool) -> Recorded:
    """``absent``: it is proved that the cluster was never made, which counts in check mode only."""
    try:
        connection, there = postgres.connect_estate(server)
    except Unreachable:
        if absent and check_mode:
            return plan((), running)
        raise
    with connection:
        if not check_mode:
            client.lock_registry(connection)
        found = plan(client.read_registry(connection)[2] if there else (), running)
        if found.changes and not check_mode:
            with postgres.translated("Writing the tenant registry"):
                connection.execute(WRITE, [list(found.changes), list(found.changes.values())])
    return found
