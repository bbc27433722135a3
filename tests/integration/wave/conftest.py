# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..tenant_databases import live

PORT = 5489


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[live.LiveCluster]:
    with live.running(tmp_path_factory.mktemp("cluster"), PORT) as begun:
        yield begun


@pytest.fixture
def cluster(server: live.LiveCluster) -> live.LiveCluster:
    """The server without the estate's database: each test begins with no member."""
    server.do("postgres", "DROP DATABASE IF EXISTS erpops WITH (FORCE)")
    return server
