# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.erpops.odoo.plugins.filter.postgres_access import postgres_access

CLUSTERS = [
    {"name": "main", "members": ["db2", "db1"], "port": 5432, "synchronous": True},
    {"name": "gold", "members": ["db3"], "port": 5433},
]


def test_members_become_addresses_in_their_order() -> None:
    addresses = {"db1": "10.0.0.1", "db2": "10.0.0.2", "db3": "10.0.0.3"}
    assert postgres_access(CLUSTERS, addresses) == [
        {"name": "main", "hosts": ["10.0.0.2", "10.0.0.1"], "port": 5432},
        {"name": "gold", "hosts": ["10.0.0.3"], "port": 5433},
    ]


def test_a_member_without_an_address_is_named() -> None:
    with pytest.raises(AnsibleFilterError, match="no address for db1, db3"):
        postgres_access(CLUSTERS, {"db2": "10.0.0.2"})
