# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate that a tenant brings: shown for its hostnames alone, renewed, and given back."""

from __future__ import annotations

import hashlib
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from . import live

NAMES = ("acme", "birch")
MINE, OTHER = "erp.acme.example", "birch.edge.test"
FOLDER = "/etc/traefik/certificates"
OPTIONS: dict[str, Any] = {
    "tenants": [
        {"name": "acme", "instance": "s19", "hostnames": [MINE, "www.acme.example"]},
        {"name": "birch", "instance": "s19", "hostnames": [OTHER]},
    ],
    "allocations": live.allocations(NAMES),
}


@dataclass(frozen=True)
class Pair:
    certificate: str
    key: str

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(self.certificate)).hexdigest()

    def as_option(self) -> list[dict[str, str]]:
        return [{"tenant": "acme", "certificate": self.certificate, "key": self.key}]


def made(folder: Path, name: str) -> Pair:
    """Self-signed, for a wildcard of the customer's."""
    key, certificate = folder / f"{name}.key", folder / f"{name}.crt"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "60",
    ]
    command += ["-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:*.acme.example", "-keyout", str(key)]
    subprocess.run([*command, "-out", str(certificate)], capture_output=True, timeout=60, check=True)
    return Pair(certificate.read_text(), key.read_text())


def shown(edge: live.Edge, hostname: str) -> str:
    """The fingerprint of what a visitor of the hostname is shown."""
    connection = edge.connect(hostname, verify=False)
    try:
        assert isinstance(connection.sock, ssl.SSLSocket)
        found = connection.sock.getpeercert(binary_form=True)
        assert found
        return hashlib.sha256(found).hexdigest()
    finally:
        connection.close()


def files(edge: live.Edge) -> list[str]:
    return edge.ssh(f"find {FOLDER} -type f | sort").split()


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Pair, Pair]:
    folder = tmp_path_factory.mktemp("pairs")
    return made(folder, "first"), made(folder, "second")


@pytest.fixture(scope="module")
def routed(edge: live.Edge) -> live.Edge:
    edge.ssh(f"rm -rf {live.DYNAMIC}/[!t]* {live.OWN} /etc/traefik/tenants.served.yml {FOLDER}")
    edge.routes(**OPTIONS)
    return edge


def test_it_is_shown_for_its_own_hostnames_alone(routed: live.Edge, pairs: tuple[Pair, Pair]) -> None:
    others = shown(routed, OTHER)
    options = {**OPTIONS, "certificates": pairs[0].as_option()}
    predicted = routed.routes("--check", "--diff", **options)
    assert not routed.ssh(f"ls {FOLDER} 2>/dev/null || true") and shown(routed, MINE) != pairs[0].fingerprint
    done = routed.routes("--diff", **options)
    assert done.get("actions") == predicted["actions"] and done["diff"] == predicted["diff"], done
    for line in pairs[0].key.splitlines()[1:-1]:
        assert line not in str(done)
    assert shown(routed, MINE) == shown(routed, "www.acme.example") == pairs[0].fingerprint
    assert shown(routed, OTHER) == others
    assert routed.ssh(f"stat -c '%U:%G %a' {FOLDER} {FOLDER}/*").split("\n")[:3] == [
        "root:traefik 750", "root:traefik 640", "root:traefik 640",
    ]  # fmt: skip
    assert routed.ssh("ls /etc/erpops/pki/requests.d").split().count("edge-acme.json") == 0
    assert routed.request(OTHER).status == 200 and routed.request(MINE, verify=False).status == 200
    again = routed.routes(**options)
    assert not again["changed"] and again["actions"] == []


def test_files_that_others_could_read_are_made_anew(routed: live.Edge, pairs: tuple[Pair, Pair]) -> None:
    key = next(path for path in files(routed) if path.endswith(".key"))
    routed.ssh(f"chmod 644 {key}")
    done = routed.routes(**OPTIONS, certificates=pairs[0].as_option())
    assert {"verb": "store", "subject": f"file {key}", "detail": ""} in done["actions"]
    assert routed.ssh(f"stat -c %a {key}").strip() == "640"


def test_another_one_takes_its_place(routed: live.Edge, pairs: tuple[Pair, Pair]) -> None:
    before = files(routed)
    options = {**OPTIONS, "certificates": pairs[1].as_option()}
    predicted = routed.routes("--check", **options)
    assert shown(routed, MINE) == pairs[0].fingerprint
    assert routed.routes(**options)["actions"] == predicted["actions"]
    assert shown(routed, MINE) == pairs[1].fingerprint
    assert len(files(routed)) == 2 and not set(before) & set(files(routed))


def test_a_key_that_does_not_fit_leaves_what_was_served(routed: live.Edge, pairs: tuple[Pair, Pair]) -> None:
    """Validation on the controller refuses it before; Traefik itself would pass over it, and show another."""
    mixed = Pair(pairs[0].certificate, pairs[1].key)
    failed = routed.routes(**OPTIONS, certificates=mixed.as_option())
    assert "The previous routes are back and served." in failed["msg"]
    assert pairs[1].key.splitlines()[1] not in str(failed)
    assert shown(routed, MINE) == pairs[1].fingerprint


def test_taken_out_the_edge_has_its_own_issued_again(routed: live.Edge) -> None:
    done = routed.routes(**OPTIONS)
    assert ("issue", "certificate edge-acme") in [(each["verb"], each["subject"]) for each in done["actions"]]
    assert files(routed) == []
    assert routed.request(MINE).status == 200  # verified with the estate's root alone
