# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the databases of tenants are and should be: registry, roles, databases, and the steps between the two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import Action
from ansible_collections.erpops.odoo.plugins.module_utils.estate.allocation import Allocation
from ansible_collections.erpops.odoo.plugins.module_utils.estate.model import ResolvedTenant

UNLIMITED = -1
SUFFIX_NEW = "__new"  # a database that is being born
READER = "erpops_registry"
BUILDER = "erpops_template"
ESTATE_DATABASE = "erpops"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A tenant's row in the registry. Rows stay for ever, so that a number is never given twice."""

    number: int
    name: str
    app_host: str
    image: str  # the digest that its unit was last started with
    state: str
    instance: str
    cluster: str
    hostnames: tuple[str, ...]
    base_url: str = ""  # what its database was last told
    extensions: tuple[str, ...] = ()  # what its database was last given
    born: bool = False  # its database was finished once: from then on its absence is a loss

    @property
    def alive(self) -> bool:
        return self.state != "absent"

    @property
    def allocation(self) -> Allocation:
        return Allocation(name=self.name, number=self.number, app_host=self.app_host, image=self.image)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleSpec:
    """A role's declared attributes, beside those that no role of ours ever has."""

    name: str
    createdb: bool = False
    connection_limit: int = UNLIMITED
    statement_timeout: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A role as it is. ``powers``: attributes that none of ours may have, such as ``superuser``."""

    spec: RoleSpec
    login: bool = True
    powers: tuple[str, ...] = ()
    memberships: tuple[str, ...] = ()
    verifier: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    name: str
    owner: str
    public: bool = False  # PUBLIC has some privilege on it
    allows_connections: bool = True
    is_template: bool = False
    size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """One PostgreSQL cluster, as far as tenants go."""

    roles: Mapping[str, Role] = field(default_factory=dict)
    databases: Mapping[str, Database] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Actual:
    """Everything as it is. The first cluster holds database ``erpops``."""

    clusters: Mapping[str, Cluster]
    registry: tuple[Registered, ...] = ()
    registry_there: bool = False  # its table exists
    reader_allowed: bool = False  # the reader's grants are complete

    def row(self, name: str) -> Registered | None:
        return next((row for row in self.registry if row.name == name and row.alive), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """Everything as declared. Clusters: their names, the registry's first."""

    tenants: tuple[ResolvedTenant, ...]
    clusters: tuple[str, ...]
    app_hosts: tuple[str, ...]
    templates: Mapping[tuple[str, str], str]  # (cluster, instance) -> database
    extensions: tuple[str, ...]
    passwords: Mapping[str, str] = field(repr=False)  # role -> password
    admin: str  # the role that owns databases which are nobody's
    shrink_limit_percent: int = 20
    allow_move: bool = False
    confirm_removal: tuple[str, ...] = ()
    removal_proof: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    prepare_only: bool = False
    migrated: tuple[str, ...] = ()  # their databases came from legacy hosts: adopted, never born
    templates_predicted: bool = False  # check mode: a template that is missing is one that the run would have built


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateEstateDatabase:
    """Database ``erpops``, closed to PUBLIC."""

    action: Action


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateRegistry:
    """Schema and table of the registry."""

    action: Action


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowReader:
    """The reader's grants."""

    action: Action


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRole:
    """Create a role or bring it back to what is declared."""

    action: Action
    cluster: str
    spec: RoleSpec
    create: bool
    set_password: bool
    leave: tuple[str, ...] = ()  # roles that it must not be a member of


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseDatabase:
    """Take every privilege on a database from PUBLIC."""

    action: Action
    cluster: str
    database: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnDatabase:
    action: Action
    cluster: str
    database: str
    owner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptTemplate:
    """Make a built database a template that nobody connects to and that no REASSIGN OWNED can move."""

    action: Action
    cluster: str
    database: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """Insert a row, or update the one with its number."""

    action: Action
    row: Registered
    create: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Birth:
    """Clone a template under a passing name, make it the tenant's, rename it, mark the row as born."""

    action: Action
    tenant: ResolvedTenant
    number: int
    template: str
    leftover: bool  # a killed run's half-born database is in the way
    extensions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extend:
    """Create the extensions that a database still lacks."""

    action: Action
    tenant: ResolvedTenant
    number: int
    extensions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebase:
    """Tell a database its new base URL."""

    action: Action
    tenant: ResolvedTenant
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Forget:
    """Forget what a database was told: its legacy host serves the tenant, and the next copy knows nothing of it."""

    action: Action
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Remove:
    """Drop database and role, then leave the row as a tombstone."""

    action: Action
    row: Registered
    database: bool
    leftover: bool
    role: bool


# As text: the union is not evaluated on Pythons that have no such operator for classes.
Step: TypeAlias = (
    "CreateEstateDatabase | CreateRegistry | AllowReader | SetRole | CloseDatabase | OwnDatabase | "
    "AdoptTemplate | Register | Birth | Extend | Rebase | Forget | Remove"
)
