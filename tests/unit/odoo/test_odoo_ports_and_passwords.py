# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports and password hashes."""

from __future__ import annotations

import pytest
from odoo_estates import allocation, tenant
from passlib.hash import pbkdf2_sha512

from ansible_collections.erpops.odoo.plugins.module_utils.odoo import passwords
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.ports import EdgePorts, edge_ports


@pytest.mark.parametrize(
    ("version", "workers", "expected"),
    [
        ("19.0", 0, EdgePorts(10004, 10004, "/websocket")),
        ("19.0", 2, EdgePorts(10004, 10005, "/websocket")),
        ("16.0", 0, EdgePorts(10004, 10004, "/websocket")),
        ("14.0", 0, EdgePorts(10004, 10004, "/longpolling")),
        ("14.0", 1, EdgePorts(10004, 10005, "/longpolling")),
    ],
)
def test_edge_ports(version: str, workers: int, expected: EdgePorts) -> None:
    assert edge_ports(tenant(version=version, workers=workers), allocation()) == expected


def test_passlib_reads_the_hash() -> None:
    hashed = passwords.stable_hash("hunter2")
    assert pbkdf2_sha512.verify("hunter2", hashed)
    assert not pbkdf2_sha512.verify("hunter3", hashed)


def test_the_hash_is_the_same_on_every_run_and_another_for_another_password() -> None:
    assert passwords.stable_hash("a") == passwords.stable_hash("a")
    assert passwords.stable_hash("a") != passwords.stable_hash("b")
