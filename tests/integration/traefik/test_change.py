# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of the routes: bulk, under load, broken, undone, drifted."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from . import live

NAMES = tuple(f"t{number:03}" for number in range(1, 201))


def tenant(name: str, **values: Any) -> dict[str, Any]:
    return {"name": name, "instance": "s19", "hostnames": [f"{name}.edge.test"], **values}


TWO = {"tenants": [tenant("t001"), tenant("t002")], "allocations": live.allocations(NAMES)}
THREE = {"tenants": [tenant("t001"), tenant("t002"), tenant("t003")], "allocations": live.allocations(NAMES)}


def served(edge: live.Edge, name: str) -> bool:
    answer = edge.request(f"{name}.edge.test", verify=False)
    return answer.status == 200 and answer.told["port"] == 10000 + 4 * (NAMES.index(name) + 1)


def routers(edge: live.Edge) -> set[str]:
    found = edge.api("http/routers?per_page=100000")
    return {router["name"].removesuffix("@file") for router in found if router["provider"] == "file"}


@pytest.fixture
def two(edge: live.Edge) -> Iterator[live.Edge]:
    """An edge that serves two tenants, and nothing of earlier tests."""
    clean(edge)
    result = edge.routes(**TWO)
    assert "actions" in result, result
    yield edge
    clean(edge)


def clean(edge: live.Edge) -> None:
    edge.ssh(
        f"rm -f {live.DYNAMIC}/.[!.]* {live.OWN} /etc/traefik/tenants.served.yml;"
        f" find {live.DYNAMIC} -type f ! -name tls.yml -delete; systemctl start traefik"
    )


def test_two_hundred_tenants_in_one_change(two: live.Edge) -> None:
    many = {"tenants": [tenant(name) for name in NAMES], "allocations": live.allocations(NAMES)}
    done = two.routes(**many)
    assert len([action for action in done["actions"] if action["verb"] == "create"]) == 198
    assert routers(two) == {"erpops-closed", *NAMES, *(f"{name}-websocket" for name in NAMES)}
    assert served(two, "t001") and served(two, "t200")
    again = two.routes(**many)
    assert not again["changed"]


def test_no_request_fails_while_the_routes_change(two: live.Edge) -> None:
    stop = threading.Event()
    seen: list[Any] = []

    def load() -> None:
        connection = two.connect("t001.edge.test")
        while not stop.is_set():
            try:
                connection.request("GET", "/")
                answer = connection.getresponse()
                answer.read()
                seen.append(answer.status)
            except (OSError, http.client.HTTPException) as error:
                seen.append(error)
                return

    thread = threading.Thread(target=load)
    thread.start()
    try:
        for options in (THREE, TWO | {"static_cache_seconds": 60}, THREE):
            assert two.routes(**options)["changed"]
    finally:
        stop.set()
        thread.join()
    assert len(seen) > 20 and set(seen) == {200}


def test_a_tenant_that_nobody_declares_any_more_keeps_its_route(two: live.Edge) -> None:
    one = {"tenants": [tenant("t001")], "allocations": live.allocations(NAMES)}
    left = two.routes(**one)
    assert not left["changed"] and left["undeclared"] == ["t002"]
    assert served(two, "t002") and two.request("t002.edge.test").status == 200
    taken = two.routes(tenants=[tenant("t001", hostnames=["t002.edge.test"])], allocations=live.allocations(NAMES))
    assert "Tenant t002 still has this route" in taken["msg"]
    gone = two.routes(tenants=[tenant("t001"), tenant("t002", state="absent")], allocations=live.allocations(NAMES))
    assert [(action["verb"], action["subject"]) for action in gone["actions"]] == [
        ("remove", "route t002"),
        ("remove", "certificate edge-t002"),
    ]
    assert not served(two, "t002") and "edge-t002" not in two.ssh("ls /etc/erpops/pki /etc/erpops/pki/requests.d")


BROKEN = {
    "syntax": ("http:\n  routers:\n    a: {rule: x}}\n", "line 3"),
    "unknown field": ("http:\n  routers:\n    a:\n      rule: Host(`a`)\n      bogus: 1\n", "line 5"),
    "duration": ("http:\n  serversTransports:\n    a: {forwardingTimeouts: {dialTimeout: 5parsecs}}\n", "line 3"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_that_freezes_the_directory_is_named_and_nothing_changes(two: live.Edge, case: str) -> None:
    text, line = BROKEN[case]
    before = two.own()
    two.put(f"{live.DYNAMIC}/hand.yml", text)
    for flags in (["--check"], []):
        failed = two.routes(*flags, other_files=["tls.yml", "hand.yml"], **THREE)
        assert "actions" not in failed and f"{live.DYNAMIC}/hand.yml" in failed["msg"] and line in failed["msg"], failed
    assert two.own() == before
    assert served(two, "t001") and not served(two, "t003")
    two.ssh(f"rm {live.DYNAMIC}/hand.yml")
    assert two.routes(**THREE)["changed"] and served(two, "t003")


@pytest.mark.parametrize("case", BROKEN)
def test_routes_lost_at_a_restart_are_brought_back(two: live.Edge, case: str) -> None:
    text, line = BROKEN[case]
    two.put(f"{live.DYNAMIC}/hand.yml", text)
    two.ssh("systemctl restart traefik")
    assert routers(two) == set() and not served(two, "t001")
    checked = two.routes("--check", **TWO)
    assert "has lost all routes" in checked["msg"] and not served(two, "t001")
    failed = two.routes(**TWO)
    assert f"{live.DYNAMIC}/hand.yml" in failed["msg"] and line in failed["msg"], failed
    assert "hand.yml.broken-" in failed["msg"] and "the routes are back" in failed["msg"]
    assert served(two, "t001") and served(two, "t002")
    assert not two.routes(**TWO)["changed"]


def test_a_change_that_traefik_refuses_is_undone(two: live.Edge) -> None:
    """A duration beyond what Traefik can read stands for every text that it does not take."""
    before = two.own()
    failed = two.routes(request_timeout_seconds=10**12, **THREE)
    assert "actions" not in failed and "The previous routes are back and served" in failed["msg"], failed
    assert f"{live.OWN}: line " in failed["msg"]
    assert two.own() == before and served(two, "t002") and not served(two, "t003")
    assert not two.routes(**TWO)["changed"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"page_url": "http://127.0.0.1:notaport"}, "services erpops-page is 'disabled'"),
        ({"tls_mode": "acme", "resolver": "nobody"}, "resolver is 'nobody'"),
    ],
)
def test_a_route_that_traefik_cannot_serve_is_undone(two: live.Edge, options: dict[str, Any], words: str) -> None:
    before = two.own()
    failed = two.routes(**options, **TWO)
    assert "actions" not in failed and words in failed["msg"], failed
    assert two.own() == before and served(two, "t001")


def test_a_file_that_nobody_declares_is_refused_or_reported(two: live.Edge) -> None:
    two.put(f"{live.DYNAMIC}/.hand.yml", "http:\n  middlewares:\n    a: {stripPrefix: {prefixes: [/a]}}\n")
    refused = two.routes("--check", **TWO)
    assert f"{live.DYNAMIC}/.hand.yml" in refused["msg"]
    reported = two.routes(undeclared_files="report", **TWO)
    assert not reported["changed"] and reported["undeclared_files"] == [f"{live.DYNAMIC}/.hand.yml"]


def test_one_name_in_two_files_is_refused(two: live.Edge) -> None:
    two.put(f"{live.DYNAMIC}/a.yml", "http:\n  routers:\n    t003: {rule: Host(`x.edge.test`), service: t001}\n")
    refused = two.routes(other_files=["tls.yml", "a.yml"], **THREE)
    assert "t003" in refused["msg"] and "a.yml" in refused["msg"] and not served(two, "t003")


def test_what_was_changed_by_hand_is_drift_and_undone(two: live.Edge) -> None:
    two.ssh(f"sed -i 's/:10004/:10999/' {live.OWN}; chmod 644 {live.OWN}; sleep 1")
    drift = two.routes("--check", **TWO)
    assert [action["subject"] for action in drift["actions"]] == ["route t001"]
    two.routes(**TWO)
    assert served(two, "t001") and two.ssh(f"stat -c '%a %U:%G' {live.OWN}").strip() == "640 root:traefik"
    two.ssh(f"chmod 644 {live.OWN}")
    assert [action["detail"] for action in two.routes(**TWO)["actions"]] == ["owner and mode"]
    two.ssh(f"echo 'not: [yaml' > {live.OWN}; sleep 1")
    mended = two.routes(tenants=[tenant("t001")], allocations=live.allocations(NAMES))
    assert mended["changed"] and mended["undeclared"] == ["t002"] and served(two, "t002")


def test_a_lost_certificate_is_drift_and_mended(two: live.Edge) -> None:
    two.ssh("rm -r /etc/erpops/pki/edge-t001; touch /etc/traefik/dynamic/tls.yml; sleep 3")
    with pytest.raises(OSError, match="certificate"):
        two.request("t001.edge.test")
    assert two.routes("--check", **TWO)["actions"][0]["subject"] == "certificate edge-t001"
    two.routes(**TWO)
    assert two.request("t001.edge.test").status == 200
    assert not two.routes(**TWO)["changed"]


def test_a_reload_issues_and_loads_certificates(two: live.Edge) -> None:
    two.ssh("rm -r /etc/erpops/pki/traefik; systemctl reload traefik; sleep 3")
    assert two.request(two.address, verify=True).status == 404


def test_a_dead_traefik_is_an_error_and_no_plan(two: live.Edge) -> None:
    two.ssh("systemctl stop traefik")
    for flags in (["--check"], []):
        failed = two.routes(*flags, **THREE)
        assert "actions" not in failed and "does not answer" in failed["msg"]


def test_on_a_bare_host_check_mode_plans_everything(two: live.Edge) -> None:
    nowhere = {"dynamic_dir": "/etc/nowhere/dynamic", "unit": "nowhere.service"}
    planned = two.routes("--check", **TWO, **nowhere)
    assert [action["subject"] for action in planned["actions"]] == [
        "certificate edge-t001",
        "certificate edge-t002",
        "route t001",
        "route t002",
        "shared routes",
    ]
    assert "is not set up" in two.routes(**TWO, **nowhere)["msg"]


def test_an_input_that_cannot_be_routed_changes_nothing(two: live.Edge) -> None:
    before = two.own()
    failed = two.routes(tenants=[tenant("t001"), tenant("other")], allocations=live.allocations(["t001"]))
    assert "tenant other: allocations" in failed["msg"] and two.own() == before


def test_a_second_run_of_the_role_changes_nothing(two: live.Edge) -> None:
    began = time.time()
    output = two.converge()
    assert "changed=0" in output, output
    assert float(two.ssh("stat -c %Y /proc/$(systemctl show -P MainPID traefik)")) < began
