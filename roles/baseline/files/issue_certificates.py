# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Issues this host's certificates from its own authority, and renews them before they expire.

    issue-certificates [NAME...]

Every file /etc/erpops/pki/requests.d/NAME.json asks for one certificate:

    {"name": "etcd", "common_name": "db1", "names": ["db1", "10.0.0.5"], "owner": "root", "group": "etcd",
     "reload_units": ["etcd.service"]}

It is written to /etc/erpops/pki/NAME/: tls.crt (with the host's authority behind it), tls.key, tls.pem (both, for
HAProxy) and ca.crt (the estate's root). A certificate is issued anew when a third of its life is left, when its names
change, or when the host's authority does; its key stays, so that a reader never sees a pair that does not match.
Units are reloaded only if they run. It needs nothing but python3-cryptography: it must work while nothing else does.
"""

from __future__ import annotations

import contextlib
import fcntl
import grp
import ipaddress
import json
import os
import pwd
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DEFAULT_DAYS = 30.0
CLOCKS_DIFFER = timedelta(hours=1)  # between two hosts, at most: certificates begin that much earlier
FIELDS = {"name", "common_name", "names", "owner", "group", "reload_units"}


class Refusal(Exception):
    """One request cannot be served; the others are."""


class NotYet(Refusal):
    """The account of a request is not there yet: its package will bring it. No failure where nobody asked by name."""


@dataclass(frozen=True)
class Places:
    """Where everything is; tests have their own."""

    pki: Path = Path("/etc/erpops/pki")
    run: Path = Path("/run/erpops")

    @property
    def requests(self) -> Path:
        return self.pki / "requests.d"

    @property
    def stamps(self) -> Path:
        return self.run / "units"


@dataclass(frozen=True)
class Request:
    name: str
    common_name: str
    names: tuple[str, ...]
    owner: str = "root"
    group: str = "root"
    reload_units: tuple[str, ...] = ()


@dataclass(frozen=True)
class Authority:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    root_pem: bytes


def read_request(path: Path) -> Request:
    try:
        value = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise Refusal(f"{path}: {error}") from error
    if not isinstance(value, dict) or not value.keys() <= FIELDS or "names" not in value:
        raise Refusal(f"{path}: it must be an object with the fields {', '.join(sorted(FIELDS))}")
    name = value.get("name", path.stem)
    if name != path.stem or not value["names"]:
        raise Refusal(f"{path}: its name must be {path.stem!r}, and it must have at least one entry in 'names'")
    return Request(
        name=name,
        common_name=value.get("common_name") or value["names"][0],
        names=tuple(value["names"]),
        owner=value.get("owner") or "root",
        group=value.get("group") or "root",
        reload_units=tuple(value.get("reload_units") or ()),
    )


def read_authority(places: Places) -> Authority:
    try:
        certificate = x509.load_pem_x509_certificate((places.pki / "host-ca.crt").read_bytes())
        key = serialization.load_pem_private_key((places.pki / "host-ca.key").read_bytes(), password=None)
        root_pem = (places.pki / "ca.crt").read_bytes()
    except (OSError, ValueError) as error:
        raise Refusal(f"this host's authority cannot be read: {error}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or certificate.public_key() != key.public_key():
        raise Refusal("host-ca.key is not the key of host-ca.crt: let the role 'baseline' write both again")
    return Authority(certificate, key, root_pem)


def life(places: Places) -> timedelta:
    """A certificate's life, from settings.json."""
    path = places.pki / "settings.json"
    if not path.exists():
        return timedelta(days=DEFAULT_DAYS)
    return timedelta(days=float(json.loads(path.read_text())["certificate_days"]))


def general_name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def begins(certificate: x509.Certificate) -> datetime:
    # Ubuntu 24.04's cryptography 41 has no *_utc yet.
    if hasattr(certificate, "not_valid_before_utc"):
        return certificate.not_valid_before_utc
    return certificate.not_valid_before.replace(tzinfo=UTC)


def ends(certificate: x509.Certificate) -> datetime:
    if hasattr(certificate, "not_valid_after_utc"):
        return certificate.not_valid_after_utc
    return certificate.not_valid_after.replace(tzinfo=UTC)


def why(folder: Path, request: Request, authority: Authority, now: datetime, span: timedelta) -> str:
    """Why the certificate must be issued (anew); empty when it need not."""
    try:
        chain = x509.load_pem_x509_certificates((folder / "tls.crt").read_bytes())
        key = serialization.load_pem_private_key((folder / "tls.key").read_bytes(), password=None)
        both = (folder / "tls.pem").read_bytes()
    except FileNotFoundError:
        return "there is none"
    except (OSError, ValueError) as error:
        return f"it cannot be read: {error}"
    leaf = chain[0]
    if (
        leaf.public_key() != key.public_key()
        or both != (folder / "tls.crt").read_bytes() + (folder / "tls.key").read_bytes()
    ):
        return "its files do not belong together"
    if chain[1:] != [authority.certificate]:
        return "the host's authority changed"
    alternative = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    common = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    if list(alternative) != [general_name(name) for name in request.names] or common != request.common_name:
        return "its names changed"
    # Near the end of the authority a new one would live no longer.
    longer = min(now + span, ends(authority.certificate)) > ends(leaf) + timedelta(seconds=1)
    if longer and ends(leaf) - now <= (ends(leaf) - begins(leaf)) / 3:
        return f"it ends at {ends(leaf):%Y-%m-%d %H:%M} UTC"
    return ""


def issue(
    request: Request, authority: Authority, key: ec.EllipticCurvePrivateKey, now: datetime, span: timedelta
) -> bytes:
    """The certificate and the authority's behind it, in PEM."""
    issuer = authority.certificate
    if ends(issuer) <= now:
        raise Refusal(f"the estate's authority ended at {ends(issuer):%Y-%m-%d}: make a new root")
    usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
    leaf = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, request.common_name)]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(max(now - min(CLOCKS_DIFFER, span / 4), begins(issuer)))
        .not_valid_after(min(now + span, ends(issuer)))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
        .add_extension(x509.SubjectAlternativeName([general_name(name) for name in request.names]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    return leaf.public_bytes(pem) + issuer.public_bytes(pem)


def foreign(request: Request, authority: Authority) -> list[str]:
    """The names that the host's authority may not sign for: nobody would accept the certificate."""
    names = list(request.names)
    if not any(isinstance(general_name(name), x509.DNSName) for name in names):
        names.append(request.common_name)  # without a DNS name, OpenSSL takes the common name for one
    constraints = authority.certificate.extensions.get_extension_for_class(x509.NameConstraints).value
    permitted = constraints.permitted_subtrees or []
    domains = [item.value.lower() for item in permitted if isinstance(item, x509.DNSName)]
    networks = [
        item.value
        for item in permitted
        if isinstance(item, x509.IPAddress) and isinstance(item.value, IPv4Network | IPv6Network)
    ]
    return [name for name in names if not _permitted(general_name(name), domains, networks)]


def _permitted(name: x509.GeneralName, domains: list[str], networks: list[IPv4Network | IPv6Network]) -> bool:
    if isinstance(name, x509.IPAddress):
        return any(name.value in network for network in networks)
    text = name.value.lower().removeprefix("*.")
    return any(text == domain or text.endswith(f".{domain}") for domain in domains)


def key_of(folder: Path) -> ec.EllipticCurvePrivateKey:
    """The key that is there, else a new one."""
    try:
        key = serialization.load_pem_private_key((folder / "tls.key").read_bytes(), password=None)
    except (OSError, ValueError):
        return ec.generate_private_key(ec.SECP256R1())
    return key if isinstance(key, ec.EllipticCurvePrivateKey) else ec.generate_private_key(ec.SECP256R1())


def write(path: Path, content: bytes, mode: int, uid: int, gid: int) -> bool:
    """Bring a file to its content, mode and owner, in one step for its readers. True if its content was another."""
    if path.is_file() and path.read_bytes() == content:
        status = path.stat()
        if (status.st_uid, status.st_gid) != (uid, gid):
            os.chown(path, uid, gid)
        if status.st_mode & 0o7777 != mode:
            path.chmod(mode)
        return False
    aside = path.with_name(f".{path.name}.new")
    aside.unlink(missing_ok=True)
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.chown(aside, uid, gid)
        aside.chmod(mode)
        os.fsync(descriptor)
    aside.replace(path)
    return True


def serve(request: Request, authority: Authority, places: Places, now: datetime, span: timedelta) -> str:
    """Bring one request's files up to date; the reason if a certificate was issued."""
    try:
        uid, gid = pwd.getpwnam(request.owner).pw_uid, grp.getgrnam(request.group).gr_gid
    except KeyError as error:
        raise NotYet(f"{request.name}: {error.args[0]}") from error
    strange = foreign(request, authority)
    if strange:
        raise Refusal(
            f"{request.name}: this host's authority may not sign for {', '.join(strange)}; "
            "add them to baseline_authority_names"
        )
    folder = places.pki / request.name
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)  # whatever the umask of the service that calls
    reason = why(folder, request, authority, now, span)
    if reason:
        key = key_of(folder)
        chain = issue(request, authority, key, now, span)
        key_pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    else:
        chain, key_pem = (folder / "tls.crt").read_bytes(), (folder / "tls.key").read_bytes()
    write(folder / "tls.key", key_pem, 0o640, uid, gid)
    write(folder / "tls.crt", chain, 0o644, uid, gid)
    write(folder / "tls.pem", chain + key_pem, 0o640, uid, gid)
    if write(folder / "ca.crt", authority.root_pem, 0o644, uid, gid):
        reason = reason or "the estate's root changed"
    return reason


def reload(units: set[str], places: Places) -> None:
    """Tell the units that run; the one that is just starting, and called us, reads the new files anyway."""
    for unit in sorted(units):
        state = subprocess.run(
            ["systemctl", "show", "--property=ActiveState", "--value", "--", unit],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        if state.stdout.strip() != "active":
            continue
        # The same mark that host_units keeps, so that it does not reload once more.
        places.stamps.mkdir(parents=True, exist_ok=True)
        before = time.time()
        done = subprocess.run(["systemctl", "--no-block", "try-reload-or-restart", "--", unit], timeout=30, check=False)
        if done.returncode == 0:
            (places.stamps / unit).touch()
            os.utime(places.stamps / unit, (before, before))


@contextlib.contextmanager
def alone(places: Places) -> Iterator[None]:
    """One at a time: several services may start at once."""
    places.run.mkdir(parents=True, exist_ok=True)
    with (places.run / "issue-certificates.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main(names: list[str], places: Places) -> int:
    failed = False
    units: set[str] = set()
    paths = [places.requests / f"{name}.json" for name in names] or sorted(places.requests.glob("*.json"))
    with alone(places):
        try:
            authority, span = read_authority(places), life(places)
        except (Refusal, ValueError, KeyError) as error:
            print(f"issue-certificates: {error}", file=sys.stderr)
            return 1
        for path in paths:
            try:
                request = read_request(path)
                reason = serve(request, authority, places, datetime.now(UTC), span)
            except (Refusal, OSError, ValueError) as error:
                print(f"issue-certificates: {error}", file=sys.stderr)
                failed = failed or bool(names) or not isinstance(error, NotYet)
                continue
            if reason:
                print(f"{request.name}: issued, since {reason}")
                units |= set(request.reload_units)
    reload(units, places)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Places()))
