# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which integrations of whom are asked, and how."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ansible_collections.erpops.odoo.plugins.filter.wave_move import wave_probes
from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError
from ansible_collections.erpops.odoo.plugins.module_utils.wave import probes

MEMBER = {"name": "acme", "host": "legacy1", "database": "acme_prod", "app_host": "app1"}
HTTPS = {"kind": "https", "host": "gateway.example"}


def item(**values: Any) -> dict[str, Any]:
    return {"kind": "integration", "name": "https://gateway.example", "disposition": "declared", "databases": [],
            "probe": HTTPS, **values}  # fmt: skip


def listed(*items: dict[str, Any], **member: Any) -> dict[str, Any]:
    return probes.listed([{**MEMBER, **member}], lambda _host: items)


@pytest.mark.parametrize(
    ("values", "asked"),
    [
        ({}, True),
        ({"databases": ["acme_prod", "birch"]}, True),
        ({"databases": ["birch"]}, False),
        ({"disposition": "replaced"}, False),
        ({"disposition": "dropped"}, False),
        ({"vanished": True}, True),
        ({"kind": "route"}, False),
    ],
)
def test_what_goes_on_to_be_used_is_asked(values: dict[str, Any], asked: bool) -> None:
    found = listed(item(**values))
    assert found["decided"] == []
    assert list(found["hosts"]) == (["app1"] if asked else [])


def test_a_probe_is_whole_and_bears_its_member() -> None:
    (found,) = listed(item())["hosts"]["app1"]
    assert found == {
        "member": "acme", "name": "https://gateway.example", "kind": "https", "host": "gateway.example", "port": 443,
        "path": "/", "status": None, "tls": "none", "verify": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "port", "target"),
    [
        ({"kind": "imap", "host": "a", "tls": "implicit"}, 993, "imap://a:993"),
        ({"kind": "imap", "host": "a"}, 143, "imap://a:143"),
        ({"kind": "smtp", "host": "a", "tls": "starttls"}, 25, "smtp://a:25"),
        ({"kind": "smtp", "host": "a", "port": 587}, 587, "smtp://a:587"),
        ({"kind": "http", "host": "a", "path": "/x"}, 80, "http://a:80/x"),
        ({"kind": "http", "host": "a", "path": "/x?key=5e3"}, 80, "http://a:80/x?"),
    ],
)
def test_the_usual_port_is_taken(given: dict[str, Any], port: int, target: str) -> None:
    probe = probes.probe_from({"member": "acme", "name": "n", **given})
    assert (probe.port, probe.target) == (port, target)


@pytest.mark.parametrize("reason", ["only by night", 4711])  # such as a ticket, which YAML takes for a number
def test_nothing_is_asked_for_a_reason(reason: Any) -> None:
    (found,) = listed(item(probe={"kind": "none", "reason": reason}))["decided"]
    assert (found["member"], found["ok"], found["evidence"]) == ("acme", True, f"not asked: {reason}")


def test_a_member_without_an_app_host_cannot_ask() -> None:
    found = listed(item(), app_host="")
    assert found["hosts"] == {}
    assert [(each["ok"], "wave_prepare" in each["evidence"]) for each in found["decided"]] == [(False, True)]


def test_without_dispositions_nothing_is_passed() -> None:
    (found,) = probes.listed([MEMBER], lambda _host: None)["decided"]
    assert (found["ok"], found["name"]) == (False, "dispositions of legacy1")


@pytest.mark.parametrize(
    ("probe", "said"),
    [
        (None, ["run wave_discover"]),
        ({"kind": "ping"}, ["probe.kind is 'ping'"]),
        ({"kind": ["http"]}, ["probe.kind is ['http']"]),
        ({"kind": "none"}, ["probe.reason is missing"]),
        ({"kind": "none", "reason": " "}, ["probe.reason is missing"]),
        ({"kind": "tcp", "host": "a"}, ["probe.port is missing"]),
        ({"kind": "tcp", "host": "a", "port": 5, "path": "/"}, ["probe.path is not of kind tcp"]),
        ({"kind": "https", "host": "user:secret@a"}, ["probe.host is"]),
        ({"kind": "https", "host": "::1"}, ["no IPv6"]),
        ({"kind": "https", "host": "localhost"}, ["the container itself"]),
        ({"kind": "smtp", "host": "127.0.0.1"}, ["the container itself"]),
        ({"kind": "imap", "host": "a", "tls": "starttls"}, ["probe.tls is 'starttls'"]),
        ({"kind": "https", "host": "a", "verify": "no"}, ["probe.verify is 'no'"]),
        (
            {"kind": "https", "host": "a b", "port": 0, "path": "x y", "status": 1000, "extra": 1},
            ["probe.extra", "probe.host", "probe.port", "probe.path", "probe.status"],
        ),
    ],
)
def test_all_that_is_wrong_is_said_at_once_and_not_passed(probe: Any, said: list[str]) -> None:
    problems = list(probes.problems(probe))
    assert [text in problem for text, problem in zip(said, problems, strict=True)] == [True] * len(said)
    (found,) = listed(item(probe=probe))["decided"]
    assert found["ok"] is False
    assert all(text in found["evidence"] for text in said)


def test_a_modules_parameters_are_refused_with_every_problem() -> None:
    given = {"member": "acme", "name": "n", **HTTPS}
    assert probes.well_given([given]) == [given]
    with pytest.raises(InputError) as caught:
        probes.well_given([{**given, "port": 70000}, {**given, "kind": "tcp"}])
    assert [each.cure.split(";")[0] for each in caught.value.problems] == [
        "probe.port is 70000", "probe.port is missing",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("egress", "free"),
    [
        ([], False),
        ([{"address": "192.0.2.7", "port": 25, "protocol": "tcp"}], True),
        ([{"address": "192.0.2.0/24", "port": 25, "protocol": "tcp"}], True),
        ([{"address": "192.0.2.7", "port": 587, "protocol": "tcp"}], False),
        ([{"address": "192.0.2.7", "port": 25, "protocol": "udp"}], False),
        ([{"address": "192.0.2.8", "port": 25, "protocol": "tcp"}], False),
    ],
)
def test_containers_get_where_egress_is_declared(egress: list[dict[str, Any]], free: bool) -> None:
    assert probes.permitted("192.0.2.7", 25, egress) is free


def test_the_filter_reads_the_dispositions_of_each_members_host(tmp_path: Any) -> None:
    (tmp_path / "legacy1.yml").write_text(yaml.safe_dump({"host": "legacy1", "dispositions": [item()]}))
    other = {**MEMBER, "name": "cedar", "host": "legacy2"}
    found = wave_probes([MEMBER, other], str(tmp_path))
    assert [each["member"] for each in found["hosts"]["app1"]] == ["acme"]
    assert [(each["member"], each["ok"]) for each in found["decided"]] == [("cedar", False)]
