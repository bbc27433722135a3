# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One line of a password file, as Traefik's basic authentication takes it."""

from __future__ import annotations

import base64
import ctypes
import hashlib

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError

LIBRARY = "libcrypt.so.1"  # part of every Debian
# Each request is checked, and the passwords hashed here are derived, with 192 random bits: rounds would add nothing.
SETTING = "$2b$05$"
SALT_BYTES, SALT_CHARACTERS = 16, 22


def line(user: str, password: str) -> str:
    """``user:hash``, the same on every run; so for derived, unique passwords only. Raises ErpopsError."""
    digest = hashlib.sha256(b"erpops door\x00" + password.encode()).digest()[:SALT_BYTES]
    salt = base64.b64encode(digest).decode()[:SALT_CHARACTERS].replace("+", ".")
    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError as error:
        raise ErpopsError(f"A password cannot be hashed: {error}") from error
    library.crypt.restype = ctypes.c_char_p
    hashed: bytes | None = library.crypt(password.encode(), (SETTING + salt).encode())
    if not hashed or not hashed.startswith(SETTING.encode()):
        raise ErpopsError(f"A password cannot be hashed: {LIBRARY} does not know {SETTING}.")
    return f"{user}:{hashed.decode()}"
