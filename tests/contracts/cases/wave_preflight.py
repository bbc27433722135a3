# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from unit.preflight.clean import declared, record

from contracts.harness import Case, System, local

WAIVED = {"member": "acme", "gate": "preflight", "rule": "encoding", "reason": "it is converted", "until": "2099-01-31"}
MEMBERS = [{"name": name, "host": "legacy1", "database": f"{name}_prod"} for name in ("acme", "birch")]


def discovered(**changes: Any) -> Callable[[], AbstractContextManager[System]]:
    """A folder with the result of a host whose one database is acme_prod, with changes to it."""

    @contextlib.contextmanager
    def folder() -> Iterator[System]:
        with tempfile.TemporaryDirectory() as path:
            host = record()
            host["databases"][0].update(changes)
            Path(path, "legacy1.json").write_text(json.dumps(host))
            yield local(folder=path)

    return folder


def arguments(system: System, **more: Any) -> Mapping[str, Any]:
    return {**declared(), "discovery": system.facts["folder"], "members": MEMBERS, "names": ["acme"], **more}


def probe(system: System) -> object:
    return {path.name: path.read_text() for path in sorted(Path(system.facts["folder"]).iterdir())}


CASES = (
    Case(name="nothing stops it", system=discovered(), arguments=arguments, probe=probe, changes=False),
    Case(
        name="what stops it is refused",
        system=discovered(encoding="LATIN1"),
        arguments=arguments,
        probe=probe,
        refused="member acme: rule encoding",
    ),
    Case(
        name="what stops it is waived",
        system=discovered(encoding="LATIN1"),
        arguments=lambda system: arguments(system, waivers=[WAIVED]),
        probe=probe,
        changes=False,
    ),
    Case(
        name="what stops it is only said",
        system=discovered(encoding="LATIN1"),
        arguments=lambda system: arguments(system, refuse=False),
        probe=probe,
        changes=False,
    ),
    Case(
        name="a member that was not discovered",
        system=discovered(),
        arguments=lambda system: arguments(
            system, names=["birch"], tenants=[{**declared()["tenants"][0], "name": "birch"}]
        ),
        probe=probe,
        refused="rule not_discovered",
    ),
)
