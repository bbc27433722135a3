# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unit tests reach no network and no host: whatever tries to is told so."""

from __future__ import annotations

import socket
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only this machine: a test that needs a real service belongs to the integration tests."""
    connect = socket.socket.connect

    def local_only(self: socket.socket, address: Any) -> None:
        host = address[0] if isinstance(address, tuple) else "localhost"
        assert str(host).startswith("127.") or host in ("localhost", "::1"), f"a unit test connects to {address}"
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", local_only)
