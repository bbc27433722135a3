#!/usr/bin/python
# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: host_files
short_description: Bring all files of a role to their wanted state in one call
version_added: 0.1.0
description:
  - Makes directories, writes files and symbolic links, and removes what shall not be there.
  - Every file is written aside on the same file system, validated, and renamed into its place, so that no reader
    ever sees half a file. When one file is refused by its validation, none of them goes live.
  - All problems of the input and of the host are reported at once, before anything is written.
author:
  - erpops maintainers (@erpops)
attributes:
  check_mode:
    description: Predicts the changes and writes nothing.
    support: full
  diff_mode:
    description: Shows the changed paths before and after; secret content as a digest.
    support: full
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
options:
  directories:
    description: The directories, in any order.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Absolute path. Its parent must exist or be declared too.
        type: str
        required: true
      state:
        description: Whether it shall be there. V(absent) removes it with everything in it.
        type: str
        choices: [present, absent]
        default: present
      mode:
        description: Mode in octal.
        type: str
        default: "0755"
      owner:
        description: Name or number of the user that owns it.
        type: str
        default: root
      group:
        description: Name or number of its group.
        type: str
        default: root
      exclusive:
        description: Remove the files and links directly in it that are not declared. Directories in it stay.
        type: bool
        default: false
      pattern:
        description: With O(directories[].exclusive), only files whose name matches this shell pattern are removed.
        type: str
        default: "*"
  files:
    description: The files and symbolic links.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Absolute path. Its parent must exist or be declared under O(directories).
        type: str
        required: true
      state:
        description: Whether it shall be there.
        type: str
        choices: [present, absent]
        default: present
      content:
        description: The whole content, or with O(files[].block) that of the block.
        type: str
      link:
        description: Make a symbolic link to this path instead.
        type: str
      block:
        description:
          - Manage only the part of the file between two marker lines with this name; the rest is not ours.
          - Mode and owner of an existing file stay as they are where they are not given.
        type: str
      mode:
        description: Mode in octal; V(0644) unless given.
        type: str
      owner:
        description: Name or number of the user that owns it; V(root) unless given.
        type: str
      group:
        description: Name or number of its group; V(root) unless given.
        type: str
      secret:
        description: Keep the content out of diff, log and result.
        type: bool
        default: false
      validate:
        description:
          - Command that must accept the new file before it goes live; C(%s) stands for the file.
          - Not run in check mode.
        type: list
        elements: str
notes:
  - In check mode an owner, group or parent directory that does not exist yet is taken as one that an earlier step
    would have made; it is listed in RV(assumed).
"""

EXAMPLES = r"""
- name: Files of a service
  erpops.odoo.host_files:
    directories:
      - {path: /etc/example, mode: "0750"}
      - {path: /etc/example/conf.d, mode: "0750", exclusive: true, pattern: "*.conf"}
    files:
      - path: /etc/example/conf.d/main.conf
        content: |
          threads = 4
        mode: "0640"
      - path: /etc/example/password
        content: "{{ example_password | default('secret') }}"
        mode: "0600"
        secret: true
      - {path: /etc/example/current.conf, link: conf.d/main.conf}
      - {path: /etc/example/old.conf, state: absent}
  register: example_files
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be.
  returned: success
  type: list
  elements: dict
  contains:
    verb:
      description: V(create), V(alter) or V(remove).
      type: str
    subject:
      description: Kind and path.
      type: str
    detail:
      description: What differs.
      type: str
  sample: [{"verb": "create", "subject": "file /etc/example/main.conf", "detail": ""}]
changed_files:
  description: Files and links whose content is new or gone, for M(erpops.odoo.host_units).
  returned: success
  type: list
  elements: str
  sample: [/etc/example/main.conf]
assumed:
  description: In check mode, what does not exist yet and was taken as made by an earlier step.
  returned: success
  type: list
  elements: str
  sample: [owner example]
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import conclude, guarded
from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError
from ansible_collections.erpops.odoo.plugins.module_utils.host import converge, file_plan
from ansible_collections.erpops.odoo.plugins.module_utils.host.model import directory_from, file_from

STATE: dict[str, Any] = {"type": "str", "choices": ["present", "absent"], "default": "present"}

DIRECTORY: dict[str, Any] = {
    "path": {"type": "str", "required": True},
    "state": STATE,
    "mode": {"type": "str", "default": "0755"},
    "owner": {"type": "str", "default": "root"},
    "group": {"type": "str", "default": "root"},
    "exclusive": {"type": "bool", "default": False},
    "pattern": {"type": "str", "default": "*"},
}

FILE: dict[str, Any] = {
    "path": {"type": "str", "required": True},
    "state": STATE,
    "content": {"type": "str", "no_log": True},
    "link": {"type": "str"},
    "block": {"type": "str"},
    "mode": {"type": "str"},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "secret": {"type": "bool", "default": False, "no_log": False},
    "validate": {"type": "list", "elements": "str"},
}


class QuietModule(AnsibleModule):
    def _log_invocation(self) -> None:
        """Nothing: all contents would stand in the system's log; "no_log" does not find them among escapes."""


def run(module: AnsibleModule) -> None:
    directories, files = module.params["directories"], module.params["files"]
    problems = file_plan.input_problems(directories, files)
    if problems:
        raise InputError("The declared files contradict themselves. Nothing was changed.", problems)
    wanted_directories, wanted_files = list(map(directory_from, directories)), list(map(file_from, files))
    # The result repeats the options as "invocation": neither secrets nor megabytes shall ride along.
    for value in files:
        if value["content"] is not None:
            value["content"] = "(shown by the diff, unless it is secret)"
    done = converge.files(wanted_directories, wanted_files, check_mode=module.check_mode)
    conclude(
        module,
        before=done.before,
        after=done.after,
        actions=done.actions,
        changed_files=done.changed_files,
        assumed=done.assumed,
    )


def main() -> None:
    module = QuietModule(
        argument_spec={
            "directories": {"type": "list", "elements": "dict", "options": DIRECTORY, "default": []},
            "files": {"type": "list", "elements": "dict", "options": FILE, "default": []},
        },
        supports_check_mode=True,
    )
    # "no_log" hides the options of a call that fails early; from here on we hide what is secret, and show the rest.
    module.no_log_values.clear()
    guarded(module, lambda: run(module))


if __name__ == "__main__":
    main()
