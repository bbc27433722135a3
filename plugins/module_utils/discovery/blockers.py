# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in the way of moving a database, each with evidence and cure: the rules of the preflight's catalogue that
hold without knowing what becomes of it. Pure.
"""

from __future__ import annotations

from ansible_collections.erpops.odoo.plugins.module_utils.preflight.catalogue import BLOCKERS
from ansible_collections.erpops.odoo.plugins.module_utils.preflight.model import SEVERITIES, Facts, Rule, Subject

Blocker = dict[str, str]


def blockers(database: Facts, server: Facts, host: Facts) -> list[Blocker]:
    """All of one database, the gravest first. host: ``odoo`` and ``remote_servers`` of the result."""
    its = Subject(database=database, server=server, host=host)
    found = [blocker(rule, evidence) for rule in BLOCKERS if (evidence := rule.check(its))]
    return sorted(found, key=lambda each: (SEVERITIES.index(each["severity"]), each["id"]))


def blocker(rule: Rule, evidence: str) -> Blocker:
    return {"id": rule.id, "severity": rule.severity, "evidence": evidence, "cure": rule.cure}
