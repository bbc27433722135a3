#!/usr/bin/python
# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
---
module: host_room
short_description: How much room a host's disks have
version_added: 0.1.0
description:
  - Tells of each folder how much the disk that it is on has left for those who are not root.
  - It only reads.
options:
  folders:
    description: Absolute paths, by any name. For one that is not there, what it would be made in is looked at.
    type: dict
    required: true
attributes:
  check_mode:
    description: It only reads.
    support: full
  diff_mode:
    description: It only reads.
    support: none
  idempotent:
    description: It only reads.
    support: full
seealso:
  - module: erpops.odoo.wave_prepare
  - module: erpops.odoo.wave_seed
author:
  - erpops maintainers (@erpops)
"""

EXAMPLES = r"""
- name: Room for a copy
  erpops.odoo.host_room:
    folders: {data: /var/lib/postgresql/17/main, spool: /var/lib/erpops/waves}
  register: room
"""

RETURN = r"""
room:
  description: What was found, by the names of the folders.
  returned: success
  type: dict
  sample:
    data: {folder: /var/lib/postgresql/17/main, free_bytes: 60000000000, size_bytes: 100000000000, device: "65025"}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import conclude, guarded
from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Problem
from ansible_collections.erpops.odoo.plugins.module_utils.host import room


def run(module: AnsibleModule) -> None:
    folders = {str(name): str(folder) for name, folder in module.params["folders"].items()}
    problems = [
        Problem("run", f"folders.{name}", folder, "Give an absolute path.")
        for name, folder in folders.items()
        if not folder.startswith("/")
    ]
    if problems:
        raise InputError("There is nothing to look at.", problems)
    conclude(module, before={}, after={}, actions=(), room=room.found(folders))


def main() -> None:
    module = AnsibleModule(
        argument_spec={"folders": {"type": "dict", "required": True}},
        supports_check_mode=True,
    )
    guarded(module, lambda: run(module))


if __name__ == "__main__":
    main()
