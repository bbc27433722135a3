# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests before and after a cutover: real lines of Odoo 14 and 19 through the shell, the baseline, the verdicts."""

from __future__ import annotations

import math
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from unit.wave.test_wave_status import NOW, check, report

from ansible_collections.erpops.odoo.plugins.filter.wave import wave_page
from ansible_collections.erpops.odoo.plugins.module_utils.discovery import host
from ansible_collections.erpops.odoo.plugins.module_utils.discovery.records import records
from ansible_collections.erpops.odoo.plugins.module_utils.discovery.script import Settings, measuring
from ansible_collections.erpops.odoo.plugins.module_utils.wave import performance, status
from ansible_collections.erpops.odoo.plugins.module_utils.wave.model import Member

SHELLS = [shell for shell in ("dash", "bash --posix", "busybox sh") if shutil.which(shell.split()[0])]
# As Odoo 14 and Odoo 19 wrote them; with a replica 19 adds which kind of cursor it took.
FOURTEEN = (
    "2026-11-23 05:02:11,273 2381 INFO {db} werkzeug: 10.88.0.1 - - [23/Nov/2026 05:02:11]"
    ' "GET /web/login?db=acme_prod HTTP/1.1" 200 - 209 {seconds:.3f} 0.010'
)
NINETEEN = (
    "2026-11-23 05:03:41,294 2141 INFO {db} werkzeug: 10.88.0.1 - - [23/Nov/2026 05:03:41]"
    ' "GET /web/health?x={id} HTTP/1.1" 200 - 0 {seconds:.3f} 0.010'
)
REPLICA = NINETEEN.replace("/web/health", "/odoo/contacts/{id}") + " rw"
OTHERS = (
    "Started odoo-acme.service - Odoo 19.0 of tenant acme.",
    "2026-11-23 05:00:10,000 1 INFO ? odoo.service.server: HTTP service (werkzeug) running on app1:8069",
    '2026-11-23 05:00:13,000 1 INFO acme werkzeug: 10.88.0.1 - - [23/Nov/2026 05:00:13] "GET /web/static/x.js HTTP/1.1"'
    " 200 - - - -",
    '2026-11-23 05:01:03,000 1 INFO acme werkzeug: 10.88.0.1 - - [23/Nov/2026 05:01:03] "POST /longpolling/poll'
    ' HTTP/1.1" 200 - 4 0.002 49.998',
    "2026-11-23 05:01:04,000 1 ERROR acme odoo.http: Exception during request handling.",
)


def journal(tmp_path: Path, shell: str, units: dict[str, list[str]]) -> dict[str, Any]:
    """What ``measured`` makes of it, with a journalctl that prints the unit's lines and notes how it was asked."""
    for unit, lines in units.items():
        (tmp_path / unit).write_text("".join(f"{line}\n" for line in lines))
    (tmp_path / "journalctl").write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/asked\ncat "{tmp_path}/$2"\n')
    (tmp_path / "journalctl").chmod(0o755)
    text = measuring(Settings(nonce="n1", log_lines=7, statement_seconds=9), dict.fromkeys(units, 1_700_000_000))
    done = subprocess.run(
        shell.split(), input=text, capture_output=True, text=True, check=True, timeout=60,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
    )  # fmt: skip
    return performance.measured("app1", records(done.stdout, "n1", "app1"))


@pytest.mark.parametrize("shell", SHELLS)
def test_the_journal_of_a_unit_is_summed_up_exactly(tmp_path: Path, shell: str) -> None:
    seconds = [0.001 * number for number in range(1, 41)]
    lines = [FOURTEEN.format(db="acme", seconds=each) for each in reversed(seconds)]
    lines += [NINETEEN.format(db="acme", seconds=0.5, id=number) for number in range(3)]
    lines += [REPLICA.format(db="acme", seconds=0.5, id=number) for number in range(2)]
    lines += [FOURTEEN.format(db="acme", seconds=0.001).replace("10.88.0.1", "127.0.0.1")]  # the unit's own probe
    lines += [FOURTEEN.format(db="other", seconds=9), *OTHERS]
    found = journal(tmp_path, shell, {"odoo-acme.service": lines, "odoo-none.service": []})
    assert set(found) == {"acme"}
    routes = {each["path"]: each for each in found["acme"]["routes"]}
    assert set(routes) == {"/web/login", "/web/health", "/odoo/contacts/N", "/longpolling/poll"}
    login = routes["/web/login"]
    rank = math.ceil(0.95 * len(seconds))  # nearest rank
    expected = (40, pytest.approx(seconds[19] + 0.01), pytest.approx(seconds[rank - 1] + 0.01), pytest.approx(0.05))
    assert tuple(login[name] for name in performance.DURATIONS) == expected
    assert found["acme"]["requests"]["count"] == 45, "the bus waits on purpose, and other databases are others'"
    assert found["acme"]["errors"] == 1
    assert found["acme"]["from"] == "2026-11-23 05:02:11,273"
    asked = (tmp_path / "asked").read_text().splitlines()[0]
    assert asked == "--unit odoo-acme.service --since @1700000000 --lines 7 --output cat --no-pager --quiet"


def test_a_unit_that_never_spoke_is_left_out(tmp_path: Path) -> None:
    assert journal(tmp_path, SHELLS[0], {"odoo-acme.service": list(OTHERS[:2])}) == {}


def durations(count: int, half: float, nearly_all: float) -> dict[str, Any]:
    return {"count": count, "p50_seconds": half, "p95_seconds": nearly_all, "most_seconds": nearly_all}


def route(path: str, *values: Any) -> dict[str, Any]:
    return {"method": "GET", "path": path, **durations(*values)}


def side(*routes: dict[str, Any], requests: dict[str, Any] | None = None) -> dict[str, Any]:
    whole = requests or durations(200, 0.1, 0.5)
    return {"at": "x", "host": "app1", "from": "a", "to": "b", "errors": 0, "requests": whole, "routes": list(routes)}


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        ((19, 0.1, 0.2), (500, 9.0, 9.0), "too few requests to tell"),
        ((500, 0.1, 0.2), (19, 9.0, 9.0), "too few requests to tell"),
        ((20, 0.1, 0.2), (20, 0.13, 0.2), "slower"),
        ((20, 0.1, 0.2), (20, 0.12, 0.2), "as before"),
        ((20, 0.001, 0.2), (20, 0.015, 0.2), "as before"),  # fifteen times as long, and nobody notices
        ((20, 0.1, 0.2), (20, 0.05, 0.2), "faster"),
        ((99, 0.1, 0.2), (500, 0.1, 2.0), "as before"),  # one slow request of 99 decides its p95
        ((100, 0.1, 0.2), (500, 0.1, 2.0), "slower"),
        ((100, 0.1, 0.2), (500, 0.05, 2.0), "slower"),  # never hidden behind what became faster
        ((100, 0.0, 0.2), (500, 0.0, 0.1), "faster"),
    ],
)
def test_verdicts(before: Any, after: Any, verdict: str) -> None:
    assert performance.judged(durations(*before), durations(*after))["verdict"] == verdict


def test_ratios_are_after_by_before() -> None:
    found = performance.judged(durations(50, 0.1, 0.2), durations(50, 0.25, 0.1))
    assert (found["ratio"], found["ratio_p95"]) == (2.5, 0.5)
    assert performance.judged(durations(50, 0.0, 0.2), durations(50, 0.1, 0.1))["ratio"] is None


def discovery(**changed: Any) -> dict[str, Any]:
    paths = [route(f"/p{number}", 100 - number, 0.01 * number, 0.02 * number) for number in range(30)]
    found = {
        "requests": [{**each, "database": "acme_prod", "queries": 1} for each in paths],
        "slowest": [{**route("/other", 1, 60.0, 60.0), "database": "other"}],
        "sums": [{**durations(900, 0.1, 0.4), "database": "acme_prod"}],
        "errors": {"acme_prod": 3},
        "spans": [{"log": "/l", "from": "2026-11-20 08:00:00,000", "to": "2026-11-21 08:00:00,000"}],
    }
    return {"collected_at": "2026-11-22T10:00:00Z", "performance": {**found, **changed}}


def test_the_baseline_is_the_busiest_and_the_slowest_of_the_database() -> None:
    found = performance.baseline(discovery(), "acme_prod")
    assert found is not None and (found["requests"]["count"], found["errors"]) == (900, 3)
    assert [each["path"] for each in found["routes"]] == [
        *(f"/p{number}" for number in range(10)), *(f"/p{number}" for number in (29, 28, 27, 26, 25)),
    ]  # fmt: skip
    assert performance.baseline(discovery(), "acme") is None
    assert performance.baseline({"performance": {"requests": []}}, "acme_prod") is None, "an older discovery"


def moved(state: str = "live", baseline: Any = None, **facts: Any) -> Member:
    facts = {"discovery": {"performance": baseline}, "cutover": {"at": "2026-11-23T05:00:00+00:00"}, **facts}
    return Member(name="acme", host="legacy1", database="acme_prod", state=state, origin=state, facts=facts)


def test_both_sides_are_compared_by_path() -> None:
    before = side(route("/a", 50, 0.1, 0.2), route("/gone", 50, 0.1, 0.2))
    found = performance.compared(moved(baseline=before), side(route("/a", 60, 0.3, 0.6), route("/new", 9, 1, 1)))
    assert found is not None and found["missing"] == ""
    assert [(each["path"], each["ratio"], each["verdict"]) for each in found["routes"]] == [
        ("/a", 3.0, "slower"), ("/gone", None, "too few requests to tell"),
    ]  # fmt: skip


def test_other_requests_than_before_have_no_common_verdict() -> None:
    routes = route("/a", 60, 0.1, 0.2), route("/gone", 50, 0.1, 0.2)
    before = side(*routes, requests=durations(110, 0.1, 0.2))
    for count, verdict in ((60, "slower"), (19, performance.OTHERS)):
        after = side(route("/a", count, 0.3, 0.6), requests=durations(count + 20, 0.3, 0.6))
        found = performance.compared(moved(baseline=before), after)
        assert found is not None and found["verdict"] == verdict


def test_what_is_missing_is_said() -> None:
    found = performance.compared(moved(), None)
    assert found is not None and "no baseline" in found["missing"] and "No app host" in found["missing"]
    assert found["verdict"] == "" and found["routes"] == []
    without = performance.compared(moved(cutover={}), None)
    assert without is not None and "does not know when" in without["missing"]
    assert performance.compared(moved("following", side()), side()) is None


def test_only_members_on_the_target_are_looked_for() -> None:
    rows = [{"name": name, "state": state, "facts": {"cutover": {"at": "2026-11-23T05:00:00+00:00"}}}
            for name, state in (("acme", "live"), ("birch", "rolled_back"), ("cedar", "committed"))]  # fmt: skip
    at = 1_795_410_000
    assert performance.serving_since([*rows, {"name": "old", "state": "live", "facts": {}}]) == {
        "odoo-acme.service": at, "odoo-cedar.service": at,
    }  # fmt: skip


def test_a_member_that_moved_between_app_hosts_is_read_where_it_answered_most() -> None:
    few, many = side(requests=durations(3, 1, 1)), side(requests=durations(300, 1, 1))
    assert performance.merged([{"acme": few}, {"acme": many}, {}]) == {"acme": many}


def test_the_page_and_the_metrics_have_both_sides() -> None:
    before = side(route("/<a>", 50, 0.1, 0.2))
    members = {"acme": moved(baseline=before), "birch": moved()}
    told = status.report(members, {}, (), NOW, {"acme": side(route("/<a>", 60, 0.3, 0.6))})
    text = wave_page(told, "wave_status", "north")
    check(text)
    assert "GET /&lt;a&gt;" in text and "slower" in text and "There is no baseline" in text
    lines = status.metrics(told["members"], NOW).splitlines()
    name = 'erpops_wave_member_request_seconds{member="acme",wave="",when='
    assert f'{name}"before",quantile="0.95"}} 0.5' in lines and f'{name}"after",quantile="0.5"}} 0.1' in lines
    assert 'erpops_wave_member_requests{member="acme",wave="",when="after"} 200' in lines
    assert not [line for line in lines if "request" in line and "birch" in line]


def test_members_on_the_source_have_no_table() -> None:
    assert report(moved("following", side()))["members"][0]["performance"] is None


def test_no_database_is_left_out_of_the_paths_for_another() -> None:
    busy = [{"database": "busy", "seconds": 9.0} for _each in range(host.PATHS_OF_A_DATABASE + 5)]
    kept = host.longest_of_each([*busy, {"database": "quiet", "seconds": 0.1}])
    assert len(kept) == host.PATHS_OF_A_DATABASE + 1 and kept[-1]["database"] == "quiet"
