# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's legacy hosts, read by the playbook once, and looked at independently by SQL and the host's own tools."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .live import HOSTILE, Host, Run, freeze, hostile, playbook, rotate, second


@pytest.fixture(scope="session")
def legacy1() -> Host:
    return Host("legacy1")


@pytest.fixture(scope="session")
def legacy2() -> Host:
    return Host("legacy2")


@pytest.fixture(scope="session")
def run(legacy1: Host, legacy2: Host, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """One run over both hosts. Python is unusable there; on legacy1 nothing works that writes by itself, and its state
    is taken before and after; legacy2 serves, and has things that are hard to read.
    """
    folder: Path = tmp_path_factory.mktemp("discovery")
    freeze(legacy1)
    rotate(legacy1)
    hostile(legacy2)
    second(legacy2)
    for host in (legacy1, legacy2):
        host.shell("chmod 0 /usr/bin/python3*")
    before = legacy1.state()
    text = playbook(folder)
    yield Run(folder, text, before, legacy1.state())
    for host in (legacy1, legacy2):
        host.shell("chmod 755 /usr/bin/python3.9")
    legacy2.shell("rm -f '/etc/nginx/conf.d/broken.conf'; pg_dropcluster --stop 13 second || true")
    legacy2.sql("postgres", f"DROP DATABASE IF EXISTS {HOSTILE}")
    legacy1.shell("systemctl start odoo cron postfix")
