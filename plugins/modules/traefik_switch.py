#!/usr/bin/python
# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: traefik_switch
short_description: Lead the routes of single tenants elsewhere in one verified change
version_added: 0.1.0
description:
  - Changes where the routes of some tenants lead, and nothing else; M(erpops.odoo.traefik_routes) made them. It is
    meant for the moments of a move, where all the rest of the edge is none of its business.
  - The change is one swap of the routes' file. It is compared with what Traefik's API then says that it serves, and
    undone where Traefik does not take it.
  - The next run of M(erpops.odoo.traefik_routes) leads the routes to where the tenants are declared to be.
options:
  switches:
    description: Where the hostnames of tenants shall lead.
    type: list
    elements: dict
    required: true
    suboptions:
      tenant:
        description: Name of the tenant.
        type: str
        required: true
      url:
        description: Where its pages are, without a path.
        type: str
        required: true
      events_url:
        description: Where its bus is; by default the same.
        type: str
      server_name:
        description: For an https server that is reached at an address, the name in its certificate.
        type: str
      wait_for:
        description:
          - Switch only when O(switches[].url) serves this page, or leads to another one that is not Odoo's database
            manager, and fail where it does not in time. Nothing is asked for in check mode.
        type: dict
        suboptions:
          path:
            description: The page.
            type: str
            default: /web/login
          hostname:
            description: In the request's C(Host) header, as a visitor would have it.
            type: str
            required: true
          seconds:
            description: How long to wait.
            type: int
            default: 60
extends_documentation_fragment:
  - erpops.odoo.traefik
attributes:
  check_mode:
    description: Predicts the switch and changes nothing.
    support: full
  diff_mode:
    description: Shows where the routes led and lead.
    support: full
  idempotent:
    description: A route that leads there already is left alone.
    support: full
requirements:
  - PyYAML (python3-yaml)
seealso:
  - module: erpops.odoo.traefik_routes
author:
  - erpops maintainers (@erpops)
"""

EXAMPLES = r"""
- name: Show the plain page while acme moves
  erpops.odoo.traefik_switch:
    switches:
      - {tenant: acme, url: "http://127.0.0.1:8081"}

- name: Lead acme's users to its unit as soon as it serves them
  erpops.odoo.traefik_switch:
    switches:
      - tenant: acme
        url: http://10.0.0.21:10004
        wait_for: {hostname: acme.example.com, seconds: 120}
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be.
  returned: success
  type: list
  elements: dict
  sample: [{"verb": "switch", "subject": "route acme", "detail": "from http://10.0.0.21:10004 to http://127.0.0.1:8081"}]
at:
  description: When the edge served it, in seconds since 1970.
  returned: success
  type: float
  sample: 1795370400.25
generation:
  description: Name of the middleware that marks this configuration in Traefik's API.
  returned: success
  type: str
  sample: gen-3f2a9c0d11e4b8a7
problems:
  description: Everything that was wrong, one by one.
  returned: failure
  type: list
  elements: dict
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import conclude, guarded
from ansible_collections.erpops.odoo.plugins.module_utils.traefik import apply, files, switch, waiting
from ansible_collections.erpops.odoo.plugins.module_utils.traefik.arguments import PLACE, place_of_switch

ARGUMENTS: dict[str, Any] = {
    **PLACE,
    "switches": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "tenant": {"type": "str", "required": True},
            "url": {"type": "str", "required": True},
            "events_url": {"type": "str"},
            "server_name": {"type": "str"},
            "wait_for": {
                "type": "dict",
                "options": {
                    "path": {"type": "str", "default": "/web/login"},
                    "hostname": {"type": "str", "required": True},
                    "seconds": {"type": "int", "default": 60},
                },
            },
        },
    },
}


def run(module: AnsibleModule) -> None:
    place = place_of_switch(module.params)
    switches = [
        switch.Switch(
            tenant=each["tenant"],
            url=each["url"],
            events_url=each["events_url"] or each["url"],
            server_name=each["server_name"] or "",
        )
        for each in module.params["switches"]
    ]
    if not module.check_mode:
        for each in module.params["switches"]:
            if each["wait_for"]:
                waiting.until_served(each["tenant"], each["url"], **each["wait_for"])
    with apply.alone(place, module.check_mode):
        actual = apply.observe(place, module.check_mode)
        apply.refuse(place, actual, module.check_mode)
        desired = switch.desire(switches, actual)
        steps = switch.steps(switches, actual)
        if steps.actions and not module.check_mode:
            apply.carry_out(place, steps, desired, actual)
    conclude(
        module,
        before=switch.snapshot(switches, files.configuration_of(actual.own)),
        after=switch.snapshot(switches, desired.configuration),
        actions=steps.actions,
        at=time.time(),
        generation=desired.marker,
    )


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    if not files.HAS_YAML:
        module.fail_json(msg=missing_required_lib("PyYAML"))
    guarded(module, lambda: run(module))


if __name__ == "__main__":
    main()
