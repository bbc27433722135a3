# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept of a tenant that is removed, and whether it is enough to drop the rest. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import Action
from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Problem, Refused

Kind = Literal["dump", "filestore"]
SHOWN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One file that was taken of a tenant. ``rows`` and ``tables``: of a dump, as counted after its restore."""

    tenant: str
    kind: Kind
    path: str
    sha256: str
    size: int
    tables: int = 0
    rows: int = 0
    files: int = 0

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Content:
    """A database in numbers: rows by table, last value by sequence."""

    rows: Mapping[str, int] = field(default_factory=dict)
    sequences: Mapping[str, int | None] = field(default_factory=dict)


def kept_from(value: Mapping[str, Any]) -> Kept:
    return Kept(**{name: value[name] for name in Kept.__dataclass_fields__ if value.get(name) is not None})


def confirmed(absent: Iterable[str], names: Iterable[str]) -> tuple[str, ...]:
    """The tenants to remove: confirmed by name and declared absent."""
    absent = set(absent)
    names = tuple(dict.fromkeys(names))
    problems = [
        Problem(
            f"tenant {name}",
            "state",
            "",
            "Only a tenant with 'state: absent' is removed: declare it so, or take its name out of the confirmation.",
        )
        for name in names
        if name not in absent
    ]
    if problems:
        raise InputError("Confirmed tenants are not declared absent. Nothing was changed.", problems)
    return names


def differences(source: Content, restored: Content) -> tuple[str, ...]:
    """Every table and sequence in which a restored dump is not the database that it was taken of."""
    found = []
    for what, left, right in (
        ("table", source.rows, restored.rows),
        ("sequence", source.sequences, restored.sequences),
    ):
        found += [
            f"{what} {name}: {left.get(name, 'absent')} in the database, {right.get(name, 'absent')} restored"
            for name in sorted({*left, *right})
            if left.get(name, "absent") != right.get(name, "absent")
        ]
    return tuple(found)


def require_same(tenant: str, source: Content, restored: Content) -> None:
    found = differences(source, restored)
    if found or not source.rows:
        more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        cure = "Stop what still writes to it, and run again."
        detail = "; ".join(found[:SHOWN]) + more if found else "it has no tables"
        raise Refused(
            "A restored dump is not the tenant's database. Nothing was dropped.",
            [Problem(f"tenant {tenant}", "dump", detail, cure)],
        )


def proof(kept: Sequence[Kept], host: str) -> dict[str, dict[str, Any]]:
    """By tenant, where its dump and filestore lie; the way back that ``tenant_databases`` asks for.

    A dump is only handed on after its restore was compared with its database, hence ``restored``.
    """
    proofs: dict[str, dict[str, Any]] = {}
    for item in kept:
        entry = proofs.setdefault(item.tenant, {"restored": False})
        entry[item.kind] = f"{host}:{item.path}"
        entry[f"{item.kind}_sha256"] = item.sha256
        if item.kind == "dump":
            entry |= {"restored": True, "tables": item.tables, "rows": item.rows}
    return proofs


def require_proofs(names: Iterable[str], proofs: Mapping[str, Mapping[str, Any]]) -> None:
    """Before a filestore is deleted: its copy and the dump lie elsewhere."""
    problems = [
        Problem(f"tenant {name}", f"removal_proof.{kind}", "", "Run the steps 'dump', 'filestore' and 'keep' first.")
        for name in names
        for kind in ("dump", "filestore")
        if not proofs.get(name, {}).get(kind) or proofs.get(name, {}).get("restored") is not True
    ]
    if problems:
        raise Refused("Filestores stay: nothing proves a way back. Nothing was deleted.", problems)


def actions(step: str, names: Iterable[str]) -> tuple[Action, ...]:
    words = {
        "dump": ("dump", "database"),
        "filestore": ("copy", "filestore of tenant"),
        "keep": ("keep", "copies of tenant"),
        "forget": ("delete", "filestore of tenant"),
    }
    verb, what = words[step]
    return tuple(Action(verb, f"{what} {name}") for name in names)
