# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rule of the catalogue, what it looks at, and what it finds. Pure.

severity: ``high`` stops a wave until it is cured or waived; ``medium`` wants a decision or a step of the wave; ``low``
is to know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.estate.model import ResolvedTenant

Facts = Mapping[str, Any]
SEVERITIES = ("high", "medium", "low")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is declared of a member. allow, dropped_modules, roles, shared_roles: as ``wave_move_*`` say it."""

    tenant: ResolvedTenant
    allow: Sequence[str] = ()
    dropped_modules: Sequence[str] = ()
    roles: Sequence[str] = ()
    shared_roles: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A database of a discovery with its server and its host, in the shapes of docs/waves.md.

    host: the whole result, with ``remote_servers``. url: of the member, where one is declared. twins: other databases
    with the same uuid. left: databases of the host that no member is. Rules of discovery (``blocker``) look at
    database, server, ``odoo`` and ``remote_servers`` alone, since there is no more then.
    """

    database: Facts
    server: Facts
    host: Facts
    target: Target | None = None
    url: str = ""
    today: date = date.min
    twins: Sequence[str] = ()
    left: Sequence[str] = ()

    @property
    def tenant(self) -> ResolvedTenant:
        if self.target is None:
            raise LookupError("a rule of discovery asks for what is declared")
        return self.target.tenant

    @property
    def installed(self) -> dict[str, Facts]:
        """The modules of the database by name."""
        return {each["name"]: each for each in self.database["modules"]}

    def options(self, name: str) -> list[str]:
        """An option of Odoo in every configuration of the host that gives it."""
        return sorted({value for each in self.host["odoo"] if (value := given(each["options"], name))})


Check = Callable[[Subject], str]  # what was found as a sentence, or nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """allow: the value of ``wave_move_allow`` with which wave_prepare cures it. blocker: discovery says it, too."""

    id: str
    area: str
    severity: str
    title: str
    cure: str
    check: Check
    allow: str = ""
    blocker: bool = False


@dataclass(slots=True)
class Area:
    """The rules of one area, in the order in which they stand in its file."""

    title: str
    rules: list[Rule] = field(default_factory=list)

    def rule(
        self, severity: str, title: str, cure: str, *, allow: str = "", blocker: bool = False
    ) -> Callable[[Check], Check]:
        """Makes a rule of a function; its name is the rule's id."""

        def add(check: Check) -> Check:
            self.add(check.__name__, severity, title, cure, check, allow=allow, blocker=blocker)
            return check

        return add

    def add(
        self, name: str, severity: str, title: str, cure: str, check: Check, *, allow: str = "", blocker: bool = False
    ) -> None:
        self.rules.append(
            Rule(
                id=name, area=self.title, severity=severity, title=title, cure=cure, check=check, allow=allow,
                blocker=blocker,
            )
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a rule found of a member.

    settled: what is declared that settles it. waived, until: the reason and the last day of a waiver that counts.
    expired: the last day of a waiver that does not count any more.
    """

    rule: Rule
    member: str
    evidence: str
    settled: str = ""
    waived: str = ""
    until: str = ""
    expired: str = ""

    @property
    def stops(self) -> bool:
        return self.rule.severity == "high" and not self.settled and not self.waived

    def as_dict(self) -> dict[str, Any]:
        rule = self.rule
        return {
            "rule": rule.id, "area": rule.area, "severity": rule.severity, "title": rule.title, "cure": rule.cure,
            "member": self.member, "evidence": self.evidence, "settled": self.settled, "waived": self.waived,
            "until": self.until, "expired": self.expired, "stops": self.stops,
        }  # fmt: skip


def listed(names: Sequence[str], limit: int = 8) -> str:
    """Names for a sentence: the first few, and how many more."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def named(names: Sequence[str], form: str = "{}.") -> str:
    """A sentence about names, nothing without any."""
    return form.format(listed(names)) if names else ""


def given(options: Mapping[str, str], name: str) -> str:
    """An option of Odoo's configuration; empty where it says that there is none."""
    value = (options.get(name) or "").strip()
    return "" if value.lower() in ("false", "none") else value


def short(text: str) -> str:
    """A command for a sentence."""
    return text if len(text) <= 80 else f"{text[:79]}…"


def number(value: Any) -> int | None:
    """A number that somebody wrote into a configuration."""
    text = str(value or "").strip()
    return int(text) if text.isdigit() else None
