# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mail that is being sent while a database is closed would be sent again by the other side.

Odoo marks a mail before it talks to the mail server, and as sent afterwards, in one transaction. So a lock on the table
waits for the mail that is under way, and nobody begins another: whoever is ended while waiting behind it has not sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, LiteralString

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError, Problem, Refused
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import translated
from ansible_collections.erpops.odoo.plugins.module_utils.replication.client import Sides, execute, one, rows

with suppress(ImportError):  # the client reports it
    import psycopg

if TYPE_CHECKING:
    from ansible_collections.erpops.odoo.plugins.module_utils.replication.client import Connection

QUEUE: LiteralString = "SELECT to_regclass('public.mail_mail') IS NOT NULL AS there"
LOCK: LiteralString = "LOCK TABLE ONLY public.mail_mail IN SHARE ROW EXCLUSIVE MODE"
SENDERS: LiteralString = """
    SELECT a.pid, coalesce(a.usename::text, '') AS role,
           coalesce(extract(epoch FROM clock_timestamp() - a.xact_start), 0)::int AS seconds
    FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid
    WHERE l.relation = to_regclass('public.mail_mail') AND l.granted AND l.mode <> 'AccessShareLock'
      AND l.pid <> pg_backend_pid() AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    ORDER BY 3 DESC LIMIT 10
"""


@contextmanager
def none_begins(sides: Sides, connect: Callable[[], Connection], seconds: float) -> Iterator[None]:
    """Within it no mail is sent from that database. Raises Refused where one takes longer than the seconds.

    0 seconds wait for nothing. It holds nothing else, so nobody is ended for it as part of a deadlock.
    """
    with connect() as keeper, sides.aside(keeper):
        with translated("Looking for mails"):
            found = one(keeper, QUEUE)
        if seconds and found and found["there"]:
            _wait(sides, keeper, seconds)
        yield


def _wait(sides: Sides, keeper: Connection, seconds: float) -> None:
    try:
        with translated("Waiting for the mail that is being sent"):
            execute(keeper, "BEGIN", f"SET LOCAL lock_timeout = '{max(int(seconds * 1000), 1)}ms'", LOCK)
    except ErpopsError as error:
        if not isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
            raise
        execute(keeper, "ROLLBACK")
        cure = "Wait for its end, end it, or allow more time (wave_move_mail_seconds)."
        raise Refused(f"A mail of member {sides.member.name} takes more than {seconds:g} seconds to be sent.", [
            Problem(f"session {row['pid']} of {row['role']}", "transaction", f"{row['seconds']} seconds old", cure)
            for row in rows(keeper, SENDERS)
        ]) from error  # fmt: skip
