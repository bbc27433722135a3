# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What two readings of both servers mean: how fast the target comes nearer, and what is in a member's way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.replication import observed
from ansible_collections.erpops.odoo.plugins.module_utils.replication.copying import copying
from ansible_collections.erpops.odoo.plugins.module_utils.replication.model import Member
from ansible_collections.erpops.odoo.plugins.module_utils.replication.observed import Details, Reading, Server, Watched

MB = 1_048_576
ACME = Watched(member=Member(name="acme", database="acme_prod"), host="legacy1", state="following")
LIVE = replace(ACME, state="live")
FORWARD, BACK = ACME.member.forward, ACME.member.back


def slot(
    lag: int | None = 0, kept: int = 0, *, active: bool = True, lost: bool = False, limit: int | None = 1024,
    written: int = 5000 * MB,
) -> Any:  # fmt: skip
    confirmed = None if lag is None else written - lag
    return {"active": active, "lost": lost, "written": written, "confirmed": confirmed, "kept_bytes": kept,
            "limit_mb": limit}  # fmt: skip


def subscription(*, enabled: bool = True, running: bool = True, errors: int = 0, applied: int | None = None) -> Any:
    return {"enabled": enabled, "running": running, "message_at": "2026-11-30T08:00:00Z", "errors": errors,
            "applied": applied}  # fmt: skip


def server(first: dict[str, Any], last: dict[str, Any] | None = None) -> Server:
    """Four seconds between both readings; a name with ``subscription`` is one, others are slots."""

    def reading(at: float, rows: dict[str, Any]) -> Reading:
        return Reading(
            at=at,
            slots={name: row for name, row in rows.items() if "written" in row},
            subscriptions={name: row for name, row in rows.items() if "enabled" in row},
        )

    return Server(first=reading(10.0, first), last=reading(14.0, first if last is None else last))


FOLLOWED = server({FORWARD: subscription()})
NEAR = server({FORWARD: slot()})


def seen(
    watched: Watched, source: Server, target: Server, details: Details | None = None, **unkept: str
) -> dict[str, Any]:
    return observed.seen(watched, source, target, details or Details(), unkept)


def said(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["reason"], each["verb"]) for each in found["findings"]]


@pytest.mark.parametrize(
    ("before", "after", "seconds"),
    [
        (80 * MB, 40 * MB, 4),  # 10 MB in a second
        (41 * MB, 40 * MB, 160),
        (40 * MB, 40 * MB, None),
        (40 * MB, 80 * MB, None),
        (None, 40 * MB, None),
        (40 * MB, None, None),
        (0, MB, 0),  # as near as a seed counts as done
        (MB, MB + 1, None),
    ],
)
def test_when_a_target_will_have_caught_up(before: int | None, after: int | None, seconds: int | None) -> None:
    source = server({FORWARD: slot(before)}, {FORWARD: slot(after)})
    assert seen(ACME, source, FOLLOWED)["lag"]["catch_up_seconds"] == seconds


def test_what_was_applied_counts_before_it_is_confirmed() -> None:
    """A subscriber with much to do confirms nothing for a long time."""
    source = server({FORWARD: slot(80 * MB)}, {FORWARD: slot(84 * MB, written=5004 * MB)})
    target = server({FORWARD: subscription(applied=4930 * MB)}, {FORWARD: subscription(applied=4954 * MB)})
    found = seen(ACME, source, target)["lag"]
    assert (found["lag_bytes"], found["catch_up_seconds"]) == (50 * MB, 10), "6 MB/s applied, 1 MB/s written"


def test_what_was_confirmed_counts_where_nothing_was_to_be_applied() -> None:
    """Of a server where others write, there is nothing to apply, and its origin stays where it was."""
    target = server({FORWARD: subscription(applied=4000 * MB)})
    found = seen(ACME, NEAR, target)
    assert (found["lag"]["lag_bytes"], found["lag"]["catch_up_seconds"], found["findings"]) == (0, 0, [])


def test_a_slot_that_was_made_in_between_has_no_rate() -> None:
    found = seen(ACME, server({}, {FORWARD: slot(40 * MB)}), FOLLOWED)["lag"]
    assert (found["lag_bytes"], found["catch_up_seconds"], found["full_seconds"]) == (40 * MB, None, None)


@pytest.mark.parametrize(
    ("before", "after", "limit", "used", "full"),
    [
        (100 * MB, 512 * MB, 1024, 50.0, 5),
        (512 * MB, 512 * MB, 1024, 50.0, None),
        (600 * MB, 512 * MB, 1024, 50.0, None),
        (0, 2048 * MB, 1024, 200.0, 0),
        (100 * MB, 512 * MB, -1, None, None),  # without limit
        (100 * MB, 512 * MB, None, None, None),  # before PostgreSQL 13 there is none
    ],
)
def test_how_much_of_its_room_a_slot_has_used(
    before: int, after: int, limit: int | None, used: float | None, full: int | None
) -> None:
    target = server({BACK: slot(0, before, limit=limit)}, {BACK: slot(0, after, limit=limit)})
    found = seen(LIVE, server({BACK: subscription()}), target)["way_back"]
    assert (found["used_percent"], found["full_seconds"]) == (used, full)


def test_a_member_that_follows_has_nothing_in_its_way() -> None:
    found = seen(ACME, NEAR, FOLLOWED)
    assert found["findings"] == [] and found["way_back"] is None
    assert found["subscription"] == {
        "enabled": True,
        "running": True,
        "message_at": "2026-11-30T08:00:00Z",
        "errors": 0,
    }


@pytest.mark.parametrize(
    ("source", "target", "details", "reason", "verb"),
    [
        (NEAR, server({FORWARD: subscription(enabled=False)}), Details(), "is disabled", "wave_seed"),
        (NEAR, server({}), Details(), "its subscription is gone", "wave_seed"),
        (NEAR, server({FORWARD: subscription(errors=3)}, {FORWARD: subscription(errors=5)}), Details(),
         "cannot be applied (2 errors", "wave_seed"),
        (NEAR, server({FORWARD: subscription(running=False)}), Details(), "Nobody follows it", "wave_seed"),
        (server({FORWARD: slot(active=False)}), FOLLOWED, Details(), "Nobody follows it", "wave_seed"),
        (NEAR, FOLLOWED, Details(diverged=("a", "b", "c", "d", "e")), "It has diverged: a; b; c; and 2 more.",
         "wave_seed"),
        (Server(problem="refused"), FOLLOWED, Details(), "Its legacy host legacy1 does not answer: refused", ""),
        (NEAR, Server(problem="PostgreSQL at db1: refused"), Details(), "PostgreSQL at db1: refused", ""),
        (NEAR, FOLLOWED, Details(problem="no right"), "It could not be read: no right", ""),
        (server({FORWARD: slot(9 * MB)}), FOLLOWED, Details(), "9.4 MB behind, and came no nearer", ""),
        (server({FORWARD: slot(0, 600 * MB)}), FOLLOWED, Details(), "keeps back 629 MB of 1.1 GB (58.6 %)", ""),
    ],
)  # fmt: skip
def test_what_keeps_a_member_from_following(
    source: Server, target: Server, details: Details, reason: str, verb: str
) -> None:
    (found,) = said(seen(ACME, source, target, details))
    assert reason in found[0] and found[1] == verb


def test_a_copy_that_could_not_be_read_just_now_is_no_finding() -> None:
    seeding = replace(ACME, state="seeding", run="wave_seed")
    assert seen(seeding, NEAR, server({}), Details(problem="canceling statement due to lock timeout"))["findings"] == []


def test_a_run_that_rests_the_subscription_is_no_finding() -> None:
    rests = server({FORWARD: subscription(enabled=False)})
    assert seen(replace(ACME, run="wave_rehearse"), NEAR, rests)["findings"] == []


def test_of_a_member_that_is_moved_by_dumps_nothing_follows() -> None:
    for each in (ACME, LIVE):
        found = seen(replace(each, by_dump=True), Server(first=Reading(at=0), last=Reading(at=1)), server({}))
        assert (found["findings"], found["lag"], found["way_back"]) == ([], None, None)


@pytest.mark.parametrize(
    ("source", "target", "details", "reasons"),
    [
        (server({BACK: subscription()}), server({BACK: slot()}), Details(), []),
        (server({BACK: subscription()}), server({}), Details(), [f"wave_rollback is refused, as slot {BACK} is gone"]),
        (server({BACK: subscription()}), server({BACK: slot(lost=True)}), Details(),
         [f"wave_rollback is refused, as slot {BACK} is lost"]),
        (server({BACK: subscription(enabled=False)}), server({BACK: slot(active=False)}), Details(),
         [f"subscription {BACK} there is disabled"]),
        (server({}), server({BACK: slot(active=False)}), Details(), [f"subscription {BACK} there is gone"]),
        (server({BACK: subscription()}), server({BACK: slot(active=False)}), Details(), ["there is not connected"]),
        (Server(problem="refused"), server({BACK: slot(0, 0)}, {BACK: slot(0, 256 * MB, active=False)}), Details(),
         ["legacy1 does not answer (refused); its slot on the target keeps 268 MB of 1.1 GB (25.0 %, full in 12"
          " seconds at the present rate), and wave_rollback is refused once that is lost"]),
        (server({BACK: subscription()}), server({BACK: slot(0, 800 * MB)}), Details(), ["keeps 839 MB of 1.1 GB"]),
        (server({BACK: subscription()}), server({BACK: slot()}), Details(differences=("table x differs",)),
         ["wave_rollback is refused: the schemas differ (table x differs)"]),
    ],
)  # fmt: skip
def test_how_a_way_back_stands(source: Server, target: Server, details: Details, reasons: list[str]) -> None:
    found = said(seen(LIVE, source, target, details))
    assert len(found) == len(reasons) and all(want in got for want, (got, _verb) in zip(reasons, found, strict=True)), (
        found
    )


def test_a_lost_way_back_leads_to_the_commit() -> None:
    ((_reason, verb),) = said(seen(LIVE, Server(problem="refused"), server({BACK: slot(lost=True)})))
    assert verb == "wave_commit"


def test_a_target_that_does_not_answer_says_nothing_of_the_way_back() -> None:
    ((reason, _verb),) = said(seen(LIVE, server({BACK: subscription()}), Server(problem="PostgreSQL at db1: refused")))
    assert reason == "PostgreSQL at db1: refused"


def test_standbys_that_do_not_keep_the_way_back() -> None:
    kept = {"10.0.0.22": [BACK], "10.0.0.23": ["erpops_back_birch"], "10.0.0.24": "it does not answer"}
    without = observed.standbys(kept, BACK)
    assert without == {"10.0.0.23": "the slot is not there, or for a while only", "10.0.0.24": "it does not answer"}
    found = observed.seen(LIVE, server({BACK: subscription()}), server({BACK: slot()}), Details(), without)
    assert [each["severity"] for each in found["findings"]] == ["medium", "medium"]
    assert "Standby 10.0.0.23 does not keep its way back" in found["findings"][0]["reason"]
    assert found["way_back"]["without"] == ["10.0.0.23", "10.0.0.24"]


def copy(filled: int, size: int, **more: Any) -> dict[str, Any]:
    nothing = {"busy": 0, "sessions": 0, "workers": 0, "dumped": 0, "dumped_bytes": 0, "seconds": None}
    return {"filled": filled, "bytes": size, **nothing, **more}


@pytest.mark.parametrize(
    ("source", "target", "part", "tables", "left"),
    [
        (copy(430, 1000 * MB), None, "begin", 0, None),
        (copy(430, 1000 * MB), copy(0, 0), "begin", 0, None),
        (copy(430, 1000 * MB, sessions=3, workers=2, dumped=100, dumped_bytes=250 * MB, seconds=20.0), copy(0, 0),
         "dump", 100, 60),
        (copy(430, 1000 * MB, sessions=1, seconds=20.0), None, "dump", None, None),
        (copy(430, 1000 * MB, sessions=3, workers=2, dumped=1, dumped_bytes=MB, seconds=9.0), None, "dump", 1, None),
        (copy(430, 1000 * MB), copy(125, 500 * MB, busy=2, sessions=3, seconds=30.0), "restore", 123, 30),
        (copy(430, 1000 * MB), copy(430, 999 * MB, busy=1, sessions=3, seconds=30.0), "restore", 429, 0),
        (copy(430, 1000 * MB), copy(430, 900 * MB, sessions=3, seconds=30.0), "indexes", 430, None),
        (copy(430, 1000 * MB), copy(430, 900 * MB), "rest", 430, None),
    ],
)  # fmt: skip
def test_how_far_a_copy_is(source: Any, target: Any, part: str, tables: int | None, left: int | None) -> None:
    found = copying((source, target))
    assert (found["part"], found["tables"], found["seconds_left"]) == (part, tables, left)
    assert (found["tables_total"], found["bytes_total"]) == (430, 1000 * MB)
