# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values as they come from YAML, held against an argument spec: every fault of a value is a ``Problem``.

Ansible's own check of argument specs stops at the first entry at fault and names neither tenant nor cure. This one
goes on, names the nearest known key for an unknown one, and hands on what is sound, so that the rules that span
values can be applied to the rest of an input with faults.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import Problem
from ansible_collections.erpops.odoo.plugins.module_utils.estate.arguments import Spec

SHOWN = 80
TRUE = ("yes", "on", "true", "1", "y", "t")
FALSE = ("no", "off", "false", "0", "n", "f")
Faults = list[Problem]


class Misshapen(Exception):
    """The value is not of its type; the message says what to write instead."""


def shown(value: Any) -> str:
    """A value in a problem: short, on one line."""
    text = " ".join(str(value).split())
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def nearest(word: str, known: Sequence[str]) -> str:
    """`` Did you mean 'x'?`` where a known word is close, else the known words."""
    close = difflib.get_close_matches(word, known, n=1) or [name for name in known if word and name.startswith(word)]
    if close:
        return f"Did you mean {close[0]!r}?"
    return f"Known: {', '.join(known)}." if known else "None is declared."


def text_of(value: Any) -> str:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (int, float)):
        raise Misshapen("Write it in quotes: YAML reads it as a number.")
    raise Misshapen("Give a text.")


def whole_number_of(value: Any) -> int:
    if isinstance(value, bool):
        raise Misshapen("Give a whole number: YAML reads it as yes or no.")
    if isinstance(value, int):
        return int(value)
    if isinstance(value, str) and value.strip().lstrip("+-").isdecimal():
        return int(value)
    raise Misshapen("Give a whole number.")


def truth_of(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).lower() in TRUE:
        return True
    if str(value).lower() in FALSE:
        return False
    raise Misshapen("Give true or false.")


SCALARS = {"str": text_of, "path": text_of, "int": whole_number_of, "bool": truth_of}


def scalar(value: Any, spec: Spec) -> Any:
    read = SCALARS.get(spec.get("type", "str"))
    result = value if read is None else read(value)
    choices = spec.get("choices")
    if choices and result not in choices:
        hint = nearest(str(result), choices)
        raise Misshapen(f"{hint} Choices: {', '.join(choices)}." if hint.startswith("Did") else hint)
    return result


def mapping(value: Any, options: Mapping[str, Spec] | None, subject: str, field: str, faults: Faults) -> dict[str, Any]:
    """The sound keys of a mapping; what is unknown, missing or of a wrong type becomes a problem."""
    if not isinstance(value, Mapping):
        faults.append(Problem(subject, field, shown(value), "Give a mapping of keys and values."))
        return {}
    place = f"{field}." if field else ""
    if options is None:
        return dict(value)
    for key in value:
        if str(key) not in options:
            cure = f"This key is not known. {nearest(str(key), list(options))}"
            faults.append(Problem(subject, f"{place}{key}", shown(value[key]), cure))
    sound: dict[str, Any] = {}
    for key, spec in options.items():
        given = value.get(key)
        if given is None:
            if spec.get("required"):
                faults.append(Problem(subject, f"{place}{key}", "", "It is missing, and there is no default."))
            continue
        result = shaped(given, spec, subject, f"{place}{key}", faults)
        if result is not None:
            sound[key] = result
    return sound


def sequence(value: Any, spec: Spec, subject: str, field: str, faults: Faults) -> list[Any]:
    """The sound elements of a list."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        faults.append(Problem(subject, field, shown(value), "Give a list, even of one element."))
        return []
    element = {**spec, "type": spec.get("elements", "str")}
    results = [shaped(item, element, subject, f"{field}[{index}]", faults) for index, item in enumerate(value)]
    return [result for result in results if result is not None]


def shaped(value: Any, spec: Spec, subject: str, field: str, faults: Faults) -> Any:
    """The value in its type, or None with a problem more."""
    kind = spec.get("type", "str")
    if kind == "dict":
        options = spec.get("options")
        return mapping(value, options, subject, field, faults)
    if kind == "list":
        return sequence(value, spec, subject, field, faults)
    try:
        return scalar(value, spec)
    except Misshapen as misshapen:
        faults.append(Problem(subject, field, shown(value), str(misshapen)))
        return None


def entries(
    value: Any, options: Mapping[str, Spec], kind: str, variable: str, faults: Faults, required: bool = False
) -> list[dict[str, Any]]:
    """A list of named things, each a subject of its own: ``tenant acme``, or ``odoo_tenants[3]`` without a name."""
    if value is None:
        if required:
            faults.append(Problem("estate", variable, "", "It is missing, and there is no default."))
        return []
    if isinstance(value, (str, Mapping)) or not isinstance(value, Sequence):
        faults.append(Problem("estate", variable, shown(value), "Give a list, one element for each."))
        return []
    results = []
    for index, item in enumerate(value):
        name = item.get("name") if isinstance(item, Mapping) else None
        subject = f"{kind} {name}" if isinstance(name, str) and name else f"{variable}[{index}]"
        results.append(mapping(item, options, subject, "", faults))
    return results
