# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Password hashes in the form that every Odoo reads (passlib's ``pbkdf2_sha512``), without passlib."""

from __future__ import annotations

import base64
import hashlib

# The passwords hashed here are derived, with 192 random bits: rounds add nothing but seconds on every run.
DERIVED_ROUNDS = 10_000
SALT_BYTES = 16


def _adapted_base64(value: bytes) -> str:
    return base64.b64encode(value).decode().rstrip("=").replace("+", ".")


def pbkdf2_sha512(password: str, *, salt: bytes, rounds: int = DERIVED_ROUNDS) -> str:
    checksum = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, rounds)
    return f"$pbkdf2-sha512${rounds}${_adapted_base64(salt)}${_adapted_base64(checksum)}"


def stable_hash(password: str) -> str:
    """The same hash on every run, so that the file that carries it does not change by itself.

    The salt is derived from the password, which is why this is for derived, unique passwords only.
    """
    salt = hashlib.sha256(b"erpops salt\x00" + password.encode()).digest()[:SALT_BYTES]
    return pbkdf2_sha512(password, salt=salt)
