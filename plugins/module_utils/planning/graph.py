# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What legacy databases share, and which members must therefore move together. Pure.

A tie joins members through one thing: a cron, a role, a hostname. It says why, and whether it binds: what goes through
the network by a hostname survives a move, what reads a database or a folder directly does not.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.estate.names import hostname_of
from ansible_collections.erpops.odoo.plugins.module_utils.planning.model import Group
from ansible_collections.erpops.odoo.plugins.module_utils.planning.sources import Declared, Discovered


@dataclass(frozen=True, slots=True, kw_only=True)
class Tie:
    """kind: hostname, cron, role, client, filestore, folder, endpoint or declared. thing: what it goes through."""

    kind: str
    thing: str
    members: tuple[str, ...]
    reason: str
    together: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """members: all declared ones. things: what single members and ties use, as (kind, thing, members)."""

    members: tuple[Declared, ...]
    ties: tuple[Tie, ...]
    things: tuple[tuple[str, str, tuple[str, ...]], ...]
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class _Host:
    """One host's result with the members on it, by their database."""

    result: Discovered
    members: Mapping[str, str]
    databases: Mapping[str, Mapping[str, Any]]


def graph_of(
    members: Sequence[Declared],
    results: Sequence[Discovered],
    links: Sequence[Mapping[str, Any]] = (),
    addresses: Mapping[str, str] | None = None,
) -> Graph:
    """The graph of the members that discovery knows.

    links: ``{"members": [...], "together": bool, "reason": str}`` of people; with ``together: false`` the ties within
    these members do not bind. addresses: of the legacy hosts, by which their connections are recognized.
    """
    hosts = [_host(result, members) for result in results]
    found = [tie for host in hosts for rule in RULES for tie in rule(host)]
    found += [*_hostnames(hosts), *_endpoints(hosts), *_between_hosts(hosts, addresses or {})]
    ties = tuple(_judged(tie, links) for tie in [*found, *_declared(links)])
    ordered = tuple(sorted(set(ties), key=lambda tie: (tie.kind, tie.thing, tie.members)))
    shared = tuple(tie for tie in ordered if len(tie.members) > 1)
    things = tuple((tie.kind, tie.thing, tie.members) for tie in ordered)
    return Graph(members=tuple(members), ties=shared, things=things, groups=groups_of(shared))


def groups_of(ties: Sequence[Tie]) -> tuple[Group, ...]:
    """What the binding ties join, each group with the reason of every tie in it."""
    joined: list[set[str]] = []
    for tie in ties:
        if tie.together and len(tie.members) > 1:
            touching = [group for group in joined if group & set(tie.members)]
            joined = [group for group in joined if group not in touching]
            joined.append(set(tie.members).union(*touching))
    return tuple(
        Group(
            members=tuple(sorted(group)),
            reasons=tuple(tie.reason for tie in ties if tie.together and group.issuperset(tie.members)),
        )
        for group in sorted(joined, key=sorted)
    )


def _host(result: Discovered, members: Sequence[Declared]) -> _Host:
    own = {each.database: each.name for each in members if each.host == result["host"]}
    return _Host(result, own, {each["name"]: each for each in result["databases"] if each["name"] in own})


def _names(host: _Host, databases: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted({host.members[name] for name in databases if name in host.members}))


def _crons(host: _Host) -> Iterator[Tie]:
    """A line of a crontab that names databases."""
    for cron in host.result.get("crons", ()):
        named = [name for name in host.databases if _mentions(cron["command"], name)]
        if named:
            thing = f"{host.result['host']}:{cron['path']}: {cron['command']}"
            reason = f"cron {cron['path']} on {host.result['host']} touches {' and '.join(sorted(named))}"
            yield Tie(kind="cron", thing=thing, members=_names(host, named), reason=reason)


def _mentions(text: str, name: str) -> bool:
    return re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", text) is not None


def _clients(host: _Host) -> Iterator[Tie]:
    """Who connects from elsewhere as one role to several databases: a report that joins them."""
    owners = {database["owner"] for database in host.result["databases"]}
    touched: dict[tuple[str, str], set[str]] = {}
    for each in host.result.get("connections", ()):
        database, role = each.get("database") or "", each.get("role") or ""
        if each["direction"] == "in" and database in host.databases and role not in owners and not _here(each["peer"]):
            touched.setdefault((each["peer"], role), set()).add(database)
    for (peer, role), names in sorted(touched.items()):
        reason = f"client {peer} reads {' and '.join(sorted(names))} as role {role}"
        yield Tie(
            kind="client",
            thing=f"{host.result['host']}: {peer} as {role}",
            members=_names(host, sorted(names)),
            reason=reason,
        )


def _roles(host: _Host) -> Iterator[Tie]:
    """One database read by the owner of another one, and the roles that only some databases share."""
    owner_of = {name: database["owner"] for name, database in host.databases.items()}
    for each in host.result.get("connections", ()):
        database, role = each.get("database") or "", each.get("role") or ""
        own = sorted(name for name, owner in owner_of.items() if owner == role)
        if database in owner_of and own and owner_of[database] != role and each["direction"] == "in":
            reason = f"role {role}, which owns {' and '.join(own)}, reads {database}"
            yield Tie(kind="role", thing=f"{host.result['host']}: {role}", members=_names(host, [*own, database]),
                      reason=reason)  # fmt: skip
    for owner in sorted(set(owner_of.values())):
        own = sorted(name for name, each in owner_of.items() if each == owner)
        reason = f"role {owner} owns {' and '.join(own)}; on the estate each has its own"
        yield Tie(kind="role", thing=f"{host.result['host']}: {owner}", members=_names(host, own), reason=reason,
                  together=False)  # fmt: skip


def _filestores(host: _Host) -> Iterator[Tie]:
    """Filestores that are the same folder, or one within the other."""
    paths = {name: (each.get("filestore") or {}).get("path") or "" for name, each in host.databases.items()}
    for path in sorted(set(paths.values()) - {""}):
        here = sorted(name for name, other in paths.items() if other and f"{other}/".startswith(f"{path.rstrip('/')}/"))
        reason = f"the filestores of {' and '.join(here)} are in one folder, {path}"
        yield Tie(kind="filestore", thing=f"{host.result['host']}:{path}", members=_names(host, here), reason=reason)


def _folders(host: _Host) -> Iterator[Tie]:
    """Several Odoo servers with one data_dir, for the databases that they name."""
    servers: dict[str, list[set[str]]] = {}
    for each in host.result.get("odoo", ()):
        named = str((each.get("options") or {}).get("db_name") or "").replace(" ", "").split(",")
        servers.setdefault(each.get("data_dir") or "", []).append({name for name in named if name in host.databases})
    for folder, named_by in sorted(servers.items()):
        names = sorted(set().union(*named_by))
        if folder and len(named_by) > 1 and len(names) > 1:
            reason = f"the Odoo servers of {' and '.join(names)} share data_dir {folder} (sessions and addons)"
            yield Tie(
                kind="folder", thing=f"{host.result['host']}:{folder}", members=_names(host, names), reason=reason
            )


def _hostnames(hosts: Sequence[_Host]) -> Iterator[Tie]:
    """The hostname of each database's own URL: it can lead to one place only."""
    leading: dict[str, set[str]] = {}
    for host in hosts:
        for name, database in host.databases.items():
            address = hostname_of((database.get("parameters") or {}).get("web.base.url"))
            if address and not _here(address):
                leading.setdefault(address, set()).add(host.members[name])
    for address, members in sorted(leading.items()):
        reason = f"hostname {address} is the address of {' and '.join(sorted(members))}"
        yield Tie(kind="hostname", thing=address, members=tuple(sorted(members)), reason=reason)


def _endpoints(hosts: Sequence[_Host]) -> Iterator[Tie]:
    """Addresses that a database is configured to speak with. Another member's hostname follows that member."""
    known = {tie.thing: tie.members for tie in _hostnames(hosts)}
    for host in hosts:
        for name, database in sorted(host.databases.items()):
            for target in sorted({_target(each) for each in database.get("endpoints") or ()} - {""}):
                member = host.members[name]
                address = hostname_of(target if "//" in target else f"//{target}") or target
                others = [other for other in known.get(address, ()) if other != member]
                reason = f"{member} speaks with {' and '.join(others) or address} at {address}, which survives a move"
                yield Tie(kind="endpoint", thing=address, members=tuple(sorted({member, *others})), reason=reason,
                          together=False)  # fmt: skip


def _target(endpoint: Any) -> str:
    return str(endpoint.get("target") or "") if isinstance(endpoint, Mapping) else str(endpoint)


def _between_hosts(hosts: Sequence[_Host], addresses: Mapping[str, str]) -> Iterator[Tie]:
    """A legacy host that reads a database of another one directly."""
    host_at = {address: name for name, address in addresses.items()}
    by_name = {host.result["host"]: host for host in hosts}
    for host in hosts:
        for each in host.result.get("connections", ()):
            reader = by_name.get(host_at.get(each["peer"], ""))
            database, role = each.get("database") or "", each.get("role") or ""
            if each["direction"] != "in" or reader is None or reader is host or database not in host.databases:
                continue
            own = sorted(name for name, other in reader.databases.items() if other["owner"] == role)
            whom = own or sorted(reader.databases)
            members = tuple(sorted({host.members[database], *_names(reader, whom)}))
            reason = f"{reader.result['host']} reads {database} of {host.result['host']} as role {role}"
            yield Tie(
                kind="client", thing=f"{host.result['host']}: {each['peer']} as {role}", members=members, reason=reason
            )


def _declared(links: Sequence[Mapping[str, Any]]) -> Iterator[Tie]:
    for link in links:
        if link["together"]:
            members = tuple(sorted(link["members"]))
            yield Tie(kind="declared", thing=link["reason"], members=members, reason=f"declared: {link['reason']}")


def _judged(tie: Tie, links: Sequence[Mapping[str, Any]]) -> Tie:
    """People's word over what was found: members that need not move together."""
    for link in links:
        if (
            not link["together"]
            and tie.together
            and tie.kind != "declared"
            and set(tie.members) <= set(link["members"])
        ):
            return replace(tie, together=False, reason=f"{tie.reason}; declared not to bind: {link['reason']}")
    return tie


def _here(address: str) -> bool:
    if address in ("", "localhost", "local", "socket", "[local]"):
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


RULES = (_crons, _clients, _roles, _filestores, _folders)
