# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the registry is told of running images, and what tenants take."""

from __future__ import annotations

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import Unreachable
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import Server
from ansible_collections.erpops.odoo.plugins.module_utils.tenant import quota, record
from ansible_collections.erpops.odoo.plugins.module_utils.tenant.model import Registered

OLD, NEW = "odoo@sha256:01", "odoo@sha256:02"
NOWHERE = Server(hosts=("127.0.0.1",), port=1, user="erpops_admin", password="x", ca_file="/nowhere/ca.crt")
GB = quota.GIGABYTE


def row(name: str, image: str = OLD, state: str = "present") -> Registered:
    return Registered(
        number=1, name=name, app_host="app1", image=image, state=state, instance="i", cluster="main", hostnames=()
    )


def test_only_what_runs_another_image_is_written() -> None:
    found = record.plan(
        [row("acme"), row("birch"), row("cedar", NEW)],
        [{"name": name, "image": NEW} for name in ("acme", "cedar")],
    )
    assert found.changes == {"acme": NEW}
    assert found.after == {"acme": NEW, "birch": OLD, "cedar": NEW}
    (action,) = found.actions
    assert (action.subject, action.detail) == ("registry of tenant acme", f"image: {OLD} -> {NEW}")


def test_removed_and_unknown_tenants_are_passed_over() -> None:
    found = record.plan([row("acme", state="absent")], [{"name": "acme", "image": NEW}, {"name": "new", "image": NEW}])
    assert found.before == found.after == {} and found.actions == ()


def test_an_unknown_image_is_said_to_be_one() -> None:
    found = record.plan([row("acme", "")], [{"name": "acme", "image": NEW}])
    assert found.actions[0].detail == f"image: unknown -> {NEW}"


def test_a_cluster_that_was_never_made_has_nothing_to_write() -> None:
    assert record.record(NOWHERE, [{"name": "acme", "image": NEW}], absent=True, check_mode=True).actions == ()
    for absent, check_mode in ((True, False), (False, True), (False, False)):
        with pytest.raises(Unreachable):
            record.record(NOWHERE, [], absent=absent, check_mode=check_mode)


def database(name: str, gigabytes: float, limit: int | None) -> dict[str, object]:
    limit_bytes = None if limit is None else limit * GB
    return {"name": name, "database_bytes": int(gigabytes * GB), "limit_bytes": limit_bytes}


def filestore(name: str, gigabytes: float, limit: int | None) -> dict[str, object]:
    return {"name": name, "filestore_bytes": int(gigabytes * GB), "files": 1, "limit_gb": limit}


@pytest.mark.parametrize(
    ("database_gb", "filestore_gb", "limit", "over"),
    [(3, 3, 5, True), (3, 2, 5, False), (6, 0, 5, True), (0, 6, 5, True), (900, 900, None, False)],
)
def test_database_and_filestore_share_one_limit(
    database_gb: float, filestore_gb: float, limit: int | None, over: bool
) -> None:
    (found,) = quota.added_up([database("acme", database_gb, limit)], [filestore("acme", filestore_gb, limit)])
    assert found.total_bytes == (database_gb + filestore_gb) * GB
    assert found.over_limit is over
    assert bool(list(quota.warnings([found]))) is over


def test_what_nobody_measured_is_not_taken_for_nothing() -> None:
    only_files, only_database = quota.added_up([database("birch", 6, 5)], [filestore("acme", 6, 5)])
    assert (only_files.database_bytes, only_database.filestore_bytes) == (None, None)
    assert only_files.over_limit and only_database.over_limit
    assert only_files.limit_bytes == only_database.limit_bytes == 5 * GB
    assert "database not measured, filestore 6.0 GB" in next(quota.warnings([only_files]))


def test_a_warning_names_both_parts_the_limit_and_the_cure() -> None:
    (text,) = quota.warnings(quota.added_up([database("acme", 1.5, 5)], [filestore("acme", 4, 5)]))
    assert text == (
        "Tenant acme takes 5.5 GB of the 5.0 GB that limits.storage_gb grants: database 1.5 GB, filestore 4.0 GB. "
        "Raise it, or have the tenant tidy up."
    )
