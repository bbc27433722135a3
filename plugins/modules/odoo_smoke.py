#!/usr/bin/python
# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: odoo_smoke
short_description: Try a tenant's database with its image
version_added: 0.1.0
description:
  - With O(mode=copy) Odoo of the tenant's image boots on the neutralized copy of M(erpops.odoo.wave_rehearse), in
    a container that has no network at all, without crons, with the tenant's filestore beneath a layer of its own; it is
    tried from inside, ended and removed. A database that is not marked as neutralized is refused.
  - "Probes of a copy: the network (none), O(update), the login page, health, logins of O(users), projects, timesheets,
    attachments against their checksums, an invoice as PDF, numbers of a sequence, Odoo's log, modules against the
    image, modules that wait for something, crons against O(crons), sequences against the highest values of their
    columns, and that no mail left or waits."
  - "With O(mode=running) the unit that serves is looked at while users work: its container and image, the login page,
    health, the stylesheets and scripts of that page, attachments as files (read in the container, as its user), modules
    against the image, modules that wait for something, crons against O(crons), sequences, and its log since it started.
    The database is read in transactions that only read, nobody is logged in, and no record is made: what a visitor
    leaves who opens the login page is all that is left of it."
  - What cannot be tried is V(skipped), with the reason. It is only where the module that it is about is not installed,
    or the database has nothing to try. A probe that fails makes the module fail, after all were tried.
author:
  - erpops maintainers (@erpops)
extends_documentation_fragment:
  - erpops.odoo.estate
  - erpops.odoo.secrets
  - erpops.odoo.allocations
  - erpops.odoo.residence
requirements:
  - psycopg >= 3.1 (python3-psycopg)
attributes:
  check_mode:
    description: Nothing is tried; the actions are those that a run would do.
    support: full
  diff_mode:
    description: Shows that a copy was tried.
    support: full
  idempotent:
    description: With O(mode=copy) each run is a trial of its own. With O(mode=running) nothing is changed.
    support: partial
options:
  tenant:
    description: Name of the tenant.
    type: str
    required: true
  mode:
    description: What is tried.
    type: str
    choices: [copy, running]
    default: copy
  database:
    description: The copy. By default the tenant's name followed by C(__rehearsal).
    type: str
  users:
    description: Logins of the copy's sampled users, as M(erpops.odoo.wave_rehearse) returned them.
    type: list
    elements: str
    default: []
  login_password:
    description: The password that they were given there.
    type: str
  update:
    description: Modules that are updated on the copy before the server boots.
    type: list
    elements: str
    default: []
  crons:
    description: How many scheduled actions the source has, as M(erpops.odoo.wave_rehearse) returned it.
    type: dict
    suboptions:
      active:
        description: Those that are active.
        type: int
        required: true
      total:
        description: All of them.
        type: int
        required: true
  missing_files:
    description: Names of files that the source's filestore lacks as well, as a move reported them. They are not missed.
    type: list
    elements: str
    default: []
  excused:
    description:
      - Probes that need not pass, by name, each with the reason.
      - One that failed is V(excused) then, and stays in RV(probes) and RV(summary) with the reason.
    type: dict
    default: {}
  dropped_modules:
    description: Modules that the database has, and that somebody decided to go without; the image need not have them.
    type: list
    elements: str
    default: []
  boot_seconds:
    description: How long the server may take until it answers.
    type: int
    default: 180
  seconds:
    description: How long O(update) may take.
    type: int
    default: 3600
  address:
    description: Where units are published on this host; needed with O(mode=running).
    type: str
seealso:
  - module: erpops.odoo.wave_rehearse
"""

EXAMPLES = r"""
- name: Try acme's copy
  erpops.odoo.odoo_smoke:
    tenant: acme
    users: "{{ rehearsal.users }}"
    login_password: "{{ estate_secret | erpops.odoo.estate_password('rehearsal', 'acme') }}"
    instances: "{{ odoo_instances }}"
    tenants: "{{ odoo_tenants }}"
    allocations: "{{ tenant_databases_result.allocations }}"
    host: "{{ inventory_hostname }}"
    estate_secret: "{{ estate_secret }}"

- name: Look at acme after its cutover
  erpops.odoo.odoo_smoke:
    tenant: acme
    mode: running
    address: "{{ estate_address }}"
    excused: {log: "a module that nobody has any more"}
    crons: "{{ rehearsal.crons }}"
    missing_files: "{{ cutover.filestore.missing }}"
    instances: "{{ odoo_instances }}"
    tenants: "{{ odoo_tenants }}"
    allocations: "{{ tenant_databases_result.allocations }}"
    host: "{{ inventory_hostname }}"
    estate_secret: "{{ estate_secret }}"
"""

RETURN = r"""
probes:
  description: What was tried, in this order; empty in check mode. Also returned when some failed.
  returned: always
  type: list
  elements: dict
  sample: [{name: boot, status: ok, seconds: 2.2, evidence: "/web/login 200, 5321 bytes"}]
summary:
  description: How many passed, and each that did not, with the reason; empty in check mode.
  returned: always
  type: str
  sample: "16 of 17 probes passed; timesheets skipped: module hr_timesheet is not installed"
seconds:
  description: How long all probes took together.
  returned: always
  type: float
  sample: 12.4
actions:
  description: What was done or, in check mode, would be.
  returned: success
  type: list
  elements: dict
  sample: [{verb: try, subject: database acme__rehearsal, detail: "image registry.example.com/odoo@sha256:…"}]
problems:
  description: One for each probe that failed.
  returned: failure
  type: list
  elements: dict
"""

from dataclasses import asdict, replace
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import conclude, guarded
from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Problem
from ansible_collections.erpops.odoo.plugins.module_utils.estate import arguments
from ansible_collections.erpops.odoo.plugins.module_utils.estate.names import url_host
from ansible_collections.erpops.odoo.plugins.module_utils.odoo import (
    parameters,
    podman,
    ports,
    smoke,
    smoke_client,
    smoke_unit,
)
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.database import Login
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.model import Resident
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.smoke import Crons, Probe
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.smoke_client import Trial
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.smoke_unit import Serving
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import require_psycopg

SPEC: dict[str, Any] = {
    **arguments.ESTATE,
    **arguments.SECRETS,
    **parameters.CLUSTERS,
    "tenant": {"type": "str", "required": True},
    "mode": {"type": "str", "choices": ["copy", "running"], "default": "copy"},
    "database": {"type": "str"},
    "users": {"type": "list", "elements": "str", "default": []},
    "login_password": {"type": "str", "no_log": True},
    "update": {"type": "list", "elements": "str", "default": []},
    "crons": {
        "type": "dict",
        "options": {"active": {"type": "int", "required": True}, "total": {"type": "int", "required": True}},
    },
    "missing_files": {"type": "list", "elements": "str", "default": []},
    "excused": {"type": "dict", "default": {}},
    "dropped_modules": {"type": "list", "elements": "str", "default": []},
    "boot_seconds": {"type": "int", "default": 180},
    "seconds": {"type": "int", "default": 3600},
    "allocations": parameters.RESIDENCE["allocations"],
    "host": {"type": "str", "required": True},
    "address": {"type": "str"},
    "pull": parameters.RESIDENCE["pull"],
}


def crons(params: dict[str, Any]) -> Crons | None:
    return Crons(**params["crons"]) if params["crons"] else None


def trial(params: dict[str, Any], resident: Resident, login: Login) -> Trial:
    return Trial(
        resident=resident,
        login=login,
        users=tuple(params["users"]) if params["login_password"] else (),
        password=params["login_password"] or "",
        update=tuple(params["update"]),
        dropped=tuple(params["dropped_modules"]),
        crons=crons(params),
        known=tuple(params["missing_files"]),
        boot_seconds=params["boot_seconds"],
        seconds=params["seconds"],
    )


def serving(params: dict[str, Any], resident: Resident, login: Login) -> Serving:
    port = ports.edge_ports(resident.tenant, resident.allocation).http
    return Serving(
        resident=resident,
        login=login,
        url=f"http://{url_host(params['address'])}:{port}",
        dropped=tuple(params["dropped_modules"]),
        crons=crons(params),
        known=tuple(params["missing_files"]),
    )


def probed(params: dict[str, Any], resident: Resident, login: Login, check_mode: bool) -> list[Probe]:
    running = params["mode"] == "running"
    if check_mode:
        if not running:
            smoke_client.predict(resident.name, login)
        return []
    podman.ensure_images([resident.tenant.instance.image], params["pull"])
    if running:
        return smoke_unit.served(serving(params, resident, login))
    return smoke_client.tried(trial(params, resident, login))


def check(excused: dict[str, Any]) -> None:
    """Raises InputError for probes that are excused without a reason."""
    problems = [
        Problem(f"probe {name}", "excused", str(reason or ""), "Say why it need not pass.")
        for name, reason in excused.items()
        if not str(reason or "").strip()
    ]
    if problems:
        raise InputError("Probes are excused without a reason. Nothing was tried.", problems)


def run(module: AnsibleModule) -> None:
    params, tenants = module.params, parameters.tenants(module.params)
    require_psycopg(module)
    check(params["excused"])
    resident = smoke.resident(params["tenant"], tenants, parameters.allocations(params), params["host"])
    database = smoke.database(params["tenant"], params["mode"], params["database"])
    login = replace(parameters.login(params, resident.tenant), database=database)
    probes = smoke.excused(probed(params, resident, login, module.check_mode), params["excused"])
    values = {
        "probes": smoke.listing(probes),
        "summary": smoke.summary(probes),
        "seconds": round(sum(probe.seconds for probe in probes), 3),
    }
    found = smoke.problems(f"database {database}", probes)
    if found:
        text = "\n".join([f"{len(found)} of {len(probes)} probes failed.", *(f"- {problem}" for problem in found)])
        module.fail_json(msg=text, problems=[asdict(problem) for problem in found], **values)
    before, after, actions = smoke.outcome(database, params["mode"], resident.tenant.instance.image)
    conclude(module, before=before, after=after, actions=actions, **values)


def main() -> None:
    module = AnsibleModule(
        argument_spec=SPEC, supports_check_mode=True, required_if=[("mode", "running", ("address",))]
    )
    guarded(module, lambda: run(module))


if __name__ == "__main__":
    main()
