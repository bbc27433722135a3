# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what is wanted and what was found to ordered actions; and whether Traefik serves what is wanted. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import Action
from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Problem
from ansible_collections.erpops.odoo.plugins.module_utils.estate.allocation import Allocation
from ansible_collections.erpops.odoo.plugins.module_utils.estate.model import ResolvedTenant
from ansible_collections.erpops.odoo.plugins.module_utils.estate.names import covered
from ansible_collections.erpops.odoo.plugins.module_utils.traefik import certificates, files, routes
from ansible_collections.erpops.odoo.plugins.module_utils.traefik.model import (
    LIVE_SECTIONS,
    Actual,
    Configuration,
    Edge,
    Live,
    Source,
)

MARKER_PREFIX = "gen-"
MARKER_HEADER = "X-Erpops-Generation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """What the edge shall serve. ``undeclared``: tenants that nobody declares any more and whose routes stay."""

    configuration: Configuration
    text: str
    marker: str
    requests: Mapping[str, Mapping[str, Any]]
    undeclared: tuple[str, ...]
    own_files: Mapping[str, str] = field(default_factory=dict, repr=False)  # of tenants' own certificates
    own_hostnames: tuple[str, ...] = ()  # those that these are for


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """What has to be done, in this order."""

    issue: tuple[str, ...] = ()  # certificate requests to write and to carry out
    store: tuple[str, ...] = ()  # files of tenants' own certificates to write
    swap: bool = False  # the routes' file is replaced
    reload: bool = False  # the file is as it should be, Traefik is not
    guard: bool = False  # owner and mode of the file
    forget: tuple[str, ...] = ()  # certificate requests nobody needs
    discard: tuple[str, ...] = ()  # files of certificates that no route uses
    actions: tuple[Action, ...] = ()


def desire(
    tenants: Sequence[ResolvedTenant], allocations: Mapping[str, Allocation], edge: Edge, actual: Actual
) -> Desired:
    """The declared tenants' routes, and those of tenants that left the inventory without ``state: absent``."""
    wanted = routes.configuration(tenants, allocations, edge)
    requests: dict[str, Mapping[str, Any]] = dict(routes.requests(tenants, edge))
    current = files.configuration_of(actual.previous)
    kept = tuple(sorted(routed_tenants(current) - {tenant.name for tenant in tenants}))
    _refuse_taken_hostnames(tenants, current, kept)
    for tenant in kept:
        wanted = _with(wanted, owned(current, tenant, edge))
        name = f"{routes.REQUEST_PREFIX}{tenant}"
        if name in actual.requests:
            requests[name] = actual.requests[name]
    served = [tenant for tenant in tenants if routes.is_served(tenant) and tenant.name in edge.own]
    return replace(
        marked(wanted, requests=requests, undeclared=kept),
        own_files={
            path: text for tenant in served for path, text in edge.own[tenant.name].files(edge.own_directory).items()
        },
        own_hostnames=tuple(hostname for tenant in served for hostname in tenant.hostnames),
    )


def marked(
    wanted: Configuration,
    *,
    requests: Mapping[str, Mapping[str, Any]],
    undeclared: tuple[str, ...] = (),
    author: str = files.TENANTS,
) -> Desired:
    """A configuration with the mark by which Traefik's API shows that it is loaded, and the file's text."""
    marker = f"{MARKER_PREFIX}{hashlib.sha256(files.render(wanted, author).encode()).hexdigest()[:16]}"
    configuration = replace(wanted, middlewares={**wanted.middlewares, marker: _marker(marker)})
    text = files.render(configuration, author)
    if "{{" in text:
        raise InputError("The routes hold '{{', which Traefik would expand as a template. Nothing was changed.")
    return Desired(configuration=configuration, text=text, marker=marker, requests=requests, undeclared=undeclared)


def _marker(name: str) -> dict[str, Any]:
    """A middleware that no router uses: seeing it in Traefik's API proves that this generation is loaded."""
    return {"headers": {"customResponseHeaders": {MARKER_HEADER: name.removeprefix(MARKER_PREFIX)}}}


def marker_of(configuration: Configuration) -> str:
    return next((name for name in configuration.middlewares if name.startswith(MARKER_PREFIX)), "")


def routed_tenants(configuration: Configuration) -> set[str]:
    """Whose routes a file of ours holds: main routers have a priority of their own."""
    return {name for name, router in configuration.routers.items() if router.get("priority") == routes.MAIN_PRIORITY}


def owned(configuration: Configuration, tenant: str, edge: Edge) -> Configuration:
    """One tenant's part of a configuration."""
    names = {tenant + suffix for suffix in routes.TENANT_SUFFIXES}
    source = routes.SOURCE_PREFIX + tenant
    paths = routes.certificate(tenant, edge)
    return Configuration(
        routers={name: value for name, value in configuration.routers.items() if name in names},
        services={name: value for name, value in configuration.services.items() if name in names},
        middlewares={name: value for name, value in configuration.middlewares.items() if name in names},
        transports={name: value for name, value in configuration.transports.items() if name == source},
        certificates=tuple(
            item for item in configuration.certificates if item == paths or certificates.belongs(item, tenant)
        ),
    )


def _with(base: Configuration, more: Configuration) -> Configuration:
    return Configuration(
        routers={**more.routers, **base.routers},
        services={**more.services, **base.services},
        middlewares={**more.middlewares, **base.middlewares},
        transports={**more.transports, **base.transports},
        certificates=routes.ordered((*base.certificates, *more.certificates)),
    )


def _refuse_taken_hostnames(tenants: Sequence[ResolvedTenant], current: Configuration, kept: Sequence[str]) -> None:
    rules = {tenant: str(current.routers[tenant].get("rule", "")) for tenant in kept}
    problems = [
        Problem(
            f"tenant {tenant.name}",
            f"hostnames[{index}]",
            hostname,
            f"Tenant {other} still has this route and is not declared: declare it with state absent first.",
        )
        for tenant in tenants
        if routes.is_served(tenant)
        for index, hostname in enumerate(tenant.hostnames)
        for other, rule in rules.items()
        if f"Host(`{hostname}`)" in rule
    ]
    if problems:
        raise InputError("Two tenants would share a hostname. Nothing was changed.", problems)


def refuse_duplicates(own_path: str, desired: Desired, actual: Actual) -> None:
    """One name in two files: which of them Traefik serves depends on their order."""
    problems = list(files.duplicates(own_path, desired.configuration, actual.others))
    if problems:
        raise InputError("Two files of Traefik's dynamic directory use one name. Nothing was changed.", problems)


def steps(desired: Desired, actual: Actual, edge: Edge, own_path: str) -> Steps:
    """What has to be done, and how an operator reads it."""
    issue = tuple(
        name
        for name, request in sorted(desired.requests.items())
        if actual.requests.get(name) != request or name not in actual.issued
    )
    mine = {name for name in actual.requests if name.startswith(routes.REQUEST_PREFIX)}
    forget = tuple(sorted(mine - set(desired.requests)))
    store = tuple(sorted(path for path, text in desired.own_files.items() if actual.stored.get(path) != text))
    discard = tuple(sorted(set(actual.stored) - _used(desired.configuration)))
    swap = actual.own is None or actual.own.text != desired.text
    guard = not swap and not actual.own_guarded
    wrong = [] if swap or actual.live is None else list(differences(desired, actual.live, actual.others))
    actions = [Action("issue", f"certificate {name}") for name in issue]
    actions += [Action("store", f"file {path}") for path in store]
    if swap:
        actions += list(_route_actions(files.configuration_of(actual.previous), desired.configuration, edge, own_path))
    if guard:
        actions.append(Action("alter", f"file {own_path}", "owner and mode"))
    if wrong and not issue:
        actions.append(Action("reload", edge.unit, "; ".join(str(problem) for problem in wrong[:5])))
    actions += [Action("remove", f"certificate {name}") for name in forget]
    actions += [Action("remove", f"file {path}") for path in discard]
    return Steps(
        issue=issue,
        store=store,
        swap=swap,
        reload=bool(not swap and (wrong or issue or store)),
        guard=guard,
        forget=forget,
        discard=discard,
        actions=tuple(actions),
    )


def _used(configuration: Configuration) -> set[str]:
    return {str(path) for item in configuration.certificates for path in item.values()}


def _route_actions(before: Configuration, after: Configuration, edge: Edge, own_path: str) -> Iterator[Action]:
    """One action for each tenant whose routes change; one for what all share."""
    old, new = routed_tenants(before), routed_tenants(after)
    for tenant in sorted(old | new):
        mine, wanted = owned(before, tenant, edge), owned(after, tenant, edge)
        if mine != wanted:
            verb = "create" if tenant not in old else "remove" if tenant not in new else "alter"
            rule = (wanted if tenant in new else mine).routers[tenant].get("rule", "")
            yield Action(verb, f"route {tenant}", str(rule))
    if _shared(before, old) != _shared(after, new):
        yield Action("alter" if old else "create", "shared routes", "security headers, closed paths, transports")
    elif all(owned(before, tenant, edge) == owned(after, tenant, edge) for tenant in old | new):
        yield Action("rewrite", f"file {own_path}", "same routes, other text")


def _shared(configuration: Configuration, tenants: set[str]) -> dict[str, Any]:
    names = {tenant + suffix for tenant in tenants for suffix in routes.TENANT_SUFFIXES}
    names |= {routes.SOURCE_PREFIX + tenant for tenant in tenants}
    return {
        section: {
            name: value for name, value in found.items() if name not in names and not name.startswith(MARKER_PREFIX)
        }
        for section, found in configuration.sections()
    }


def snapshot(configuration: Configuration) -> dict[str, Any]:
    """A configuration for the diff: no marker, no password hashes."""
    shown: dict[str, Any] = {
        section: {name: _without_users(value) for name, value in found.items() if not name.startswith(MARKER_PREFIX)}
        for section, found in configuration.sections()
    }
    shown["certificates"] = [item.get("certFile") for item in configuration.certificates]
    return shown


def _without_users(value: Mapping[str, Any]) -> dict[str, Any]:
    shown = dict(value)
    basic = shown.get("basicAuth")
    if isinstance(basic, dict) and "users" in basic:
        hashed = hashlib.sha256("\n".join(map(str, basic["users"])).encode()).hexdigest()[:12]
        shown["basicAuth"] = {**basic, "users": f"{len(basic['users'])} users, fingerprint {hashed}"}
    return shown


def differences(desired: Desired, live: Live, others: Sequence[Source]) -> Iterator[Problem]:
    """Where what Traefik serves is not what is declared, both ways."""
    for section in LIVE_SECTIONS:
        wanted = dict(desired.configuration.sections())[section]
        found = live.section(section)
        for name, value in wanted.items():
            yield from _object_differences(f"{section} {name}", value, found.get(name))
        elsewhere = {name for source in others for name in files.objects(source, section)}
        for name in sorted(set(found) - set(wanted) - elsewhere):
            yield Problem("Traefik", section, name, "It serves this, and nobody declares it.")
    for name in live.streams:
        yield Problem("Traefik", "tcp or udp", name, "It serves this, and nobody declares it.")
    for name in desired.own_hostnames:
        if not covered(name, live.certified):
            yield Problem("Traefik", "certificates", name, "No valid certificate for this name is loaded.")
    for request in desired.requests.values():
        for name in request["names"]:
            if name not in live.certified:
                yield Problem("Traefik", "certificates", str(name), "No valid certificate for this name is loaded.")


def _object_differences(subject: str, wanted: Mapping[str, Any], found: Mapping[str, Any] | None) -> Iterator[Problem]:
    if found is None:
        yield Problem("Traefik", subject, "", "It does not serve this.")
        return
    if found.get("status") != "enabled":
        errors = "; ".join(str(error) for error in found.get("error", ()))
        yield Problem("Traefik", subject, str(found.get("status")), errors or "It should be enabled.")
    for path, value in mismatches(wanted, found):
        yield Problem("Traefik", f"{subject}: {path}", value, "It is declared otherwise.")


def mismatches(wanted: Any, found: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Where ``found`` does not hold what ``wanted`` says. Traefik adds defaults, so what it has beyond is no matter."""
    if isinstance(wanted, Mapping):
        if not isinstance(found, Mapping):
            yield path, str(found)
            return
        for key, value in wanted.items():
            yield from mismatches(value, found.get(key), f"{path}.{key}".lstrip("."))
    elif isinstance(wanted, list):
        if [_bare(item) for item in wanted] != [_bare(item) for item in found or ()]:
            yield path, "another list" if path.endswith("users") else str(found)
    elif _bare(wanted) != _bare(found):
        yield path, str(found)


def _bare(value: Any) -> Any:
    """Traefik qualifies some references with their provider."""
    return value.removesuffix("@file") if isinstance(value, str) else value


def is_declared(path: str, declared: Iterable[str]) -> bool:
    """Whether something else writes this file of the dynamic directory."""
    return any(fnmatchcase(PurePosixPath(path).name, pattern) for pattern in declared)


def stray(actual: Actual, declared: Sequence[str]) -> Iterator[Problem]:
    """Files in the dynamic directory that nobody declares."""
    for source in actual.others:
        if not is_declared(source.path, declared):
            cure = "Nobody declares this file; remove it, or name it in other_files."
            yield Problem(f"file {source.path}", "", "", cure)
