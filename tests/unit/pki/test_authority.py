# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import subprocess
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ansible_collections.erpops.odoo.plugins.filter.host_authority import host_authority as host_authority_filter
from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError
from ansible_collections.erpops.odoo.plugins.module_utils.pki.authority import HostAuthority, host_authority

from .conftest import Root, make_root

NAMES = (
    "db1",
    "localhost",
)
ADDRESSES = (
    "10.0.0.5",
    "127.0.0.1",
    "::1",
)


def made(root: Root, name: str = "db1", addresses: Any = ADDRESSES, names: Any = NAMES) -> HostAuthority:
    return host_authority(root.certificate, root.key, name, addresses, names)


def certificate(authority: HostAuthority) -> x509.Certificate:
    return x509.load_pem_x509_certificate(authority.certificate.encode())


def test_it_is_always_the_same(root: Root) -> None:
    assert made(root) == made(root)
    assert made(root) == made(root, addresses=ADDRESSES[::-1], names=[*NAMES[::-1], "DB1"])


def test_another_name_has_another_key_and_other_names_only_another_certificate(root: Root) -> None:
    assert made(root).key != made(root, "db2").key
    wider = made(root, names=[*NAMES, "more"])
    assert wider.key == made(root).key
    assert certificate(wider).serial_number != certificate(made(root)).serial_number


def test_another_root_has_another_key(root: Root) -> None:
    assert made(make_root()).key != made(root).key


@pytest.mark.parametrize("key", [ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)])
def test_it_is_signed_by_the_root(key: Any) -> None:
    root = make_root(key)
    own = certificate(made(root))
    own.verify_directly_issued_by(x509.load_pem_x509_certificate(root.certificate.encode()))
    assert made(root) == made(root)


def test_its_key_is_that_of_its_certificate(root: Root) -> None:
    authority = made(root)
    key = serialization.load_pem_private_key(authority.key.encode(), password=None)
    assert key.public_key() == certificate(authority).public_key()


def test_it_may_only_sign_leaves_for_its_own_names(root: Root) -> None:
    extensions = certificate(made(root)).extensions
    basic = extensions.get_extension_for_class(x509.BasicConstraints)
    assert basic.critical
    assert (basic.value.ca, basic.value.path_length) == (True, 0)
    constraints = extensions.get_extension_for_class(x509.NameConstraints)
    assert constraints.critical
    permitted = constraints.value.permitted_subtrees or []
    assert {item.value for item in permitted if isinstance(item, x509.DNSName)} == {"db1", "localhost"}
    networks = {item.value for item in permitted if isinstance(item, x509.IPAddress)}
    assert networks == {ip_network("10.0.0.5/32"), ip_network("127.0.0.1/32"), ip_network("::1/128")}


def test_no_kind_of_name_is_left_unconstrained(root: Root) -> None:
    constraints = certificate(made(root, addresses=[], names=[])).extensions.get_extension_for_class(
        x509.NameConstraints
    )
    kinds = {type(item) for item in constraints.value.permitted_subtrees or []}
    assert kinds == {x509.DNSName, x509.IPAddress}


@pytest.mark.parametrize(
    ("name", "accepted"),
    [
        ("DNS:db1", True),
        ("DNS:below.db1", True),
        ("IP:10.0.0.5", True),
        ("DNS:db2", False),
        ("IP:10.0.0.6", False),
        ("IP:fd00::1", False),
    ],
)
def test_openssl_accepts_nothing_else_from_it(root: Root, tmp_path: Path, name: str, accepted: bool) -> None:
    authority = made(root)
    for file, text in (("ca", root.certificate), ("host", authority.certificate), ("key", authority.key)):
        (tmp_path / file).write_text(text)
    (tmp_path / "names").write_text(f"subjectAltName={name}")

    def openssl(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["openssl", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)

    new = ("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "k", "-out", "r")
    assert openssl(*new, "-subj", "/CN=x").returncode == 0
    sign = ("x509", "-req", "-in", "r", "-CA", "host", "-CAkey", "key", "-CAcreateserial", "-out", "c")
    assert openssl(*sign, "-extfile", "names").returncode == 0
    judged = openssl("verify", "-CAfile", "ca", "-untrusted", "host", "c")
    assert (judged.returncode == 0) == accepted, judged.stderr
    assert accepted or "permitted subtree violation" in judged.stderr + judged.stdout


def test_it_ends_with_the_root(root: Root) -> None:
    own, above = certificate(made(root)), x509.load_pem_x509_certificate(root.certificate.encode())
    assert own.not_valid_after_utc == above.not_valid_after_utc


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"certificate": "nonsense"}, "estate_ca_certificate"),
        ({"certificate": make_root(authority=False).certificate}, "estate_ca_certificate"),
        ({"key": "nonsense"}, "estate_ca_key"),
        ({"key": make_root().key}, "estate_ca_key"),
        ({"addresses": ["db1.example"]}, "addresses"),
    ],
)
def test_bad_input_names_its_field_and_no_secret(root: Root, change: dict[str, Any], field: str) -> None:
    given = {"certificate": root.certificate, "key": root.key, "addresses": ADDRESSES, **change}
    with pytest.raises(InputError) as refused:
        host_authority(given["certificate"], given["key"], "db1", given["addresses"], NAMES)
    assert [problem.field for problem in refused.value.problems] == [field]
    assert "PRIVATE" not in str(refused.value)


def test_filter_gives_both_parts(root: Root) -> None:
    authority = made(root)
    assert host_authority_filter(root.certificate, root.key, "db1", ADDRESSES, NAMES) == {
        "certificate": authority.certificate,
        "key": authority.key,
    }
