# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from contextlib import nullcontext

from contracts.harness import ROOT, Case, local

DISCOVERY = ROOT / "tests" / "unit" / "planning" / "fixtures" / "discovery"
MEMBERS = [
    {"name": "acme", "host": "legacy1", "database": "acme_prod"},
    {"name": "birch", "host": "legacy1", "database": "birch_prod"},
    {"name": "fir", "host": "legacy2", "database": "fir_prod"},
]


def probe(_system: object) -> object:
    return {path.name: json.loads(path.read_text()) for path in sorted(DISCOVERY.iterdir())}


CASES = (
    Case(
        name="what legacy databases share",
        system=lambda: nullcontext(local()),
        arguments=lambda system: {"discovery": str(DISCOVERY), "members": MEMBERS},
        probe=probe,
        changes=False,
    ),
    Case(
        name="one database as two members",
        system=lambda: nullcontext(local()),
        arguments=lambda system: {"discovery": str(DISCOVERY), "members": [*MEMBERS, {**MEMBERS[0], "name": "twin"}]},
        probe=probe,
        refused="members acme, twin",
    ),
)
