#!/usr/bin/python
# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
---
module: wave_hostnames
short_description: See from outside whether hostnames reach the edge and their page
version_added: 0.1.0
description:
  - Resolves each hostname as the host does that it runs on, holds the addresses against those of the edge, and asks for
    the page as a browser does, with the hostname in SNI and C(Host). It asks over every address that the name resolves
    to, and over the edge's own where DNS does not lead there, so that the page is proved before DNS is moved.
  - What is not as it should be is in the result; it does not make the module fail.
options:
  hostnames:
    description: The hostnames of the members.
    type: list
    elements: dict
    required: true
    suboptions:
      member:
        description: Name of the member.
        type: str
        required: true
      hostname:
        description: The hostname.
        type: str
        required: true
      source_url:
        description: Where the edge finds its legacy host; a cure names it.
        type: str
        required: true
      own_certificate:
        description: The tenant declares its certificate, so that nobody renews it by itself.
        type: bool
        default: false
      awaits_dns:
        description: Its certificate is issued only once DNS leads to the edge; before that a wrong one is a warning.
        type: bool
        default: false
  edge_addresses:
    description: Every address at which visitors reach the edge, of both families.
    type: list
    elements: str
    required: true
  addresses:
    description:
      - What hostnames resolve to where DNS is not to be asked, as in a lab; a list of addresses by hostname. The result
        says of each that it was declared.
    type: dict
    default: {}
  authorities:
    description: Certificates (PEM) that visitors trust beside those of this host's system.
    type: str
    default: ""
  path:
    description: The page that is asked for. Redirects are followed as far as they stay with the hostname.
    type: str
    default: /web/login
  port:
    description: The edge's port.
    type: int
    default: 443
  seconds:
    description: How long one request may take.
    type: float
    default: 20.0
  parallel:
    description: How many hostnames are asked for at once.
    type: int
    default: 8
attributes:
  check_mode:
    description: It only reads, and asks in check mode too; what a run would only then make is not there.
    support: full
  diff_mode:
    description: It only reads.
    support: none
  idempotent:
    description: It only reads.
    support: full
seealso:
  - module: erpops.odoo.wave_gates
  - module: erpops.odoo.traefik_routes
author:
  - erpops maintainers (@erpops)
"""

EXAMPLES = r"""
- name: Whether visitors of acme reach the edge
  erpops.odoo.wave_hostnames:
    hostnames:
      - {member: acme, hostname: erp.acme.example, source_url: "http://10.82.0.11"}
    edge_addresses: [192.0.2.10, "2001:db8::10"]
  delegate_to: localhost
  run_once: true
  register: outside
"""

RETURN = r"""
hostnames:
  description: What was found of each, in their order.
  returned: success
  type: list
  elements: dict
  contains:
    member:
      description: Name of the member.
      type: str
    hostname:
      description: The hostname.
      type: str
    addresses:
      description: What it resolves to.
      type: list
      elements: str
    declared:
      description: Whether that was told by O(addresses).
      type: bool
    leads:
      description: Whether every address is one of the edge's.
      type: bool
    level:
      description: >-
        V(ok); V(warning), as long as DNS does not lead to the edge or the certificate soon ends; V(failed) where the
        edge does not answer with the page, or with a certificate that is not trusted.
      type: str
    evidence:
      description: What was seen.
      type: str
    cure:
      description: What to do about it; empty where all is well.
      type: str
    seconds:
      description: How long it took.
      type: float
  sample:
    - member: acme
      hostname: erp.acme.example
      addresses: [198.51.100.7]
      declared: false
      leads: false
      level: warning
      evidence: >-
        DNS leads to 198.51.100.7 (HTTP 200); the edge at 192.0.2.10: HTTP 200, Odoo, certificate good for 61 days
      cure: Have DNS lead it to 192.0.2.10 and nowhere else, well before the cutover.
      seconds: 0.31
facts:
  description: By member what the store keeps, C(at) and C(found).
  returned: success
  type: dict
"""

import ssl
from datetime import UTC, datetime
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import conclude, guarded
from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Problem
from ansible_collections.erpops.odoo.plugins.module_utils.wave import hostname_client, hostnames

ARGUMENTS: dict[str, Any] = {
    "hostnames": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "member": {"type": "str", "required": True},
            "hostname": {"type": "str", "required": True},
            "source_url": {"type": "str", "required": True},
            "own_certificate": {"type": "bool", "default": False},
            "awaits_dns": {"type": "bool", "default": False},
        },
    },
    "edge_addresses": {"type": "list", "elements": "str", "required": True},
    "addresses": {"type": "dict", "default": {}},
    "authorities": {"type": "str", "default": ""},
    "path": {"type": "str", "default": "/web/login"},
    "port": {"type": "int", "default": 443},
    "seconds": {"type": "float", "default": 20.0},
    "parallel": {"type": "int", "default": 8},
}


def run(module: AnsibleModule) -> None:
    params = module.params
    edge, declared = hostnames.addresses_from(params["edge_addresses"], params["addresses"])
    try:
        hostname_client.context_of(params["authorities"], verify=True)
    except (ssl.SSLError, ValueError) as error:
        cure = "Give certificates in PEM form, with their BEGIN and END lines (wave_hostnames_authorities)."
        raise InputError("Hostnames cannot be asked for.", [Problem("run", "authorities", "", cure)]) from error
    asking = hostname_client.Asking(
        edge=edge,
        declared=declared,
        authorities=params["authorities"],
        path=params["path"],
        seconds=params["seconds"],
        port=params["port"],
    )
    found = hostname_client.found(hostnames.wanted_from(params["hostnames"]), asking, max(1, params["parallel"]))
    for each in found:
        if each.level != hostnames.OK:
            module.warn(f"member {each.member}: hostname {each.hostname}: {each.evidence}. {each.cure}")
    conclude(
        module,
        before={},
        after={},
        actions=(),
        hostnames=[each.as_dict() for each in found],
        facts=hostnames.facts(found, f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"),
    )


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    guarded(module, lambda: run(module))


if __name__ == "__main__":
    main()
