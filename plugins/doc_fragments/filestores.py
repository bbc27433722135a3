# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the arguments in ``module_utils/replication/arguments.py``: ``FILESTORE``."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  filestore:
    description:
      - Both filestores. Without it the files are not this module's matter.
      - A file that the database knows and the giving side lacks is reported in RV(filestore), and is no failure.
    type: dict
    suboptions:
      source:
        description: The source's filestore.
        type: dict
        required: true
        suboptions: &place
          folder:
            description: Folder of all filestores there.
            type: path
            required: true
          name:
            description: Name of this one; by default that of the database.
            type: str
          command:
            description: How to get there, such as an ssh command line; empty for this host.
            type: list
            elements: str
            default: []
          forced:
            description: The other side runs the filestore's script by itself, since the key allows nothing else.
            type: bool
            default: false
      target:
        description: The target's filestore.
        type: dict
        required: true
        suboptions: *place
      seconds:
        description: The longest that one command on either side may take.
        type: int
        default: 3600
      lost:
        description:
          - Whether the source is known to have none of the files that its database knows. Otherwise that is a failure,
            since a folder that is not Odoo's looks just so.
        type: bool
        default: false
"""
