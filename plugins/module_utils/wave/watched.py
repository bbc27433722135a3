# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a look at both sides of members shows on the page, the terminal and as metrics. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.ledger.model import Lock
from ansible_collections.erpops.odoo.plugins.module_utils.ledger.record import age
from ansible_collections.erpops.odoo.plugins.module_utils.replication import model
from ansible_collections.erpops.odoo.plugins.module_utils.replication.observed import FILLING_PERCENT, Watched
from ansible_collections.erpops.odoo.plugins.module_utils.report.page import size
from ansible_collections.erpops.odoo.plugins.module_utils.wave.model import Member

STATES = ("seeding", "following", "diverged", "cutting_over", "live", "rolling_back")  # both sides have something
SEVERITIES = ("high", "medium")
PARTS = {
    "begin": "the copy begins",
    "indexes": "all rows are copied, their indexes are being made",
    "rest": "copied; rights, sums of what is new, and files",
}
Row = Mapping[str, Any]


def chosen(members: Mapping[str, Member], locks: Mapping[str, Lock]) -> list[Watched]:
    """The members that are worth a look."""
    return [
        Watched(
            member=model.Member(name=name, database=each.database),
            host=each.host,
            state=each.state,
            by_dump=bool((each.facts.get("prepare") or {}).get("by_dump")),
            run=locks[name].playbook if name in locks else "",
        )
        for name, each in members.items()
        if each.state in STATES
    ]


def kept(seen: Row | None) -> dict[str, Any] | None:
    """What the result holds of it; its findings are among the member's blockers."""
    return {name: value for name, value in seen.items() if name != "findings"} if seen else None


def tone(seen: Row | None) -> str:
    """Of a member that does not stand as its state says; empty for others."""
    if not seen:
        return ""
    severities = [each["severity"] for each in seen["findings"]]
    return next((each for each in SEVERITIES if each in severities), "")


def lag(state: str, seen: Row | None) -> str:
    """How far the target is behind or a copy has come; of a live member, how far the source is behind."""
    if not seen:
        return ""
    if seen["copy"]:
        return _copied(seen["copy"])
    if state == "seeding":
        return "" if seen["lag"] is None else "no rows are copied just now"
    slot = seen["way_back"] if state == "live" else seen["lag"]
    if slot is None or slot["lost"] or slot["lag_bytes"] is None:
        return "" if state in ("live", "cutting_over", "rolling_back") or slot is None else "lost"
    if slot["catch_up_seconds"] == 0:
        return f"{size(slot['lag_bytes'])} behind"
    left = slot["catch_up_seconds"]
    when = f"caught up in {age(left)}" if left is not None else "when it will have caught up is not known"
    return f"{size(slot['lag_bytes'])} behind, {when}"


def _copied(copy: Row) -> str:
    if copy["part"] in PARTS:
        return PARTS[copy["part"]]
    what = "dumping" if copy["part"] == "dump" else "copying"
    if copy["tables"] is None:
        return f"{what} {copy['tables_total']} tables, {size(copy['bytes_total'])}"
    left = f", this part for another {age(copy['seconds_left'])}" if copy["seconds_left"] is not None else ""
    return (
        f"{what} {copy['tables']} of {copy['tables_total']} tables, {size(copy['bytes'])} of"
        f" {size(copy['bytes_total'])}{left}"
    )


def way_back(seen: Row | None) -> dict[str, str] | None:
    """Of a live member: a word on it, and how it looks. None where there is nothing to say."""
    if not seen or "way_back" not in seen:
        return None
    slot = seen["way_back"]
    if slot is None:
        return None
    if slot["lost"]:
        return {"word": "lost", "room": "", "tone": "high"}
    room = f"{slot['used_percent']} % of its room" if slot["used_percent"] is not None else ""
    full = (slot["used_percent"] or 0) >= FILLING_PERCENT
    word = "open" if slot["active"] else "not followed"
    return {"word": word, "room": room, "tone": "high" if full or not slot["active"] else "good"}


def tiles(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Whether what is live can go back."""
    live = [row for row in rows if row["state"] == "live" and not row["by_dump"] and row["observed"]]
    lost = sum(row["way_back"] is None or row["way_back"]["word"] == "lost" for row in live)
    if not live:
        return []
    return [{"what": "ways back lost", "value": lost, "word": f"of {len(live)} live members",
             "tone": "high" if lost else "good"}]  # fmt: skip


def attention(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Everything that is in the way of any member, the gravest first."""
    found = [{"member": row["name"], "state": row["state"], **each} for row in rows for each in row["blockers"]]
    return sorted(found, key=lambda each: SEVERITIES.index(each["severity"]))


def lines(rows: Sequence[Row]) -> list[str]:
    """A line for each member, for whoever looks at a terminal."""
    said = []
    for row in rows:
        back = f"way back {row['way_back']['word']} {row['way_back']['room']}".rstrip() if row["way_back"] else ""
        parts = [row["state"], row["lag"], back]
        ways = [f"{each['reason']} {each['cure']}" for each in row["blockers"]]
        said.append(f"{row['name']}: {', '.join(part for part in parts if part)}{'. ' if ways else ''}{' '.join(ways)}")
    return said


def metrics(rows: Sequence[Row]) -> str:
    """Prometheus' text format; a value that is not known is left out."""
    found: dict[str, tuple[str, list[tuple[Row, dict[str, str], Any]]]] = {
        "lag_bytes": ("How far the side that follows is behind.", []),
        "catch_up_seconds": ("When the side that follows will have caught up.", []),
        "slot_used_ratio": ("Share of what a slot may keep back that it keeps.", []),
        "slot_lost": ("Whether a slot is lost: forward the copy must be made anew, back there is no way.", []),
        "source_answers": ("Whether the member's legacy host answered.", []),
        "diverged": ("Whether only a new copy leads on.", []),
        "copied_bytes": ("Of a seed under way, the bytes that the part under way has done.", []),
        "copy_bytes": ("Of a seed under way, the bytes of its tables.", []),
    }
    for row in rows:
        for name, more, value in _values(row) if row["observed"] else ():
            if value is not None:
                found[name][1].append((row, more, value))
    texts = []
    for name, (text, values) in found.items():
        metric = f"erpops_wave_member_{name}"
        texts += [f"# HELP {metric} {text}", f"# TYPE {metric} gauge"]
        texts += [f"{metric}{_labels(row, more)} {value}" for row, more, value in values]
    return "\n".join(texts) + "\n"


def _values(row: Row) -> list[tuple[str, dict[str, str], Any]]:
    seen, live = row["observed"], row["state"] == "live"
    direction = {"direction": "back" if live else "forward"}
    slot, copy = (seen["way_back"] if live else seen["lag"]), seen["copy"] or {}
    known = slot is not None or not (seen["target_problem"] if live else seen["source_problem"])
    followed = row["state"] in ("following", "diverged", "live") and not row["by_dump"]
    slot = slot or {}
    used = slot.get("used_percent")
    return [
        ("lag_bytes", direction, slot.get("lag_bytes")),
        ("catch_up_seconds", direction, slot.get("catch_up_seconds")),
        ("slot_used_ratio", direction, None if used is None else round(used / 100, 4)),
        ("slot_lost", direction, int(slot.get("lost", True)) if followed and known else None),
        ("source_answers", {}, int(not seen["source_problem"])),
        ("diverged", {}, int(bool(seen["diverged"]) or row["state"] == "diverged") if followed and not live else None),
        ("copied_bytes", {"part": copy.get("part", "")}, copy.get("bytes")),
        ("copy_bytes", {}, copy.get("bytes_total")),
    ]


def _labels(row: Row, more: Mapping[str, str]) -> str:
    labels = {"member": row["name"], "wave": str(row["wave"] or ""), **more}
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}"
