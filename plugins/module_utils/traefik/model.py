# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Typed values of the edge: what an operator chooses, what a dynamic configuration holds, what Traefik reports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import Problem
from ansible_collections.erpops.odoo.plugins.module_utils.traefik.certificates import Own

Objects = Mapping[str, Mapping[str, Any]]

# Sections of a dynamic configuration whose objects have names: two files must not use one name.
NAMED_SECTIONS = ("routers", "services", "middlewares", "serversTransports")
# Those of them that Traefik's API shows.
LIVE_SECTIONS = ("routers", "services", "middlewares")


@dataclass(frozen=True, slots=True, kw_only=True)
class Authentication:
    """What stands before a tenant's routes. It belongs to one tenant, or to all tenants of one instance."""

    kind: Literal["basic", "forward"]
    tenant: str | None = None
    instance: str | None = None
    users: tuple[str, ...] = ()  # htpasswd lines, hashed: a secret
    address: str = ""
    response_headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """How this edge host routes: everything that is not a tenant's own."""

    app_addresses: Mapping[str, str]
    page_url: str = "http://127.0.0.1:8081"
    tls_mode: Literal["estate_ca", "acme"] = "estate_ca"
    resolver: str = "acme"
    wildcard_domain: str | None = None
    certificate_directory: str = "/etc/erpops/pki"
    certificate_owner: str = "traefik"
    unit: str = "traefik.service"
    static_cache_seconds: int | None = None
    hsts_seconds: int = 31536000
    request_timeout_seconds: int = 720
    authentication: tuple[Authentication, ...] = ()
    own: Mapping[str, Own] = field(default_factory=dict)  # certificates that tenants bring, by tenant
    own_directory: str = "/etc/traefik/certificates"


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """One dynamic configuration file, by section."""

    routers: Objects = field(default_factory=dict)
    services: Objects = field(default_factory=dict)
    middlewares: Objects = field(default_factory=dict)
    transports: Objects = field(default_factory=dict)
    certificates: tuple[Mapping[str, Any], ...] = ()

    def sections(self) -> Iterator[tuple[str, Objects]]:
        """The named sections, as Traefik calls them."""
        yield "routers", self.routers
        yield "services", self.services
        yield "middlewares", self.middlewares
        yield "serversTransports", self.transports


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file of the dynamic directory, as Traefik would load it. ``problem`` says why it cannot."""

    path: str
    text: str
    content: Mapping[str, Any] = field(default_factory=dict)
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Complaint:
    """An error in Traefik's log. ``time`` is in whole seconds."""

    time: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What Traefik itself says that it serves from files. Names are without ``@file``."""

    routers: Objects = field(default_factory=dict)
    services: Objects = field(default_factory=dict)
    middlewares: Objects = field(default_factory=dict)
    streams: tuple[str, ...] = ()  # TCP and UDP objects, which this collection never declares
    certified: frozenset[str] = frozenset()  # names in unexpired certificates
    loaded_at: float = 0.0  # when Traefik last took a configuration, in whole seconds; 0 where it does not tell

    def section(self, name: str) -> Objects:
        return {"routers": self.routers, "services": self.services, "middlewares": self.middlewares}[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Actual:
    """The edge host as it was found."""

    installed: bool
    own: Source | None = None  # the file of tenants' routes
    own_guarded: bool = True  # its owner and mode are as they should be
    served: Source | None = None  # the last one that was verified
    others: tuple[Source, ...] = ()
    live: Live | None = None
    requests: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    issued: frozenset[str] = frozenset()  # requests whose certificate is there
    stored: Mapping[str, str] = field(default_factory=dict, repr=False)  # tenants' own: text by path, if guarded

    @property
    def previous(self) -> Source | None:
        """The routes to go back to, and to find former tenants in: the file, unless somebody broke it."""
        return self.served if self.own is None or self.own.problem else self.own
