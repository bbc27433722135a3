#!/usr/bin/python
# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: odoo_rehearsal
short_description: Serve a member's neutralized copy for users to try, until a day
version_added: 0.1.0
description:
  - Runs Odoo of the tenant's image on the copy that M(erpops.odoo.wave_rehearse) left, as unit
    C(odoo-rehearsal-<tenant>). A database that is not marked as neutralized is refused.
  - The container has no network at all, so nothing gets out of it. Mails that the copy sends are kept in
    C(/var/lib/containers/rehearsals/<tenant>/mail), a Maildir. Only on the loopback that both share does their server
    listen, unit C(odoo-rehearsal-<tenant>_mail). It refuses mails of more than 32 MiB, and what goes beyond 256 MiB.
  - It is served through a socket that systemd holds on
    O(address), at the fourth of the tenant's ports, which the firewall opens to the edge alone. It has no crons, no
    master password, the tenant's limits (else 2 GiB and one core), and sessions of its own.
  - Its filestore is the tenant's beneath a layer of its own in C(/var/lib/containers/rehearsals), so that nothing that
    users upload lands in the tenant's.
  - A timer takes units, socket, configuration, mails and that layer away at the end of O(until), whatever runs or
    does not.
author:
  - erpops maintainers (@erpops)
extends_documentation_fragment:
  - erpops.odoo.estate
  - erpops.odoo.secrets
  - erpops.odoo.allocations
  - erpops.odoo.residence
requirements:
  - psycopg >= 3.1 (python3-psycopg)
  - aiosmtpd >= 1.4 (python3-aiosmtpd)
  - ip (iproute2)
attributes:
  check_mode:
    description: Predicts the changes and writes nothing. A copy that cannot be reached yet is taken for one to come.
    support: full
  diff_mode:
    description: Shows changed files, secrets as a digest, and units, before and after.
    support: full
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
options:
  tenant:
    description: Name of the tenant, which is also the member's.
    type: str
    required: true
  state:
    description: V(absent) takes the unit and all that it wrote away. The copy itself is M(erpops.odoo.wave_rehearse)'s.
    type: str
    choices: [present, absent]
    default: present
  until:
    description: The last day on which it is open, as C(YYYY-MM-DD) in UTC, not yet over; needed with O(state=present).
    type: str
  address:
    description: Where it is published on this host; needed with O(state=present).
    type: str
  boot_seconds:
    description: How long the server may take until it answers.
    type: int
    default: 180
seealso:
  - module: erpops.odoo.wave_rehearse
  - module: erpops.odoo.traefik_rehearsal
"""

EXAMPLES = r"""
- name: Let acme's users try their copy
  erpops.odoo.odoo_rehearsal:
    tenant: acme
    until: "2026-11-30"
    address: "{{ estate_address }}"
    instances: "{{ odoo_instances }}"
    tenants: "{{ odoo_tenants }}"
    allocations: "{{ tenant_databases_result.allocations }}"
    host: "{{ inventory_hostname }}"
    estate_secret: "{{ estate_secret }}"

- name: Take it away
  erpops.odoo.odoo_rehearsal:
    tenant: acme
    state: absent
    instances: "{{ odoo_instances }}"
    tenants: "{{ odoo_tenants }}"
    allocations: "{{ tenant_databases_result.allocations }}"
    host: "{{ inventory_hostname }}"
    estate_secret: "{{ estate_secret }}"
"""

RETURN = r"""
url:
  description: Where the edge finds it.
  returned: when state is present
  type: str
  sample: http://10.0.0.21:10007
actions:
  description: What was done or, in check mode, would be.
  returned: success
  type: list
  elements: dict
  sample: [{verb: start, subject: unit odoo-rehearsal-acme.socket, detail: ""}]
problems:
  description: Everything that was wrong, one by one.
  returned: failure
  type: list
  elements: dict
"""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import conclude, guarded
from ansible_collections.erpops.odoo.plugins.module_utils.estate import arguments
from ansible_collections.erpops.odoo.plugins.module_utils.host import converge, unit_client
from ansible_collections.erpops.odoo.plugins.module_utils.odoo import (
    client,
    mail_sink,
    parameters,
    podman,
    rehearsal,
    smoke,
    smoke_client,
)
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.database import Login
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.rehearsal import Opened, Rehearsal
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import require_psycopg

UNIT_SECONDS = 120
SPEC: dict[str, Any] = {
    **arguments.ESTATE,
    **arguments.SECRETS,
    **parameters.CLUSTERS,
    "tenant": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "until": {"type": "str"},
    "address": {"type": "str"},
    "boot_seconds": {"type": "int", "default": 180},
    "allocations": parameters.RESIDENCE["allocations"],
    "host": {"type": "str", "required": True},
    "pull": parameters.RESIDENCE["pull"],
}


def opened_from(params: dict[str, Any]) -> tuple[Opened, Login]:
    rehearsal.check(params["tenant"], params["until"], datetime.now(UTC).date())
    resident = smoke.resident(
        params["tenant"], parameters.tenants(params), parameters.allocations(params), params["host"]
    )
    login = parameters.login(params, resident.tenant)
    opened = Opened(
        resident=resident,
        address=params["address"],
        until=params["until"],
        password=login.password,
        port=login.port,
        pull=params["pull"],
        sink=smoke_client.source_of(mail_sink),
        files=Path(resident.filestore).is_dir(),
    )
    return opened, login


def present(module: AnsibleModule, wanted: Rehearsal) -> None:
    params, check = module.params, module.check_mode
    opened, login = opened_from(params)
    login = replace(login, database=wanted.database)
    if check:
        smoke_client.predict(wanted.member, login)
    else:
        smoke_client.copy_facts(wanted.member, login)
        podman.ensure_images([opened.resident.tenant.instance.image], params["pull"])
    uid = opened.resident.allocation.uid
    seen = unit_client.observe(rehearsal.units(wanted), assume=check)
    files = converge.files(rehearsal.directories(wanted, uid), rehearsal.files(wanted, opened), check_mode=check)
    units = converge.units(
        rehearsal.units(wanted), files.changed_files, check_mode=check, timeout=UNIT_SECONDS, seen=seen
    )
    if units.actions and not check:
        port = opened.resident.allocation.rehearsal_port
        client.until_answers(f"{wanted.unit}.service", params["address"], port, "/web/login", params["boot_seconds"])
    finish(module, files, units, url=opened.url)


def absent(module: AnsibleModule, wanted: Rehearsal) -> None:
    check = module.check_mode
    units = converge.units(rehearsal.without_units(wanted), (), check_mode=check, timeout=UNIT_SECONDS)
    files = converge.files(*rehearsal.without_files(wanted), check_mode=check)
    if files.changed_files and not check:
        unit_client.command("daemon-reload", [])
    finish(module, units, files)


def finish(module: AnsibleModule, first: converge.Brought, second: converge.Brought, **values: Any) -> None:
    conclude(
        module,
        before={**first.before, **second.before},
        after={**first.after, **second.after},
        actions=[*first.actions, *second.actions],
        **values,
    )


def main() -> None:
    module = AnsibleModule(
        argument_spec=SPEC,
        supports_check_mode=True,
        required_if=[("state", "present", ("until", "address"))],
    )
    require_psycopg(module)
    work = present if module.params["state"] == "present" else absent
    guarded(module, lambda: work(module, Rehearsal(member=module.params["tenant"])))


if __name__ == "__main__":
    main()
