# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the arguments in ``module_utils/replication/arguments.py``: ``MEMBER``."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  member:
    description: Name of the member, which is also the tenant's, and that of its database and role on the target.
    type: str
    required: true
  database:
    description: Its database's name on the source.
    type: str
    required: true
  source:
    description: How this host reaches the source's PostgreSQL as a superuser.
    type: dict
    required: true
    suboptions:
      host:
        description: Addresses, or folders with a socket, such as that of the tunnel.
        type: list
        elements: str
        required: true
      port:
        description: Port.
        type: int
        default: 5432
      user:
        description: A superuser; by default V(postgres).
        type: str
      password:
        description: Its password; without one the server must trust the connection in another way.
        type: str
      sslmode:
        description: As libpq takes it.
        type: str
      sslrootcert:
        description: As libpq takes it.
        type: path
attributes:
  check_mode:
    description: Nothing is written on either side; the actions are those that a run would do.
    support: full
  diff_mode:
    description: Shows where the member stands before and after.
    support: full
"""
