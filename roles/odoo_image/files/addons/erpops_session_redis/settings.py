# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``/etc/odoo/session.json`` says, checked.

    {"servers": [["host", port], …], "sentinels": [["host", port], …], "service": "sessions",
     "username": "…", "password": "…", "prefix": "<tenant>:", "ca_file": "/…/ca.crt", "lifetime_seconds": 604800}

Either ``sentinels`` (with ``service``) or ``servers`` finds the primary; sentinels decide alone where they are given.
``ca_file`` turns TLS on, with the certificate checked against the name or address that was dialled.
A session that nobody is logged in to lives ``anonymous_lifetime_seconds`` (a day, and never longer than the others):
every visit of a crawler makes one. ``sentinel_username`` and ``sentinel_password`` are only needed where the sentinels
want a login of their own.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

PATH = "/etc/odoo/session.json"
DEFAULT_LIFETIME_SECONDS = 7 * 24 * 3600
DEFAULT_ANONYMOUS_LIFETIME_SECONDS = 24 * 3600

Address = tuple[str, int]


class SettingsError(Exception):
    """The file is there and cannot be used."""


class Settings(NamedTuple):
    servers: tuple[Address, ...]
    sentinels: tuple[Address, ...]
    service: str
    username: str | None
    password: str | None
    prefix: str
    ca_file: str | None
    lifetime_seconds: int
    anonymous_lifetime_seconds: int
    sentinel_username: str | None
    sentinel_password: str | None


def read(path: str = PATH) -> Settings | None:
    """The settings, or None where there is no such file: then Odoo keeps its own store."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}. Give its owner read access.") from error
    try:
        value = json.loads(text)
    except ValueError as error:
        raise SettingsError(f"{path} is not JSON: {error}.") from error
    if not isinstance(value, dict):
        raise SettingsError(f"{path} must hold a JSON object.")
    return parse(value, path)


def parse(value: dict[str, Any], path: str = PATH) -> Settings:
    unknown = sorted(set(value) - set(Settings._fields))
    if unknown:
        raise SettingsError(f"{path}: unknown keys {', '.join(unknown)}.")
    servers = _addresses(value, "servers", path)
    sentinels = _addresses(value, "sentinels", path)
    if not servers and not sentinels:
        raise SettingsError(f"{path}: give `servers` or `sentinels`.")
    lifetime = _lifetime(value, "lifetime_seconds", DEFAULT_LIFETIME_SECONDS, path)
    anonymous = _lifetime(value, "anonymous_lifetime_seconds", DEFAULT_ANONYMOUS_LIFETIME_SECONDS, path)
    return Settings(
        servers=servers,
        sentinels=sentinels,
        service=_text(value, "service", path) or "sessions",
        username=_text(value, "username", path),
        password=_text(value, "password", path),
        prefix=_text(value, "prefix", path) or "",
        ca_file=_text(value, "ca_file", path),
        lifetime_seconds=lifetime,
        anonymous_lifetime_seconds=min(anonymous, lifetime),
        sentinel_username=_text(value, "sentinel_username", path),
        sentinel_password=_text(value, "sentinel_password", path),
    )


def _text(value: dict[str, Any], key: str, path: str) -> str | None:
    found = value.get(key)
    if found is None or isinstance(found, str):
        return found or None
    raise SettingsError(f"{path}: `{key}` must be a string.")


def _lifetime(value: dict[str, Any], key: str, default: int, path: str) -> int:
    found = value.get(key, default)
    if isinstance(found, bool) or not isinstance(found, int) or found < 1:
        raise SettingsError(f"{path}: `{key}` is {found!r}; it must be a whole number above 0.")
    return found


def _addresses(value: dict[str, Any], key: str, path: str) -> tuple[Address, ...]:
    found = value.get(key) or []
    if not isinstance(found, list):
        raise SettingsError(f'{path}: `{key}` must be a list of ["host", port].')
    return tuple(_address(item, f"{key}[{number}]", path) for number, item in enumerate(found))


def _address(item: Any, place: str, path: str) -> Address:
    if isinstance(item, list) and len(item) == 2 and isinstance(item[0], str) and item[0] and _is_port(item[1]):
        return item[0], item[1]
    raise SettingsError(f'{path}: `{place}` is {item!r}; it must be ["host", port].')


def _is_port(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 65536
