#!/usr/bin/python
# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
---
module: wave_keys
short_description: Make SSH keys where they are used
version_added: 0.1.0
description:
  - Makes a pair of ED25519 keys for each name, C(<name>.key) and C(<name>.key.pub), where there is none. The private
    half never leaves the host; the public one is returned. One call serves all names.
author:
  - erpops maintainers (@erpops)
attributes:
  check_mode:
    description: A key that would be made has an empty public half.
    support: full
  diff_mode:
    description: Shows which keys are there.
    support: full
  idempotent:
    description: Keys that are there stay as they are.
    support: full
requirements:
  - ssh-keygen on the host
options:
  folder:
    description: The folder of the keys. It must exist.
    type: path
    required: true
  names:
    description: Their names.
    type: list
    elements: str
    required: true
  owner:
    description: Who may read them.
    type: str
    required: true
  comment:
    description: The comment of new keys.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Keys for the ways to other hosts
  erpops.odoo.wave_keys:
    folder: /var/lib/erpops/sources
    names: [legacy1, app1]
    owner: postgres
    comment: erpops:north:db1
  register: keys
"""

RETURN = r"""
public:
  description: The public half of each key, as in the file; empty in check mode for keys that would be made.
  returned: success
  type: dict
  sample: {"legacy1": "ssh-ed25519 AAAA… erpops:north:db1"}
actions:
  description: What was done, or in check mode would be.
  returned: success
  type: list
  elements: dict
  sample:
    - {"verb": "make", "subject": "key legacy1", "detail": ""}
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import conclude, guarded
from ansible_collections.erpops.odoo.plugins.module_utils.wave import keys


def run(module: AnsibleModule) -> None:
    folder, names = Path(module.params["folder"]), module.params["names"]
    pairs = keys.read(folder, names)
    actions = keys.actions(pairs)
    if actions and not module.check_mode:
        keys.apply(folder, pairs, module.params["owner"], module.params["comment"])
    conclude(
        module,
        before=keys.snapshot(pairs, after=False),
        after=keys.snapshot(pairs, after=True),
        actions=actions,
        public={pair.name: pair.public for pair in keys.read(folder, names)},
    )


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "folder": {"type": "path", "required": True},
            "names": {"type": "list", "elements": "str", "required": True, "no_log": False},
            "owner": {"type": "str", "required": True},
            "comment": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    guarded(module, lambda: run(module))


if __name__ == "__main__":
    main()
