#!/usr/bin/python
# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
---
module: wave_probes
short_description: Ask integrations whether they answer
version_added: 0.1.0
description:
  - Runs on an app host and asks each endpoint over one connection. It sends no credentials and no mail, and writes
    nothing. What does not answer is in the result; it does not make the module fail.
  - A probe proves that this host resolves the name, that the endpoint answers it by IPv4, that its certificate is good
    by this host's authorities, and, with O(egress), that containers are declared to get there. It does not prove that a
    container resolves the name or trusts the same authorities, nor that the credentials are right.
options:
  probes:
    description: The probes.
    type: list
    elements: dict
    required: true
    suboptions:
      member:
        description: Name of the member.
        type: str
        required: true
      name:
        description: Name of the integration.
        type: str
        required: true
      kind:
        description:
          - V(http), V(https) - GET of O(probes[].path), whose answer is not read; no redirect is followed.
          - V(tls) - the handshake. V(tcp) - the connection.
          - V(smtp) - greeting and EHLO, with O(probes[].tls=starttls) again after STARTTLS. V(imap), V(pop) - greeting.
        type: str
        required: true
        choices: [http, https, tls, tcp, smtp, imap, pop]
      host:
        description: Name or IPv4 address.
        type: str
        required: true
      port:
        description: Port; that of the kind where it has a usual one.
        type: int
      path:
        description: Path of HTTP.
        type: str
        default: /
      status:
        description: The status that HTTP must answer; without it any below 500 will do.
        type: int
      tls:
        description: How mail is encrypted.
        type: str
        choices: [none, starttls, implicit]
        default: none
      verify:
        description: Whether the certificate must be good.
        type: bool
        default: true
  seconds:
    description: How long one endpoint may take, whatever it sends; the time of the resolver is not counted.
    type: float
    default: 10.0
  parallel:
    description: How many are asked at once.
    type: int
    default: 8
  egress:
    description:
      - C(baseline_container_egress) of this host. An endpoint whose address and port it does not have fails, since the
        firewall would stop containers. Without this option nobody looks.
    type: list
    elements: dict
    suboptions:
      address:
        description: IP address or network.
        type: str
        required: true
      port:
        description: Port.
        type: int
        required: true
      protocol:
        description: Protocol.
        type: str
        choices: [tcp, udp]
        default: tcp
attributes:
  check_mode:
    description: It only reads, and asks in check mode too.
    support: full
  diff_mode:
    description: It only reads.
    support: none
  idempotent:
    description: It only reads.
    support: full
seealso:
  - module: erpops.odoo.wave_gates
author:
  - erpops maintainers (@erpops)
"""

EXAMPLES = r"""
- name: Whether acme's integrations answer
  erpops.odoo.wave_probes:
    probes:
      - {member: acme, name: "https://gateway.example", kind: https, host: gateway.example, status: 401}
      - {member: acme, name: "smtp://relay.example:587", kind: smtp, host: relay.example, port: 587, tls: starttls}
    egress: "{{ baseline_container_egress }}"
  register: probed
"""

RETURN = r"""
probes:
  description: What came of each, in their order.
  returned: success
  type: list
  elements: dict
  contains:
    member:
      description: Name of the member.
      type: str
    name:
      description: Name of the integration.
      type: str
    kind:
      description: What was asked.
      type: str
    target:
      description: Who was asked.
      type: str
    ok:
      description: Whether it answered as it should, and containers may connect there.
      type: bool
    evidence:
      description: What was seen, or what is wrong.
      type: str
    seconds:
      description: How long it took.
      type: float
  sample:
    - member: acme
      name: https://gateway.example
      kind: https
      target: https://gateway.example:443/
      ok: true
      evidence: HTTP 401, TLSv1.3, certificate good until Jan 31 12:00:00 2027 GMT
      seconds: 0.118
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import conclude, guarded
from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Problem
from ansible_collections.erpops.odoo.plugins.module_utils.wave import probe_client, probes

ARGUMENTS: dict[str, Any] = {
    "probes": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "member": {"type": "str", "required": True},
            "name": {"type": "str", "required": True},
            "kind": {"type": "str", "required": True, "choices": list(probes.PORTS)},
            "host": {"type": "str", "required": True},
            "port": {"type": "int"},
            "path": {"type": "str", "default": "/"},
            "status": {"type": "int"},
            "tls": {"type": "str", "choices": list(probes.TLS["smtp"]), "default": "none"},
            "verify": {"type": "bool", "default": True},
        },
    },
    "seconds": {"type": "float", "default": 10.0},
    "parallel": {"type": "int", "default": 8},
    "egress": {
        "type": "list",
        "elements": "dict",
        "options": {
            "address": {"type": "str", "required": True},
            "port": {"type": "int", "required": True},
            "protocol": {"type": "str", "choices": ["tcp", "udp"], "default": "tcp"},
        },
    },
}


def run(module: AnsibleModule) -> None:
    params = module.params
    if params["parallel"] < 1:
        cure = "Ask at least one at once (wave_probes_parallel)."
        raise InputError("Probes are not well given.", [Problem("run", "parallel", str(params["parallel"]), cure)])
    wanted = [probes.probe_from(each) for each in probes.well_given(params["probes"])]
    found = probe_client.probed(wanted, params["seconds"], params["parallel"], params["egress"])
    conclude(module, before={}, after={}, actions=(), probes=[each.as_dict() for each in found])


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    guarded(module, lambda: run(module))


if __name__ == "__main__":
    main()
