# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.postgres import scram

# The example of RFC 7677, in the form in which PostgreSQL stores it.
EXAMPLE = (
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="
    ":wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
)


def test_the_standards_example_is_understood() -> None:
    assert scram.matches(EXAMPLE, "pencil")
    assert not scram.matches(EXAMPLE, "Pencil")


def test_a_verifier_is_reproduced_from_its_salt() -> None:
    salt = bytes.fromhex("5b6d99689d12358eeca04b141236fa81")
    assert scram.verifier("pencil", salt) == EXAMPLE


def test_two_verifiers_of_one_password_differ_and_both_match() -> None:
    first, second = scram.verifier("x"), scram.verifier("x")
    assert first != second and scram.matches(first, "x") and scram.matches(second, "x")
    assert "x" not in first.split("$")


def test_other_iterations_are_honoured() -> None:
    stored = scram.verifier("x", iterations=10)
    assert stored.startswith("SCRAM-SHA-256$10:") and scram.matches(stored, "x")


@pytest.mark.parametrize(
    "stored",
    [None, "", "md5abcdef", "SCRAM-SHA-256", "SCRAM-SHA-256$4096$x:y", "SCRAM-SHA-256$x:AAAA$AAAA:AAAA",
     "SCRAM-SHA-256$4096:@@$AAAA:AAAA", "SCRAM-SHA-1$4096:AAAA$AAAA:AAAA"],
)  # fmt: skip
def test_anything_else_never_matches(stored: str | None) -> None:
    assert not scram.matches(stored, "x")


@pytest.mark.parametrize(
    ("typed", "prepared"),
    [
        ("plain", b"plain"),
        ("a\u00a0b", b"a b"),
        ("a\u00adb", b"ab"),
        ("\u2168", b"IX"),
        ("a\u0007\u00e4", "a\u0007ä".encode()),
    ],
)
def test_passwords_are_prepared_as_the_server_prepares_them(typed: str, prepared: bytes) -> None:
    assert scram.prepared(typed) == prepared
