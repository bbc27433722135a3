# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a look at a member's two sides means to who operates it: lag, what is left, what is in the way. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.ledger.record import age
from ansible_collections.erpops.odoo.plugins.module_utils.replication.copying import copying
from ansible_collections.erpops.odoo.plugins.module_utils.replication.model import Member
from ansible_collections.erpops.odoo.plugins.module_utils.report.page import size

NEAR_BYTES = 1_048_576  # the default of wave_move_lag_bytes
FILLING_PERCENT = 50  # of what a slot may keep back
NAMED = 3  # of many reasons, on a page
HIGH, MEDIUM = "high", "medium"
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A member on its way. run: the playbook that holds its lock, which may rest what follows; or empty."""

    member: Member
    host: str
    state: str
    by_dump: bool = False
    run: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one server says of many members at one moment. slots, subscriptions: by their name."""

    at: float  # by a clock of this host that only goes on
    slots: Mapping[str, Row] = field(default_factory=dict)
    subscriptions: Mapping[str, Row] = field(default_factory=dict)
    databases: Mapping[str, int] = field(default_factory=dict)  # their bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Two readings of one server, or why there are none."""

    first: Reading | None = None
    last: Reading | None = None
    problem: str = ""

    def slot(self, name: str, follower: Server) -> dict[str, Any] | None:
        """follower: the server with the subscription of the same name."""
        if self.first is None or self.last is None:
            return None
        return _slot(_moments(self, name, follower))

    def subscription(self, name: str) -> dict[str, Any] | None:
        if self.first is None or self.last is None or name not in self.last.subscriptions:
            return None
        row, before = self.last.subscriptions[name], self.first.subscriptions.get(name) or {}
        errors = max(0, row["errors"] - before.get("errors", row["errors"]))
        return {**{key: row[key] for key in ("enabled", "running", "message_at")}, "errors": errors}


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What only the member's own databases tell.

    diverged: why only a new copy leads on. differences: of the schemas of a member that the target serves. waiting:
    tables of the subscription that are not ready. copy: of a seed under way, what both sides say (``COPIES``).
    """

    diverged: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()
    waiting: int = 0
    copy: tuple[Row, Row | None] | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in a member's way. verb: what leads on, where it is a verb."""

    reason: str
    cure: str
    verb: str = ""
    severity: str = HIGH


def seen(
    watched: Watched, source: Server, target: Server, details: Details, unkept: Mapping[str, str]
) -> dict[str, Any]:
    """unkept: standbys of the target that do not keep the member's way back, each with why."""
    member, live = watched.member, watched.state == "live"
    back = target.slot(member.back, source) if live and not watched.by_dump else None
    value: dict[str, Any] = {
        "source_problem": source.problem,
        "target_problem": target.problem,
        "problem": details.problem,
        "lag": None if live or watched.by_dump else source.slot(member.forward, target),
        "subscription": (source.subscription(member.back) if live else target.subscription(member.forward)),
        "tables_waiting": details.waiting,
        "copy": copying(details.copy) if details.copy else None,
        "way_back": {**back, "without": sorted(unkept)} if back else None,
        "diverged": list(details.diverged),
        "differences": list(details.differences),
    }
    rules = _of_live if live else _of_following if watched.state in ("following", "diverged") else _of_others
    found = [*_silent(watched, value), *rules(watched, value, unkept)]
    return {**value, "findings": [asdict(each) for each in found]}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moments:
    """A slot and its subscription, twice. seconds, other_seconds: between the readings of either server."""

    before: Row | None
    row: Row | None
    seconds: float
    applied_before: int | None
    applied: int | None
    other_seconds: float


def _moments(server: Server, name: str, follower: Server) -> _Moments:
    first, last = server.first or Reading(at=0), server.last or Reading(at=0)
    other_first, other_last = follower.first or Reading(at=0), follower.last or Reading(at=0)
    return _Moments(
        before=first.slots.get(name),
        row=last.slots.get(name),
        seconds=last.at - first.at,
        applied_before=(other_first.subscriptions.get(name) or {}).get("applied"),
        applied=(other_last.subscriptions.get(name) or {}).get("applied"),
        other_seconds=other_last.at - other_first.at,
    )


def _slot(moments: _Moments) -> dict[str, Any] | None:
    before, row = moments.before, moments.row
    if row is None:
        return None
    limit = row["limit_mb"] * 1_048_576 if row["limit_mb"] is not None and row["limit_mb"] >= 0 else None
    kept = row["kept_bytes"]
    lag, left = _lag(moments, row)
    return {
        "active": row["active"],
        "lost": row["lost"],
        "lag_bytes": lag,
        "catch_up_seconds": left,
        "kept_bytes": kept,
        "limit_bytes": limit,
        "used_percent": round(100 * kept / limit, 1) if limit and kept is not None else None,
        "full_seconds": _full(before["kept_bytes"] if before else None, kept, limit, moments.seconds),
    }


def _lag(moments: _Moments, row: Row) -> tuple[int | None, int | None]:
    """Bytes that are not applied, and when they will be: None where that is not known, as the lag does not shrink.

    What a subscriber has applied is ahead of what it has confirmed while it has much to do; when it has little it is
    the other way round, since what is not for it is confirmed alone.
    """
    if row["confirmed"] is None:
        return None, None
    ways = [(row["confirmed"], (moments.before or {}).get("confirmed"), moments.seconds)]
    if moments.applied is not None:
        ways.append((moments.applied, moments.applied_before, moments.other_seconds))
    position, earlier, seconds = max(ways, key=lambda way: way[0])
    lag = max(0, row["written"] - position)
    if lag <= NEAR_BYTES:
        return lag, 0
    if moments.before is None or earlier is None or moments.seconds <= 0 or seconds <= 0:
        return lag, None
    nearer = (position - earlier) / seconds - (row["written"] - moments.before["written"]) / moments.seconds
    return lag, round(lag / nearer) if nearer > 0 else None


def _full(before: int | None, kept: int | None, limit: int | None, seconds: float) -> int | None:
    """When a slot has kept back all that it may, at the rate between both readings."""
    if before is None or kept is None or limit is None or kept <= before or seconds <= 0:
        return None
    return max(0, round((limit - kept) * seconds / (kept - before)))


def _silent(watched: Watched, value: Row) -> Iterator[Finding]:
    if value["target_problem"]:
        yield Finding(value["target_problem"], "Nothing is known of the target; bring it back.")
    if value["source_problem"] and watched.state != "live":
        yield Finding(
            f"Its legacy host {watched.host} does not answer: {value['source_problem']}",
            f"Bring it back, or its tunnel (erpops-source-{watched.host}.service on each PostgreSQL host); it is"
            " followed again by itself.",
        )
    if value["problem"] and watched.state != "seeding":  # whose copy is renamed, and locked while indexes are made
        yield Finding(
            f"It could not be read: {value['problem']}", "Look again; the rest of the page holds.", "", MEDIUM
        )


def _of_following(watched: Watched, value: Row, _unkept: Mapping[str, str]) -> Iterator[Finding]:
    if value["diverged"]:
        anew = "Run wave_seed, which copies it anew."
        yield Finding(f"It has diverged: {_first(value['diverged'])}.", anew, "wave_seed")
    if value["diverged"] or watched.by_dump or value["target_problem"]:
        return
    yield from _not_following(watched, value)
    yield from _behind(value["lag"], value["subscription"])


def _not_following(watched: Watched, value: Row) -> Iterator[Finding]:
    """A rehearsal rests the subscription for a while, so under a run nothing is said of that."""
    subscription, slot = value["subscription"], value["lag"]
    if watched.run:
        return
    if subscription is None:
        yield Finding("The target does not follow it: its subscription is gone.",
                      "Run wave_seed, which copies it anew.", "wave_seed")  # fmt: skip
    elif not subscription["enabled"]:
        yield Finding("Its subscription on the target is disabled, so that nothing is followed.",
                      "Run wave_seed, which goes on following it.", "wave_seed")  # fmt: skip
    elif subscription["errors"]:
        yield Finding(
            f"Its changes cannot be applied ({subscription['errors']} errors while it was looked at).",
            "The target's server log says why. Run wave_seed, which copies it anew.", "wave_seed",
        )  # fmt: skip
    elif not value["source_problem"] and (not subscription["running"] or (slot and not slot["active"])):
        yield Finding(
            "Nobody follows it at the moment, though its subscription is enabled.",
            "It tries again every five seconds; if this stays, the target's server log says why.", "wave_seed", MEDIUM,
        )  # fmt: skip


def _behind(slot: Row | None, subscription: Row | None) -> Iterator[Finding]:
    if slot is None:
        return
    late = slot["lag_bytes"] is not None and slot["lag_bytes"] > NEAR_BYTES and slot["catch_up_seconds"] is None
    if late and slot["active"] and subscription and subscription["running"]:
        yield Finding(
            f"It is {size(slot['lag_bytes'])} behind, and came no nearer while it was looked at.",
            "Look again; if it stays, the target is too slow for what the source writes.", "", MEDIUM,
        )  # fmt: skip
    if slot["used_percent"] is not None and slot["used_percent"] >= FILLING_PERCENT:
        yield Finding(
            f"Its slot on the source keeps back {_kept(slot)}; then it is lost.",
            "Let it be followed again before; a lost slot needs a new copy (wave_seed).", "", MEDIUM,
        )  # fmt: skip


def _of_live(watched: Watched, value: Row, unkept: Mapping[str, str]) -> Iterator[Finding]:
    if watched.by_dump or value["target_problem"]:
        return
    slot, name = value["way_back"], watched.member.back
    stay = "Its writes since the cutover are on the target alone: stay there, and run wave_commit."
    if slot is None or slot["lost"]:
        word = "gone" if slot is None else "lost, since the source did not follow for longer than it keeps log"
        yield Finding(f"There is no way back: wave_rollback is refused, as slot {name} is {word}.", stay, "wave_commit")
        return
    yield from _back_rests(watched, value, slot)
    if value["differences"]:
        yield Finding(
            f"wave_rollback is refused: the schemas differ ({_first(value['differences'])}).",
            "Change the source's schema alike, or stay.",
        )  # fmt: skip
    if slot["used_percent"] is not None and slot["used_percent"] >= FILLING_PERCENT:
        yield Finding(
            f"Its way back keeps {_kept(slot)}; then it is lost, and wave_rollback is refused.",
            "Bring the legacy host back, run wave_rollback, or decide to stay.",
        )  # fmt: skip
    for host, why in sorted(unkept.items()):
        yield Finding(f"Standby {host} does not keep its way back: {why}.",
                      "Until it does, a failover to it takes the way back along.", "", MEDIUM)  # fmt: skip


def _back_rests(watched: Watched, value: Row, slot: Row) -> Iterator[Finding]:
    until = f"its slot on the target keeps {_kept(slot)}, and wave_rollback is refused once that is lost"
    if value["source_problem"]:
        yield Finding(
            f"Its legacy host {watched.host} does not answer ({value['source_problem']}); {until}.",
            "Bring it back, and it follows by itself; or decide to stay.",
        )  # fmt: skip
        return
    followed = value["subscription"]
    if watched.run or (followed and followed["enabled"] and followed["running"] and slot["active"]):
        return
    rests = "gone" if followed is None else "disabled" if not followed["enabled"] else "not connected"
    yield Finding(
        f"Its source does not follow the target (subscription {watched.member.back} there is {rests}); {until}.",
        "Its server log on the legacy host says why." if rests == "not connected" else "Enable it there, or stay.",
    )  # fmt: skip


def _of_others(_watched: Watched, _value: Row, _unkept: Mapping[str, str]) -> Iterator[Finding]:
    """Between two states a run is at work, which says what it meets."""
    yield from ()


def _first(reasons: Sequence[str]) -> str:
    more = f"; and {len(reasons) - NAMED} more" if len(reasons) > NAMED else ""
    return "; ".join(reasons[:NAMED]) + more


def _kept(slot: Row) -> str:
    """``3.1 GB of 16.0 GB (19.4 %, full in 4 hours at the present rate)``."""
    kept = size(slot["kept_bytes"])
    if slot["limit_bytes"] is None:
        return f"{kept} without limit"
    rate = f", full in {age(slot['full_seconds'])} at the present rate" if slot["full_seconds"] is not None else ""
    return f"{kept} of {size(slot['limit_bytes'])} ({slot['used_percent']} %{rate})"


def standbys(kept: Mapping[str, Sequence[str] | str], name: str) -> dict[str, str]:
    """Of what standbys said they keep (or why they did not say), those without a slot, each with why."""
    without = {}
    for host, slots in kept.items():
        if isinstance(slots, str):
            without[host] = slots
        elif name not in slots:
            without[host] = "the slot is not there, or for a while only"
    return without
