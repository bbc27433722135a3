# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the arguments in ``module_utils/estate/arguments.py``: ``ESTATE``."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  tiers:
    description: Named levels of service, whose limits and sizes tenants inherit.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the tier.
        type: str
        required: true
      limits:
        description: What one tenant of the tier may use.
        type: dict
        suboptions: &limits
          connections:
            description: PostgreSQL connections of the tenant's role.
            type: int
          statement_timeout_seconds:
            description: Longest statement of the tenant's role.
            type: int
          requests_per_second:
            description: Requests a second at the edge; a burst may be twice that.
            type: int
          body_mb:
            description: Largest request body at the edge.
            type: int
          storage_gb:
            description: Database and filestore together; measured and reported.
            type: int
          memory_mb:
            description: Memory of the tenant's unit.
            type: int
          cpu_percent:
            description: Processor time of the tenant's unit, in percent of one core.
            type: int
          io_weight:
            description: Weight of the tenant's unit when disks are busy, from 1 to 10000.
            type: int
      workers:
        description: HTTP worker processes of a tenant; 0 runs threaded.
        type: int
      cron_threads:
        description: Threads, or processes, that run scheduled actions.
        type: int
  instances:
    description: Release lines of Odoo.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the instance.
        type: str
        required: true
      environment:
        description: What the instance is for; it decides which controls apply.
        type: str
        required: true
        choices: [development, test, uat, staging, production]
      version:
        description: Odoo's version, such as V(19.0).
        type: str
        required: true
      image:
        description: Image of Odoo; by digest in uat, staging and production.
        type: str
        required: true
      modules:
        description: Modules that every tenant of the instance has from birth.
        type: list
        elements: str
      placement:
        description: Where the instance's tenants run; V(hosts), or the name of a declared Kubernetes cluster.
        type: str
      workers:
        description: HTTP worker processes of a tenant; 0 runs threaded.
        type: int
      cron_threads:
        description: Threads, or processes, that run scheduled actions.
        type: int
      cron_placement:
        description: Whether scheduled actions run in the tenant's unit or in one of their own.
        type: str
        choices: [same, separate]
      limits:
        description: What one tenant of the instance may use where neither it nor its tier says so.
        type: dict
        suboptions: *limits
      server_wide_modules:
        description: Server-wide modules beside those that every instance loads.
        type: list
        elements: str
  tenants:
    description: One Odoo database, its filestore and its hostnames each.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the tenant, its database and its role.
        type: str
        required: true
      instance:
        description: Name of the instance that serves it.
        type: str
        required: true
      hostnames:
        description: Its hostnames; the first is the one in links.
        type: list
        elements: str
        required: true
      state:
        description: Whether it is served, suspended with all its data, or to be removed.
        type: str
        choices: [present, suspended, absent]
      modules:
        description: Modules beside those of its instance.
        type: list
        elements: str
      tier:
        description: Name of its tier.
        type: str
      limits:
        description: What it may use, before its tier and its instance are asked.
        type: dict
        suboptions: *limits
      workers:
        description: HTTP worker processes; 0 runs threaded.
        type: int
      cron_threads:
        description: Threads, or processes, that run scheduled actions.
        type: int
      cluster:
        description: Name of the PostgreSQL cluster that holds its database.
        type: str
      app_host:
        description: The host that owns it; without it the registry decides once.
        type: str
      login:
        description: Login of its first administrator.
        type: str
      secret_version:
        description: Raise it to rotate the tenant's passwords.
        type: int
      source_url:
        description:
          - Where its legacy host serves it, while it does, such as V(http://10.82.0.11).
          - Set by playbooks from the state of the member, so seldom by hand.
        type: str
"""
