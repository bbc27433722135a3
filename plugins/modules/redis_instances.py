#!/usr/bin/python
# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
---
module: redis_instances
short_description: Hold a host's Redis instances to their declared parameters and roles
version_added: 0.1.0
description:
  - Compares each running instance with its declared parameters (CONFIG GET), sets what differs, and has it follow the
    primary where the group has several hosts.
  - Makes the host's Sentinel watch each instance, and holds the Sentinel to its settings.
  - Who is primary is asked, never assumed. First the Sentinels of all members, then the members themselves; the order
    of O(members) decides only where everything is new. So a rebuilt host, empty, follows.
  - Where it comes to follow, it waits up to a minute until the primary counts it among its replicas; before, a primary
    that wants replicas takes no write. A first copy that takes longer goes on by itself.
options:
  members:
    description: The addresses of all hosts of the group, this one among them. With fewer than three, none follows.
    type: list
    elements: str
    required: true
  servers:
    description: This host's instances.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the instance, and of the service that Sentinels watch.
        type: str
        required: true
      port:
        description: Its TLS port, the same on every member.
        type: int
        required: true
      parameters:
        description: Parameters that can be set while it runs, as CONFIG GET shows them.
        type: dict
        default: {}
  sentinel_port:
    description: TLS port of the Sentinels.
    type: int
    default: 26379
  sentinel_user:
    description: The user as which Sentinels log in to instances.
    type: str
    default: erpops_sentinel
  sentinel_password:
    description: Its password.
    type: str
    required: true
  down_after_ms:
    description: How long an instance must be silent until a Sentinel holds it for dead.
    type: int
    default: 3000
  failover_timeout_ms:
    description: How long a failover may take until another is tried.
    type: int
    default: 10000
extends_documentation_fragment:
  - erpops.odoo.redis
attributes:
  check_mode:
    description: Nothing is written; an instance that was never started on the host is taken as its files will start it.
    support: full
  diff_mode:
    description: Shows declared parameters, whom the instance follows and the Sentinel's settings, before and after.
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
- name: Parameters and roles of Redis
  erpops.odoo.redis_instances:
    host: "{{ estate_address }}"
    members: "{{ groups['redis'] | map('extract', hostvars, 'estate_address') }}"
    servers:
      - {name: sessions, port: 6379, parameters: {maxmemory: "134217728", maxmemory-policy: volatile-lru}}
    admin_password: "{{ estate_secret | erpops.odoo.estate_password('redis_admin') }}"
    sentinel_password: "{{ estate_secret | erpops.odoo.estate_password('redis_sentinel') }}"
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be.
  returned: success
  type: list
  elements: dict
  contains:
    verb:
      description: V(set), V(follow), V(promote), V(watch) or V(tune).
      type: str
    subject:
      description: The instance.
      type: str
    detail:
      description: From what to what.
      type: str
  sample: [{"verb": "set", "subject": "maxmemory of redis cache", "detail": "'0' -> '134217728'"}]
primaries:
  description: For each instance the host that takes writes.
  returned: success
  type: dict
  sample: {"sessions": "10.0.0.11"}
stale:
  description: For each instance that has any, addresses that the Sentinel knows and that are no members.
  returned: success
  type: dict
  sample: {}
"""

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import conclude, guarded
from ansible_collections.erpops.odoo.plugins.module_utils.redis import apply, client, topology
from ansible_collections.erpops.odoo.plugins.module_utils.redis.arguments import REDIS

SERVER = {
    "name": {"type": "str", "required": True},
    "port": {"type": "int", "required": True},
    "parameters": {"type": "dict", "default": {}},
}
ARGUMENTS = {
    **REDIS,
    "members": {"type": "list", "elements": "str", "required": True},
    "servers": {"type": "list", "elements": "dict", "options": SERVER, "required": True},
    "sentinel_port": {"type": "int", "default": 26379},
    "sentinel_user": {"type": "str", "default": "erpops_sentinel"},
    "sentinel_password": {"type": "str", "required": True, "no_log": True},
    "down_after_ms": {"type": "int", "default": 3000},
    "failover_timeout_ms": {"type": "int", "default": 10000},
}
REPLICATED_FROM = 3


def watch_from(module: AnsibleModule) -> topology.Watch | None:
    members = len(module.params["members"])
    if members < REPLICATED_FROM:
        return None
    return topology.Watch(
        quorum=members // 2 + 1,
        down_after_ms=module.params["down_after_ms"],
        failover_timeout_ms=module.params["failover_timeout_ms"],
    )


def run(module: AnsibleModule) -> None:
    given, check_mode = module.params, module.check_mode
    access = client.Access(ca_file=given["ca_file"], user=given["admin_user"], password=given["admin_password"])
    watch = watch_from(module)
    members = given["members"] if watch else [given["host"]]
    group = apply.Group(
        host=given["host"],
        members=members,
        access=access,
        sentinel_port=given["sentinel_port"],
        state_folder=given["state_folder"],
    )
    names = [server["name"] for server in given["servers"]]
    if not client.HAS_REDIS and not (check_mode and not any(map(group.started_once, names))):
        raise apply.missing_library(group, names, missing_required_lib("redis"))
    login = [("auth-user", given["sentinel_user"]), ("auth-pass", given["sentinel_password"])]
    views = apply.watched_by(group) if watch else {}
    plans, primaries = [], {}
    for server in given["servers"]:
        wanted = topology.Wanted(
            name=server["name"],
            port=server["port"],
            parameters={name: str(value) for name, value in server["parameters"].items()},
        )
        found = apply.instance_found(group, wanted, views, assume_new=check_mode)
        primary = apply.primary_of(group, wanted, views, assume_new=check_mode)
        planned = topology.plan(wanted, found, primary, watch, members)
        if not check_mode:
            apply.apply_instance(group, planned, watch, login)
        plans.append(planned)
        primaries[wanted.name] = primary
    conclude(
        module,
        before={planned.wanted.name: planned.before for planned in plans},
        after={planned.wanted.name: planned.after for planned in plans},
        actions=[action for planned in plans for action in planned.actions],
        primaries=primaries,
        stale={planned.wanted.name: list(planned.stale) for planned in plans if planned.stale},
    )


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    guarded(module, lambda: run(module))


if __name__ == "__main__":
    main()
