# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""odoo.conf and the secrets beside it, per version of Odoo. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.erpops.odoo.plugins.module_utils.estate.model import Instance, ResolvedTenant
from ansible_collections.erpops.odoo.plugins.module_utils.odoo import mail_sink, ports
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.model import (
    SESSION_ADDON,
    Sessions,
)

ADDONS_PATH = "/opt/erpops/addons"
DATA_PATH = "/var/lib/odoo"
MIB = 1024 * 1024
# A process that grows beyond the soft limit finishes its request and is replaced. Both limits are of address space,
# which is far more than the memory in use: less than the floor stops healthy processes.
SOFT_FLOOR_MB = 1024
SOFT_CEILING_MB = 2048
THREADED_CONNECTIONS = 64
PREFORK_CONNECTIONS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """Where a tenant's mail goes."""

    host: str
    port: int = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """How a server reaches its database. The password stands in a pgpass file beside the configuration."""

    name: str
    user: str
    host: str
    port: int
    sslmode: str = "prefer"
    connections: int = THREADED_CONNECTIONS


def server_wide_modules(instance: Instance) -> tuple[str, ...]:
    base = ("base", "rpc", "web") if instance.major >= 19 else ("base", "web")
    return tuple(dict.fromkeys([*base, *instance.server_wide_modules, SESSION_ADDON]))


def _version_keys(major: int) -> dict[str, object]:
    if major >= 19:
        # An empty value switches the geographic look-up off: the databases for it are not in the image.
        return {"gevent_port": ports.GEVENT, "http_interface": "0.0.0.0", "geoip_city_db": "", "geoip_country_db": ""}
    port = "gevent_port" if major >= ports.WEBSOCKET_SINCE else "longpolling_port"
    return {port: ports.GEVENT, "http_interface": "", "without_demo": "all", "geoip_database": ""}


def _memory_keys(memory_mb: int | None, processes: int) -> dict[str, object]:
    share = SOFT_CEILING_MB if memory_mb is None else 2 * memory_mb // processes
    soft = min(SOFT_CEILING_MB, max(SOFT_FLOOR_MB, share)) * MIB
    return {"limit_memory_soft": soft, "limit_memory_hard": soft + soft // 4}


def _database_keys(database: Database) -> dict[str, object]:
    return {
        "db_host": database.host,
        "db_port": database.port,
        "db_user": database.user,
        "db_name": database.name,
        "db_sslmode": database.sslmode,
        "db_maxconn": database.connections,
        "dbfilter": f"^{re.escape(database.name)}$",
        "list_db": False,
    }


def _text(keys: Mapping[str, object]) -> str:
    lines = [f"{key} = {value}".rstrip() for key, value in sorted(keys.items())]
    return "\n".join(["[options]", *lines, ""])


def odoo_conf(tenant: ResolvedTenant, master_hash: str, pooler_port: int, *, relay: Relay | None = None) -> str:
    """The configuration of a tenant's units; a cron unit of its own overrides single keys on its command line."""
    instance = tenant.instance
    crons = 0 if instance.cron_placement == "separate" else tenant.cron_threads
    database = Database(
        name=tenant.name,
        user=tenant.name,
        host="/run/postgresql",
        port=pooler_port,
        connections=PREFORK_CONNECTIONS if ports.prefork(tenant) else THREADED_CONNECTIONS,
    )
    return _text(
        {
            **_base_keys(instance),
            **_database_keys(database),
            **_memory_keys(tenant.limits.memory_mb, max(1, tenant.workers + crons)),
            "admin_passwd": master_hash,
            "workers": tenant.workers,
            "max_cron_threads": crons,
            "limit_time_cpu": 300,
            "limit_time_real": 600,
            "limit_time_real_cron": 3600,
            **_mail_keys(relay),
        }
    )


def of_copy(instance: Instance, *, database: str, user: str, password: str, port: int) -> dict[str, str]:
    """The files of a server on a copy: no crons, mail to the sink, no master password, sessions of its own."""
    server = Database(name=database, user=user, host="/run/postgresql", port=port)
    # What Odoo takes where somebody switches off the mail server of the copy; otherwise it is port 25 of the loopback.
    sink = Relay(host=mail_sink.HOST, port=mail_sink.PORT)
    return {"odoo.conf": build_conf(instance, server, relay=sink), "pgpass": pgpass(user, password)}


def build_conf(instance: Instance, database: Database, *, relay: Relay | None = None) -> str:
    """The configuration of a container beside the tenants' units, such as the one that builds a template database."""
    return _text(
        {
            **_base_keys(instance),
            **_database_keys(database),
            "admin_passwd": "",
            "workers": 0,
            "max_cron_threads": 0,
            **_mail_keys(relay),
        }
    )


def _mail_keys(relay: Relay | None) -> dict[str, object]:
    return {"smtp_server": relay.host, "smtp_port": relay.port} if relay else {}


def _base_keys(instance: Instance) -> dict[str, object]:
    return {
        **_version_keys(instance.major),
        "addons_path": ADDONS_PATH,
        "data_dir": DATA_PATH,
        "http_port": ports.HTTP,
        "log_level": "info",
        "proxy_mode": True,
        "server_wide_modules": ",".join(server_wide_modules(instance)),
        "unaccent": False,
    }


def pgpass(user: str, password: str) -> str:
    """One line of libpq's password file, for every host, port and database."""
    return f"*:*:*:{user}:{_pgpass_field(password)}\n"


def _pgpass_field(value: str) -> str:
    return value.replace("\\", "\\\\").replace(":", "\\:")


def session_json(tenant: str, password: str, sessions: Sessions) -> str:
    value = {
        "servers": [list(server) for server in sessions.servers],
        "sentinels": [list(sentinel) for sentinel in sessions.sentinels],
        "service": sessions.service,
        "username": tenant,
        "password": password,
        "prefix": f"{tenant}:",
        "ca_file": sessions.ca_file or None,
        "lifetime_seconds": sessions.lifetime_seconds,
    }
    return json.dumps(value, indent=2, sort_keys=True) + "\n"


_HEALTH = '''\
"""Whether this tenant's server and its database answer. Ends with 0 if they do."""
import http.cookiejar
import sys
import urllib.request

URL = "http://127.0.0.1:{port}{path}"
SECONDS = 8


def server():
    # The cookie is kept: without it every probe would leave a session behind.
    jar = http.cookiejar.LWPCookieJar("/tmp/health-cookies")
    try:
        jar.load(ignore_discard=True)
    except OSError:
        pass
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    with opener.open(URL, timeout=SECONDS) as answer:
        good = answer.status == 200 and answer.url == URL
    jar.save(ignore_discard=True)
    return good


def database():
    import psycopg2

    connection = psycopg2.connect(
        host="/run/postgresql", port={pooler}, user="{name}", dbname="{name}", connect_timeout=SECONDS
    )
    cursor = connection.cursor()
    cursor.execute("SELECT 1")
    return cursor.fetchone() == (1,)


sys.exit(0 if (database() if "--cron" in sys.argv else server()) else 1)
'''


def health_path(major: int) -> str:
    """A page that only a living database can answer; Odoo's own health check exists, and sees it, in newer versions."""
    return "/web/health?db_server_status=1" if major >= 19 else "/web/login"


def health_script(tenant: ResolvedTenant, pooler_port: int) -> str:
    return _HEALTH.format(
        port=ports.HTTP, path=health_path(tenant.instance.major), pooler=pooler_port, name=tenant.name
    )
