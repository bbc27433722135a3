# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How what was found would be tried."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.discovery.probes import proposal
from ansible_collections.erpops.odoo.plugins.module_utils.wave.probes import problems


@pytest.mark.parametrize(
    ("name", "encryption", "probe"),
    [
        ("https://a.example", "", {"kind": "https", "host": "a.example"}),
        ("http://a.example:8080", "", {"kind": "http", "host": "a.example", "port": 8080}),
        ("oauth://login.example", "", {"kind": "https", "host": "login.example"}),
        ("smtp://a:587", "starttls", {"kind": "smtp", "host": "a", "port": 587, "tls": "starttls"}),
        ("smtp://a:465", "ssl", {"kind": "smtp", "host": "a", "port": 465, "tls": "implicit"}),
        ("smtp://a:25", "none", {"kind": "smtp", "host": "a", "port": 25, "tls": "none"}),
        ("imap://a:993", "ssl", {"kind": "imap", "host": "a", "port": 993, "tls": "implicit"}),
        ("pop://a:110", "", {"kind": "pop", "host": "a", "port": 110, "tls": "none"}),
        ("ldap://a:1389", "", {"kind": "tcp", "host": "a", "port": 1389}),
        ("ldaps://a", "", {"kind": "tls", "host": "a", "port": 636}),
        ("ftp://a", "", {"kind": "tcp", "host": "a", "port": 21}),
        ("mqtt://a:1883", "", {"kind": "tcp", "host": "a", "port": 1883}),
    ],
)
def test_what_says_enough_can_be_asked(name: str, encryption: str, probe: dict[str, Any]) -> None:
    assert proposal(name, encryption) == probe
    assert list(problems(probe)) == []


@pytest.mark.parametrize("name", ["postgresql from 192.0.2.5", "payment://transfer"])
def test_what_is_not_asked_from_here_says_why(name: str) -> None:
    probe = proposal(name)
    assert probe["kind"] == "none" and list(problems(probe)) == []


@pytest.mark.parametrize("name", ["payment://stripe", "mqtt://a", "smtp://[relay.example]:587", "local", "imap://"])
def test_what_says_too_little_waits_for_a_person(name: str) -> None:
    assert list(problems(proposal(name))) == [
        "probe.reason is missing; say why nothing is asked, or name what can be asked."
    ]
