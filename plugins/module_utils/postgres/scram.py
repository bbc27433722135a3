# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SCRAM-SHA-256 verifiers (RFC 5802) as PostgreSQL stores them: made and compared here, so that no password in plain
text ever reaches the server, its logs or its statistics."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import stringprep
import unicodedata
from functools import cache

ITERATIONS = 4096  # PostgreSQL's own default (scram_iterations)
SALT_BYTES = 16
SCHEME = "SCRAM-SHA-256"


def prepared(password: str) -> bytes:
    """SASLprep without the directional checks: ASCII stays as it is, a forbidden character leaves all as it is."""
    if password.isascii():
        return password.encode()
    mapped = "".join(
        " " if stringprep.in_table_c12(char) else char for char in password if not stringprep.in_table_b1(char)
    )
    normal = unicodedata.normalize("NFKC", mapped)
    return (password if any(_forbidden(char) for char in normal) else normal).encode()


def _forbidden(char: str) -> bool:
    tables = (
        stringprep.in_table_c12,
        stringprep.in_table_c21_c22,
        stringprep.in_table_c3,
        stringprep.in_table_c4,
        stringprep.in_table_c5,
        stringprep.in_table_c6,
        stringprep.in_table_c7,
        stringprep.in_table_c8,
        stringprep.in_table_c9,
        stringprep.in_table_a1,
    )
    return any(table(char) for table in tables)


def verifier(password: str, salt: bytes | None = None, iterations: int = ITERATIONS) -> str:
    """What ``ALTER ROLE … PASSWORD`` takes and ``pg_authid.rolpassword`` holds."""
    salt = os.urandom(SALT_BYTES) if salt is None else salt
    stored, server = _keys(password, salt, iterations)
    return f"{SCHEME}${iterations}:{_text(salt)}${_text(stored)}:{_text(server)}"


def matches(stored: str | None, password: str) -> bool:
    """Whether a role whose ``rolpassword`` is ``stored`` lets ``password`` in. An MD5 hash never matches: it goes."""
    try:
        scheme, parameters, keys = (stored or "").split("$")
        iterations, salt = parameters.split(":")
        expected, _server = keys.split(":")
        if scheme != SCHEME:
            return False
        found = _keys(password, base64.b64decode(salt, validate=True), int(iterations))[0]
        return hmac.compare_digest(found, base64.b64decode(expected, validate=True))
    except (ValueError, binascii.Error):
        return False


@cache  # a run compares each password for its plan and for both halves of its diff
def _keys(password: str, salt: bytes, iterations: int) -> tuple[bytes, bytes]:
    salted = hashlib.pbkdf2_hmac("sha256", prepared(password), salt, iterations)
    client = hmac.new(salted, b"Client Key", hashlib.sha256).digest()
    return hashlib.sha256(client).digest(), hmac.new(salted, b"Server Key", hashlib.sha256).digest()


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
