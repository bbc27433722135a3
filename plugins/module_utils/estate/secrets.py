# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords that need no store: HMAC(estate secret, purpose, subject, version).

They are the same on every run and in check mode, differ for every purpose and subject, and rotate by version. An
operator may override each of them from a vault.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping

LENGTH = 32


def derive(estate_secret: str, purpose: str, subject: str = "", version: int = 1) -> str:
    """A password of 32 characters of ``[A-Za-z0-9_-]``; purpose: for instance ``postgres``."""
    message = "\x00".join([purpose, subject, str(version)]).encode()
    digest = hmac.new(estate_secret.encode(), message, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode()[:LENGTH]


def password(
    estate_secret: str, overrides: Mapping[str, str], purpose: str, subject: str = "", version: int = 1
) -> str:
    """The override ``purpose`` or ``purpose/subject`` where the operator gave one, else the derived password."""
    key = f"{purpose}/{subject}" if subject else purpose
    return overrides.get(key) or derive(estate_secret, purpose, subject, version)
