# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One intermediate authority a host, always the same for the same root, host and names.

The root's key never leaves the controller; what a host gets can sign for that host's own names only. The key is
derived from the root's key and the host's name, so that nothing has to be kept, and check mode sees what a run does.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Problem

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    HAS_CRYPTOGRAPHY = True
except ImportError:
    HAS_CRYPTOGRAPHY = False

CURVE_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256
SERIAL_BYTES = 19  # RFC 5280 allows 20, positive


@dataclass(frozen=True, slots=True, kw_only=True)
class HostAuthority:
    """PEM texts. ``key`` is a secret."""

    certificate: str
    key: str


def host_authority(
    ca_certificate_pem: str, ca_key_pem: str, name: str, addresses: Sequence[str], dns_names: Sequence[str]
) -> HostAuthority:
    """The intermediate of host ``name``. It may sign for ``dns_names`` (and names below them) and ``addresses``."""
    root = _certificate(ca_certificate_pem)
    root_key = _key(ca_key_pem)
    constraints = _constraints(name, addresses, dns_names)
    if _public_bytes(root.public_key()) != _public_bytes(root_key.public_key()):
        raise _bad("estate_ca_key", "It is not the key of estate_ca_certificate: give the pair that belongs together.")
    key = _derived_key(root_key, name)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_subject(root, name))
        .issuer_name(root.subject)
        .public_key(key.public_key())
        .serial_number(_serial(ca_certificate_pem, name, constraints))
        .not_valid_before(root.not_valid_before_utc)
        .not_valid_after(root.not_valid_after_utc)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
        .add_extension(x509.NameConstraints(permitted_subtrees=constraints, excluded_subtrees=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
    )
    if isinstance(root_key, ec.EllipticCurvePrivateKey):
        certificate = builder.sign(root_key, hashes.SHA256(), ecdsa_deterministic=True)
    else:
        certificate = builder.sign(root_key, hashes.SHA256())
    return HostAuthority(
        certificate=certificate.public_bytes(serialization.Encoding.PEM).decode(),
        key=key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
    )


def _bad(field: str, cure: str) -> InputError:
    return InputError("The estate's certificate authority cannot be used.", [Problem("estate", field, "", cure)])


def _certificate(pem: str) -> x509.Certificate:
    try:
        root = x509.load_pem_x509_certificate(pem.encode())
        authority = root.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (ValueError, x509.ExtensionNotFound) as error:
        raise _bad("estate_ca_certificate", f"Give the root certificate in PEM ({error}).") from error
    if not authority:
        raise _bad("estate_ca_certificate", "It is not that of an authority (CA:TRUE).")
    return root


def _key(pem: str) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError) as error:
        raise _bad("estate_ca_key", "Give the root's private key in PEM, unencrypted, from a vault.") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise _bad("estate_ca_key", "Give an EC or RSA key.")
    return key


def _public_bytes(key: x509.base.CertificatePublicKeyTypes) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _derived_key(root_key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, name: str) -> ec.EllipticCurvePrivateKey:
    secret = root_key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    # 512 bits, so that the remainder is as good as uniform.
    digest = hmac.new(secret, f"erpops host authority\x00{name}".encode(), hashlib.sha512).digest()
    return ec.derive_private_key(int.from_bytes(digest, "big") % (CURVE_ORDER - 1) + 1, ec.SECP256R1())


def _subject(root: x509.Certificate, name: str) -> x509.Name:
    organisation = [attribute for attribute in root.subject if attribute.oid == NameOID.ORGANIZATION_NAME]
    return x509.Name([*organisation, x509.NameAttribute(NameOID.COMMON_NAME, f"{name} host authority"[:64])])


def _constraints(name: str, addresses: Iterable[str], dns_names: Iterable[str]) -> list[x509.GeneralName]:
    """Both kinds must be named: a kind without an entry would be unconstrained."""
    names = sorted({item.lower().rstrip(".") for item in dns_names} | {name.lower()})
    try:
        networks = sorted({ipaddress.ip_network(address) for address in addresses}, key=str)
    except ValueError as error:
        problem = Problem(f"host {name}", "addresses", str(error), "Give single IP addresses.")
        raise InputError("A host authority needs the host's addresses.", [problem]) from error
    if not networks:
        networks = [ipaddress.ip_network("127.0.0.1")]
    return [*(x509.DNSName(item) for item in names), *(x509.IPAddress(network) for network in networks)]


def _serial(ca_certificate_pem: str, name: str, constraints: Iterable[x509.GeneralName]) -> int:
    """Another one whenever the certificate is another."""
    content = "\x00".join([ca_certificate_pem.strip(), name, *(str(item.value) for item in constraints)])
    return int.from_bytes(hashlib.sha256(content.encode()).digest()[:SERIAL_BYTES], "big") | 1


def _usage() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
