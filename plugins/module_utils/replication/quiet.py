# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No scheduled action of Odoo is cut off while a side is closed.

One that sends the mail queue has mails out that its database does not know to be sent yet, and the other side would
send them again. Odoo holds the action's row for as long as it is at work, and passes over rows that others hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, LiteralString

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError, Problem, Refused
from ansible_collections.erpops.odoo.plugins.module_utils.odoo import neutralize
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import translated
from ansible_collections.erpops.odoo.plugins.module_utils.replication.client import Sides, execute, one, rows

with suppress(ImportError):  # the client reports it
    import psycopg

if TYPE_CHECKING:
    from ansible_collections.erpops.odoo.plugins.module_utils.replication.client import Connection

LONGEST_SECONDS = 60  # that a host of ours that died keeps actions from beginning
READY_SECONDS = 60  # before anybody is turned away there is time
# Only where it is a table: a view could call what its owner likes.
ACTIONS: LiteralString = "SELECT relkind = 'r' AS there FROM pg_class WHERE oid = to_regclass('public.ir_cron')"
ROWS: LiteralString = "SELECT id FROM ONLY public.ir_cron ORDER BY id FOR UPDATE"
AT_WORK: LiteralString = """
    SELECT a.pid, coalesce(a.usename::text, '') AS role,
           coalesce(extract(epoch FROM clock_timestamp() - a.xact_start), 0)::int AS seconds
    FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid
    WHERE l.relation = to_regclass('public.ir_cron') AND l.granted AND l.mode IN ('RowShareLock', 'RowExclusiveLock')
      AND l.pid <> pg_backend_pid() AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    ORDER BY 3 DESC LIMIT 10
"""


@contextmanager
def no_action_at_work(sides: Sides, connect: Callable[[], Connection], seconds: float) -> Iterator[None]:
    """Within it no scheduled action begins. Raises Refused where one goes on for longer; 0 seconds ask for nothing."""
    with connect() as keeper, sides.aside(keeper):
        with translated("Looking for scheduled actions"):
            found = one(keeper, ACTIONS)
        if seconds and found and found["there"]:
            _hold(sides, keeper, seconds)
        yield


def _hold(sides: Sides, keeper: Connection, seconds: float) -> None:
    wait = f"{max(int(seconds * 1000), 1)}ms"
    try:
        with translated("Waiting for scheduled actions"):
            execute(keeper, "BEGIN", *neutralize.SAFELY, "SET LOCAL row_security = off",
                    f"SET LOCAL lock_timeout = '{wait}'", f"SET LOCAL statement_timeout = '{wait}'",
                    "SET LOCAL deadlock_timeout = '100ms'",
                    f"SET LOCAL idle_in_transaction_session_timeout = '{LONGEST_SECONDS}s'", ROWS)  # fmt: skip
    except ErpopsError as error:
        errors = psycopg.errors
        if not isinstance(error.__cause__, (errors.LockNotAvailable, errors.QueryCanceled, errors.DeadlockDetected)):
            raise
        execute(keeper, "ROLLBACK")
        cure = "Wait for its end, or allow it to be cut off (wave_move_quiet_seconds=0): mails may be sent twice then."
        raise Refused(f"A scheduled action of member {sides.member.name} goes on for more than {seconds:g} seconds.", [
            Problem(f"session {row['pid']} of {row['role']}", "transaction", f"{row['seconds']} seconds old", cure)
            for row in rows(keeper, AT_WORK)
        ]) from error  # fmt: skip
