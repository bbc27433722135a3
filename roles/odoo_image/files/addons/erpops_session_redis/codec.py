# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A session as text and back.

The text is JSON. Odoo 14 pickles its sessions and so may hold values that JSON lacks (integer keys, tuples, dates,
werkzeug's multi-dicts); those are written as ``{"__type__": …}`` and come back as they were. Pickle itself is never
used: who can write to Redis must not be able to run code.
"""

from __future__ import annotations

import base64
import datetime
import decimal
import json
from collections.abc import Callable, Mapping
from typing import Any

from werkzeug.datastructures import MultiDict

TYPE = "__type__"
VALUE = "value"


class CodecError(ValueError):
    """A session holds a value that has no text form."""


def dumps(session: Mapping[str, Any]) -> str:
    return json.dumps(_pack(dict(session), "session"), separators=(",", ":"))


def loads(text: str) -> dict[str, Any]:
    value = _unpack(json.loads(text))
    if not isinstance(value, dict):
        raise CodecError("a stored session is no object")
    return value


def _pack(value: Any, place: str) -> Any:
    if value is None or type(value) in (bool, int, float, str):
        return value
    for kind, name, pack in _PACKERS:
        if isinstance(value, kind):
            packed = pack(value, place)
            return packed if name is None else {TYPE: name, VALUE: packed}
    raise CodecError(f"{place} is a {type(value).__name__}, which cannot be kept in a session")


def _pack_mapping(value: Mapping[Any, Any], place: str) -> Any:
    if TYPE not in value and {type(key) for key in value} <= {str}:
        return {key: _pack(item, f"{place}[{key!r}]") for key, item in value.items()}
    pairs = [[_pack(key, f"a key of {place}"), _pack(item, f"{place}[{key!r}]")] for key, item in value.items()]
    return {TYPE: "mapping", VALUE: pairs}


def _pack_items(value: Any, place: str) -> list[Any]:
    return [_pack(item, f"{place}[…]") for item in value]


def _pack_multi(value: Any, place: str) -> list[Any]:
    return _pack_items([list(pair) for pair in value.items(multi=True)], place)


# The first match counts: subclasses stand before their bases.
_PACKERS: tuple[tuple[Any, Any, Callable[[Any, str], Any]], ...] = (
    (bool, None, lambda value, place: bool(value)),
    (int, None, lambda value, place: int(value)),
    (float, None, lambda value, place: float(value)),
    (str, None, lambda value, place: str(value)),
    (MultiDict, "multidict", _pack_multi),
    (Mapping, None, _pack_mapping),
    (list, None, _pack_items),
    (tuple, "tuple", _pack_items),
    ((set, frozenset), "set", lambda value, place: _pack_items(sorted(value, key=repr), place)),
    ((bytes, bytearray), "bytes", lambda value, place: base64.b64encode(value).decode("ascii")),
    (datetime.datetime, "datetime", lambda value, place: value.isoformat()),
    (datetime.date, "date", lambda value, place: value.isoformat()),
    (decimal.Decimal, "decimal", lambda value, place: str(value)),
)

_UNPACKERS: dict[str, Callable[[Any], Any]] = {
    "mapping": lambda value: {_unpack(key): _unpack(item) for key, item in value},
    "multidict": lambda value: MultiDict([tuple(_unpack(pair)) for pair in value]),
    "tuple": lambda value: tuple(_unpack(item) for item in value),
    "set": lambda value: {_unpack(item) for item in value},
    "bytes": base64.b64decode,
    "datetime": datetime.datetime.fromisoformat,
    "date": datetime.date.fromisoformat,
    "decimal": decimal.Decimal,
}


def _unpack(value: Any) -> Any:
    if isinstance(value, list):
        return [_unpack(item) for item in value]
    if not isinstance(value, dict):
        return value
    if TYPE not in value:
        return {key: _unpack(item) for key, item in value.items()}
    unpack = _UNPACKERS.get(value[TYPE])
    if unpack is None:
        raise CodecError(f"a stored session holds the unknown type {value[TYPE]!r}")
    return unpack(value.get(VALUE))
