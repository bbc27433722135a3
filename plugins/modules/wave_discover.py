#!/usr/bin/python
# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
---
module: wave_discover
short_description: Read a legacy host, and propose what becomes of all that is there
version_added: 0.1.0
description:
  - Sends one script to the shell of a legacy host and makes one result of what it prints. The host needs a POSIX shell,
    the usual small tools and psql; no Python is used there.
  - Nothing is written on the host, temporary files neither. PostgreSQL is asked in read-only sessions with time limits.
    Secrets are masked before they leave the host.
  - What cannot be read is named in the result's C(problems).
  - It runs on the controller as an action plugin. Its files are the controller's.
options:
  folder:
    description:
      - Folder of the controller for the result, C(<host>.json). Without it the result is only returned. Like an
        entry of the ledger, that file never counts as a change.
    type: path
  dispositions_folder:
    description:
      - Folder of the controller for the dispositions, C(<host>.yml), which people settle. What they wrote is
        kept, what is new is added, what vanished is marked.
    type: path
  statement_seconds:
    description: How long PostgreSQL may work on one statement.
    type: int
    default: 60
  checksums:
    description:
      - Read every file of the filestores and compare it with the checksum that is its name. Otherwise only
        existence and size are compared.
    type: bool
    default: true
  log_lines:
    description: How many lines of each of Odoo's logs are summed up, from its end.
    type: int
    default: 200000
  filestores:
    description:
      - Folders of filestores on the host, which are looked at before those that configurations and processes name. A
        folder of filestores holds one folder a database.
    type: list
    elements: path
    default: []
attributes:
  check_mode:
    description: It reads the host all the same and returns the result; no file is written.
    support: full
  diff_mode:
    description: The dispositions.
    support: full
  idempotent:
    description: The result bears the time of its making; dispositions change only with what is found.
    support: full
author:
  - erpops maintainers (@erpops)
"""

EXAMPLES = r"""
- name: Read the host
  erpops.odoo.wave_discover:
    folder: discovery
    dispositions_folder: dispositions
    statement_seconds: 120
  register: wave_discover_result
"""

RETURN = r"""
actions:
  description: What was done, or would be done in check mode.
  returned: success
  type: list
  elements: dict
discovery:
  description: All that was found, as the page on waves describes it.
  returned: success
  type: dict
dispositions:
  description: Proposed and settled dispositions.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: One of V(cron), V(route), V(certificate), V(local_path), V(integration) and V(custom_module).
      type: str
    name:
      description: What it is; with the kind it is unique on a host.
      type: str
    found:
      description: How it was found.
      type: str
    proposed:
      description: V(declared), V(replaced) or V(dropped).
      type: str
    reason:
      description: Why that is proposed.
      type: str
    disposition:
      description: What a person decided, or else what is proposed.
      type: str
    settled:
      description: Whether a person decided.
      type: bool
    by:
      description: Who decided.
      type: str
    vanished:
      description: It is not there any more.
      returned: when it is so
      type: bool
unsettled:
  description: What a person has to decide before cutover, a sentence each.
  returned: success
  type: list
  elements: str
"""
