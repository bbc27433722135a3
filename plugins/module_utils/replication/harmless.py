# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The copy made harmless, and read back."""

from __future__ import annotations

import os

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import Refused
from ansible_collections.erpops.odoo.plugins.module_utils.odoo import neutralize
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.passwords import pbkdf2_sha512
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import translated
from ansible_collections.erpops.odoo.plugins.module_utils.replication.client import Sides, execute, one, rows

SALT_BYTES = 16


CRONS = "SELECT count(*) FILTER (WHERE active) AS active, count(*) AS total FROM public.ir_cron"


def crons(sides: Sides) -> dict[str, int]:
    """How many the copy has before any is switched off: the source's own number, since its rows are."""
    with translated(f"Counting scheduled actions of database {sides.member.rehearsal}"):
        return one(sides.rehearsal, CRONS) or {"active": 0, "total": 0}


def neutralized(
    sides: Sides, base_url: str, login_password: str, sampled_users: int
) -> tuple[dict[str, int], list[str]]:
    """How much was made harmless, and the sampled users that the given password now logs in; in one transaction."""
    copy, counts, users = sides.rehearsal, dict[str, int](), list[str]()
    with translated(f"Neutralizing database {sides.member.rehearsal}"):
        known = neutralize.columns(rows(copy, neutralize.COLUMNS))
        with copy.transaction():
            execute(copy, *neutralize.SAFELY)
            for statement in neutralize.statements(known, base_url):
                done = copy.execute(statement.text, statement.values).rowcount
                if done > 0:
                    counts[statement.what] = counts.get(statement.what, 0) + done
            if login_password:
                hashed = pbkdf2_sha512(login_password, salt=os.urandom(SALT_BYTES))
                sampled = rows(copy, neutralize.SAMPLE, [sampled_users])
                copy.execute(neutralize.SET_PASSWORD, [hashed, [row["id"] for row in sampled]])
                users = [row["login"] for row in sampled]
    return counts, users


def verify(sides: Sides) -> None:
    """Raises Refused with everything in the copy that could still reach somebody."""
    with translated(f"Reading database {sides.member.rehearsal}"):
        known = neutralize.columns(rows(sides.rehearsal, neutralize.COLUMNS))
        original = one(sides.target, neutralize.UUID)
        checks = neutralize.checks(known, original["value"] if original else "")
        found = [
            (test.what, (one(sides.rehearsal, test.text, test.values) or {"found": 1})["found"]) for test in checks
        ]
    problems = neutralize.problems(sides.member.rehearsal, found)
    if problems:
        raise Refused(f"The copy of member {sides.member.name} is not harmless, and was dropped.", problems)
