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
  postgres_hosts:
    description: Addresses of all members of the target's cluster. The one that accepts writes is used.
    type: list
    elements: str
    required: true
  postgres_port:
    description: Port of the members.
    type: int
    default: 5432
  postgres_user:
    description: Superuser that the collection works as.
    type: str
    default: erpops_admin
  postgres_password:
    description: Its password.
    type: str
    required: true
  postgres_ca_file:
    description: Certificate of the authority that the members' certificates are verified with.
    type: path
    default: /etc/erpops/pki/ca.crt
"""
