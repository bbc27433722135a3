"""What is made of a registry that cannot be read, and of a list that has shrunk."""

from __future__ import annotations

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import Refused, Unreachable
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import Server
from ansible_collections.erpops.odoo.plugins.module_utils.tenant import guards, registry
from ansible_collections.erpops.odoo.plugins.module_utils.tenant.model import Registered

NOWHERE = Server(hosts=("127.0.0.1",), port=1, user="erpops_admin", password="x", ca_file="/nowhere/ca.crt")


def test_a_cluster_that_is_proved_to_be_absent_has_nobody_registered() -> None:
    assert registry.rows(NOWHERE, absent=True, required=True) == ()


def test_a_cluster_that_does_not_answer_is_an_error_where_the_registry_is_required() -> None:
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1 \(port 1\)"):
        registry.rows(NOWHERE, absent=False, required=True)
    assert registry.rows(NOWHERE, absent=False, required=False) is None


def row(number: int, state: str = "present") -> Registered:
    return Registered(
        number=number,
        name=f"t{number}",
        app_host="app1",
        image="",
        state=state,
        instance="shared",
        cluster="main",
        hostnames=(f"t{number}.example",),
        base_url="",
        extensions=(),
        born=True,
    )


def test_removed_tenants_do_not_count() -> None:
    rows = [*(row(number) for number in range(1, 6)), *(row(number, "absent") for number in range(6, 20))]
    assert guards.shrink(["t1", "t2", "t3", "t4"], rows, 20) == (rows[4],)
    with pytest.raises(Refused, match="2 of 5 registered tenants are no longer declared") as refused:
        guards.shrink(["t1", "t2", "t3"], rows, 20)
    assert [problem.subject for problem in refused.value.problems] == ["tenant t4", "tenant t5"]


def test_an_empty_list_is_refused_even_where_half_may_go() -> None:
    with pytest.raises(Refused):
        guards.shrink([], [row(1)], 50)
    assert guards.shrink([], [], 0) == ()
