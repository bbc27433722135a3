# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Open connections to both databases of a member, and what they say."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError, Refused, Unreachable
from ansible_collections.erpops.odoo.plugins.module_utils.postgres import client as postgres
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import MAINTENANCE_DATABASE, Row, Server
from ansible_collections.erpops.odoo.plugins.module_utils.replication import statements
from ansible_collections.erpops.odoo.plugins.module_utils.replication.model import (
    OLDEST_LOGICAL,
    ROLE,
    Facts,
    Grant,
    Login,
    Member,
    Record,
    Slot,
    SourceFacts,
    Table,
    TargetFacts,
    record_from,
)
from ansible_collections.erpops.odoo.plugins.module_utils.replication.plan import TableFacts, check_versions
from ansible_collections.erpops.odoo.plugins.module_utils.replication.steps import Steps

if postgres.PSYCOPG_ERROR is None:
    import psycopg
    from psycopg import sql
    from psycopg.rows import dict_row

if TYPE_CHECKING:
    Connection = psycopg.Connection[Row]

LOCK = 7_310_103  # with the member's hash; one run at a time works on a member
LOCK_SECONDS = 20  # more than a server needs to end the session of a host that died (``postgres.DEAD_CLIENT``)
FAILOVER_SECONDS = 90  # Patroni gives a lost primary 30
LONGEST_IDLE = "15s"  # of ours between two statements of a transaction; then the host that runs us is dead
# What makes a value the same text on both sides, whatever the servers are set to.
SAME_TEXT = {
    "client_encoding": "UTF8",
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "timezone": "UTC",
    "bytea_output": "hex",
    "xmlbinary": "base64",
    "lc_monetary": "C",
    "search_path": "public",  # the planner parses functions in indexes, which name what they call without a schema
}
SHORT_FLOATS = 120_000  # server_version_num since which extra_float_digits=1 gives the shortest exact text


class SourceUnreachable(Unreachable):
    """The source does not answer, or refuses us."""


@dataclass(slots=True, kw_only=True)
class Sides:
    """Both sides of a member. Connections are opened when first asked for, and closed with the sides."""

    member: Member
    source_login: Login  # a superuser of the source
    target_server: Server
    steps: Steps
    stack: ExitStack = field(default_factory=ExitStack)
    opened: dict[tuple[str, str], Connection] = field(default_factory=dict)
    locked: Connection | None = None  # what holds the member's lock

    @property
    def source(self) -> Connection:
        return self._kept("source", self.member.database, self.connect_source)

    @property
    def target(self) -> Connection:
        """The member's database on the target; it must be there."""
        return self._kept("target", self.member.name, self.connect_target)

    @property
    def passing(self) -> Connection:
        """The database that is being filled."""
        return self._kept("target", self.member.passing, self.connect_target)

    @property
    def rehearsal(self) -> Connection:
        """The neutralized copy."""
        return self._kept("target", self.member.rehearsal, self.connect_target)

    @property
    def maintenance(self) -> Connection:
        """The target's database ``postgres``."""
        return self._kept("target", MAINTENANCE_DATABASE, self.connect_target)

    @property
    def primary(self) -> Server:
        """The member of the target that accepts writes now."""
        return postgres.reached(self.target_server, self.maintenance)

    def _kept(self, side: str, database: str, connect: Any) -> Connection:
        kept = self.opened.get((side, database))
        if kept is None or kept.closed:
            kept = self.opened[(side, database)] = self.stack.enter_context(connect(database))
        return kept

    @contextmanager
    def aside(self, connection: Connection) -> Iterator[None]:
        """A further connection that is one of ours, for as long as the context lasts."""
        self.opened[("aside", "")] = connection
        try:
            yield
        finally:
            self.opened.pop(("aside", ""), None)

    def leave(self, database: str) -> None:
        """Close the kept connection to a database of the target, so that it can be renamed or dropped."""
        kept = self.opened.pop(("target", database), None)
        if kept is not None:
            kept.close()

    def connect_source(self, database: str) -> Connection:
        return connect(self.source_login, database)

    def connect_target(self, database: str) -> Connection:
        return postgres.connect(self.target_server, database)

    def within_window(self, *connections: Connection) -> None:
        """No statement outlives the window."""
        left = self.steps.remaining()
        if left is not None:
            for connection in connections:
                execute(connection, f"SET statement_timeout = '{max(int(left * 1000), 1)}ms'")

    def own_pids(self) -> list[int]:
        return [kept.info.backend_pid for kept in self.opened.values() if not kept.closed]


def connect(login: Login, database: str, **more: str) -> Connection:
    """A connection in autocommit. Raises SourceUnreachable."""
    settings = {"statement_timeout": "600s", "lock_timeout": "5s", "client_min_messages": "warning"}
    settings["search_path"] = "public"
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    parameters: dict[str, Any] = {**login.parameters(), "dbname": database, "options": options, **more}
    try:
        return psycopg.connect(
            autocommit=True, row_factory=dict_row, connect_timeout=postgres.CONNECT_SECONDS, keepalives_idle=10,
            keepalives_interval=5, keepalives_count=3, tcp_user_timeout=30000, application_name="erpops", **parameters,
        )  # fmt: skip
    except psycopg.OperationalError as error:
        text = f"PostgreSQL of the source at {login}, database {database}: {error}".strip()
        raise SourceUnreachable(text) from error


@contextmanager
def opened(member: Member, source: Login, target: Server, steps: Steps) -> Iterator[Sides]:
    sides = Sides(member=member, source_login=source, target_server=target, steps=steps)
    with sides.stack:
        yield sides


def lock(sides: Sides, seconds: float = LOCK_SECONDS) -> None:
    """Only one run works on a member; the lock goes with the connection."""
    with postgres.translated(f"Another run is working on member {sides.member.name}"):
        execute(sides.maintenance, f"SET lock_timeout = '{max(int(seconds * 1000), 1)}ms'")
        sides.maintenance.execute("SELECT pg_advisory_lock(%s, hashtext(%s))", [LOCK, sides.member.name])
        execute(sides.maintenance, f"SET lock_timeout = '{LOCK_SECONDS}s'")
    sides.locked = sides.maintenance


def still_locked(sides: Sides) -> None:
    """Before a side is opened. Raises Unreachable where the server ended our session: another run may be at work."""
    if sides.locked is not None:
        with postgres.translated(f"The lock of member {sides.member.name} is lost"):
            execute(sides.locked, "SELECT 1")


def lock_patiently(sides: Sides) -> None:
    """The same, from a run that brings a member back to where somebody serves."""
    _patiently(lambda left: lock(sides, left))


def reach_patiently(sides: Sides) -> None:
    """The same for a run that only looks."""
    _patiently(lambda _left: sides.maintenance)


def _patiently(attempt: Callable[[float], object]) -> None:
    """A target that lost its primary has another one soon, and until then nobody can be let in anywhere."""
    end = time.monotonic() + FAILOVER_SECONDS
    while True:
        try:
            attempt(max(end - time.monotonic(), 1))
            return
        except Unreachable:
            if time.monotonic() > end:
                raise
            time.sleep(1)


def lock_again(sides: Sides) -> None:
    """After a failure, over new connections: the old ones may be lost, or inside a failed transaction."""
    for kept in sides.opened.values():
        kept.close()
    lock_patiently(sides)


def read_again(sides: Sides) -> Facts:
    """With the lock, after a failure of this run or the end of another.

    An opening whose answer was lost may still wait for a standby, and is seen by nobody until then; so the rows that it
    changes are locked first, which waits for its end, or fails.
    """
    _await_end(sides.maintenance, sides.member.name)
    with _of_source():
        _await_end(sides.source, sides.member.database)
    return read(sides)


def _await_end(connection: Connection, database: str) -> None:
    with postgres.translated("Waiting for what a lost connection left under way"):
        rows(connection, "SELECT 1 FROM pg_database WHERE datname = %s FOR UPDATE", [database])


@contextmanager
def _of_source() -> Iterator[None]:
    """Within it nobody but the source is asked."""
    try:
        yield
    except Unreachable as error:
        raise SourceUnreachable(error.message) from error


def ours(error: BaseException) -> BaseException:
    """An error of the library as one of ours, which can say where the member stands."""
    if not isinstance(error, psycopg.Error):
        return error
    try:
        with postgres.translated("Moving the member"):
            raise error
    except ErpopsError as told:
        return told


def execute(connection: Connection, *texts: str | sql.Composed) -> None:
    """Statements of our own making, one after another."""
    for text in texts:
        connection.execute(text.encode() if isinstance(text, str) else text)


def rows(connection: Connection, text: str | sql.Composed, values: Any = None) -> list[Row]:
    query = text.encode() if isinstance(text, str) else text
    return connection.execute(query, values).fetchall()


def one(connection: Connection, text: str | sql.Composed, values: Any = None) -> Row | None:
    found = rows(connection, text, values)
    return found[0] if found else None


def read(sides: Sides) -> Facts:
    """Everything that says where the member stands. Raises Refused for versions that cannot be."""
    with _of_source(), postgres.translated("Reading the source"):
        source = _read_source(sides)
    target = read_target(sides)
    check_versions(source.version, target.version)
    return Facts(source=source, target=target)


def _read_source(sides: Sides) -> SourceFacts:
    connection, member = sides.source, sides.member
    version = (one(connection, statements.VERSION) or {"version": 0})["version"]
    if version < OLDEST_LOGICAL:
        return SourceFacts(version=version, record=dump_record(connection, member), slot=None, back_enabled=None)
    found = one(connection, statements.SOURCE_RECORD, [member.forward])
    back = subscription(connection, member.back)
    return SourceFacts(
        version=version,
        record=dump_record(connection, member) if found is None else record_of(member, found["record"]),
        slot=slot(connection, member.forward),
        back_enabled=None if back is None else back["enabled"],
    )


def subscription(connection: Connection, name: str) -> Row | None:
    if connection.info.server_version < OLDEST_LOGICAL:
        return None
    return one(connection, statements.SUBSCRIPTION, [name])


def sequences(connection: Connection) -> list[Row]:
    """Every sequence with its values; ``last`` is None where it was never asked."""
    old = connection.info.server_version < OLDEST_LOGICAL
    return rows(connection, statements.SEQUENCES_BEFORE_10 if old else statements.SEQUENCES)


def dump_record(connection: Connection, member: Member) -> Record | None:
    """The record of a member that is moved by dumps: the comment of its database, if it is ours."""
    found = one(connection, statements.DATABASE, [member.database])
    record = _ours(found["comment"] if found else None)
    return record if record is not None and record.by_dump else None


def own_comment(text: str | None) -> str | None:
    """A database's comment, without ours."""
    record = _ours(text)
    return text if record is None else record.comment


def _ours(comment: str | None) -> Record | None:
    try:
        return record_from(comment) if comment else None
    except (ValueError, KeyError, TypeError):
        return None


def record_of(member: Member, text: str | None) -> Record:
    try:
        return record_from(text)
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(
            f"The comment of publication {member.forward} in database {member.database} of the source is not "
            "the record of what was done there. Put it back, or drop the publication if it is not ours."
        ) from error


def read_target(sides: Sides) -> TargetFacts:
    with postgres.translated("Reading the target"):
        return _read_target(sides)


def _read_target(sides: Sides) -> TargetFacts:
    connection, member = sides.maintenance, sides.member
    version = (one(connection, statements.VERSION) or {"version": 0})["version"]
    there = {row["datname"] for row in rows(connection, statements.DATABASES, [[member.name, member.passing]])}
    found = subscription(connection, member.forward)
    grants = rows(connection, statements.GRANTS, [member.name, ROLE])
    return TargetFacts(
        version=version,
        database=member.name in there,
        grants=tuple(Grant(**row) for row in grants),
        passing=member.passing in there,
        subscribed=found["database"] if found else "",
        enabled=bool(found and found["enabled"]),
        back_slot=slot(connection, member.back),
    )


def slot(connection: Connection, name: str) -> Slot | None:
    row = one(connection, statements.SLOT, [name])
    return Slot(**row) if row else None


def tables(connection: Connection) -> list[tuple[TableFacts, str]]:
    """Ordinary tables, largest first, each with its persistence: ``p`` or ``u`` (unlogged)."""
    found = []
    for row in rows(connection, statements.TABLES):
        table = Table(schema=row["schema"], name=row["name"])
        facts = TableFacts(table=table, identity=row["identity"], has_key=row["has_key"], index=row["index"])
        found.append((facts, row["persistence"]))
    return found


def catalogue(connection: Connection) -> dict[tuple[str, str], str]:
    with connection.transaction():
        execute(connection, "SET LOCAL search_path = ''")
        return {(row["kind"], row["object"]): row["definition"] for row in rows(connection, statements.CATALOGUE)}


def digests(connection: Connection) -> dict[str, str]:
    """A sum of each kind of thing that is written with expressions; kinds without any are left out."""
    with connection.transaction():
        execute(connection, "SET LOCAL search_path = ''")
        return {row["kind"]: row["digest"] for row in rows(connection, statements.DIGESTS)}


def attachments(connection: Connection) -> list[str]:
    """Names that the database knows in the filestore."""
    with postgres.translated("Reading the attachments"):
        there = one(connection, statements.HAS_ATTACHMENTS)
        if not there or not there["there"]:
            return []
        return [row["name"] for row in rows(connection, statements.ATTACHMENTS)]


def same_text(connection: Connection, oldest: int) -> None:
    """Settings under which equal values are equal text. oldest: the older server_version_num of the two."""
    digits = "1" if oldest >= SHORT_FLOATS else "0"
    for name, value in {**SAME_TEXT, "extra_float_digits": digits}.items():
        connection.execute("SELECT set_config(%s, %s, false)", [name, value])


def in_transaction(connection: Connection, what: str, texts: Sequence[str | sql.Composed]) -> None:
    """All or nothing. A host that dies in the middle keeps no lock on the source, behind a tunnel that hangs."""
    with postgres.translated(what), connection.transaction():
        execute(connection, f"SET LOCAL idle_in_transaction_session_timeout = '{LONGEST_IDLE}'", *texts)
