# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far the members are: forecast against what was measured, what is in the way, and the same as metrics. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.ledger.model import Lock
from ansible_collections.erpops.odoo.plugins.module_utils.ledger.record import age
from ansible_collections.erpops.odoo.plugins.module_utils.wave import performance, states, timeline, watched
from ansible_collections.erpops.odoo.plugins.module_utils.wave.model import Member

WIDTH = 1120
STALE_SECONDS = 24 * 3600
# The timings that verbs measure, and the forecast of the plan that each is held against (minutes).
TIMINGS = {"seed": "copy_minutes", "rehearsal": "cutover_minutes", "cutover": "cutover_minutes"}


def report(
    members: Mapping[str, Member],
    locks: Mapping[str, Lock],
    history: Sequence[Mapping[str, Any]],
    now: datetime,
    measured: Mapping[str, Mapping[str, Any]] | None = None,
    counters: Mapping[str, Mapping[str, Any]] | None = None,
    seen: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """The values of the page, and of whoever reads the result.

    history: the ledger's entries, latest first. measured: what app hosts say of requests, by member.
    counters: what PostgreSQL counts, by member. seen: what a look at both sides showed, by member.
    """
    asked, counted, looked = measured or {}, counters or {}, seen or {}
    rows = [
        {
            **_row(member, locks.get(name), now, looked.get(name)),
            "performance": performance.compared(member, asked.get(name), counted.get(name)),
        }
        for name, member in members.items()
    ]
    return {
        "at": f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "members": rows,
        "tiles": [*_tiles(rows), *watched.tiles(rows)],
        "attention": watched.attention(rows),
        "parts": _parts(rows),
        "history": [_event(entry) for entry in history],
        "said": watched.lines(rows),
    }


def _row(member: Member, lock: Lock | None, now: datetime, seen: Mapping[str, Any] | None) -> dict[str, Any]:
    plan = member.facts.get("plan") or {}
    found = [*blockers(member, lock, now, seen or {}), *(seen or {}).get("findings", ())]
    return {
        "name": member.name,
        "host": member.host,
        "database": member.database,
        "state": member.state,
        "by_dump": bool((member.facts.get("prepare") or {}).get("by_dump")),
        "wave": member.wave,
        "planned": str(plan.get("start") or ""),
        "since": member.since,
        "serves": states.who_serves(member.state, member.origin),
        "tone": watched.tone(seen) or _tone(member),
        "timings": timings(member),
        "cutover": _said(timings(member)),
        "timelines": _timelines(member),
        "tried": _tried(member),
        "outside": _outside(member),
        "hostnames": member.facts.get("hostnames"),
        "left": [str(each) for each in member.facts.get("left") or ()],
        "blockers": found,
        "observed": watched.kept(seen),
        "lag": watched.lag(member.state, seen),
        "way_back": watched.way_back(seen),
        "next_verbs": list(states.next_verbs(member.state)),
        "lock": {"owner": lock.owner, "playbook": lock.playbook, "operation": lock.operation, "since": lock.since}
        if lock
        else None,
    }


def _timelines(member: Member) -> list[dict[str, Any]]:
    """Of the last cutover and of the last rollback, where there were any."""
    found = [(verb, timeline.drawn(member.facts.get(verb))) for verb in ("cutover", "rollback")]
    return [{"verb": verb, **drawn} for verb, drawn in found if drawn]


def _outside(member: Member) -> dict[str, Any] | None:
    """What the target told the world before the last rollback: since, and kinds, None where they are not known."""
    fact = member.facts.get("rollback")
    if not isinstance(fact, Mapping) or "outside" not in fact or (fact["outside"] == [] and not fact["live_since"]):
        return None
    return {"at": str(fact.get("at") or ""), "since": fact["live_since"], "kinds": fact["outside"]}


def _tried(member: Member) -> list[dict[str, Any]]:
    """What the last rehearsal tried that ended, and the cutover: how many probes passed, and each that did not."""
    rehearsals = [each for each in member.facts.get("rehearsals") or () if each.get("probes")]
    facts = [("rehearsal", rehearsals[-1] if rehearsals else None), ("cutover", member.facts.get("cutover"))]
    return [
        {
            "what": what,
            "at": str(fact.get("at") or ""),
            "updated": list(fact.get("updated") or ()),
            "total": len(fact["probes"]),
            "passed": sum(probe["status"] == "ok" for probe in fact["probes"]),
            "others": [probe for probe in fact["probes"] if probe["status"] != "ok"],
        }
        for what, fact in facts
        if isinstance(fact, Mapping) and fact.get("probes")
    ]


def timings(member: Member) -> dict[str, dict[str, float | None]]:
    """Seconds that were measured and forecast, for each timing of which either is known."""
    plan = member.facts.get("plan") or {}
    found = {}
    for name, forecast in TIMINGS.items():
        fact = member.facts.get(name)
        actual = fact.get("seconds") if isinstance(fact, Mapping) else None
        minutes = plan.get(forecast)
        if actual is not None or minutes is not None:
            found[name] = {"actual": actual, "forecast": None if minutes is None else minutes * 60.0}
    return found


def _said(measured: Mapping[str, Mapping[str, float | None]]) -> str:
    for name in ("cutover", "rehearsal"):
        actual, forecast = (measured.get(name, {}).get(key) for key in ("actual", "forecast"))
        if actual is not None:
            against = f", forecast {age(int(forecast))}" if forecast is not None else ""
            return f"{name} {age(int(actual))}{against}"
    forecast = measured.get("cutover", {}).get("forecast")
    return f"forecast {age(int(forecast))}" if forecast is not None else ""


def blockers(member: Member, lock: Lock | None, now: datetime, seen: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """What keeps the member from its next verb as the store knows it, each with its cure."""
    if member.state in states.RUNNING and lock is None:
        verb = " or ".join(verb for verb in states.VERBS if states.resumes(verb, member.state))
        yield _blocker(f"A run of {verb} ended in between.", f"Run {verb} again.", verb)
    if lock is not None and lock.age_seconds > STALE_SECONDS:
        yield _blocker(
            f"Its lock is held by {lock.owner} for {age(lock.age_seconds)}.",
            f'If that run is dead, use wave_break_locks=["{member.name}"].',
        )
    if member.state == "diverged" and not seen.get("diverged"):  # else what was seen is said
        yield _blocker(
            "Only a new copy leads on, for the reason that the last run gave.", "Run wave_seed.", "wave_seed"
        )
    if states.who_serves(member.state, member.origin) == "nobody":
        yield _blocker("Nobody serves its users now.", "The run that is under way ends that; else run it again.")
    if states.who_serves(member.state, member.origin) == "source":
        yield from _hostnames(member)
    start = str((member.facts.get("plan") or {}).get("start") or "")
    if start and member.state not in states.ON_TARGET and _past(start, now):
        yield _blocker("Its planned start has passed.", "Run its next verb, or plan it anew.", severity="medium")


def _blocker(reason: str, cure: str, verb: str = "", severity: str = "high") -> dict[str, str]:
    return {"reason": reason, "cure": cure, "verb": verb, "severity": severity}


def _hostnames(member: Member) -> Iterator[dict[str, str]]:
    """What gate hostname would say, if nothing has changed since wave_prepare looked."""
    fact = member.facts.get("hostnames") or {}
    for each in fact.get("found") or ():
        if each["level"] != "ok":
            reason = f"Hostname {each['hostname']}, as of {fact['at']}: {each['evidence']}."
            yield _blocker(reason, each["cure"], severity="medium")


def _past(start: str, now: datetime) -> bool:
    try:
        begun = datetime.fromisoformat(start)
    except ValueError:
        return False
    return begun.replace(tzinfo=begun.tzinfo or UTC) < now


def _tone(member: Member) -> str:
    if states.who_serves(member.state, member.origin) == "target":
        return "good"
    return {"nobody": "high", "source": "low"}[states.who_serves(member.state, member.origin)]


def _tiles(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    moved = sum(row["serves"] == "target" for row in rows)
    without = sum(row["serves"] == "nobody" for row in rows)
    blocked = sum(bool(row["blockers"]) for row in rows)
    ready = sum(row["state"] == "following" and not row["blockers"] for row in rows)
    return [
        {
            "what": "served by the target",
            "value": moved,
            "word": f"of {len(rows)} members",
            "tone": "good" if moved else "",
        },
        {
            "what": "committed",
            "value": sum(row["state"] == "committed" for row in rows),
            "word": "no way back",
            "tone": "",
        },
        {
            "what": "following",
            "value": sum(row["state"] == "following" for row in rows),
            "word": f"{ready} with nothing in the way",
            "tone": "",
        },
        {"what": "served by nobody", "value": without, "word": "right now", "tone": "high" if without else "good"},
        {"what": "something in the way", "value": blocked, "word": "members", "tone": "medium" if blocked else "good"},
    ]


def _parts(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A bar of all members, in the order of the states."""
    parts, x = [], 4
    for state in states.STATES:
        count = sum(row["state"] == state for row in rows)
        if count:
            width = max(4, round(WIDTH * count / len(rows)))
            serves = next(row["serves"] for row in rows if row["state"] == state)
            tone = {"target": "target", "nobody": "moving"}.get(serves, "source")
            parts.append({"state": state, "count": count, "x": x, "width": width, "tone": tone})
            x += width
    return parts


def _event(entry: Mapping[str, Any]) -> dict[str, Any]:
    content = entry["content"]
    return {
        "at": str(entry["at"])[:19].replace("T", " "),
        "member": content["member"],
        "verb": content["verb"] or f"noted {', '.join(content.get('facts') or {})}",
        "from": content["from"],
        "to": content["to"],
        "owner": content["owner"],
        "broke": (content.get("broken") or {}).get("owner", ""),
    }


def metrics(rows: Sequence[Mapping[str, Any]], now: datetime) -> str:
    """Prometheus' text format."""
    lines = ["# HELP erpops_wave_members Members of waves by state.", "# TYPE erpops_wave_members gauge"]
    lines += [
        f'erpops_wave_members{{state="{state}"}} {sum(row["state"] == state for row in rows)}'
        for state in states.STATES
    ]
    lines += ["# HELP erpops_wave_member_served Whether somebody serves the member's users.",
              "# TYPE erpops_wave_member_served gauge"]  # fmt: skip
    lines += [
        f"erpops_wave_member_served{_labels(row, by=row['serves'])} {int(row['serves'] != 'nobody')}" for row in rows
    ]
    lines += ["# HELP erpops_wave_member_state_seconds How long a member is in its state.",
              "# TYPE erpops_wave_member_state_seconds gauge"]  # fmt: skip
    lines += [f"erpops_wave_member_state_seconds{_labels(row, state=row['state'])} {_seconds_since(row['since'], now)}"
              for row in rows]  # fmt: skip
    lines += [
        "# HELP erpops_wave_member_blockers What is in a member's way.",
        "# TYPE erpops_wave_member_blockers gauge",
    ]
    lines += [f"erpops_wave_member_blockers{_labels(row)} {len(row['blockers'])}" for row in rows]
    for kind, text in (("actual", "Measured"), ("forecast", "Planned")):
        name = f"erpops_wave_member_{kind}_seconds"
        lines += [f"# HELP {name} {text} duration of a part of a member's way.", f"# TYPE {name} gauge"]
        lines += [
            f"{name}{_labels(row, part=part)} {pair[kind]}"
            for row in rows
            for part, pair in row["timings"].items()
            if pair[kind] is not None
        ]
    lines += _request_metrics(rows)
    return "\n".join(lines) + "\n"


def _request_metrics(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    seconds, count = "erpops_wave_member_request_seconds", "erpops_wave_member_requests"
    known = [
        (row, when, row["performance"][when]["requests"])
        for row in rows
        for when in ("before", "after")
        if row["performance"] and row["performance"][when]
    ]
    lines = [
        f"# HELP {seconds} Duration of a member's requests before and after its cutover.",
        f"# TYPE {seconds} gauge",
    ]
    lines += [
        f"{seconds}{_labels(row, when=when, quantile=quantile)} {side[name]}"
        for row, when, side in known
        for quantile, name in (("0.5", "p50_seconds"), ("0.95", "p95_seconds"))
    ]
    lines += [f"# HELP {count} Requests that were measured before and after the cutover.", f"# TYPE {count} gauge"]
    return lines + [f"{count}{_labels(row, when=when)} {side['count']}" for row, when, side in known]


def _labels(row: Mapping[str, Any], **more: str) -> str:
    labels = {"member": row["name"], "wave": str(row["wave"] or ""), **more}
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}"


def _seconds_since(text: str, now: datetime) -> int:
    return max(0, int((now - datetime.fromisoformat(text)).total_seconds())) if text else 0
