#!/usr/bin/python
# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
---
module: ledger_verify
short_description: Find changed, removed and inserted entries in the ledger
version_added: 0.1.0
description:
  - Reads the whole hash chain and reports every entry that was changed, removed or inserted.
  - A removed tail, and a chain that a superuser recomputed, show only against a head that was kept elsewhere.
    Give O(head_file) or O(head_position) with O(head_hash) for that.
  - It only reads. It fails when it finds something, unless O(report_only).
options:
  head_file:
    description: A file of heads, as O(erpops.odoo.ledger#module:head_file) writes it. Every head in it is checked.
    type: path
  head_position:
    description: Position of a head that was kept elsewhere.
    type: int
  head_hash:
    description: Hash of that head.
    type: str
  report_only:
    description: Return the findings instead of failing.
    type: bool
    default: false
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
  - module: erpops.odoo.ledger
author:
  - erpops maintainers (@erpops)
"""

EXAMPLES = r"""
- name: Verify the ledger against the heads that were kept elsewhere
  erpops.odoo.ledger_verify:
    head_file: /srv/evidence/ledger-heads.jsonl
    postgres_hosts: [10.0.0.21, 10.0.0.22]
    postgres_password: "{{ estate_secret | erpops.odoo.estate_password('erpops_admin') }}"
  run_once: true
"""

RETURN = r"""
entries:
  description: How many entries there are.
  returned: always
  type: int
head:
  description: The last one.
  returned: always
  type: dict
  contains:
    position:
      description: Its position.
      type: int
    hash:
      description: Its hash.
      type: str
findings:
  description: Everything that is wrong with the chain.
  returned: always
  type: list
  elements: dict
  sample: [{position: 7, kind: changed, detail: its content does not have its hash}]
  contains:
    position:
      description: The entry.
      type: int
    kind:
      description: One of V(changed), V(removed), V(inserted) and V(tail).
      type: str
    detail:
      description: What shows it.
      type: str
"""

from dataclasses import asdict
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import conclude, guarded
from ansible_collections.erpops.odoo.plugins.module_utils.estate.arguments import POSTGRES
from ansible_collections.erpops.odoo.plugins.module_utils.ledger import client
from ansible_collections.erpops.odoo.plugins.module_utils.ledger.chain import verify
from ansible_collections.erpops.odoo.plugins.module_utils.ledger.record import known_heads
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import require_psycopg, server_from


def run(module: AnsibleModule) -> None:
    parameters = module.params
    require_psycopg(module)
    head_file = Path(parameters["head_file"]) if parameters["head_file"] else None
    heads = known_heads(head_file, parameters["head_position"], parameters["head_hash"])
    report = verify(client.entries(server_from(parameters)), heads)
    values = {
        "entries": report.entries,
        "head": asdict(report.head),
        "findings": [asdict(finding) for finding in report.findings],
    }
    if report.findings and not parameters["report_only"]:
        lines = [f"- entry {each.position} ({each.kind}): {each.detail}" for each in report.findings]
        module.fail_json(msg="\n".join(["The ledger was tampered with.", *lines]), **values)
    conclude(module, before={}, after={}, actions=(), **values)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **POSTGRES,
            "head_file": {"type": "path"},
            "head_position": {"type": "int"},
            "head_hash": {"type": "str"},
            "report_only": {"type": "bool", "default": False},
        },
        required_together=[("head_position", "head_hash")],
        supports_check_mode=True,
    )
    guarded(module, lambda: run(module))


if __name__ == "__main__":
    main()
