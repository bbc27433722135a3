#!/usr/bin/python
# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
---
module: wave_access
short_description: Let the hosts of an estate in on a host, also on one without Python
version_added: 0.1.0
description:
  - Keeps lines of C(~/.ssh/authorized_keys) and whole files on a host, with one script for its shell to read, and one
    to write where something is to change. The host needs a POSIX shell with coreutils; no Python is used there.
  - A line is known again by its comment, which says whose it is. Lines with other comments stay as they are.
  - Files are replaced at once, keep their owner and mode where nothing is said of them, and are left alone where they
    changed between reading and writing. Symbolic links are not followed.
  - It runs on the controller as an action plugin, with the rights of the connection (C(become)).
options:
  keys:
    description: The lines.
    type: list
    elements: dict
    default: []
    suboptions:
      user:
        description: Whose C(authorized_keys) it is.
        type: str
        required: true
      line:
        description:
          - The whole line - options, key and comment. Needed for V(present). A line with this comment that is different
            is replaced.
        type: str
      comment:
        description: Lines with this comment go; a shell pattern. Needed for V(absent).
        type: str
      state:
        description: Whether there is such a line.
        type: str
        choices: [present, absent]
        default: present
  files:
    description: The files. Their folders must exist.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Absolute path.
        type: str
        required: true
      content:
        description: The content.
        type: str
      owner:
        description: Its owner; the group is the owner's own.
        type: str
        default: root
      mode:
        description: Its mode.
        type: str
        default: "0644"
      state:
        description: Whether it is there.
        type: str
        choices: [present, absent]
        default: present
attributes:
  check_mode:
    description: It reads the host all the same, and predicts.
    support: full
  diff_mode:
    description: Comments and checksums of lines and files.
    support: full
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
author:
  - erpops maintainers (@erpops)
"""

EXAMPLES = r"""
- name: Let the database host in
  erpops.odoo.wave_access:
    keys:
      - user: postgres
        line: 'restrict,port-forwarding,command="/bin/false" ssh-ed25519 AAAA… erpops:north:db1'
    files:
      - path: /var/lib/postgresql/erpops-ca.crt
        content: "{{ estate_ca_certificate }}"
        owner: postgres

- name: Let nobody of this estate in any more
  erpops.odoo.wave_access:
    keys:
      - {user: postgres, comment: "erpops:north:*", state: absent}
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be.
  returned: success
  type: list
  elements: dict
  sample:
    - {"verb": "add", "subject": "key erpops:north:db1 of user postgres", "detail": ""}
"""
