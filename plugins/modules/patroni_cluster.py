#!/usr/bin/python
# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: patroni_cluster
short_description: Bring all PostgreSQL clusters of an estate to their declared state
version_added: 0.1.0
description:
  - Waits until every member that can be reached streams and, where declared, a synchronous standby is set.
  - Brings the dynamic configuration to what is declared, after holding it against what PostgreSQL takes, since Patroni
    answers 200 to unknown parameters and to values below its own minimums.
  - Takes back what C(ALTER SYSTEM) set past the cluster manager, and restarts members whose parameters wait for it,
    replicas first.
  - Makes the roles C(erpops_admin), C(erpops_template) and C(pgbouncer_auth) with the function that PgBouncer asks,
    keeps the passwords of all of them and of C(replicator) and C(rewind), and closes databases C(postgres) and
    C(template1) to PUBLIC but for C(CONNECT) to the former.
  - One call serves all clusters. It runs on one host of group C(postgres).
author:
  - erpops maintainers (@erpops)
attributes:
  check_mode:
    description:
      - Reads the live clusters and predicts. A cluster that does not answer is planned from nothing only if
        O(evidence) proves that it does not exist; else the module fails and names the hosts.
    support: full
  diff_mode:
    description: Shows the dynamic configuration, roles and privileges of every cluster before and after.
    support: full
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
requirements:
  - psycopg 3 on the host that runs it
options:
  clusters:
    description: The clusters. Without any there is one, C(main), of all O(hosts).
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Its name.
        type: str
        required: true
      members:
        description: The hosts that carry it. A host carries one cluster.
        type: list
        elements: str
        required: true
      synchronous:
        description: Whether a commit waits for a second member. By default it does where there is one.
        type: bool
      memory_mb:
        description: The memory that PostgreSQL is sized for. By default that of the smallest member.
        type: int
      parameters:
        description: PostgreSQL's parameters over the baseline.
        type: dict
      extensions:
        description: Extensions in database C(postgres). By default C(pg_stat_statements).
        type: list
        elements: str
      encrypted_at_rest:
        description: Checked by M(erpops.odoo.patroni_evidence); no meaning here.
        type: bool
      port:
        description: PostgreSQL's port; 5432 by default.
        type: int
  hosts:
    description: All hosts of group C(postgres) with their addresses.
    type: dict
    required: true
  evidence:
    description: What RV(erpops.odoo.patroni_evidence#module:evidence) gave on each host of this run.
    type: list
    elements: dict
    default: []
  max_connections:
    description: For clusters whose parameters do not say.
    type: int
    default: 200
  ttl:
    description: Seconds for which a primary holds its lease; at least 20.
    type: int
    default: 20
  loop_wait:
    description: Seconds between two looks of each member; at least 1.
    type: int
    default: 5
  retry_timeout:
    description: Seconds within which a failed call to etcd or PostgreSQL is tried again; at least 3.
    type: int
    default: 5
  restart:
    description:
      - What to do where parameters wait for a restart. V(in_place) restarts the primary last, V(switchover) makes a
        replica the primary first, V(never) only reports RV(clusters[].pending_restart).
    type: str
    choices: [in_place, switchover, never]
    default: in_place
  wait_seconds:
    description: How long to wait for a cluster to be whole, and for each step after it.
    type: int
    default: 180
  superuser_password:
    description: The password of C(postgres).
    type: str
    required: true
  api_user:
    description: The user of Patroni's REST API.
    type: str
    default: erpops
  api_password:
    description: Its password.
    type: str
    required: true
  api_port:
    description: The port of Patroni's REST API.
    type: int
    default: 8008
  ca_file:
    description: The authority that the members' certificates are verified with.
    type: path
    default: /etc/erpops/pki/ca.crt
  passwords:
    description: The passwords of the estate's roles.
    type: dict
    required: true
    suboptions:
      erpops_admin:
        description: Of the superuser for modules.
        type: str
        required: true
      erpops_template:
        description: Of the role that builds template databases.
        type: str
        required: true
      pgbouncer_auth:
        description: Of PgBouncer's role.
        type: str
        required: true
      replicator:
        description: Of the replication role.
        type: str
        required: true
      rewind:
        description: Of the role for pg_rewind.
        type: str
        required: true
"""

EXAMPLES = r"""
- name: The clusters
  erpops.odoo.patroni_cluster:
    clusters:
      - {name: main, members: [db1, db2], memory_mb: 4096}
    hosts: {db1: 192.0.2.11, db2: 192.0.2.12}
    evidence: "{{ groups['postgres'] | map('extract', hostvars, ['postgres_evidence', 'evidence']) | list }}"
    superuser_password: "{{ estate_secret | erpops.odoo.estate_password('postgres_superuser') }}"
    api_password: "{{ estate_secret | erpops.odoo.estate_password('patroni_api') }}"
    passwords:
      erpops_admin: "{{ estate_secret | erpops.odoo.estate_password('erpops_admin') }}"
      erpops_template: "{{ estate_secret | erpops.odoo.estate_password('erpops_template') }}"
      pgbouncer_auth: "{{ estate_secret | erpops.odoo.estate_password('pgbouncer_auth') }}"
      replicator: "{{ estate_secret | erpops.odoo.estate_password('replicator') }}"
      rewind: "{{ estate_secret | erpops.odoo.estate_password('rewind') }}"
  run_once: true
  register: postgres_state
"""

RETURN = r"""
evidence_of_absence:
  description: Whether no declared cluster exists, by proof. Modules in check mode may then plan from nothing.
  returned: success
  type: bool
left_out:
  description: Declared clusters of which no host gave O(evidence) in this run, for instance because of C(--limit).
  returned: success
  type: list
  elements: str
clusters:
  description: Every cluster of this run, as it is now.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Its name.
      type: str
    exists:
      description: Whether there is one.
      type: bool
    leader:
      description: The member that takes writes.
      type: str
    members:
      description: The members as Patroni knows them.
      type: list
      elements: dict
    synchronous_standbys:
      description: The members that a commit waits for.
      type: list
      elements: str
    drift:
      description: Parameters that run with another value than the declared one, and that no action here mends.
      type: list
      elements: dict
    undeclared:
      description: Keys of the dynamic configuration that nobody declared, such as C(pause). They are left alone.
      type: list
      elements: str
    pending_restart:
      description: Members whose parameters wait for a restart.
      type: list
      elements: str
actions:
  description: What was done, or in check mode would be.
  returned: success
  type: list
  elements: dict
  sample:
    - {"verb": "set", "subject": "postgresql.parameters.work_mem of cluster main", "detail": "4MB -> 8MB"}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import conclude, guarded
from ansible_collections.erpops.odoo.plugins.module_utils.estate.arguments import POSTGRES_CLUSTER
from ansible_collections.erpops.odoo.plugins.module_utils.patroni import converge, plan
from ansible_collections.erpops.odoo.plugins.module_utils.patroni.desired import desires, reach_of
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import require_psycopg

PASSWORDS = ("erpops_admin", "erpops_template", "pgbouncer_auth", "replicator", "rewind")
ARGUMENTS = {
    "clusters": {"type": "list", "elements": "dict", "options": POSTGRES_CLUSTER, "default": []},
    "hosts": {"type": "dict", "required": True},
    "evidence": {"type": "list", "elements": "dict", "default": []},
    "max_connections": {"type": "int", "default": 200},
    "ttl": {"type": "int", "default": 20},
    "loop_wait": {"type": "int", "default": 5},
    "retry_timeout": {"type": "int", "default": 5},
    "restart": {"type": "str", "choices": ["in_place", "switchover", "never"], "default": "in_place"},
    "wait_seconds": {"type": "int", "default": 180},
    "superuser_password": {"type": "str", "required": True, "no_log": True},
    "api_user": {"type": "str", "default": "erpops"},
    "api_password": {"type": "str", "required": True, "no_log": True},
    "api_port": {"type": "int", "default": 8008},
    "ca_file": {"type": "path", "default": "/etc/erpops/pki/ca.crt"},
    "passwords": {
        "type": "dict",
        "required": True,
        "no_log": True,
        "options": {name: {"type": "str", "required": True, "no_log": True} for name in PASSWORDS},
    },
}


def run(module: AnsibleModule) -> None:
    work = converge.predict if module.check_mode else converge.converge
    wanted, left_out = desires(module.params)
    if not module.check_mode:
        require_psycopg(module)
    outcomes = [work(one, reach_of(one, module.params)) for one in wanted]
    for warning in (text for outcome in outcomes for text in outcome.warnings):
        module.warn(warning)
    conclude(
        module,
        before={one.desired.cluster.name: plan.snapshot(one.desired, one.actual) for one in outcomes},
        after={one.desired.cluster.name: plan.desired_snapshot(one.desired, one.actual, one.plan) for one in outcomes},
        actions=[action for one in outcomes for action in one.plan.actions],
        evidence_of_absence=not left_out and all(one.absent for one in outcomes),
        left_out=list(left_out),
        clusters=[plan.report(one.desired, one.final, one.plan) for one in outcomes],
    )


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    guarded(module, lambda: run(module))


if __name__ == "__main__":
    main()
