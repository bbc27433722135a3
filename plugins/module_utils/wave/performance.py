# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast a member's users were answered on its legacy host and are on the target; both measured alike. Pure.

Durations are Odoo's own, from its log: without the network and the proxies before it, on both sides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.discovery.host import log
from ansible_collections.erpops.odoo.plugins.module_utils.discovery.records import Record, groups, section
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.model import web_service
from ansible_collections.erpops.odoo.plugins.module_utils.wave import states, statistics
from ansible_collections.erpops.odoo.plugins.module_utils.wave.model import Member

DURATIONS = ("count", "p50_seconds", "p95_seconds", "most_seconds")
BUSIEST, SLOWEST = 10, 5  # paths of the baseline that are compared
ENOUGH = 20  # requests on each side, below which nothing is said
ENOUGH_FOR_P95 = 100  # the five slowest of so many; below it one request decides
FACTOR = 1.25  # what is less apart, or less than this many seconds, is as before
SECONDS = 0.02  # two hundredths: below it nobody notices
TOO_FEW, SLOWER, FASTER, AS_BEFORE = "too few requests to tell", "slower", "faster", "as before"
OTHERS = "other requests than before"  # all together say nothing; each path does


def baseline(discovery: Mapping[str, Any], database: str) -> dict[str, Any] | None:
    """What the store keeps of a host's discovery, so that it outlives the folder; None where the log has nothing.

    from, to: of the host's logs, in their own time zone. requests: of the database. routes: its busiest and slowest.
    """
    found = discovery.get("performance") or {}
    own = [each for each in found.get("sums") or () if each["database"] == database]
    if not own:
        return None
    paths = {
        (each["method"], each["path"]): each
        for each in (*found["requests"], *found["slowest"])
        if each["database"] == database
    }
    busiest = sorted(paths, key=lambda path: -paths[path]["count"])[:BUSIEST]
    slowest = sorted(paths, key=lambda path: -paths[path]["p95_seconds"])[:SLOWEST]
    return {
        "at": discovery.get("collected_at"),
        "from": min((each["from"] for each in found["spans"]), default=None),
        "to": max((each["to"] for each in found["spans"]), default=None),
        "errors": found["errors"].get(database, 0),
        "requests": _durations(max(own, key=lambda each: each["count"])),
        "routes": [_route(paths[path]) for path in dict.fromkeys([*busiest, *slowest])],
    }


def _durations(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: values[name] for name in DURATIONS}


def _route(values: Mapping[str, Any]) -> dict[str, Any]:
    return {"method": values["method"], "path": values["path"], **_durations(values)}


def serving_since(members: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """The unit of each member that the target serves, and when it was cut over (Unix time)."""
    return {
        web_service(member["name"]): _unix(member["facts"]["cutover"]["at"])
        for member in members
        if member["state"] in states.ON_TARGET and (member["facts"].get("cutover") or {}).get("at")
    }


def _unix(text: str) -> int:
    at = datetime.fromisoformat(text)
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())


def measured(host: str, found: Sequence[Record]) -> dict[str, dict[str, Any]]:
    """The shape of ``baseline`` by member, with the app host; of a unit's log only what is of the member's database."""
    first, last = web_service("{}").split("{}")
    answers = {}
    for head, own in groups(section(found, "performance"), "log"):
        name, summed = head.body.removeprefix(first).removesuffix(last), log(head, own)
        sums = [each for each in summed["sums"] if each["database"] == name]
        if sums and summed["span"]:
            answers[name] = {
                "host": host,
                "from": summed["span"]["from"],
                "to": summed["span"]["to"],
                "errors": summed["errors"].get(name, 0),
                "requests": _durations(sums[0]),
                "routes": [_route(each) for each in summed["requests"] if each["database"] == name],
            }
    return answers


def merged(results: Iterable[Mapping[str, Mapping[str, Any]]]) -> dict[str, Mapping[str, Any]]:
    """Of several app hosts: a member that was moved between them is taken from where it has answered most."""
    answers: dict[str, Mapping[str, Any]] = {}
    for result in results:
        for name, each in result.items():
            if name not in answers or answers[name]["requests"]["count"] < each["requests"]["count"]:
                answers[name] = each
    return answers


def compared(
    member: Member, after: Mapping[str, Any] | None, counters: Mapping[str, Any] | None = None
) -> dict[str, Any] | None:
    """Both sides of a member that the target serves; None for others.

    missing: what is not known, as a sentence. before, after: of all requests. routes: of the baseline, with both.
    counters: what PostgreSQL counts on the target now.
    """
    if member.state not in states.ON_TARGET:
        return None
    known, cutover = member.facts.get("discovery") or {}, member.facts.get("cutover") or {}
    before = known.get("performance")
    answer = {
        "missing": _missing(member, before, after),
        "before": _whole(before),
        "after": _whole(after),
        **judged(before and before["requests"], after and after["requests"]),
        "routes": [],
        "statistics": statistics.compared(known.get("statistics"), cutover.get("statistics"), counters),
    }
    if before and after:
        there = {(each["method"], each["path"]): each for each in after["routes"]}
        for route in before["routes"]:
            now = there.get((route["method"], route["path"]))
            answer["routes"].append(
                {
                    "method": route["method"],
                    "path": route["path"],
                    "before": _durations(route),
                    "after": _durations(now) if now else None,
                    **judged(route, now),
                }
            )
        if answer["verdict"] != TOO_FEW and not _alike(answer):
            answer["verdict"] = OTHERS
    return answer


def _alike(answer: Mapping[str, Any]) -> bool:
    """Whether most requests of each side are of paths that both sides have enough of."""
    pairs = [(each["before"]["count"], each["after"]["count"]) for each in answer["routes"] if each["after"]]
    enough = [pair for pair in pairs if min(pair) >= ENOUGH]
    return all(
        2 * sum(pair[side] for pair in enough) >= answer[name]["requests"]["count"]
        for side, name in enumerate(("before", "after"))
    )


def _whole(side: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return {name: side[name] for name in ("from", "to", "errors", "requests")} if side else None


def _missing(member: Member, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> str:
    said = []
    if not before:
        said.append(
            f"There is no baseline: when {member.host} was discovered, its logs had no request of this database."
        )
    if not (member.facts.get("cutover") or {}).get("at"):
        said.append("The store does not know when it was cut over.")
    elif not after:
        said.append("No app host that answered has a request of it in its journal since the cutover.")
    return " ".join(said)


def judged(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> dict[str, Any]:
    """ratio: of the durations that half do not exceed, and of p95; after by before. verdict: in words."""
    if before is None or after is None:
        return {"ratio": None, "ratio_p95": None, "verdict": TOO_FEW if before or after else ""}
    ratios = {name: _ratio(before[name], after[name]) for name in ("p50_seconds", "p95_seconds")}
    return {"ratio": ratios["p50_seconds"], "ratio_p95": ratios["p95_seconds"], "verdict": _verdict(before, after)}


def _ratio(before: float, after: float) -> float | None:
    return round(after / before, 2) if before else None


def _verdict(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    fewest = min(before["count"], after["count"])
    if fewest < ENOUGH:
        return TOO_FEW
    names = ["p50_seconds"] + (["p95_seconds"] if fewest >= ENOUGH_FOR_P95 else [])
    if any(_apart(before[name], after[name]) for name in names):
        return SLOWER
    return FASTER if any(_apart(after[name], before[name]) for name in names) else AS_BEFORE


def _apart(less: float, more: float) -> bool:
    return more > less * FACTOR and more - less > SECONDS
