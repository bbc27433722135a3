# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tenant's Quadlet files: container, cron container, network, limits. Pure.

Limits stand in drop-ins of their own: systemd takes them over from a ``daemon-reload``, so they need no restart.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import replace

from ansible_collections.erpops.odoo.plugins.module_utils.estate.model import Limits, ResolvedTenant
from ansible_collections.erpops.odoo.plugins.module_utils.estate.names import url_host
from ansible_collections.erpops.odoo.plugins.module_utils.odoo import mail_sink, model, ports
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.model import AppHost, Resident

HEADER = "# Written by erpops.odoo: changes by hand are overwritten."
LIVES_HERE = "/usr/local/lib/erpops/tenant-lives-here"
STOP_SECONDS = 60
TASKS_MAX = 512
COPY_MEMORY_MB, COPY_CPU_PERCENT = 2048, 100  # of a rehearsal whose tenant has no such limits
MAIL_MEMORY_MB = 256
NAMESPACES = "/run/netns"  # where ``ip netns`` keeps them

Section = tuple[str, list[str]]


def _text(sections: Iterable[Section]) -> str:
    blocks = ["\n".join([f"[{name}]", *lines]) for name, lines in sections]
    return "\n\n".join([HEADER, *blocks]) + "\n"


def _unit(resident: Resident, kind: str) -> Section:
    pooler = f"erpops-pgbouncer@{resident.tenant.cluster}.service"
    return "Unit", [
        f"Description=Odoo {resident.tenant.instance.version} of tenant {resident.name}{kind}",
        f"Wants=network-online.target {pooler}",
        f"After=network-online.target nftables.service erpops-haproxy.service {pooler}",
        # Where the registry cannot be asked, or says no, the unit keeps trying.
        "StartLimitIntervalSec=0",
    ]


def _service(resident: Resident) -> Section:
    return "Service", [
        f"ExecStartPre={LIVES_HERE} {resident.name}",
        "Restart=always",
        "RestartSec=2",
        "RestartSteps=5",
        "RestartMaxDelaySec=30",
        "TimeoutStartSec=300",
        f"TimeoutStopSec={STOP_SECONDS + 15}",
    ]


def _install(tenant: ResolvedTenant) -> list[Section]:
    # The unit of a tenant that rests stays, but no boot starts it.
    return [("Install", ["WantedBy=multi-user.target"])] if tenant.runs else []


def _hardened(resident: Resident, pull: str, name: str, arguments: str, volumes: Iterable[str]) -> list[str]:
    """What every container of Odoo that stays is like."""
    uid = resident.allocation.uid
    program, options = arguments.split(" ", 1)  # named, so that an image's own entry point does not matter
    return [
        f"ContainerName={name}",
        f"Image={resident.tenant.instance.image}",
        f"Pull={pull}",
        f"Entrypoint={program}",
        f"Exec={options}",
        f"User={uid}",
        f"Group={uid}",
        "ReadOnly=true",
        "NoNewPrivileges=true",
        "DropCapability=all",
        "Tmpfs=/tmp:rw,nosuid,nodev,size=512m,mode=1777",
        "Environment=HOME=/var/lib/odoo PGPASSFILE=/etc/odoo/pgpass",
        *(f"Volume={volume}" for volume in volumes),
    ]


def _container(resident: Resident, host: AppHost, name: str, arguments: str, health: str) -> list[str]:
    volumes = [
        f"{resident.config_directory}:/etc/odoo:ro",
        f"{resident.data_directory}:/var/lib/odoo:rw",
        f"{model.POOLER_SOCKETS}:/run/postgresql:ro",
    ]
    if host.sessions.ca_file:
        volumes.append(f"{host.sessions.ca_file}:{host.sessions.ca_file}:ro")
    return [
        *_hardened(resident, host.pull, name, arguments, volumes),
        f"Network={model.network_name(resident.name)}.network",
        f"HealthCmd=python3 /etc/odoo/health.py{health}",
        "HealthInterval=60s",
        "HealthTimeout=20s",
        "HealthRetries=3",
        "HealthStartPeriod=120s",
        "HealthOnFailure=none",
        f"StopTimeout={STOP_SECONDS}",
    ]


def web_container(resident: Resident, host: AppHost) -> str:
    published = [f"PublishPort={host.address}:{resident.allocation.http_port}:{ports.HTTP}"]
    if ports.prefork(resident.tenant):
        published.append(f"PublishPort={host.address}:{resident.allocation.gevent_port}:{ports.GEVENT}")
    lines = _container(
        resident, host, model.network_name(resident.name), "odoo --config=/etc/odoo/odoo.conf", health=""
    )
    return _text([_unit(resident, ""), ("Container", [*lines, *published]), _service(resident)])


def cron_container(resident: Resident, host: AppHost) -> str:
    """Threaded, so that a lost database connection ends no process; nothing is published."""
    threads = resident.tenant.cron_threads
    arguments = f"odoo --config=/etc/odoo/odoo.conf --no-http --workers=0 --max-cron-threads={threads}"
    name = f"{model.network_name(resident.name)}-cron"
    lines = _container(resident, host, name, arguments, health=" --cron")
    return _text([_unit(resident, ": crons"), ("Container", lines), _service(resident)])


def rehearsal_container(resident: Resident, pull: str, name: str, volumes: Iterable[str], title: str) -> str:
    """A server on a copy, in a namespace without any network: its only way to the world is the socket that systemd
    hands it, which a threaded server of every version takes. It serves without its mail sink, too."""
    description, lines = _unit(resident, "")
    unit = [
        f"Description={title}",
        *lines[1:],
        f"Requires={name}.socket {name}_net.service",
        f"Wants={name}_mail.service",
        f"After={name}.socket {name}_net.service {name}_mail.service",
    ]
    limits = resident.tenant.limits
    limited = replace(
        limits, memory_mb=limits.memory_mb or COPY_MEMORY_MB, cpu_percent=limits.cpu_percent or COPY_CPU_PERCENT
    )
    return _text(
        [
            (description, unit),
            (
                "Container",
                [
                    *_hardened(resident, pull, name, "odoo --config=/etc/odoo/odoo.conf", volumes),
                    f"Network=ns:{NAMESPACES}/{name}",
                    f"StopTimeout={STOP_SECONDS}",
                ],
            ),
            ("Service", [*_service(resident)[1], *_limit_lines(limited)]),
        ]
    )


def rehearsal_socket(address: str, port: int, title: str) -> str:
    return _text(
        [
            ("Unit", [f"Description={title}"]),
            ("Socket", [f"ListenStream={url_host(address)}:{port}", "FreeBind=true"]),
            ("Install", ["WantedBy=sockets.target"]),
        ]
    )


def rehearsal_net(name: str, member: str) -> str:
    """A network namespace with a loopback and nothing else, which container and mail sink share."""
    service = [
        "Type=oneshot",
        "RemainAfterExit=yes",
        f"ExecStart=/usr/sbin/ip netns add {name}",
        f"ExecStart=/usr/sbin/ip -n {name} link set lo up",
        f"ExecStopPost=/usr/sbin/ip netns delete {name}",
    ]
    return _text([("Unit", [f"Description=Network of {member}'s rehearsal: none"]), ("Service", service)])


def rehearsal_mail(name: str, member: str, uid: int, program: str, folder: str) -> str:
    """Listens in the namespace alone, as the tenant's user, and sees the folder of mails alone of what lies in /var."""
    path, module = program.removesuffix(".py").rsplit("/", 1)
    unit = [
        f"Description=Mail sink of {member}'s rehearsal",
        f"BindsTo={name}_net.service",
        f"PartOf={name}.service",
        f"After={name}_net.service",
    ]
    # By number: the host has no such user by name, which systemd would want.
    python = f"/usr/bin/setpriv --reuid={uid} --regid={uid} --clear-groups /usr/bin/python3 -B"
    server = f"-m aiosmtpd --nosetuid --listen {mail_sink.HOST}:{mail_sink.PORT} --size {mail_sink.MESSAGE}"
    service = [
        "Type=exec",
        f"ExecStart={python} {server} --class {module}.Sink {folder}",
        f"ExecStartPost={python} {program}",
        "Restart=on-failure",
        "RestartSec=1",
        f"Environment=PYTHONPATH={path}",
        f"NetworkNamespacePath={NAMESPACES}/{name}",
        "ProtectSystem=strict",
        "ProtectHome=yes",
        "PrivateTmp=yes",
        "PrivateDevices=yes",
        "TemporaryFileSystem=/var:ro /run:ro",
        "InaccessiblePaths=/etc/erpops",
        f"BindReadOnlyPaths={program}",
        f"BindPaths={folder}",
        "NoNewPrivileges=yes",
        "CapabilityBoundingSet=CAP_SETUID CAP_SETGID",
        "RestrictAddressFamilies=AF_INET AF_UNIX",
        f"MemoryMax={MAIL_MEMORY_MB}M",
        "TasksMax=16",
    ]
    return _text([("Unit", unit), ("Service", service)])


def rehearsal_end(name: str, files: Iterable[str], folders: Iterable[str], title: str) -> str:
    """Takes a rehearsal's unit away without anybody: the files' names alone, so that it needs nothing else.

    A unit that is gone already does not keep the files.
    """
    commands = [
        f"-/usr/bin/systemctl disable --now {name}.socket",
        f"-/usr/bin/systemctl stop {name}.service {name}_mail.service {name}_net.service",
        f"/usr/bin/rm --force {' '.join(files)}",
        f"/usr/bin/rm --force --recursive {' '.join(folders)}",
        "/usr/bin/systemctl daemon-reload",
    ]
    lines = ["Type=oneshot", *(f"ExecStart={command}" for command in commands)]
    return _text([("Unit", [f"Description=End of: {title}"]), ("Service", lines)])


def rehearsal_timer(until: str, title: str) -> str:
    """until: the last day, as YYYY-MM-DD. A host that is down then catches up."""
    return _text(
        [
            ("Unit", [f"Description=End of: {title}"]),
            ("Timer", [f"OnCalendar={until} 23:59:59 UTC", "Persistent=true", "AccuracySec=1s"]),
            ("Install", ["WantedBy=timers.target"]),
        ]
    )


def dropin(tenant: ResolvedTenant) -> str:
    """What may change without a restart: limits, and whether boot starts the unit."""
    return _text([("Service", _limit_lines(tenant.limits)), *_install(tenant)])


def _limit_lines(limits: Limits) -> list[str]:
    return [f"{key}={value}" for key, value in service_limits(limits).items()]


def service_limits(limits: Limits) -> dict[str, str]:
    """The unit properties that a tenant's limits become, in the words of unit files."""
    values = {
        "MemoryMax": None if limits.memory_mb is None else f"{limits.memory_mb}M",
        "CPUQuota": None if limits.cpu_percent is None else f"{limits.cpu_percent}%",
        "IOWeight": None if limits.io_weight is None else str(limits.io_weight),
    }
    return {key: value for key, value in values.items() if value is not None} | {"TasksMax": str(TASKS_MAX)}


def live_limits(limits: Limits) -> dict[str, str]:
    """The same limits as ``systemctl show`` prints them for a unit that has taken them over."""
    return {
        "MemoryMax": "infinity" if limits.memory_mb is None else str(limits.memory_mb * 1024 * 1024),
        "CPUQuotaPerSecUSec": "infinity" if limits.cpu_percent is None else _seconds(limits.cpu_percent),
        "IOWeight": "[not set]" if limits.io_weight is None else str(limits.io_weight),
        "TasksMax": str(TASKS_MAX),
    }


def _seconds(percent: int) -> str:
    """CPU time a second of wall time, as systemd spells spans: 50 is ``500ms``, 150 is ``1.500000s``."""
    seconds, milliseconds = divmod(percent * 10, 1000)
    if not seconds:
        return f"{milliseconds}ms"
    return f"{seconds}.{milliseconds:03d}000s" if milliseconds else f"{seconds}s"


def network(resident: Resident, host: AppHost) -> str:
    subnet = ipaddress.ip_network(resident.allocation.subnet(host.container_network))
    return _text(
        [
            (
                "Network",
                [
                    f"NetworkName={model.network_name(resident.name)}",
                    f"Subnet={subnet}",
                    f"Gateway={subnet[1]}",
                    "Options=isolate=strict",
                    "DisableDNS=true",
                ],
            )
        ]
    )
