# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates by ACME from Debian's test authority Pebble. It issues for years, so renewal is not seen here."""

from __future__ import annotations

import json
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import live

TENANTS = [{"name": "acme", "instance": "s19", "hostnames": ["acme.edge.test", "www.acme.example"]}]
OPTIONS = {"tenants": TENANTS, "allocations": live.allocations(["acme"])}
DIRECTORY = "/root/pebble"
STOP = "systemctl stop test-pebble test-dns 2>/dev/null; systemctl reset-failed test-pebble test-dns 2>/dev/null"


def authority(edge: live.Edge, folder: Path) -> None:
    """Pebble, and a name server that gives every name the edge's address."""
    address = edge.app_address
    key, request, certificate = folder / "p.key", folder / "p.csr", folder / "p.crt"
    (folder / "names").write_text(f"subjectAltName=IP:{address}")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=pebble"]
    signer = ["-CA", str(edge.ca_file), "-CAkey", str(edge.ca_file.with_suffix(".key")), "-CAcreateserial"]
    for command in (
        ["openssl", "req", *curve, "-keyout", str(key), "-out", str(request)],
        ["openssl", "x509", "-req", "-in", str(request), *signer, "-days", "9", "-extfile", str(folder / "names"),
         "-out", str(certificate)],
    ):  # fmt: skip
        subprocess.run(command, capture_output=True, timeout=60, check=True)
    settings = {
        "listenAddress": f"{address}:14000",
        "managementListenAddress": f"{address}:15000",
        "certificate": f"{DIRECTORY}/p.crt",
        "privateKey": f"{DIRECTORY}/p.key",
        "httpPort": 80,
        "tlsPort": 443,
        "ocspResponderURL": "",
        "externalAccountBindingRequired": False,
    }
    edge.ssh(
        "command -v pebble || DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends pebble;"
        f"{STOP}; mkdir -p {DIRECTORY}",
        address,
    )
    for path in (key, certificate):
        edge.put(f"{DIRECTORY}/{path.name}", path.read_text(), address)
    edge.put(f"{DIRECTORY}/pebble.json", json.dumps({"pebble": settings}), address)
    off = "-http01 '' -https01 '' -tlsalpn01 '' -doh ''"
    edge.ssh(
        f"systemd-run -q -u test-dns pebble-challtestsrv -defaultIPv4 {edge.address} -defaultIPv6 '' {off}"
        f" -dns01 {address}:8053 -management {address}:8055;"
        "systemd-run -q -u test-pebble -E PEBBLE_VA_NOSLEEP=1 -E PEBBLE_WFE_NONCEREJECT=0"
        f" pebble -config {DIRECTORY}/pebble.json -dnsserver {address}:8053 -strict=false",
        address,
    )


@pytest.fixture
def with_acme(edge: live.Edge, tmp_path: Path) -> Iterator[live.Edge]:
    authority(edge, tmp_path)
    resolver = {
        "email": "ops@edge.test",
        "ca_server": f"https://{edge.app_address}:14000/dir",
        "challenge": "http",
        "ca_certificates": ["/etc/erpops/pki/ca.crt"],
    }
    edge.ssh(f"rm -f {live.OWN} /etc/traefik/tenants.served.yml /var/lib/traefik/acme.json")
    edge.converge("-e", json.dumps({"traefik_acme": resolver}))
    yield edge
    edge.ssh(f"rm -f {live.OWN} /etc/traefik/tenants.served.yml")
    edge.converge()
    edge.ssh(STOP + " || true", edge.app_address)


def test_a_tenant_gets_its_certificate_by_http_01(with_acme: live.Edge, tmp_path: Path) -> None:
    edge = with_acme
    done = edge.routes(tls_mode="acme", **OPTIONS)
    assert ("create", "route acme") in {(action["verb"], action["subject"]) for action in done["actions"]}, done
    assert not any(action["verb"] == "issue" for action in done["actions"])
    root = tmp_path / "root.pem"
    root.write_text(edge.page(f"https://{edge.app_address}:15000/roots/0"))
    context = ssl.create_default_context(cafile=str(root))
    end = time.monotonic() + 120
    while "Pebble" not in str(edge.api("certificates")):
        assert time.monotonic() < end, edge.ssh("journalctl -u traefik -o cat -n 20")
        time.sleep(1)
    time.sleep(2)
    for host in ("acme.edge.test", "www.acme.example"):
        answer = edge.request(host, context=context)
        assert answer.told["port"] == 10004
    assert not edge.routes(tls_mode="acme", **OPTIONS)["changed"]
