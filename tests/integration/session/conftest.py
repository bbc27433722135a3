# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..tenant_databases import live as database
from . import live

PORT = 5496


@pytest.fixture(scope="package", params=["14.0", "19.0"])
def image(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[live.Image]:
    version: str = request.param
    layout = live.layouts().get(version)
    if os.geteuid() or layout is None or shutil.which("redis-server") is None:
        pytest.skip(f"needs root, redis-server, and an image of Odoo {version} in {live.CACHE}")
    folder: Path = tmp_path_factory.mktemp("image")
    folder.parent.chmod(0o755)
    yield live.unpack(version, layout, folder / "root")
    shutil.rmtree(folder)


@pytest.fixture(scope="package")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[database.LiveCluster]:
    folder: Path = tmp_path_factory.mktemp("cluster")
    begun = database.start(folder, PORT)
    try:
        yield begun
    finally:
        database.stop(begun)


@pytest.fixture(scope="package")
def server() -> Iterator[live.Redis]:
    begun = live.Redis()
    begun.start()
    yield begun
    begun.stop()
