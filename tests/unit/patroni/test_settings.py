# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.patroni.settings import (
    Setting,
    Unfit,
    canonical,
    drifts,
    equal,
    problems,
    restarting,
)

INTEGER = {"vartype": "integer"}


def setting(name: str = "x", value: str = "", **values: Any) -> Setting:
    return Setting(name=name, setting=value, **values)


@pytest.mark.parametrize(
    ("declared", "live", "values"),
    [
        ("128MB", "16384", {"unit": "8kB", **INTEGER}),
        ("1GB", "131072", {"unit": "8kB", **INTEGER}),
        ("256MB", "256", {"unit": "MB", **INTEGER}),
        ("4MB", "4096", {"unit": "kB", **INTEGER}),
        (4096, "4096", {"unit": "kB", **INTEGER}),
        ("15min", "900", {"unit": "s", **INTEGER}),
        ("10s", "10000", {"unit": "ms", **INTEGER}),
        ("1h", "60", {"unit": "min", **INTEGER}),
        (200, "200", INTEGER),
        ("1.1", "1.1", {"vartype": "real"}),
        ("0.050", "0.05", {"vartype": "real"}),
        ("true", "on", {"vartype": "bool"}),
        ("off", "off", {"vartype": "bool"}),
        ("LZ4", "lz4", {"vartype": "enum", "enumvals": ("pglz", "lz4", "on", "off")}),
        ("yes", "on", {"vartype": "enum", "enumvals": ("local", "on", "off")}),
        ("a, b", "a,b", {"name": "shared_preload_libraries"}),
        ("%m [%p] ", "%m [%p] ", {}),
    ],
)
def test_equal_whatever_the_spelling(declared: str | int, live: str, values: dict[str, Any]) -> None:
    assert equal(declared, setting(value=live, **values))


@pytest.mark.parametrize(
    ("declared", "live", "values"),
    [
        ("127MB", "16384", {"unit": "8kB", **INTEGER}),
        ("15s", "900", {"unit": "s", **INTEGER}),
        ("on", "off", {"vartype": "bool"}),
        ("pglz", "lz4", {"vartype": "enum", "enumvals": ("pglz", "lz4")}),
        ("a", "b", {}),
        ("%m [%p] ", "%m [%p]", {}),
    ],
)
def test_different(declared: str | int, live: str, values: dict[str, Any]) -> None:
    assert not equal(declared, setting(value=live, **values))


@pytest.mark.parametrize(
    ("declared", "values", "word"),
    [
        ("banana", INTEGER, "number"),
        ("10s", {"unit": "8kB", **INTEGER}, "does not fit"),
        ("10MB", INTEGER, "no unit"),
        ("maybe", {"vartype": "bool"}, "on or off"),
        ("quick", {"vartype": "enum", "enumvals": ("slow", "fast")}, "slow, fast"),
        (0, {"lowest": "1", "highest": "262143", **INTEGER}, "1 to 262143"),
        ("1kB", {"unit": "8kB", "lowest": "16", "highest": "1073741823", **INTEGER}, "16 to"),
    ],
)
def test_what_postgresql_would_refuse_is_refused_before(declared: str | int, values: dict[str, Any], word: str) -> None:
    with pytest.raises(Unfit, match=word):
        canonical(declared, setting(**values))


def test_an_unknown_parameter_is_named_with_the_nearest_known() -> None:
    known = {"work_mem": setting("work_mem", "4096", unit="kB", **INTEGER)}
    (problem,) = problems("main", {"wrok_mem": "1MB"}, known)
    assert "'work_mem'" in problem.cure
    assert problem.field == "parameters.wrok_mem"
    assert list(problems("main", {"auto_explain.log_min_duration": "1s"}, known)) == []


def test_drift_names_member_both_values_and_source() -> None:
    live = {"work_mem": setting("work_mem", "8192", unit="kB", source="configuration file", **INTEGER)}
    (drift,) = drifts("db1", {"work_mem": "4MB", "gone": 1}, live)
    assert (drift.member, drift.parameter, drift.declared, drift.live) == ("db1", "work_mem", "4MB", "8192 x kB")
    assert drifts("db1", {"work_mem": "8MB"}, live) == ()


def test_only_postmaster_parameters_want_a_restart() -> None:
    live = {"a": setting("a", context="postmaster"), "b": setting("b", context="sighup")}
    assert restarting(["b", "a"], live)
    assert not restarting(["b", "unknown"], live)
