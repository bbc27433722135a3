# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that go away while they are asked: as our errors, by which a failure tells where it left the member."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import Unreachable
from ansible_collections.erpops.odoo.plugins.module_utils.replication import ahead, back
from ansible_collections.erpops.odoo.plugins.module_utils.replication.model import Record


class Gone:
    """A connection whose server goes away."""

    info = SimpleNamespace(server_version=130016)

    def execute(self, *_values: Any) -> None:
        raise psycopg.OperationalError("server closed the connection unexpectedly")


class Serving:
    """A connection to a primary of the first timeline."""

    def execute(self, *_values: Any) -> Any:
        return SimpleNamespace(fetchall=lambda: [{"timeline": "00000001"}])


def sides() -> Any:
    server = SimpleNamespace(hosts=["10.0.0.1", "10.0.0.2"], port=5432, at=lambda hosts, _port: hosts)
    member = SimpleNamespace(name="acme", back="erpops_back_acme", changes="erpops_changes_acme")
    return SimpleNamespace(member=member, source=Gone(), maintenance=Serving(), target_server=server)


def test_a_standby_that_goes_away_does_not_keep_the_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def connected(*_where: Any) -> Iterator[Gone]:
        yield Gone()

    monkeypatch.setattr(back.postgres, "connect", connected)
    found = list(back._without(sides()))
    assert [host for host, _why in found] == ["10.0.0.1", "10.0.0.2"]
    assert all("server closed" in why for _host, why in found)


@pytest.mark.parametrize(
    "step",
    [
        back.rest,
        back.remove,
        lambda sides: ahead.forget(ahead.Way(sides=sides)),
        lambda sides: ahead.since(ahead.Way(sides=sides), Record(compared=(1, 1), timeline="00000001")),
    ],
)
def test_a_source_that_goes_away_is_said(step: Callable[[Any], Any]) -> None:
    with pytest.raises(Unreachable):
        step(sides())
