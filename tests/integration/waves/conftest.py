# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from integration.waves import live


@pytest.fixture(scope="session")
def waves() -> live.Waves:
    return live.prepared(megabytes=3000)


@pytest.fixture
def member(waves: live.Waves) -> Iterator[Callable[[str, str], str]]:
    """Makes a member's source database, like a template of the legacy host, and removes both sides afterwards."""
    made = []

    def make(name: str, template: str) -> str:
        waves.remove(name)
        waves.make_source(name, template)
        made.append(name)
        return name

    yield make
    for name in made:
        waves.remove(name)
