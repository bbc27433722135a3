#!/usr/bin/python
# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
---
module: wave_map
short_description: Find what legacy databases share, and which members must move together
version_added: 0.1.0
description:
  - Reads the results of discovery and joins members by what they share. What reads a database or a folder directly
    binds (a cron that touches two databases, a client or role that reads both, one folder, one hostname); what goes
    through the network by a hostname survives a move and does not.
  - It runs on the controller and changes nothing.
extends_documentation_fragment:
  - erpops.odoo.discovered
  - erpops.odoo.waves
attributes:
  check_mode:
    description: It only reads.
    support: full
  diff_mode:
    description: It only reads.
    support: none
  idempotent:
    description: The same results of discovery give the same map.
    support: full
seealso:
  - module: erpops.odoo.wave_plan
author:
  - erpops maintainers (@erpops)
"""

EXAMPLES = r"""
- name: What legacy databases share
  erpops.odoo.wave_map:
    discovery: "{{ inventory_dir }}/discovery"
    members:
      - {name: acme, host: legacy1, database: acme_prod}
      - {name: birch, host: legacy1, database: birch_prod}
    links:
      - {members: [acme, birch], together: true, reason: one team tests both}
  delegate_to: localhost
  register: map
"""

RETURN = r"""
groups:
  description: Members that must move together.
  returned: success
  type: list
  elements: dict
  sample:
    - members: [acme, birch]
      reasons: [cron /etc/cron.d/report on legacy1 touches acme_prod and birch_prod]
  contains:
    members: {description: Their names., type: list, elements: str}
    reasons: {description: Why., type: list, elements: str}
ties:
  description: Everything that members share.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: One of V(client), V(cron), V(declared), V(endpoint), V(filestore), V(folder), V(hostname), V(role).
      type: str
    thing: {description: What it goes through., type: str}
    members: {description: The members that share it., type: list, elements: str}
    reason: {description: A sentence., type: str}
    together: {description: Whether it binds., type: bool}
things:
  description: Everything that members use, also alone; kind, thing and members as in RV(ties).
  returned: success
  type: list
  elements: dict
drawing:
  description: Boxes and lines of the map in pixels, as filter P(erpops.odoo.wave_page#filter) draws them.
  returned: success
  type: dict
missing:
  description: Members that no result of discovery holds; they are not joined with anything.
  returned: success
  type: list
  elements: str
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import conclude, guarded
from ansible_collections.erpops.odoo.plugins.module_utils.planning import sources
from ansible_collections.erpops.odoo.plugins.module_utils.planning.arguments import MAP
from ansible_collections.erpops.odoo.plugins.module_utils.planning.drawing import drawing_of
from ansible_collections.erpops.odoo.plugins.module_utils.planning.graph import graph_of

ARGUMENTS: dict[str, Any] = MAP


def run(module: AnsibleModule) -> None:
    parameters = module.params
    results = sources.read(Path(parameters["discovery"]))
    members = sources.members_from(parameters["members"])
    graph = graph_of(members, results, parameters["links"], parameters["addresses"])
    known = sources.databases(results)
    conclude(
        module,
        before={},
        after={},
        actions=(),
        groups=[{"members": list(group.members), "reasons": list(group.reasons)} for group in graph.groups],
        ties=[asdict(tie) for tie in graph.ties],
        things=[{"kind": kind, "thing": thing, "members": list(users)} for kind, thing, users in graph.things],
        drawing=asdict(drawing_of(graph)),
        missing=[each.name for each in members if (each.host, each.database) not in known],
    )


def main() -> None:
    module = AnsibleModule(
        argument_spec=ARGUMENTS,
        supports_check_mode=True,
    )
    guarded(module, lambda: run(module))


if __name__ == "__main__":
    main()
