# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an app host gives to all tenants' units, and one tenant as it runs there."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.erpops.odoo.plugins.module_utils.estate.allocation import Allocation
from ansible_collections.erpops.odoo.plugins.module_utils.estate.model import ResolvedTenant

QUADLET_DIRECTORY = "/etc/containers/systemd"
CONFIG_ROOT = "/etc/erpops/tenants"
DATA_ROOT = "/var/lib/erpops/tenants"
POOLER_SOCKETS = "/run/erpops-pgbouncer"
FIRST_POOLER_PORT = 6432  # of the first cluster's PgBouncer; the others follow
FIRST_PRIMARY_PORT = 5000  # of the first cluster's primary, by HAProxy on loopback; the others follow
SESSION_ADDON = "erpops_session_redis"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sessions:
    """Where sessions live: the Redis servers, or the Sentinels that know the current one."""

    servers: tuple[tuple[str, int], ...] = ()
    sentinels: tuple[tuple[str, int], ...] = ()
    service: str = "sessions"
    ca_file: str = "/etc/erpops/pki/ca.crt"  # empty: without TLS
    lifetime_seconds: int = 604800

    @property
    def declared(self) -> bool:
        """Without servers the addon leaves Odoo's own store alone."""
        return bool(self.servers or self.sentinels)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppHost:
    """The host that units are rendered for."""

    name: str  # as the inventory calls it
    address: str  # where units are published
    container_network: str
    sessions: Sessions
    clusters: tuple[str, ...] = ("main",)
    pull: str = "never"

    def pooler_port(self, cluster: str) -> int:
        return FIRST_POOLER_PORT + self.clusters.index(cluster)


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantSecrets:
    postgres: str
    redis: str
    master_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resident:
    """One tenant and the place that the registry gave it."""

    tenant: ResolvedTenant
    allocation: Allocation

    @property
    def name(self) -> str:
        return self.tenant.name

    @property
    def config_directory(self) -> str:
        return f"{CONFIG_ROOT}/{self.name}"

    @property
    def data_directory(self) -> str:
        return f"{DATA_ROOT}/{self.name}"

    @property
    def filestore(self) -> str:
        return f"{self.data_directory}/filestore/{self.name}"

    @property
    def separate_cron(self) -> bool:
        return self.tenant.instance.cron_placement == "separate" and self.tenant.cron_threads > 0


def web_service(name: str) -> str:
    return f"odoo-{name}.service"


def cron_service(name: str) -> str:
    return f"odoo-{name}-cron.service"


def network_service(name: str) -> str:
    return f"odoo-{name}-network.service"


def network_name(name: str) -> str:
    return f"odoo-{name}"


def web_source(name: str) -> str:
    return f"{QUADLET_DIRECTORY}/odoo-{name}.container"


def cron_source(name: str) -> str:
    return f"{QUADLET_DIRECTORY}/odoo-{name}-cron.container"


def network_source(name: str) -> str:
    return f"{QUADLET_DIRECTORY}/odoo-{name}.network"


def dropin_source(container_source: str) -> str:
    """What changes without a restart of the unit that runs."""
    return f"{container_source}.d/live.conf"
