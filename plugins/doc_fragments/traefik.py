# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


class ModuleDocFragment:
    """Where Traefik is on its host."""

    DOCUMENTATION = r"""
options:
  dynamic_dir:
    description: Traefik's dynamic directory. Files are written beside it first, so its parent must be on the same
      file system.
    type: path
    default: /etc/traefik/dynamic
  other_files:
    description: Names of files in O(dynamic_dir) that something else writes, as shell patterns.
    type: list
    elements: str
    default: [tls.yml, rehearsal-*.yml]
  undeclared_files:
    description: Whether a file in O(dynamic_dir) that nobody declares stops the run, or is only reported.
    type: str
    choices: [refuse, report]
    default: refuse
  api_url:
    description: Traefik's API.
    type: str
    default: http://127.0.0.1:8080
  unit:
    description: Traefik's unit, whose journal explains what is wrong.
    type: str
    default: traefik.service
  group:
    description: Traefik's user and group; the group may read the file and the certificates' keys.
    type: str
    default: traefik
  timeout:
    description: Seconds within which Traefik must serve a change.
    type: int
    default: 15
"""
