# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The argument specs of what an operator declares, used by every module that takes it: one source for all."""

from __future__ import annotations

from typing import Any

Spec = dict[str, Any]

LIMITS: Spec = {
    "connections": {"type": "int"},
    "statement_timeout_seconds": {"type": "int"},
    "requests_per_second": {"type": "int"},
    "body_mb": {"type": "int"},
    "storage_gb": {"type": "int"},
    "memory_mb": {"type": "int"},
    "cpu_percent": {"type": "int"},
    "io_weight": {"type": "int"},
}

TIER: Spec = {
    "name": {"type": "str", "required": True},
    "limits": {"type": "dict", "options": LIMITS},
    "workers": {"type": "int"},
    "cron_threads": {"type": "int"},
}

INSTANCE: Spec = {
    "name": {"type": "str", "required": True},
    "environment": {
        "type": "str",
        "required": True,
        "choices": ["development", "test", "uat", "staging", "production"],
    },
    "version": {"type": "str", "required": True},
    "image": {"type": "str", "required": True},
    "modules": {"type": "list", "elements": "str"},
    "placement": {"type": "str"},
    "workers": {"type": "int"},
    "cron_threads": {"type": "int"},
    "cron_placement": {"type": "str", "choices": ["same", "separate"]},
    "limits": {"type": "dict", "options": LIMITS},
    "server_wide_modules": {"type": "list", "elements": "str"},
}

TENANT: Spec = {
    "name": {"type": "str", "required": True},
    "instance": {"type": "str", "required": True},
    "hostnames": {"type": "list", "elements": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "suspended", "absent"]},
    "modules": {"type": "list", "elements": "str"},
    "tier": {"type": "str"},
    "limits": {"type": "dict", "options": LIMITS},
    "workers": {"type": "int"},
    "cron_threads": {"type": "int"},
    "cluster": {"type": "str"},
    "app_host": {"type": "str"},
    "login": {"type": "str"},
    "secret_version": {"type": "int", "no_log": False},
    "source_url": {"type": "str"},
}

# One element of ``tenant_certificates``. It stands apart from the tenants, so that keys go to the edge's hosts alone.
TENANT_CERTIFICATE: Spec = {
    "tenant": {"type": "str", "required": True},
    "certificate": {"type": "str", "required": True},
    "key": {"type": "str", "required": True, "no_log": True},
}

# One element of ``wave_members``: a legacy database on its way to becoming the tenant of the same name.
WAVE_MEMBER: Spec = {
    "name": {"type": "str", "required": True},
    "host": {"type": "str", "required": True},
    "database": {"type": "str", "required": True},
    "url": {"type": "str"},
    "filestores": {"type": "str"},
}

# One element of ``postgres_clusters``; without any there is one cluster, ``main``, of all hosts of group postgres.
POSTGRES_CLUSTER: Spec = {
    "name": {"type": "str", "required": True},
    "members": {"type": "list", "elements": "str", "required": True},
    "synchronous": {"type": "bool"},
    "memory_mb": {"type": "int"},
    "parameters": {"type": "dict"},
    "extensions": {"type": "list", "elements": "str"},
    "encrypted_at_rest": {"type": "bool"},
    "port": {"type": "int"},
}

ALLOCATION: Spec = {
    "name": {"type": "str", "required": True},
    "number": {"type": "int", "required": True},
    "app_host": {"type": "str", "required": True},
    "image": {"type": "str"},
}

# What every module that works on tenants takes.
ESTATE: Spec = {
    "tiers": {"type": "list", "elements": "dict", "options": TIER, "default": []},
    "instances": {"type": "list", "elements": "dict", "options": INSTANCE, "required": True},
    "tenants": {"type": "list", "elements": "dict", "options": TENANT, "required": True},
}

# Where passwords come from: derived from the estate's secret, each overridable.
SECRETS: Spec = {
    "estate_secret": {"type": "str", "required": True, "no_log": True},
    "secret_overrides": {"type": "dict", "default": {}, "no_log": True},
}

# Modules that speak to PostgreSQL: over TLS to all members, the one that accepts writes is used.
POSTGRES: Spec = {
    "postgres_hosts": {"type": "list", "elements": "str", "required": True},
    "postgres_port": {"type": "int", "default": 5432},
    "postgres_user": {"type": "str", "default": "erpops_admin"},
    "postgres_password": {"type": "str", "required": True, "no_log": True},
    "postgres_ca_file": {"type": "path", "default": "/etc/erpops/pki/ca.crt"},
}

# Those of them that an estate from nothing goes through in check mode, before there is a cluster.
ABSENCE: Spec = {
    "postgres_evidence_of_absence": {"type": "bool", "default": False},
}
