# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes a clone of a template a tenant's own database: identity, address, first administrator, no history.

Pure: statements with their parameters. Table and column names are those of Odoo 14 to 19; tables that a version does
not have are left out.
"""

from __future__ import annotations

import base64
import hashlib
import os
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, LiteralString

Statement = tuple[LiteralString, list[Any]]

# The least work factor of each line's own CryptContext: passlib's default before Odoo 17, 600 000 from then on.
ROUNDS_PASSLIB = 25_000
ROUNDS_SINCE_17 = 600_000
SALT_BYTES = 16

REQUIRED_TABLES = ("ir_config_parameter", "ir_model_data", "res_users")
# Whoever built the template left these.
HISTORY: dict[str, LiteralString] = {
    "auth_totp_device": "DELETE FROM auth_totp_device",
    "auth_totp_rate_limit_log": "DELETE FROM auth_totp_rate_limit_log",
    "ir_logging": "DELETE FROM ir_logging",
    "res_device_log": "DELETE FROM res_device_log",
    "res_users_apikeys": "DELETE FROM res_users_apikeys",
    "res_users_log": "DELETE FROM res_users_log",
}
TABLES = (*REQUIRED_TABLES, *HISTORY)

SET_PARAMETER: LiteralString = """
    INSERT INTO ir_config_parameter (key, value, create_uid, create_date, write_uid, write_date)
    VALUES (%s, %s, 1, now() AT TIME ZONE 'UTC', 1, now() AT TIME ZONE 'UTC')
    ON CONFLICT (key) DO UPDATE SET value = excluded.value, write_uid = 1, write_date = excluded.write_date
"""
SET_ADMINISTRATOR: LiteralString = """
    UPDATE res_users SET login = %s, password = %s
    WHERE id = (SELECT res_id FROM ir_model_data WHERE module = 'base' AND name = 'user_admin')
    RETURNING id
"""
# Nobody but the administrator of this tenant may have a password that the template knew.
CLEAR_PASSWORDS: LiteralString = """
    UPDATE res_users SET password = NULL
    WHERE password IS NOT NULL
      AND id <> (SELECT res_id FROM ir_model_data WHERE module = 'base' AND name = 'user_admin')
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a new database gets once, and no later run touches."""

    url: str
    login: str
    password_hash: str = field(repr=False)
    database_uuid: str
    database_secret: str = field(repr=False)
    created: str


def identity(url: str, login: str, password: str, major: int) -> Identity:
    return Identity(
        url=url,
        login=login,
        password_hash=password_hash(password, major),
        database_uuid=str(uuid.uuid1()),
        database_secret=str(uuid.uuid4()),
        created=datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S"),
    )


def password_hash(password: str, major: int, salt: bytes | None = None) -> str:
    """Passlib's pbkdf2_sha512, with the work factor that the release line would use itself."""
    rounds = ROUNDS_SINCE_17 if major >= 17 else ROUNDS_PASSLIB
    salt = os.urandom(SALT_BYTES) if salt is None else salt
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, rounds)
    return f"$pbkdf2-sha512${rounds}${_adapted(salt)}${_adapted(digest)}"


def base_url(url: str) -> list[Statement]:
    """The address in mails and links; frozen, or the next administrator's login would overwrite it."""
    return [(SET_PARAMETER, ["web.base.url", url]), (SET_PARAMETER, ["web.base.url.freeze", "True"])]


def statements(born: Identity, tables: frozenset[str]) -> list[Statement]:
    """Everything after the administrator (``administrator``), in one transaction with it."""
    parameters = {
        "database.uuid": born.database_uuid,
        "database.secret": born.database_secret,
        "database.create_date": born.created,
    }
    return [
        *((SET_PARAMETER, [key, value]) for key, value in parameters.items()),
        *base_url(born.url),
        # The template keeps its attachments in the database; the tenant's own belong in its filestore.
        ("DELETE FROM ir_config_parameter WHERE key = %s", ["ir_attachment.location"]),
        (CLEAR_PASSWORDS, []),
        *((statement, []) for table, statement in HISTORY.items() if table in tables),
    ]


def administrator(born: Identity) -> Statement:
    return SET_ADMINISTRATOR, [born.login, born.password_hash]


def _adapted(value: bytes) -> str:
    """Passlib's base 64: a dot for the plus sign, and no padding."""
    return base64.b64encode(value).decode().rstrip("=").replace("+", ".")
