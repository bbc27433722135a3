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
  - Of members that are on their way it looks at both sides, all at once, and takes no lock. It says how far behind the
    target is and when it will have caught up, how far a copy is, what keeps a member from being followed, and of a
    member that the target serves how its way back stands. A server that does not answer is in the way of its members,
    and no failure.
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
  sources:
    description:
      - How this host reaches the PostgreSQL of each legacy host, an address or a folder with a socket, by the host's
        name.
    type: dict
    default: {}
  login:
    description: How to log in there, as a superuser.
    type: dict
    default: {}
    suboptions:
      port:
        description: Port.
        type: int
        default: 5432
      user:
        description: A superuser; by default V(postgres).
        type: str
      password:
        description: Its password; without one the server must trust the connection in another way.
        type: str
      sslmode:
        description: As libpq takes it.
        type: str
      sslrootcert:
        description: As libpq takes it.
        type: path
  seconds:
    description:
      - How long members are watched, which is what says how fast they catch up. 0 does not look at them.
    type: float
    default: 5
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
    clusters:
      - {hosts: [10.0.0.21, 10.0.0.22]}
    sources: {legacy1: /run/erpops-sources/legacy1}
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
      blockers:
        - reason: "It has diverged: table public.note_stage is only on the source."
          cure: Run wave_seed, which copies it anew.
          verb: wave_seed
          severity: high
      next_verbs: [wave_rehearse, wave_cutover, wave_rollback]
      tried: []
      outside: null
      performance: null
      observed:
        lag: {active: true, lost: false, lag_bytes: 5242880, catch_up_seconds: 12, kept_bytes: 7340032}
        subscription: {enabled: true, running: true, message_at: "2026-11-30T08:00:00Z", errors: 0}
        copy: null
        way_back: null
        diverged: [table public.note_stage is only on the source]
history:
  description: The last steps of members in the ledger, latest first.
  returned: success
  type: list
  elements: dict
attention:
  description: Everything that is in the way of any member, the gravest first.
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
said:
  description: A line for each member, for the terminal.
  returned: success
  type: list
  elements: str
  sample: ["acme: following, 5.2 MB behind, caught up in 12 seconds"]
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
from ansible_collections.erpops.odoo.plugins.module_utils.replication import observe
from ansible_collections.erpops.odoo.plugins.module_utils.replication.arguments import LOGIN, login_from
from ansible_collections.erpops.odoo.plugins.module_utils.wave import (
    performance,
    states,
    statistics,
    status,
    store,
    watched,
)

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
    "sources": {"type": "dict", "default": {}},
    "login": {"type": "dict", "default": {}, "options": {name: of for name, of in LOGIN.items() if name != "host"}},
    "seconds": {"type": "float", "default": 5},
}


def run(module: AnsibleModule) -> None:
    require_psycopg(module)
    with store.reading(server_from(module.params)) as connection:
        members, locks = store.members(connection), store.locks(connection)
        history = store.history(connection, module.params["history"])
    seen = observe.look(looking(module), watched.chosen(members, locks)) if module.params["seconds"] else {}
    now = datetime.now(UTC)
    measured = performance.merged(module.params["measured"])
    moved = [name for name, member in members.items() if member.state in states.ON_TARGET]
    report = status.report(members, locks, history, now, measured, counters(module, moved), seen)
    metrics = status.metrics(report["members"], now) + watched.metrics(report["members"])
    conclude(module, before={}, after={}, actions=(), metrics=metrics, **report)


def looking(module: AnsibleModule) -> observe.Look:
    parameters, server = module.params, server_from(module.params)
    return observe.Look(
        sources={
            host: login_from({**parameters["login"], "host": [place]}, "postgres")
            for host, place in parameters["sources"].items()
        },
        targets=[server.at(each["hosts"], each["port"]) for each in parameters["clusters"]] or [server],
        seconds=parameters["seconds"],
    )


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
