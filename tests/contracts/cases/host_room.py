# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from contracts.harness import Case, System, local


@contextlib.contextmanager
def folder() -> Iterator[System]:
    with tempfile.TemporaryDirectory() as place:
        yield local(place=place)


CASES = (
    Case(
        name="a folder that is there, and one that is not",
        system=folder,
        arguments=lambda system: {
            "folders": {"data": system.facts["place"], "spool": f"{system.facts['place']}/not/yet"}
        },
        probe=lambda system: sorted(map(str, Path(system.facts["place"]).rglob("*"))),
        changes=False,
    ),
    Case(
        name="a path that is not absolute is refused",
        system=folder,
        arguments=lambda _system: {"folders": {"data": "here"}},
        probe=lambda _system: None,
        refused="run: folders.data is 'here'",
    ),
)
