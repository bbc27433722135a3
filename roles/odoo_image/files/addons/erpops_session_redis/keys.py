# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of the keys in Redis.

A session is one string, ``<prefix>session:<sid>``. Odoo 19 looks sessions up by the first half of their sid, which
stays the same through rotations and identifies the device; since a tenant may not SCAN, the sids of one device are
kept in the set ``<prefix>device:<first 42 characters>``.
"""

from __future__ import annotations

SID_LENGTH = 84  # of Odoo 19; Odoo 14's sids have 40 characters and no identifier
IDENTIFIER_LENGTH = 42


def identifier(sid: str) -> str | None:
    """The part of a sid by which Odoo 19 knows the device; None for Odoo 14's sids."""
    return sid[:IDENTIFIER_LENGTH] if len(sid) == SID_LENGTH else None


def session(prefix: str, sid: str) -> str:
    return f"{prefix}session:{sid}"


def device(prefix: str, device_identifier: str) -> str:
    return f"{prefix}device:{device_identifier}"
