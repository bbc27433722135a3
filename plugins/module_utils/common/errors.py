# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The few exceptions below the modules. A module turns them into one failure in ``main``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with an input or a system.

    subject: what it is about, with its kind: ``tenant acme``, ``host db1``, ``instance shared19``.
    field: the option or field at fault, ``hostnames[1]``; empty where it is the subject as a whole.
    value: the value found, as text, never a secret.
    cure: what the reader should do about it, a full sentence.
    """

    subject: str
    field: str
    value: str
    cure: str

    def __str__(self) -> str:
        place = f"{self.subject}: {self.field}" if self.field else self.subject
        found = f" is {self.value!r}" if self.value else ""
        return f"{place}{found}. {self.cure}"


class ErpopsError(Exception):
    """What a module reports as its failure: one sentence, and the single problems under it.

    values: more for the result of a module that fails, such as the state in which it left things.
    """

    def __init__(self, message: str, problems: Iterable[Problem] = (), values: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.problems = tuple(problems)
        self.values = dict(values or {})

    def __str__(self) -> str:
        return "\n".join([self.message, *(f"- {problem}" for problem in self.problems)])


class InputError(ErpopsError):
    """The declared input contradicts itself or cannot be carried out. Nothing was changed."""


class Unreachable(ErpopsError):
    """A service that should be there does not answer, or refuses us."""


class Refused(ErpopsError):
    """The way back cannot be proved, or a guard forbids the step. Nothing was changed."""
