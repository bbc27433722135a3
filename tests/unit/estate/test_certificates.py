# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificates that tenants bring: what is wrong with them, found before visitors find it."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import Problem
from ansible_collections.erpops.odoo.plugins.module_utils.estate import rules_certificates
from ansible_collections.erpops.odoo.plugins.module_utils.estate.declared import read

NOW = datetime(2027, 1, 11, tzinfo=UTC)
TENANTS = [
    {"name": "acme", "instance": "s", "hostnames": ["erp.acme.example", "www.acme.example"]},
    {"name": "birch", "instance": "s", "hostnames": ["birch.example"]},
    {"name": "cedar", "instance": "s", "hostnames": ["cedar.example"], "state": "absent"},
]


@functools.cache
def key(number: int = 0) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def name_of(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def issued(
    *names: str, begin: int = -10, days: int = 90, subject: str = "leaf", issuer: str = "root", pair: int = 0
) -> str:
    """A certificate (PEM) with these names, from ``begin`` days on."""
    start = NOW + timedelta(days=begin)
    builder = x509.CertificateBuilder().subject_name(name_of(subject)).issuer_name(name_of(issuer))
    builder = builder.public_key(key(pair).public_key()).serial_number(1)
    builder = builder.not_valid_before(start).not_valid_after(start + timedelta(days=days))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(map(x509.DNSName, names)), critical=False)
    return builder.sign(key(9), hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def private(pair: int = 0, passphrase: str = "") -> str:
    closed: Any = serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else None
    return (
        key(pair)
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            closed or serialization.NoEncryption(),
        )
        .decode()
    )


def entry(**values: Any) -> dict[str, Any]:
    return {"tenant": "acme", "certificate": issued("erp.acme.example", "*.acme.example"), "key": private(), **values}


def found(*entries: Any) -> tuple[Problem, ...]:
    """As role estate hands them in."""
    raw = {
        "odoo_tenants": TENANTS,
        "tenant_certificates": rules_certificates.public(list(entries)),
        "tenant_certificate_keys": rules_certificates.keys(list(entries)),
    }
    return rules_certificates.problems(raw, read(raw)[0], NOW)


def test_a_sound_one_with_its_chain() -> None:
    chain = issued("erp.acme.example", "*.acme.example") + issued("ca", subject="root", issuer="root")
    assert found(entry()) == found(entry(certificate=chain)) == found() == ()


@pytest.mark.parametrize(
    ("values", "subject", "cure"),
    [
        ({"certificate": issued("erp.acme.example")}, "tenant acme", "not valid for this hostname, but for erp.acme"),
        ({"certificate": issued("*.acme.example", begin=2)}, "tenant acme", "does not count yet"),
        ({"certificate": issued("*.acme.example", "birch.example")}, "tenant acme", "of tenant birch too"),
        ({"certificate": issued("*.acme.example") + issued("x", subject="other")}, "tenant acme", "did not issue"),
        ({"certificate": issued()}, "tenant acme", "no subject alternative names"),
        ({"certificate": "nonsense"}, "tenant acme", "Give it in PEM form"),
        ({"certificate": issued("*.acme.example") + private()}, "tenant acme", "It holds a private key"),
        ({"key": private(1)}, "tenant acme", "not the certificate's key"),
        ({"key": private(0, "secret")}, "tenant acme", "It has a passphrase"),
        ({"key": "nonsense"}, "tenant acme", "Give it in PEM form"),
        ({"key": None}, "tenant_certificates[0]", "It is missing"),
        ({"tenant": "acne"}, "estate", "Did you mean 'acme'"),
        ({"tenant": "cedar"}, "estate", "it is absent"),
        ({"keys": "typo"}, "tenant_certificates[0]", "This key is not known. Did you mean 'key'"),
    ],
)
def test_a_fault_is_named_with_its_cure(values: dict[str, Any], subject: str, cure: str) -> None:
    problems = found(entry(**values))
    assert [problem for problem in problems if problem.subject == subject and cure in problem.cure], problems


def test_all_problems_come_at_once_and_no_key_is_shown() -> None:
    wrong = entry(certificate=issued("x.example", days=1), key=private(1))
    problems = found(wrong, entry(), {"private_key": private()}, "text")
    assert len(problems) > 6
    said = " ".join(map(str, problems))
    assert "BEGIN" not in said
    for line in (private() + private(1)).splitlines()[1:-1]:
        assert line[:20] not in said


def test_what_two_tenants_share_is_declared_for_both() -> None:
    both = issued("*.acme.example", "birch.example")
    assert found(entry(certificate=both), entry(tenant="birch", certificate=both)) == ()


def test_the_public_part_holds_no_key_whatever_is_written() -> None:
    mixed = entry(certificate=issued("a") + private(), other=private(), deeper={"key": private()})
    shown = str([rules_certificates.public(value) for value in ([mixed], mixed, private(), None, [private()])])
    assert private().splitlines()[1][:20] not in shown
    assert rules_certificates.keys([mixed, "text", {}]) == [private(), "", ""]


def test_what_ends_soon_is_said() -> None:
    raw = {"odoo_tenants": TENANTS, "tenant_certificates": [entry(), entry(certificate=issued("a", days=30))]}
    (sentence,) = rules_certificates.ending(raw, NOW)
    assert "tenant acme" in sentence and "in 20 days" in sentence


def test_one_that_has_ended_is_said_and_keeps_nobody_from_a_verb() -> None:
    ended = entry(certificate=issued("*.acme.example", days=5))
    assert found(ended) == ()
    (sentence,) = rules_certificates.ending({"odoo_tenants": TENANTS, "tenant_certificates": [ended]}, NOW)
    assert "has ended" in sentence and "browsers refuse it" in sentence
