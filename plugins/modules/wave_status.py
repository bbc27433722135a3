#!/usr/bin/python
# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
---
module: wave_status
short_description: How far each member of a wave is
version_added: 0.1.0
description:
  - Reads the members and the ledger, and says for each member its state, who serves its users, what was forecast and
    what was measured, what is in its way, and the verbs that may come next. The same comes as metrics for Prometheus.
  - It only reads. An estate without a store of members has none.
options:
  history:
    description: How many of the last steps to return.
    type: int
    default: 50
  measured:
    description:
      - What the users of members that moved meet on the target, C(performance) of M(erpops.odoo.wave_performance) on
        each app host. It is compared with what their legacy hosts' logs had when they were discovered.
    type: list
    elements: dict
    default: []
  clusters:
    description:
      - The estate's PostgreSQL clusters, whose counters are compared with those of the legacy hosts.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Its name.
        type: str
      hosts:
        description: Addresses of all its members.
        type: list
        elements: str
        required: true
      port:
        description: Its port.
        type: int
        default: 5432
extends_documentation_fragment:
  - erpops.odoo.postgres
attributes:
  check_mode:
    description: It only reads.
    support: full
  diff_mode:
    description: It only reads.
    support: none
  idempotent:
    description: It only reads.
    support: full
requirements:
  - psycopg >= 3.1 (python3-psycopg)
seealso:
  - module: erpops.odoo.wave_members
author:
  - erpops maintainers (@erpops)
"""

EXAMPLES = r"""
- name: How far the members are
  erpops.odoo.wave_status:
    postgres_hosts: [10.0.0.21, 10.0.0.22]
    postgres_password: "{{ estate_secret | erpops.odoo.estate_password('erpops_admin') }}"
  register: status
  run_once: true
"""

RETURN = r"""
at:
  description: When it was read, ISO 8601 in UTC.
  returned: success
  type: str
members:
  description: The members in the order of their names.
  returned: success
  type: list
  elements: dict
  sample:
    - name: acme
      state: following
      by_dump: false
      serves: source
      timings: {seed: {actual: 840.0, forecast: 1200.0}}
      blockers: []
      next_verbs: [wave_rehearse, wave_cutover, wave_rollback]
      tried: []
      outside: null
      performance: null
history:
  description: The last steps of members in the ledger, latest first.
  returned: success
  type: list
  elements: dict
tiles:
  description: Numbers for the page of P(erpops.odoo.wave_page#filter).
  returned: success
  type: list
  elements: dict
parts:
  description: The members by state for the same page.
  returned: success
  type: list
  elements: dict
metrics:
  description: Metrics in Prometheus' text format.
  returned: success
  type: str
"""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import conclude, guarded
from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import Unreachable
from ansible_collections.erpops.odoo.plugins.module_utils.estate.arguments import POSTGRES, Spec
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import (
    MAINTENANCE_DATABASE,
    connect,
    require_psycopg,
    server_from,
    translated,
)
from ansible_collections.erpops.odoo.plugins.module_utils.wave import performance, states, statistics, status, store

CLUSTER: Spec = {
    "name": {"type": "str"},
    "hosts": {"type": "list", "elements": "str", "required": True},
    "port": {"type": "int", "default": 5432},
}
ARGUMENTS: dict[str, Any] = {
    **POSTGRES,
    "history": {"type": "int", "default": 50},
    "measured": {"type": "list", "elements": "dict", "default": []},
    "clusters": {"type": "list", "elements": "dict", "default": [], "options": CLUSTER},
}


def run(module: AnsibleModule) -> None:
    require_psycopg(module)
    with store.reading(server_from(module.params)) as connection:
        members, locks = store.members(connection), store.locks(connection)
        history = store.history(connection, module.params["history"])
    now = datetime.now(UTC)
    measured = performance.merged(module.params["measured"])
    moved = [name for name, member in members.items() if member.state in states.ON_TARGET]
    report = status.report(members, locks, history, now, measured, counters(module, moved))
    conclude(module, before={}, after={}, actions=(), metrics=status.metrics(report["members"], now), **report)


def counters(module: AnsibleModule, names: list[str]) -> dict[str, Any]:
    """By member; without those of a cluster that does not answer, for the rest is worth to be known."""
    found: dict[str, Any] = {}
    for cluster in module.params["clusters"] if names else ():
        server = server_from(module.params).at(cluster["hosts"], cluster["port"])
        with suppress(Unreachable), connect(server, MAINTENANCE_DATABASE) as connection:
            with translated("Reading PostgreSQL's counters"):
                rows = connection.execute(statistics.COUNTERS, [names]).fetchall()
            found |= {row["name"]: row for row in rows}
    return found


def main() -> None:
    module = AnsibleModule(
        argument_spec=ARGUMENTS,
        supports_check_mode=True,
    )
    guarded(module, lambda: run(module))


if __name__ == "__main__":
    main()
