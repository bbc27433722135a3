# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts that a database host reaches by SSH for moves: legacy hosts with a tunnel, app hosts for files. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Problem
from ansible_collections.erpops.odoo.plugins.module_utils.filestore.copy import forced_command

FOLDER = "/var/lib/erpops/sources"
SOCKETS = "/run/erpops-sources"
# What a host's own variables say, each under wave_source_<name>.
DEFAULTS: Mapping[str, Any] = {
    "host_key": "",
    "files_user": "root",
    "user": "postgres",
    "socket": "/var/run/postgresql/.s.PGSQL.5432",
    "port": 5432,
}
# What `restrict` stands for, beside no-port-forwarding, where sshd is older than 7.2 (Debian 8).
NAMED = ("no-agent-forwarding", "no-pty", "no-user-rc", "no-X11-forwarding")
UNIT = """[Unit]
Description=The way to PostgreSQL of the legacy host {name}
After=network-online.target
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
User=postgres
RuntimeDirectory=erpops-sources/{name}
RuntimeDirectoryMode=0700
ExecStart=/usr/bin/ssh -N -T -F {folder}/{name}.conf tunnel
Restart=always
RestartSec=2

[Install]
WantedBy=multi-user.target
"""


def places(names: Sequence[str], hosts: Mapping[str, Any], tunnel: bool) -> list[dict[str, Any]]:
    """hosts: all variables of all hosts. Raises InputError for a host that is not one of them."""
    if unknown := [name for name in names if name not in hosts]:
        cure = "No host of the inventory has this name: correct it, or put the host into group legacy."
        problems = [Problem("wave_members", "host", name, cure) for name in unknown]
        raise InputError("A member's host is not in the inventory.", problems)
    return [
        {
            "name": name,
            "address": hosts[name]["estate_address"],
            "tunnel": tunnel,
            **{key: hosts[name].get(f"wave_source_{key}", default) for key, default in DEFAULTS.items()},
        }
        for name in names
    ]


def publics(names: Sequence[str], hosts: Mapping[str, Any], place: str) -> dict[str, str]:
    """Database host -> public half of its key for a place, of those that told it in this run."""
    found = {name: (hosts[name].get("wave_source_keys") or {}).get("public") or {} for name in names}
    return {name: told[place] for name, told in found.items() if place in told}


def unit_name(place: Mapping[str, Any]) -> str:
    return f"erpops-source-{place['name']}.service"


def unit_path(place: Mapping[str, Any]) -> str:
    return f"/etc/systemd/system/{unit_name(place)}"


def files(places: Sequence[Mapping[str, Any]], state: str = "present") -> list[dict[str, Any]]:
    """For ``host_files``."""
    found: list[dict[str, Any]] = []
    for place in places:
        path = f"{FOLDER}/{place['name']}"
        if state == "absent":
            found += [{"path": f"{path}.{kind}", "state": "absent"} for kind in ("conf", "known", "key", "key.pub")]
            found += [{"path": unit_path(place), "state": "absent"}] if place["tunnel"] else []
            continue
        found.append({"path": f"{path}.conf", "content": configuration(place)})
        if place["host_key"]:
            known = f"{place['name']} {place['host_key']}\n"
            found.append({"path": f"{path}.known", "content": known, "owner": "postgres", "group": "postgres"})
        if place["tunnel"]:
            found.append({"path": unit_path(place), "content": UNIT.format(name=place["name"], folder=FOLDER)})
    return found


def units(places: Sequence[Mapping[str, Any]], state: str = "present") -> list[dict[str, Any]]:
    """For ``host_units``."""
    tunnels = [place for place in places if place["tunnel"]]
    if state == "absent":
        return [{"name": unit_name(place), "enabled": False, "state": "stopped"} for place in tunnels]
    return [
        {
            "name": unit_name(place),
            "enabled": True,
            "state": "started",
            "restart_when": [unit_path(place), *(f"{FOLDER}/{place['name']}.{kind}" for kind in ("conf", "key"))],
        }
        for place in tunnels
    ]


def configuration(place: Mapping[str, Any]) -> str:
    """Of ssh: host ``filestore``, and for a legacy host ``tunnel``."""
    name = place["name"]
    path, sockets = f"{FOLDER}/{name}", f"{SOCKETS}/{name}"
    lines = [
        "Host *",
        f"  HostName {place['address']}",
        f"  HostKeyAlias {name}",
        f"  IdentityFile {path}.key",
        "  IdentitiesOnly yes",
        "  BatchMode yes",
        "  ConnectTimeout 10",
        "  ServerAliveInterval 5",
        "  ServerAliveCountMax 3",
        f"  UserKnownHostsFile {path}.known",
        f"  StrictHostKeyChecking {'yes' if place['host_key'] else 'accept-new'}",
        "Host filestore",
        f"  User {place['files_user']}",
    ]
    if place["tunnel"]:
        lines += [
            "Host tunnel",
            f"  User {place['user']}",
            "  ExitOnForwardFailure yes",
            "  StreamLocalBindUnlink yes",
            f"  LocalForward {sockets}/.s.PGSQL.5432 {place['socket']}",
            f"  LocalForward {sockets}/.s.PGSQL.5433 127.0.0.1:{place['port']}",
        ]
    return "\n".join(lines) + "\n"


def keys(
    publics: Mapping[str, str],
    estate: str,
    files_user: str,
    folder: str | Sequence[str],
    tunnel_user: str = "",
    permitlisten: bool = True,
    state: str = "present",
    restrict: bool = True,
) -> list[dict[str, Any]]:
    """For ``wave_access``: the lines that let every database host in. publics: host -> public half of its key, empty
    in check mode where it is not made yet. folder: one, or all that may be asked for. tunnel_user: empty where there is
    no tunnel. restrict: whether sshd knows that word; else every restriction that it stands for is named."""
    if state == "absent":
        users = sorted({files_user, tunnel_user} - {""})
        return [{"user": user, "comment": f"erpops:{estate}:*", "state": "absent"} for user in users]
    if not publics:
        cure = "Let the run reach a host of group postgres (see --limit): its keys are made there."
        raise InputError("No database host told its public key.", [Problem("group postgres", "", "", cure)])
    if files_user == tunnel_user:
        cure = "A key can do one thing for one user: name another user for the files."
        raise InputError("A key cannot serve both.", [Problem("host", "wave_source_files_user", files_user, cure)])
    nothing = "restrict" if restrict else ",".join(("no-port-forwarding", *NAMED))
    lines = [(files_user, f'{nothing},command="{forced_command(folder)}"')]
    if tunnel_user:
        lines.append((tunnel_user, tunnel_restrictions(permitlisten, restrict)))
    return [
        {"user": user, "line": f"{restrictions} {_bare(public)} erpops:{estate}:{host}"}
        for user, restrictions in lines
        for host, public in sorted(publics.items())
    ]


def tunnel_restrictions(permitlisten: bool, restrict: bool = True) -> str:
    """What the tunnel's key may do: forward from here, and nothing else. permitopen cannot name a socket of the file
    system, and as soon as it is there, sshd refuses every socket."""
    listen = ',permitlisten="127.0.0.1:1"' if permitlisten else ""  # no word for nowhere; only root could listen there
    only = "restrict,port-forwarding" if restrict else ",".join(NAMED)
    return f'{only}{listen},command="/bin/false"'


def _bare(public: str) -> str:
    """Type and key, without the comment."""
    return " ".join(public.split()[:2]) or "ssh-ed25519 (not-made-yet)"
