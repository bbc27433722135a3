# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of a member's two databases. All of it is read from them; nothing is remembered elsewhere."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

PASSING_SUFFIX = "__new"
REHEARSAL_SUFFIX = "__rehearsal"
PROOF_SUFFIX = "__proof"
ROLE = "erpops_wave"  # the role of both subscriptions, on the source and on the target
OLDEST = 90_600  # server_version_num of the oldest PostgreSQL that is moved at all
OLDEST_LOGICAL = 100_000  # of PostgreSQL 10, the first with publications
PUBLIC = ""  # as a grantee


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """name: also the tenant's, and that of its role and database on the target. database: its name on the source."""

    name: str
    database: str

    @property
    def forward(self) -> str:
        """Publication and slot on the source, subscription on the target. Names of tenants have no underscore."""
        return "erpops_" + self.name.replace("-", "_")

    @property
    def back(self) -> str:
        """Publication and slot on the target, subscription on the source."""
        return "erpops_back_" + self.name.replace("-", "_")

    @property
    def changes(self) -> str:
        """Slot that remembers what changed since rows were compared: on the source for a cutover that is under way, on
        the target for a rollback."""
        return "erpops_changes_" + self.name.replace("-", "_")

    @property
    def passing(self) -> str:
        """The database's name on the target until it is whole."""
        return self.name + PASSING_SUFFIX

    @property
    def rehearsal(self) -> str:
        """The neutralized copy of the database on the target."""
        return self.name + REHEARSAL_SUFFIX

    @property
    def proof(self) -> str:
        """A restored dump of the database on the target, until it was compared."""
        return self.name + PROOF_SUFFIX


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """How to reach a PostgreSQL. host: an address, a folder with a socket, or several of these."""

    host: tuple[str, ...]
    port: int
    user: str
    password: str = field(repr=False, default="")
    sslmode: str = ""
    sslrootcert: str = ""

    def parameters(self) -> dict[str, str]:
        """As libpq takes them."""
        values = {
            "host": ",".join(self.host),
            "port": str(self.port),
            "user": self.user,
            "password": self.password,
            "sslmode": self.sslmode,
            "sslrootcert": self.sslrootcert,
        }
        return {name: value for name, value in values.items() if value}

    def __str__(self) -> str:
        return f"{', '.join(self.host)} (port {self.port}) as {self.user}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A table's replica identity as it was, ``d`` or ``n``, before seeding needed another."""

    schema: str
    table: str
    was: str


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Function:
    """arguments: the types, as the server writes them."""

    schema: str
    name: str
    arguments: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}({self.arguments})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A grantee of CONNECT; an empty name is PUBLIC."""

    grantee: str
    grantable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What was done to the source and how to undo it. It is the comment of the member's publication there, or by dumps
    that of the database, written in the same transaction as what it tells of."""

    identities: tuple[Identity, ...] = ()
    functions: tuple[Function, ...] = ()  # that were given a search_path
    fenced: bool = False
    grants: tuple[Grant, ...] = ()
    logins: tuple[str, ...] = ()  # superusers that were kept from logging in
    committed: bool = False
    compared: tuple[int, ...] = ()  # tables and rows that were equal when slot ``changes`` was made
    timeline: str = ""  # of the target's primary that they were compared with
    digests: tuple[tuple[str, str], ...] = ()  # of the schema when the seed began, by kind
    by_dump: bool = False  # the source cannot be followed, or must not be changed for it
    comment: str | None = None  # by dumps: the database's own, as it was
    copied: bool = False  # by dumps: the target has a copy of a seed
    returning: bool = False  # by dumps: the target was fenced for a rollback
    unequal: tuple[str, ...] = ()  # what a comparison found; only a new copy mends it
    alone: bool = False  # opened without the target, which was gone, by file ``open-source`` of role wave_access
    held: bool = False  # the target is open, and nobody is led there yet: what it writes may be thrown away

    def text(self) -> str:
        return json.dumps({"erpops": 1, **asdict(self)}, sort_keys=True)


def record_from(text: str | None) -> Record:
    """Raises ValueError for a comment that is not ours."""
    if not text:
        return Record()
    value: Any = json.loads(text)
    if not isinstance(value, dict) or value.pop("erpops", None) != 1:
        raise ValueError("not a record of this collection")
    value["identities"] = tuple(Identity(**one) for one in value["identities"])
    value["functions"] = tuple(Function(**one) for one in value.get("functions", ()))
    value["grants"] = tuple(Grant(**one) for one in value["grants"])
    value["logins"] = tuple(value["logins"])
    value["unequal"] = tuple(value.get("unequal", ()))
    value["compared"] = tuple(value.get("compared", ()))
    value["digests"] = tuple((kind, digest) for kind, digest in value.get("digests", ()))
    return Record(**value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    active: bool
    lost: bool
    lag_bytes: int | None = None  # the writer's position less what the subscriber has confirmed


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFacts:
    version: int
    record: Record | None  # None without a publication
    slot: Slot | None
    back_enabled: bool | None  # None without a subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetFacts:
    version: int
    database: bool
    grants: tuple[Grant, ...]  # of CONNECT on the database, without the role of the subscriptions
    passing: bool
    subscribed: str  # the database that the forward subscription is in, or empty
    enabled: bool
    back_slot: Slot | None
    opened: str = ""  # when it was opened last, by its mark; read only where the source is gone

    @property
    def closed(self) -> bool:
        return not self.grants

    @property
    def serves(self) -> bool:
        return self.database and not self.closed and not self.subscribed


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    source: SourceFacts
    target: TargetFacts

    @property
    def by_dump(self) -> bool:
        return self.source.record is not None and self.source.record.by_dump

    @property
    def held(self) -> bool:
        """A source that follows has taken over what was written; nothing of it can be thrown away."""
        record = self.source.record
        return record is not None and record.held and not self.source.back_enabled


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Table:
    schema: str
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"
