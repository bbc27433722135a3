#!/usr/bin/python
# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: tenant_removal
short_description: Take and prove the last copies of tenants before they are dropped
version_added: 0.1.0
description:
  - Removal goes in steps, each on the host that has what it needs. O(step=dump), on a host of group C(postgres), dumps
    the databases and restores every dump beside its database, and compares all tables and sequences of both.
    O(step=filestore), on the app host, packs the tenants' files. The files are then carried to a store on another
    host, where O(step=keep) compares their checksums and returns the proof without which
    M(erpops.odoo.tenant_databases) drops nothing. O(step=forget), on the app host, deletes the files at last.
  - A tenant is only touched if it is declared with C(state=absent), its name is confirmed, and its units are down.
author:
  - erpops maintainers (@erpops)
attributes:
  check_mode:
    description: Predicts the copies of this step and writes nothing.
    support: full
  diff_mode:
    description: Shows which copies there are before and after.
    support: full
  idempotent:
    description: >-
      Full for O(step=keep) and O(step=forget). Dumps and packed files are made anew as long as there is something to
      copy, since it may have changed.
    support: partial
options:
  step:
    description: What to do on this host.
    type: str
    required: true
    choices: [dump, filestore, keep, forget]
  declared_absent:
    description: Names of the tenants that are declared with C(state=absent).
    type: list
    elements: str
    required: true
  confirm_removal:
    description: Names of the tenants to remove, each of them declared absent.
    type: list
    elements: str
    required: true
  files:
    description: For O(step=keep), the RV(files) of the steps before.
    type: list
    elements: dict
    default: []
    suboptions:
      tenant:
        description: Name of the tenant.
        type: str
        required: true
      kind:
        description: What the file is.
        type: str
        required: true
        choices: [dump, filestore]
      path:
        description: Where it was written.
        type: path
        required: true
      sha256:
        description: Its checksum.
        type: str
        required: true
      size:
        description: Its bytes.
        type: int
        required: true
      tables:
        description: Tables of a dump.
        type: int
      rows:
        description: Rows of a dump.
        type: int
      files:
        description: Files in a filestore.
        type: int
  store:
    description: For O(step=keep), the folder on the store host; the files are expected in its folder C(incoming).
    type: path
    default: /var/lib/erpops/removed
  host:
    description: For O(step=keep), what the inventory calls the store host; it becomes part of the proof.
    type: str
  removal_proof:
    description: For O(step=forget), the RV(removal_proof) of O(step=keep).
    type: dict
    default: {}
  clusters:
    description: >-
      For O(step=dump), the PostgreSQL clusters, as the filter P(erpops.odoo.postgres_clusters#filter) gives them.
    type: list
    elements: dict
    default: []
  addresses:
    description: For O(step=dump), the address of every member of a cluster.
    type: dict
    default: {}
  postgres_user:
    description: A superuser.
    type: str
    default: erpops_admin
  postgres_password:
    description: Its password.
    type: str
  postgres_ca_file:
    description: The estate's root certificate.
    type: path
    default: /etc/erpops/pki/ca.crt
"""

EXAMPLES = r"""
- name: Final dumps
  erpops.odoo.tenant_removal:
    step: dump
    declared_absent: "{{ odoo_tenants | selectattr('state', 'defined') | rejectattr('state', 'ne', 'absent')
      | map(attribute='name') }}"
    confirm_removal: [elm]
    clusters: "{{ postgres_clusters | erpops.odoo.postgres_clusters(groups['postgres']) }}"
    addresses: "{{ groups['postgres'] | erpops.odoo.host_values(hostvars, 'estate_address') }}"
    postgres_password: "{{ estate_secret | erpops.odoo.estate_password('erpops_admin') }}"
  register: removal_dumps
"""

RETURN = r"""
actions:
  description: What was done or, in check mode, would be.
  returned: success
  type: list
  elements: dict
  sample: [{verb: dump, subject: database elm, detail: ""}]
files:
  description: The copies that this step made, or keeps.
  returned: success
  type: list
  elements: dict
  sample: [{tenant: elm, kind: dump, path: /var/lib/erpops/removal/elm.dump, sha256: 0f1e, size: 4000000, tables: 425}]
removal_proof:
  description: By tenant, where its copies lie and that its dump was restored.
  returned: when O(step=keep)
  type: dict
  sample: {elm: {restored: true, dump: "core1:/var/lib/erpops/removed/elm/elm.dump"}}
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import conclude, guarded
from ansible_collections.erpops.odoo.plugins.module_utils.filestore import removal, removal_client
from ansible_collections.erpops.odoo.plugins.module_utils.filestore.removal import Kept
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import Server, require_psycopg

SPEC: dict[str, Any] = {
    "step": {"type": "str", "required": True, "choices": ["dump", "filestore", "keep", "forget"]},
    "declared_absent": {"type": "list", "elements": "str", "required": True},
    "confirm_removal": {"type": "list", "elements": "str", "required": True},
    "files": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "tenant": {"type": "str", "required": True},
            "kind": {"type": "str", "required": True, "choices": ["dump", "filestore"]},
            "path": {"type": "path", "required": True},
            "sha256": {"type": "str", "required": True},
            "size": {"type": "int", "required": True},
            "tables": {"type": "int"},
            "rows": {"type": "int"},
            "files": {"type": "int"},
        },
    },
    "store": {"type": "path", "default": "/var/lib/erpops/removed"},
    "host": {"type": "str"},
    "removal_proof": {"type": "dict", "default": {}},
    "clusters": {"type": "list", "elements": "dict", "default": []},
    "addresses": {"type": "dict", "default": {}},
    "postgres_user": {"type": "str", "default": "erpops_admin"},
    "postgres_password": {"type": "str", "no_log": True},
    "postgres_ca_file": {"type": "path", "default": "/etc/erpops/pki/ca.crt"},
}


def servers(params: dict[str, Any]) -> list[Server]:
    return [
        Server(
            hosts=tuple(params["addresses"][member] for member in cluster["members"]),
            port=cluster["port"],
            user=params["postgres_user"],
            password=params["postgres_password"],
            ca_file=params["postgres_ca_file"],
        )
        for cluster in params["clusters"]
    ]


def dump(module: AnsibleModule, names: tuple[str, ...]) -> tuple[list[str], list[Kept]]:
    require_psycopg(module)
    places = [(server, name) for server in servers(module.params) for name in removal_client.databases(server, names)]
    there = [name for _server, name in places]
    if module.check_mode:
        return there, [removal_client.predicted("dump", name) for name in there]
    return there, [removal_client.dump(server, name) for server, name in places]


def filestore(module: AnsibleModule, names: tuple[str, ...]) -> tuple[list[str], list[Kept]]:
    there = removal_client.filestores(names)
    if module.check_mode:
        return there, [removal_client.predicted("filestore", name) for name in there]
    return there, [removal_client.archive(name) for name in there]


def keep(module: AnsibleModule, names: tuple[str, ...]) -> tuple[list[str], list[Kept]]:
    store = Path(module.params["store"])
    items = [removal.kept_from(value) for value in module.params["files"] if value["tenant"] in names]
    there = sorted({item.tenant for item in items if not removal_client.is_kept(item, store / item.tenant)})
    if module.check_mode:
        for item in items:
            if item.sha256:
                removal_client.require_whole(item, store / "incoming" / Path(item.path).name)
        kept = items
    else:
        kept = [removal_client.keep(item, store / "incoming", store / item.tenant) for item in items]
    new = {(item.tenant, item.kind) for item in kept}
    before = [item for item in removal_client.kept_before(names, store) if (item.tenant, item.kind) not in new]
    return there, [*kept, *before]


def forget(module: AnsibleModule, names: tuple[str, ...]) -> tuple[list[str], list[Kept]]:
    there = removal_client.filestores(names)
    removal.require_proofs(there, module.params["removal_proof"])
    if not module.check_mode:
        for name in there:
            removal_client.forget(name)
    return there, []


STEPS: dict[str, Callable[[AnsibleModule, tuple[str, ...]], tuple[list[str], list[Kept]]]] = {
    "dump": dump,
    "filestore": filestore,
    "keep": keep,
    "forget": forget,
}


def run(module: AnsibleModule) -> None:
    params = module.params
    names = removal.confirmed(params["declared_absent"], params["confirm_removal"])
    there, files = STEPS[params["step"]](module, names)
    conclude(
        module,
        before=dict.fromkeys(there, "not done"),
        after=dict.fromkeys(there, params["step"]),
        actions=removal.actions(params["step"], there),
        files=[item.as_dict() for item in files],
        **({"removal_proof": removal.proof(files, params["host"] or "")} if params["step"] == "keep" else {}),
    )


def main() -> None:
    module = AnsibleModule(
        argument_spec=SPEC,
        required_if=[
            ("step", "dump", ("postgres_password",)),
            ("step", "keep", ("host",)),
        ],
        supports_check_mode=True,
    )
    guarded(module, lambda: run(module))


if __name__ == "__main__":
    main()
