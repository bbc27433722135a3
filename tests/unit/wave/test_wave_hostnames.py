# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of hostnames, by the answers that came."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError
from ansible_collections.erpops.odoo.plugins.module_utils.wave import hostnames
from ansible_collections.erpops.odoo.plugins.module_utils.wave.hostnames import Answer, Verdict, Wanted

EDGE = ("192.0.2.10", "2001:db8::10")
NAME = "erp.acme.example"
WANT = Wanted(member="acme", hostname=NAME, source_url="http://10.0.0.9", others=(NAME, "www.acme.example"))
PAGE = Answer(address=EDGE[0], status=200, odoo=True, days=60.0, urls=(f"https://{NAME}/web/login",))
LEGACY = Answer(address="198.51.100.7", status=200, days=60.0)


def judged(*answers: Answer, want: Wanted = WANT, addresses: tuple[str, ...] = EDGE, **more: Any) -> Verdict:
    return hostnames.judged(want, addresses, EDGE, answers or [PAGE, replace(PAGE, address=EDGE[1])], **more)


def test_a_hostname_that_leads_to_the_edge_and_its_page_is_well() -> None:
    found = judged()
    assert (found.level, found.cure) == ("ok", "")
    assert "the edge at 192.0.2.10: HTTP 200, Odoo, certificate good for 60 days" in found.evidence


def test_dns_that_was_not_moved_is_a_warning_and_the_page_is_seen_all_the_same() -> None:
    found = judged(LEGACY, PAGE, addresses=("198.51.100.7",))
    assert found.level == "warning"
    assert found.evidence.startswith("DNS leads to 198.51.100.7 (HTTP 200); the edge at 192.0.2.10: HTTP 200, Odoo")
    assert "Have DNS lead it to 192.0.2.10, 2001:db8::10" in found.cure and "estate_edge_addresses" in found.cure


def test_one_address_that_leads_elsewhere_is_enough() -> None:
    """Who has IPv6 would still come to the legacy host."""
    found = judged(PAGE, replace(LEGACY, address="2001:db8::7"), addresses=(EDGE[0], "2001:db8::7"))
    assert found.level == "warning"
    assert "DNS leads to 2001:db8::7 (HTTP 200), beside the edge" in found.evidence


def test_a_name_that_nobody_knows() -> None:
    found = judged(PAGE, addresses=(), unresolved="its name is not resolved: Name or service not known")
    assert found.level == "warning" and "its name is not resolved" in found.evidence


@pytest.mark.parametrize(
    ("changes", "level", "evidence", "cure"),
    [
        ({"looped": True, "status": 301, "urls": ("https://x/", "https://x/")},
         "failed", "redirects to https://x/ for ever", "give the member url https://10.0.0.9"),
        ({"status": 502, "odoo": False}, "failed", "HTTP 502", "no answer from http://10.0.0.9"),
        ({"status": 404, "odoo": False}, "failed", "HTTP 404", "run tenant"),
        ({"odoo": False}, "failed", "nothing of Odoo", "see what http://10.0.0.9 serves"),
        ({"status": 401, "odoo": False}, "warning", "HTTP 401", "waive gate hostname"),
        ({"status": 302, "urls": ("https://www.acme.example/web",)}, "ok", "HTTP 302 to www.acme.example", ""),
        ({"status": 302, "urls": ("https://sso.example/in",)}, "failed", "to https://sso.example", "name sso.example"),
        ({"refused": "self-signed"}, "failed", "certificate refused: self-signed", "wave_hostnames_authorities"),
        ({"days": 2.0}, "warning", "good for 2 days", "renewed by itself"),
        ({"days": 20.0}, "ok", "good for 20 days", ""),
        ({"error": "connection refused"}, "failed", "192.0.2.10: connection refused", "run site"),
    ],
)  # fmt: skip
def test_what_the_edge_answers(changes: dict[str, Any], level: str, evidence: str, cure: str) -> None:
    found = judged(replace(PAGE, **changes), addresses=EDGE[:1])
    assert found.level == level
    assert evidence in found.evidence and cure in found.cure


def test_a_certificate_that_a_customer_gave_is_warned_of_a_month_before() -> None:
    found = judged(replace(PAGE, days=20.0), want=replace(WANT, own_certificate=True), addresses=EDGE[:1])
    assert found.level == "warning" and "new certificate and key" in found.cure


def test_what_acme_issues_only_later_is_a_warning_until_dns_leads_here() -> None:
    refused = replace(PAGE, refused="self-signed certificate")
    later = replace(WANT, awaits_dns=True)
    assert judged(refused, want=later, addresses=()).level == "warning"
    assert judged(refused, want=later, addresses=EDGE[:1]).level == "failed"


def test_a_family_that_the_asking_host_lacks_is_passed_over_but_not_all_of_them() -> None:
    unasked = Answer(address=EDGE[1], error="Network is unreachable", unasked=True)
    assert judged(PAGE, unasked).level == "ok"
    found = judged(unasked)
    assert found.level == "failed" and "wave_hostnames_from" in found.cure


def test_an_https_source_that_loops_is_named() -> None:
    looped = replace(PAGE, looped=True, status=301)
    found = judged(looped, want=replace(WANT, source_url="https://10.0.0.9"), addresses=EDGE[:1])
    assert "https://10.0.0.9 redirects to itself" in found.cure


def test_which_certificates_are_whose() -> None:
    members = [
        {"name": "acme", "hostnames": ["a"], "source_url": "http://x"},
        {"name": "birch", "hostnames": ["b"], "source_url": "http://y"},
    ]
    found = hostnames.wanted(members, ["acme"], "acme")
    assert [(each["hostname"], each["own_certificate"], each["awaits_dns"]) for each in found] == [
        ("a", True, False), ("b", False, True),
    ]  # fmt: skip


def test_addresses_are_addresses_all_problems_at_once() -> None:
    with pytest.raises(InputError) as caught:
        hostnames.addresses_from(["edge.example"], {"a.example": ["192.0.2.1", "b.example"]})
    assert [each.value for each in caught.value.problems] == ["edge.example", "b.example"]
    with pytest.raises(InputError, match="estate_edge_addresses"):
        hostnames.addresses_from([], {})


def test_one_form_for_each_address_and_name() -> None:
    edge, told = hostnames.addresses_from(["2001:DB8:0::10"], {"ERP.Acme.example": "2001:db8::10"})
    assert hostnames.leads(told["erp.acme.example"], edge)
