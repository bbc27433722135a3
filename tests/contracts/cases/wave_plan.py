# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from contracts.cases.wave_map import DISCOVERY, MEMBERS
from contracts.harness import Case, System, local


@contextlib.contextmanager
def folder() -> Iterator[System]:
    with tempfile.TemporaryDirectory() as path:
        yield local(folder=path)


@contextlib.contextmanager
def edited() -> Iterator[System]:
    """A plan in which somebody moved a member to a day without a window."""
    with folder() as system:
        system.run("wave_plan", arguments(system), False)
        path = Path(system.facts["folder"]) / "plan.yml"
        text = path.read_text()
        assert "2027-01-12" in text
        path.write_text(text.replace("2027-01-12", "2027-01-16"))
        yield system


def arguments(system: System, **values: Any) -> Mapping[str, Any]:
    tenants = [{"name": each["name"], "instance": "i", "hostnames": [f"{each['name']}.test"], "tier": "bronze"}
               for each in MEMBERS]  # fmt: skip
    instance = {"name": "i", "environment": "test", "version": "14.0", "image": "x"}
    return {
        "discovery": str(DISCOVERY),
        "members": MEMBERS,
        "file": f"{system.facts['folder']}/plan.yml",
        "first": "2027-01-11",
        "last": "2027-01-31",
        "window": {"days": ["tue", "wed"], "start": "20:00", "end": "23:00", "timezone": "UTC"},
        "estate": {"odoo_instances": [instance], "odoo_tenants": tenants},
        **values,
    }


def probe(system: System) -> object:
    return {path.name: path.read_text() for path in sorted(Path(system.facts["folder"]).iterdir())}


CASES = (
    Case(name="a plan is made", system=folder, arguments=arguments, probe=probe),
    Case(
        name="an edited plan keeps no window",
        system=edited,
        arguments=arguments,
        probe=probe,
        refused="The estate's window is tue, wed 20:00 to 23:00 UTC",
    ),
    Case(
        name="an edited plan is replaced when that is asked for",
        system=edited,
        arguments=lambda system: arguments(system, replace=True),
        probe=probe,
    ),
    Case(
        name="a cutover that no evening holds",
        system=folder,
        arguments=lambda system: arguments(system, settings=[{"name": "fir", "cutover_minutes": 200}]),
        probe=probe,
        refused="Its cutover of 200 minutes fits into its hours.",
    ),
)
