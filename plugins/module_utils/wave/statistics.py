# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What PostgreSQL counts of a member's database, before and after its cutover, by the hour. Pure.

The target counts since its copy was made, so a cutover notes where the counters stood when it opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, LiteralString

COUNTERS: LiteralString = """
    SELECT datname AS name, xact_commit AS commits, xact_rollback AS rollbacks, blks_read, blks_hit,
           tup_inserted + tup_updated + tup_deleted AS rows_written, temp_bytes, deadlocks,
           pg_database_size(datid) AS bytes,
           to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS at
    FROM pg_stat_database WHERE datname = ANY(%s)
"""
COUNTED = ("commits", "rollbacks", "blks_read", "blks_hit", "rows_written", "temp_bytes", "deadlocks")
BEGAN_ANEW = "The target's counters began anew after the cutover, as they do when another host becomes the primary."


def baseline(discovery: Mapping[str, Any], database: Mapping[str, Any]) -> dict[str, Any] | None:
    """Of a database of a discovery; None where its server had counted nothing, or does not say since when."""
    counters = (discovery.get("performance") or {}).get("databases") or ()
    own = [each for each in counters if each["name"] == database["name"] and each["port"] == database.get("port")]
    if not own or not own[0].get("stats_reset") or not discovery.get("collected_at"):
        return None
    return hourly(own[0], _hours(own[0]["stats_reset"], discovery["collected_at"]), database["bytes"])


def compared(
    before: Mapping[str, Any] | None, opened: Mapping[str, Any] | None, now: Mapping[str, Any] | None
) -> dict[str, Any]:
    """before: ``baseline``. opened, now: rows of ``COUNTERS``, when the target was opened and at last."""
    after, missing = None, ""
    if opened and now:
        counted = {name: now[name] - opened[name] for name in COUNTED}
        if min(counted.values()) < 0:
            missing = BEGAN_ANEW
        else:
            after = hourly(counted, _hours(opened["at"], now["at"]), now["bytes"])
    return {"before": before, "after": after, "missing": missing}


def hourly(counted: Mapping[str, Any], hours: float, size: int) -> dict[str, Any] | None:
    """hit_percent: of pages that were asked for, those that PostgreSQL had in memory. bytes: of the database."""
    if hours <= 0:
        return None
    asked = counted["blks_hit"] + counted["blks_read"]
    return {
        "hours": round(hours, 3),
        "bytes": size,
        "hit_percent": round(100 * counted["blks_hit"] / asked, 2) if asked else None,
        "transactions": round((counted["commits"] + counted["rollbacks"]) / hours, 1),
        "rows_written": round(counted["rows_written"] / hours, 1),
        "temp_bytes": round(counted["temp_bytes"] / hours),
        "deadlocks": round(counted["deadlocks"] / hours, 3),
    }


def _hours(since: str, until: str) -> float:
    begin, end = (datetime.fromisoformat(text) for text in (since, until))
    begin, end = (each if each.tzinfo else each.replace(tzinfo=UTC) for each in (begin, end))
    return (end - begin).total_seconds() / 3600
