# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All rules, area by area."""

from __future__ import annotations

from ansible_collections.erpops.odoo.plugins.module_utils.preflight import (
    rules_background,
    rules_database,
    rules_filestore,
    rules_integrations,
    rules_known,
    rules_modules,
    rules_objects,
    rules_odoo,
    rules_record,
    rules_routes,
    rules_server,
    rules_sizes,
    rules_target,
)
from ansible_collections.erpops.odoo.plugins.module_utils.preflight.model import Rule

AREAS = (
    rules_record.AREA,
    rules_server.AREA,
    rules_target.AREA,
    rules_database.AREA,
    rules_objects.AREA,
    rules_sizes.AREA,
    rules_odoo.AREA,
    rules_modules.AREA,
    rules_known.AREA,
    rules_filestore.AREA,
    rules_background.AREA,
    rules_routes.AREA,
    rules_integrations.AREA,
)
RULES: tuple[Rule, ...] = tuple(rule for area in AREAS for rule in area.rules)
BY_ID = {rule.id: rule for rule in RULES}
BLOCKERS = tuple(rule for rule in RULES if rule.blocker)
