# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that is wrong with a declared estate, at once. Pure: it looks at nothing but its input."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Problem
from ansible_collections.erpops.odoo.plugins.module_utils.estate import (
    rules_capacity,
    rules_certificates,
    rules_entries,
    rules_hosts,
    rules_waves,
)
from ansible_collections.erpops.odoo.plugins.module_utils.estate.declared import Declared, read

RULES = (*rules_entries.RULES, *rules_hosts.RULES, *rules_capacity.RULES, *rules_waves.RULES)
SECRET_LENGTH = 32
PEM_MARKS = {
    "estate_ca_certificate": re.compile(r"-----BEGIN CERTIFICATE-----.*-----END CERTIFICATE-----", re.DOTALL),
    "estate_ca_key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL),
}


def problems_of(raw: Mapping[str, Any]) -> tuple[Problem, ...]:
    """All problems of the operator's variables, each once, in the order of the rules."""
    declared, faults = read(raw)
    found = [*faults, *_secrets(raw), *(problem for rule in RULES for problem in rule(declared))]
    return tuple(dict.fromkeys([*found, *rules_certificates.problems(raw, declared)]))


def _secrets(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """What comes from a vault is there and looks like itself; the values never appear."""
    secret = raw.get("estate_secret")
    if secret is not None and (not isinstance(secret, str) or len(secret) < SECRET_LENGTH):
        yield Problem("estate", "estate_secret", "", f"Give a random text of at least {SECRET_LENGTH} characters.")
    for field, mark in PEM_MARKS.items():
        text = raw.get(field)
        if text is not None and not (isinstance(text, str) and mark.search(text)):
            yield Problem("estate", field, "", "Give it in PEM form, with its BEGIN and END lines.")


def checked(raw: Mapping[str, Any]) -> Declared:
    """The estate, or one InputError that carries every problem."""
    problems = problems_of(raw)
    if problems:
        count = f"{len(problems)} problems" if len(problems) > 1 else "1 problem"
        raise InputError(f"The declared estate has {count}; nothing was changed.", problems)
    return read(raw)[0]
