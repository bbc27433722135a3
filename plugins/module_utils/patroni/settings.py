# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declared parameters against what PostgreSQL really runs with (``pg_settings``), whatever the units."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import Problem

# Of PostgreSQL's own table: everything as bytes, or as milliseconds.
BYTES = {"B": 1, "kB": 1024, "MB": 1024**2, "GB": 1024**3, "TB": 1024**4}
MILLISECONDS = {
    "us": Decimal("0.001"),
    "ms": Decimal(1),
    "s": Decimal(1000),
    "min": Decimal(60_000),
    "h": Decimal(3_600_000),
    "d": Decimal(86_400_000),
}
QUANTITY = re.compile(r"\s*([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)\s*([A-Za-z]*)\s*")
BASE = re.compile(r"([0-9]*)([A-Za-z]+)")
TRUE = ("on", "true", "yes", "1", "t", "y")
FALSE = ("off", "false", "no", "0", "f", "n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One row of ``pg_settings``."""

    name: str
    setting: str
    unit: str = ""
    vartype: str = "string"
    context: str = ""
    source: str = ""
    from_alter_system: bool = False
    pending_restart: bool = False
    enumvals: tuple[str, ...] = ()
    lowest: str = ""
    highest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """A parameter that runs with another value than the declared one."""

    member: str
    parameter: str
    declared: str
    live: str
    source: str
    from_alter_system: bool = False
    pending_restart: bool = False


class Unfit(Exception):
    """A value that PostgreSQL would not take; the message says what it wants."""


def canonical(value: str | int, setting: Setting) -> str:
    """The value as ``pg_settings.setting`` would show it. Raises Unfit."""
    text = str(value).strip()
    if setting.vartype == "bool":
        return _boolean(text)
    if setting.vartype in ("integer", "real"):
        return _number(text, setting)
    if setting.vartype == "enum":
        return _choice(text, setting)
    if setting.name in ("shared_preload_libraries", "search_path"):
        return ",".join(part.strip() for part in text.split(","))
    return str(value)


def _boolean(text: str) -> str:
    if text.lower() in TRUE:
        return "on"
    if text.lower() in FALSE:
        return "off"
    raise Unfit("Give on or off.")


def _choice(text: str, setting: Setting) -> str:
    lowered = text.lower()
    if lowered in setting.enumvals:
        return lowered
    # An enumeration such as synchronous_commit also takes the boolean words, which pg_settings does not list.
    if lowered in TRUE and "on" in setting.enumvals:
        return "on"
    if lowered in FALSE and "off" in setting.enumvals:
        return "off"
    raise Unfit(f"Give one of {', '.join(setting.enumvals)}.")


def _number(text: str, setting: Setting) -> str:
    match = QUANTITY.fullmatch(text)
    if not match:
        raise Unfit(f"Give a number{f' with a unit ({setting.unit})' if setting.unit else ''}.")
    number, unit = Decimal(match[1]), match[2]
    result = number * _factor(unit, setting) if unit else number
    if setting.vartype == "integer":
        result = result.to_integral_value()
    _within(result, setting)
    return format(result.normalize(), "f")


def _factor(unit: str, setting: Setting) -> Decimal:
    """How many of the parameter's own unit (``8kB``, ``ms``) one of ``unit`` is."""
    base = BASE.fullmatch(setting.unit)
    if base:
        for table in (BYTES, MILLISECONDS):
            if unit in table and base[2] in table:
                return Decimal(table[unit]) / (Decimal(table[base[2]]) * int(base[1] or 1))
    raise Unfit(
        f"Its unit is {setting.unit}; {unit} does not fit." if setting.unit else f"It has no unit; leave {unit} out."
    )


def _within(number: Decimal, setting: Setting) -> None:
    try:
        lowest, highest = Decimal(setting.lowest), Decimal(setting.highest)
    except InvalidOperation:
        return
    if not lowest <= number <= highest:
        unit = f" {setting.unit}" if setting.unit else ""
        raise Unfit(f"PostgreSQL takes {setting.lowest} to {setting.highest}{unit}.")


def equal(declared: str | int, setting: Setting) -> bool:
    try:
        wanted = canonical(declared, setting)
    except Unfit:
        return False
    if setting.vartype in ("integer", "real"):
        return Decimal(wanted) == Decimal(setting.setting)
    if setting.vartype == "string" and "," in wanted:
        return wanted == ",".join(part.strip() for part in setting.setting.split(","))
    return wanted == setting.setting


def problems(cluster: str, parameters: Mapping[str, str | int], settings: Mapping[str, Setting]) -> Iterator[Problem]:
    """Declared parameters that PostgreSQL does not know or would refuse. Patroni drops those with a line in its log."""
    for name, value in parameters.items():
        setting = settings.get(name)
        field = f"parameters.{name}"
        if setting is None:
            if "." not in name:
                close = difflib.get_close_matches(name, settings, n=1)
                hint = f" Did you mean {close[0]!r}?" if close else ""
                yield Problem(
                    f"postgres cluster {cluster}", field, str(value), f"PostgreSQL has no such parameter.{hint}"
                )
            continue
        try:
            canonical(value, setting)
        except Unfit as unfit:
            yield Problem(f"postgres cluster {cluster}", field, str(value), str(unfit))


def drifts(member: str, parameters: Mapping[str, str | int], settings: Mapping[str, Setting]) -> tuple[Drift, ...]:
    """Parameters of one member whose live value is not the declared one."""
    return tuple(
        Drift(
            member=member,
            parameter=name,
            declared=str(value),
            live=f"{setting.setting}{f' x {setting.unit}' if setting.unit else ''}",
            source=setting.source,
            from_alter_system=setting.from_alter_system,
            pending_restart=setting.pending_restart,
        )
        for name, value in parameters.items()
        if (setting := settings.get(name)) is not None and not equal(value, setting)
    )


def restarting(changed: Sequence[str], settings: Mapping[str, Setting]) -> bool:
    """Whether one of the changed parameters takes effect at a restart only."""
    return any(name in settings and settings[name].context == "postmaster" for name in changed)
