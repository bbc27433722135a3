# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterator

import pytest

from integration.estate.live import Estate
from integration.wave_estate.test_faults import MEMBER
from integration.waves.users import Users


@pytest.fixture(scope="module")
def users(estate: Estate) -> Iterator[Users]:
    """At work from the first test to the last."""
    at_work = Users(estate.browser(MEMBER), estate.browser(MEMBER), "admin", "admin")
    at_work.begin()
    yield at_work
    at_work.end()
