# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What check mode says of a source that nobody can reach yet, and when it must not say it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import Unreachable
from ansible_collections.erpops.odoo.plugins.module_utils.replication import verbs

pytest.importorskip("psycopg")
LOGIN = {"port": 5432, "user": None, "password": None, "sslmode": None, "sslrootcert": None}
PARAMETERS: dict[str, Any] = {
    "member": "acme", "database": "acme_prod", "source": {**LOGIN, "host": ["/nowhere"]}, "allow": [],
    "role_password": "x", "spare_slots": 4, "postgres_hosts": ["127.0.0.1"], "postgres_port": 9,
    "postgres_user": "nobody", "postgres_password": "x", "postgres_ca_file": "/nowhere",
}  # fmt: skip


def test_a_source_whose_tunnel_was_never_made_is_said_to_be_unknown() -> None:
    done = verbs.prepare({**PARAMETERS, "source_evidence_of_absence": True}, check_mode=True)
    assert [(each.verb, each.subject) for each in done.actions] == [("prepare", "member acme")]
    assert done.values["known"] is False and done.before != done.after
    assert "not foretold" in done.warnings[0]


@pytest.mark.parametrize(("evidence", "check_mode"), [(False, True), (True, False)])
def test_one_that_should_answer_and_does_not_is_an_error(evidence: bool, check_mode: bool) -> None:
    with pytest.raises(Unreachable):
        verbs.prepare({**PARAMETERS, "source_evidence_of_absence": evidence}, check_mode=check_mode)
