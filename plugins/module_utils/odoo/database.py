# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks a tenant's own database, as its own role through the pooler's socket; prepared statements off, as it wants."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import Unreachable
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.model import FIRST_POOLER_PORT, POOLER_SOCKETS
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import translated

with suppress(ImportError):  # ``postgres.client`` keeps the reason; modules report it
    import psycopg

CONNECT_SECONDS = 10
# The pooler keeps why a log-in failed (a database that was not there yet), says it to the next client however late that
# comes, and only then looks again, a second apart (server_login_retry).
LOOKS_AGAIN = "server_login_retry"
LOOKS, PAUSE_SECONDS = 4, 1.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Where and as whom. ``host`` is an address, or the folder of a socket."""

    user: str
    password: str = field(repr=False)
    database: str
    host: str = POOLER_SOCKETS
    port: int = FIRST_POOLER_PORT
    sslmode: str = "prefer"
    ca_file: str = ""


@contextmanager
def connection(login: Login) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """A connection in autocommit, closed at the end. Errors become ours."""
    try:
        opened = _answering(login)
    except psycopg.Error as error:
        text = " ".join(str(error).split())
        raise Unreachable(
            f"Database {login.database} at {login.host} port {login.port} as {login.user}: {text}"
        ) from error
    with opened, translated(f"Database {login.database}"):
        yield opened


def _answering(login: Login, looks: int = LOOKS) -> psycopg.Connection[tuple[Any, ...]]:
    """A connection behind which there is a server."""
    try:
        opened = _connected(login)
        try:
            opened.execute("SELECT 1")
        except psycopg.Error:
            opened.close()
            raise
        return opened
    except psycopg.Error as error:
        if looks == 1 or LOOKS_AGAIN not in str(error):
            raise
    time.sleep(PAUSE_SECONDS)
    return _answering(login, looks - 1)


def _connected(login: Login) -> psycopg.Connection[tuple[Any, ...]]:
    return psycopg.connect(
        host=login.host,
        port=login.port,
        user=login.user,
        password=login.password,
        dbname=login.database,
        sslmode=login.sslmode,
        connect_timeout=CONNECT_SECONDS,
        application_name="erpops",
        autocommit=True,
        prepare_threshold=None,
        sslrootcert=login.ca_file or None,
    )


def installed_modules(login: Login) -> dict[str, str]:
    """The modules that a database runs, with the versions that it was last brought to."""
    with connection(login) as opened:
        rows = opened.execute(
            "SELECT name, coalesce(latest_version, '') FROM ir_module_module"
            " WHERE state IN ('installed', 'to upgrade', 'to remove')"
        ).fetchall()
    return {str(name): str(version) for name, version in rows}
