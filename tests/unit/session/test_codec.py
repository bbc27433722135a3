# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime
import decimal
import json
from collections import OrderedDict

import pytest
from erpops_session_redis import codec
from werkzeug.datastructures import ImmutableMultiDict, MultiDict

PLAIN = {"uid": 2, "context": {"lang": "fr_FR", "ids": [1, None, True, 1.5]}, "name": "Zoë"}


def test_plain_sessions_are_plain_json() -> None:
    assert json.loads(codec.dumps(PLAIN)) == PLAIN
    assert codec.loads(codec.dumps(PLAIN)) == PLAIN


@pytest.mark.parametrize(
    "value",
    [
        {1: "one", 2: {"3": 4}},  # Odoo 14's saved actions
        {"__type__": "tuple", "value": [1]},
        {None: 1, (1, 2): 3},
        (1, (2, [3])),
        {1, 2, 3},
        b"\x00\xff",
        datetime.datetime(2026, 1, 2, 3, 4, 5, 6),
        datetime.date(2026, 1, 2),
        decimal.Decimal("1.10"),
        MultiDict([("a", "1"), ("a", "2"), ("b", ("f", "n", None))]),
    ],
)
def test_values_that_json_lacks_come_back_as_they_were(value: object) -> None:
    back = codec.loads(codec.dumps({"value": value}))["value"]
    assert back == value
    assert type(back) is type(value)


def test_relatives_become_their_plain_kind() -> None:
    given = {"a": OrderedDict(x=1), "b": ImmutableMultiDict([("x", "1"), ("x", "2")]), "c": frozenset([1])}
    back = codec.loads(codec.dumps(given))
    assert back["a"] == {"x": 1}
    assert back["b"].getlist("x") == ["1", "2"]
    assert back["c"] == {1}


def test_other_values_are_refused_by_name() -> None:
    with pytest.raises(codec.CodecError, match=r"session\['a'\]\['b'\] is a object"):
        codec.dumps({"a": {"b": object()}})


@pytest.mark.parametrize("text", ["[]", "1", '{"__type__": "object", "value": 1}', '{"a": {"__type__": "os.system"}}'])
def test_foreign_text_is_refused(text: str) -> None:
    with pytest.raises(codec.CodecError):
        codec.loads(text)
