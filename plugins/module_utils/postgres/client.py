# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections to PostgreSQL: over verified TLS to all members of a cluster, the one that accepts writes is used.

Every connection has timeouts for connecting, statements, locks and dead peers; every error becomes one of ours.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError, Unreachable

try:
    import psycopg
    from psycopg import sql
    from psycopg.rows import dict_row

    PSYCOPG_ERROR: str | None = None
except ImportError:
    PSYCOPG_ERROR = traceback.format_exc()

ESTATE_DATABASE = "erpops"  # holds the registry and the ledger
MAINTENANCE_DATABASE = "postgres"  # is there before anything else is
CONNECT_SECONDS = 5
STATEMENT_SECONDS = 600
LOCK_SECONDS = 30
DEAD_PEER_SECONDS = 30
# The same of the server's side, which else ends the session of a host that died after two hours, and keeps its locks.
DEAD_CLIENT = {
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "3",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "12s",
    "client_connection_check_interval": "5s",  # also in the middle of a statement
}
CREATION_LOCK = 7_310_100  # a number that only this collection uses
FIND_DATABASE = "SELECT 1 FROM pg_database WHERE datname = %s"

Row = dict[str, Any]


def require_psycopg(module: AnsibleModule) -> None:
    """Ends a module whose host lacks the library."""
    if PSYCOPG_ERROR is not None:
        module.fail_json(msg=missing_required_lib("psycopg"), exception=PSYCOPG_ERROR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A cluster: all its members, and who speaks to them."""

    hosts: tuple[str, ...]
    port: int
    user: str
    password: str = field(repr=False)
    ca_file: str

    def login(self, user: str, password: str) -> Server:
        """The same cluster for another role."""
        return replace(self, user=user, password=password)

    def at(self, hosts: Sequence[str], port: int | None = None) -> Server:
        """Another cluster for the same role."""
        return replace(self, hosts=tuple(hosts), port=port or self.port)

    def __str__(self) -> str:
        return f"{', '.join(self.hosts)} (port {self.port}) as {self.user}"


def server_from(parameters: Mapping[str, Any]) -> Server:
    """The server of a module that takes ``estate.arguments.POSTGRES``."""
    return Server(
        hosts=tuple(parameters["postgres_hosts"]),
        port=parameters["postgres_port"],
        user=parameters["postgres_user"],
        password=parameters["postgres_password"],
        ca_file=parameters["postgres_ca_file"],
    )


def connect(server: Server, database: str, session: str = "read-write") -> psycopg.Connection[Row]:
    """A connection in autocommit; the caller closes it (``with``). Raises Unreachable.

    session: which member of the cluster will do, as libpq's ``target_session_attrs``.
    """
    settings = {
        "statement_timeout": f"{STATEMENT_SECONDS}s",
        "lock_timeout": f"{LOCK_SECONDS}s",
        "client_min_messages": "warning",
        "search_path": "public",
        **DEAD_CLIENT,
    }
    try:
        return psycopg.connect(
            host=",".join(server.hosts),
            port=server.port,
            user=server.user,
            password=server.password,
            dbname=database,
            sslmode="verify-full",
            sslrootcert=server.ca_file,
            target_session_attrs=session,
            connect_timeout=CONNECT_SECONDS,
            tcp_user_timeout=DEAD_PEER_SECONDS * 1000,
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=3,
            application_name="erpops",
            options=" ".join(f"-c {name}={value}" for name, value in settings.items()),
            autocommit=True,
            row_factory=dict_row,
        )
    except psycopg.OperationalError as error:
        raise Unreachable(f"PostgreSQL at {server}, database {database}: {_plain(error)}") from error


def connect_estate(server: Server) -> tuple[psycopg.Connection[Row], bool]:
    """A connection to the estate's own database and True; to the maintenance database and False where it is not made.

    Others are opened only if the first is refused, so that the everyday run pays for one.
    """
    with suppress(Unreachable):
        return connect(server, ESTATE_DATABASE), True
    connection = connect(server, MAINTENANCE_DATABASE)
    if connection.execute(FIND_DATABASE, [ESTATE_DATABASE]).fetchone() is None:
        return connection, False
    connection.close()
    return connect(server, ESTATE_DATABASE), True  # it was refused for another reason, or has just been made


def create_estate_database(server: Server) -> None:
    """Make the estate's database, closed to PUBLIC. Of two callers at once the second finds it there."""
    name = sql.Identifier(ESTATE_DATABASE)
    with connect(server, MAINTENANCE_DATABASE) as connection, translated(f"Creating database {ESTATE_DATABASE}"):
        connection.execute("SELECT pg_advisory_lock(%s)", [CREATION_LOCK])  # goes with the connection
        if connection.execute(FIND_DATABASE, [ESTATE_DATABASE]).fetchone() is None:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(name))
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))


def reached(server: Server, connection: psycopg.Connection[Row]) -> Server:
    """Only the member that a connection leads to, for libpq's own tools.

    They try no other member once one has refused a login, as a standby does whose copy lacks a new database yet.
    """
    return server.at([connection.info.host], server.port)


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Errors of the library become ours; ``what`` opens the sentence and must not hold a secret."""
    try:
        yield
    except psycopg.Error as error:
        kind = Unreachable if _lost(error) else ErpopsError
        raise kind(f"{what}: {_plain(error)}") from error


def _lost(error: psycopg.Error) -> bool:
    """Whether the server is gone, and not merely unwilling: the library calls a locked object operational too."""
    if not isinstance(error, psycopg.OperationalError):
        return False
    return error.sqlstate is None or error.sqlstate.startswith(("08", "57P"))


def _plain(error: psycopg.Error) -> str:
    """The server's own sentence, never the statement, which may hold a verifier."""
    primary = error.diag.message_primary
    text = f"{primary} ({error.diag.message_detail})" if primary and error.diag.message_detail else primary
    return text or " ".join(str(error).split())
