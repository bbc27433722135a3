# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a seed's copy is, by what both servers say of it (``observe.COPIES``). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LEAST_SHARE = 0.01  # of a copy, before anything is said of how long the rest takes
Row = Mapping[str, Any]


def copying(both: tuple[Row, Row | None]) -> dict[str, Any]:
    """How far a seed's copy is. part: ``begin``, ``dump``, ``restore``, ``indexes`` or ``rest``.

    The counts are those of the part, and so are the seconds that are left; they are None where nobody knows.
    """
    source, target = both
    total = {"tables_total": source["filled"], "bytes_total": source["bytes"]}
    if target is not None and target["filled"]:
        filled = target["filled"] - target["busy"]
        if not target["sessions"]:
            return _part("rest", source["filled"], source["bytes"], total, None)
        if filled >= source["filled"]:
            return _part("indexes", filled, target["bytes"], total, None)
        return _part("restore", filled, target["bytes"], total, target["seconds"])
    if source["sessions"]:
        known = source["workers"] > 0  # a dump by one session takes every table's lock when it begins
        tables, done = (source["dumped"], source["dumped_bytes"]) if known else (None, None)
        return _part("dump", tables, done, total, source["seconds"])
    return _part("begin", 0, 0, total, None)


def _part(
    name: str, tables: int | None, done: int | None, total: Mapping[str, int], seconds: float | None
) -> dict[str, Any]:
    left = None
    if seconds is not None and done is not None and done >= LEAST_SHARE * total["bytes_total"] > 0:
        left = max(0, round(seconds * (total["bytes_total"] - done) / done))
    return {"part": name, "tables": tables, "bytes": done, **total, "seconds_left": left}
