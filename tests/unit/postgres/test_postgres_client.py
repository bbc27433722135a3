# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import psycopg
import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError, Unreachable
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import Server, connect, translated

SERVER = Server(hosts=("127.0.0.1", "127.0.0.2"), port=1, user="erpops_admin", password="hidden", ca_file="/none")


@pytest.mark.parametrize(
    "error",
    [psycopg.OperationalError("gone"), psycopg.errors.AdminShutdown(), psycopg.errors.CannotConnectNow(),
     psycopg.errors.ConnectionFailure()],
)  # fmt: skip
def test_a_server_that_is_gone_is_unreachable(error: psycopg.Error) -> None:
    with pytest.raises(Unreachable, match="Doing it"), translated("Doing it"):
        raise error


@pytest.mark.parametrize(
    "error",
    [psycopg.errors.ObjectInUse(), psycopg.errors.LockNotAvailable(), psycopg.errors.InsufficientPrivilege(),
     psycopg.errors.UniqueViolation()],
)  # fmt: skip
def test_a_server_that_is_unwilling_is_not(error: psycopg.Error) -> None:
    with pytest.raises(ErpopsError, match="Doing it") as caught, translated("Doing it"):
        raise error
    assert not isinstance(caught.value, Unreachable)


def test_an_unreachable_cluster_is_named_without_its_password() -> None:
    with pytest.raises(Unreachable) as caught:
        connect(SERVER, "erpops")
    for word in ("127.0.0.1, 127.0.0.2", "port 1", "erpops_admin", "database erpops"):
        assert word in str(caught.value)
    assert "hidden" not in str(caught.value) + repr(SERVER)


def test_the_same_cluster_for_another_role_and_another_for_the_same() -> None:
    assert SERVER.login("acme", "x").hosts == SERVER.hosts and SERVER.login("acme", "x").user == "acme"
    assert SERVER.at(["10.0.0.9"]).hosts == ("10.0.0.9",) and SERVER.at(["10.0.0.9"], 7).port == 7
