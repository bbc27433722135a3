#!/usr/bin/python
# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: traefik_rehearsal
short_description: Open an address behind a password for users to try a member's copy
version_added: 0.1.0
description:
  - Writes one file of Traefik's dynamic directory, C(rehearsal-<member>.yml), with one route, its password page and its
    certificate. The routes of tenants in M(erpops.odoo.traefik_routes)' file are not touched; that module leaves
    this file alone, and its closed paths (the database manager) hold for this address too.
  - The change is compared with what Traefik's API then says that it serves, and undone where Traefik does not take it.
  - Only a hash of the password is written, in a file that Traefik's group alone may read.
options:
  member:
    description: Name of the member.
    type: str
    required: true
  state:
    description: V(absent) takes the file and its certificate away.
    type: str
    choices: [present, absent]
    default: present
  hostname:
    description: The address, without a scheme. Needed with O(state=present), as are the following.
    type: str
  url:
    description: Where the copy is served, the result of M(erpops.odoo.odoo_rehearsal).
    type: str
  user:
    description: Name to log in with at the password page.
    type: str
  secret:
    description: The password of O(user). It must be long and random, since its hash is quick.
    type: str
  title:
    description: What browsers show when they ask for the password, such as until when the address is open.
    type: str
  tls_mode:
    description: Where the certificate comes from. With V(acme) Traefik fetches it by itself.
    type: str
    choices: [estate_ca, acme]
    default: estate_ca
  resolver:
    description: Traefik's certificate resolver, with O(tls_mode=acme).
    type: str
    default: acme
extends_documentation_fragment:
  - erpops.odoo.traefik
attributes:
  check_mode:
    description: Predicts the change and changes nothing.
    support: full
  diff_mode:
    description: Shows the route before and after, without the hash.
    support: full
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
requirements:
  - PyYAML (python3-yaml)
seealso:
  - module: erpops.odoo.odoo_rehearsal
  - module: erpops.odoo.traefik_routes
author:
  - erpops maintainers (@erpops)
"""

EXAMPLES = r"""
- name: The address of acme's copy
  erpops.odoo.traefik_rehearsal:
    member: acme
    hostname: rehearsal.acme.example.com
    url: http://10.0.0.21:10007
    user: acme
    secret: "{{ estate_secret | erpops.odoo.estate_password('rehearsal_door', 'acme') }}"
    title: Rehearsal of acme, open to the end of 2026-11-30 (UTC)

- name: Take it away
  erpops.odoo.traefik_rehearsal:
    member: acme
    state: absent
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be.
  returned: success
  type: list
  elements: dict
  sample: [{"verb": "create", "subject": "route erpops-rehearsal-acme", "detail": "Host(`rehearsal.acme.example.com`)"}]
problems:
  description: Everything that was wrong, one by one.
  returned: failure
  type: list
  elements: dict
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import conclude, guarded
from ansible_collections.erpops.odoo.plugins.module_utils.traefik import apply, files, htpasswd, plan, rehearsal
from ansible_collections.erpops.odoo.plugins.module_utils.traefik.arguments import PLACE, place_of_rehearsal
from ansible_collections.erpops.odoo.plugins.module_utils.traefik.model import Configuration

NEEDED = ("hostname", "url", "user", "secret", "title")
ARGUMENTS: dict[str, Any] = {
    **PLACE,
    "member": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "hostname": {"type": "str"},
    "url": {"type": "str"},
    "user": {"type": "str"},
    "secret": {"type": "str", "no_log": True},
    "title": {"type": "str"},
    "tls_mode": {"type": "str", "choices": ["estate_ca", "acme"], "default": "estate_ca"},
    "resolver": {"type": "str", "default": "acme"},
}


def address_from(params: dict[str, Any]) -> rehearsal.Address:
    return rehearsal.Address(
        member=params["member"],
        hostname=params["hostname"],
        url=params["url"],
        title=params["title"],
        credential=htpasswd.line(params["user"], params["secret"]),
    )


def run(module: AnsibleModule) -> None:
    params, place, check = module.params, place_of_rehearsal(module.params), module.check_mode
    with apply.alone(place, check):
        actual = apply.observe(place, check)
        after = Configuration()
        if params["state"] == "absent":
            steps = rehearsal.removal(place.own_path, actual)
            if steps.actions and not check:
                apply.take_away(place, steps, actual)
        else:
            apply.refuse(place, actual, check)
            desired = rehearsal.desire(address_from(params), place.edge, actual)
            plan.refuse_duplicates(place.own_path, desired, actual)
            steps, after = plan.steps(desired, actual, place.edge, place.own_path), desired.configuration
            if steps.actions and not check:
                apply.carry_out(place, steps, desired, actual)
    before = plan.snapshot(files.configuration_of(actual.own))
    conclude(module, before=before, after=plan.snapshot(after), actions=steps.actions)


def main() -> None:
    module = AnsibleModule(
        argument_spec=ARGUMENTS, supports_check_mode=True, required_if=[("state", "present", NEEDED)]
    )
    if not files.HAS_YAML:
        module.fail_json(msg=missing_required_lib("PyYAML"))
    guarded(module, lambda: run(module))


if __name__ == "__main__":
    main()
