# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from passlib.hash import pbkdf2_sha512

from ansible_collections.erpops.odoo.plugins.module_utils.tenant import birth


@pytest.mark.parametrize(("major", "rounds"), [(14, 25_000), (16, 25_000), (17, 600_000), (19, 600_000)])
def test_the_hash_is_the_one_that_the_line_would_make_itself(major: int, rounds: int) -> None:
    made = birth.password_hash("pä55", major)
    assert made.startswith(f"$pbkdf2-sha512${rounds}$")
    assert pbkdf2_sha512.verify("pä55", made) and not pbkdf2_sha512.verify("pass", made)


def test_the_hash_is_passlibs_for_every_salt() -> None:
    salt = bytes(range(240, 256))
    expected = pbkdf2_sha512.using(rounds=25_000, salt=salt).hash("x")
    assert birth.password_hash("x", 14, salt) == expected


def test_two_births_share_nothing() -> None:
    first, second = (birth.identity("https://a", "admin", "x", 14) for again in range(2))
    for name in ("password_hash", "database_uuid", "database_secret"):
        assert getattr(first, name) != getattr(second, name)
    assert first.database_secret not in repr(first) and first.password_hash not in repr(first)


def test_tables_that_a_version_lacks_are_left_out() -> None:
    born = birth.identity("https://a", "admin", "x", 14)
    texts = [found[0] for found in birth.statements(born, frozenset({"res_users_log"}))]
    assert "DELETE FROM res_users_log" in texts and "DELETE FROM res_device_log" not in texts
