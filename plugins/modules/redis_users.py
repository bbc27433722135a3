#!/usr/bin/python
# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
---
module: redis_users
short_description: Give every tenant its user on a host's Redis instances, in one call
version_added: 0.1.0
description:
  - Each tenant has a user of its name on each instance, which reaches only keys and channels that begin with C(NAME:),
    by a short list of commands. SCAN, KEYS and other commands that pay no heed to key patterns are not among them.
  - Redis does not replicate users, so it runs on each host of group C(redis), for the host's own instances.
  - Users are compared live and saved in each instance's ACL file; one that was set and not saved is saved.
  - The estate's own users are put back where somebody changed them.
  - The user of a suspended tenant is switched off; that of an absent tenant is removed. A user that nobody declares
    stays and is reported in RV(undeclared).
options:
  servers:
    description: This host's instances.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the instance; it decides which commands tenants may use.
        type: str
        required: true
        choices: [sessions, cache, queue]
      port:
        description: Its TLS port.
        type: int
        required: true
      parameters:
        description: Not used here; M(erpops.odoo.redis_instances) takes the same list.
        type: dict
  base_file:
    description: ACL file with the estate's own users, which every instance has.
    type: path
    default: /etc/erpops/redis/instances.acl
extends_documentation_fragment:
  - erpops.odoo.estate
  - erpops.odoo.secrets
  - erpops.odoo.redis
attributes:
  check_mode:
    description: Nothing is written; an instance that was never started on the host is taken as one without tenants.
    support: full
  diff_mode:
    description: Shows the users before and after; of a password only whether it is the declared one.
    support: full
  idempotent:
    description: A second run with the same input changes nothing.
    support: full
requirements:
  - redis (Debian's python3-redis) on the host
author:
  - erpops maintainers (@erpops)
"""

EXAMPLES = r"""
- name: Users of the tenants
  erpops.odoo.redis_users:
    host: "{{ estate_address }}"
    servers:
      - {name: sessions, port: 6379}
    admin_password: "{{ estate_secret | erpops.odoo.estate_password('redis_admin') }}"
    estate_secret: "{{ estate_secret }}"
    instances: "{{ odoo_instances }}"
    tenants: "{{ odoo_tenants }}"
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be.
  returned: success
  type: list
  elements: dict
  contains:
    verb:
      description: V(create), V(alter), V(remove) or V(save).
      type: str
    subject:
      description: The user and its instance.
      type: str
    detail:
      description: What differed.
      type: str
  sample: [{"verb": "create", "subject": "user acme of redis sessions", "detail": ""}]
undeclared:
  description: For each instance that has any, the users that nobody declares; they stay.
  returned: success
  type: dict
  sample: {"sessions": ["oldtenant"]}
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import conclude, guarded
from ansible_collections.erpops.odoo.plugins.module_utils.estate.arguments import ESTATE, SECRETS
from ansible_collections.erpops.odoo.plugins.module_utils.estate.model import (
    ResolvedTenant,
    instances_from,
    resolve,
    tenants_from,
    tiers_from,
)
from ansible_collections.erpops.odoo.plugins.module_utils.estate.secrets import password
from ansible_collections.erpops.odoo.plugins.module_utils.redis import apply, client, model, plan
from ansible_collections.erpops.odoo.plugins.module_utils.redis.arguments import REDIS

SERVER = {
    "name": {"type": "str", "required": True, "choices": list(model.COMMANDS)},
    "port": {"type": "int", "required": True},
    "parameters": {"type": "dict"},
}
ARGUMENTS = {
    **REDIS,
    **ESTATE,
    **SECRETS,
    "servers": {"type": "list", "elements": "dict", "options": SERVER, "required": True},
    "base_file": {"type": "path", "default": "/etc/erpops/redis/instances.acl"},
}


def run(module: AnsibleModule) -> None:
    given = module.params
    access = client.Access(ca_file=given["ca_file"], user=given["admin_user"], password=given["admin_password"])
    group = apply.Group(host=given["host"], members=(given["host"],), access=access, state_folder=given["state_folder"])
    names = [server["name"] for server in given["servers"]]
    if not client.HAS_REDIS and not (module.check_mode and not any(map(group.started_once, names))):
        raise apply.missing_library(group, names, missing_required_lib("redis"))
    tenants = resolve(tenants_from(given["tenants"]), instances_from(given["instances"]), tiers_from(given["tiers"]))
    absent = [tenant.name for tenant in tenants if tenant.state == "absent"]

    def password_of(tenant: ResolvedTenant) -> str:
        overrides = given["secret_overrides"]
        return password(given["estate_secret"], overrides, "redis", tenant.name, tenant.secret_version)

    base = client.users_in(Path(given["base_file"]))
    plans = []
    for server in given["servers"]:
        name, port = server["name"], server["port"]
        found = apply.users_found(group, name, port, base, assume_new=module.check_mode)
        planned = plan.plan(found, plan.declared_users(name, base, tenants, password_of), absent)
        plans.append(planned)
        if not module.check_mode:
            apply.apply_users(group, port, planned)
    conclude(
        module,
        before={planned.instance: planned.before for planned in plans},
        after={planned.instance: planned.after for planned in plans},
        actions=[action for planned in plans for action in planned.actions],
        undeclared={planned.instance: list(planned.undeclared) for planned in plans if planned.undeclared},
    )


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    guarded(module, lambda: run(module))


if __name__ == "__main__":
    main()
