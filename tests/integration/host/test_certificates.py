# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A converged host issues its certificates, others accept them, and they renew by themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from contracts.harness import LabHost

NAME = "erpops-test"
PKI = "/etc/erpops/pki"
PORT = 5999
UNDO = (
    f"systemctl stop {NAME}.service 2>/dev/null || true; rm -rf {PKI}/{NAME} {PKI}/requests.d/{NAME}.json "
    f"/run/erpops/units/{NAME}.service /run/{NAME}.reloads; "
    f"test ! -e {PKI}/settings.json.kept || mv {PKI}/settings.json.kept {PKI}/settings.json"
)


@pytest.fixture
def host() -> Iterator[LabHost]:
    chosen = LabHost.chosen()
    request = {
        "name": NAME,
        "common_name": chosen.name,
        "names": [chosen.name, chosen.address],
        "reload_units": [f"{NAME}.service"],
    }
    try:
        chosen.shell(f"{UNDO}; cat > {PKI}/requests.d/{NAME}.json <<'END'\n{json.dumps(request)}\nEND")
        yield chosen
    finally:
        chosen.shell(UNDO)


def serial(host: LabHost) -> str:
    return host.shell(f"openssl x509 -noout -serial -in {PKI}/{NAME}/tls.crt")


def test_a_server_with_it_is_accepted_by_its_name_and_address_only(host: LabHost) -> None:
    host.shell(
        f"/usr/local/lib/erpops/issue-certificates {NAME}\n"
        f"systemd-run --quiet --collect --unit={NAME} openssl s_server -accept 127.0.0.1:{PORT} -www "
        f"-cert {PKI}/{NAME}/tls.crt -cert_chain {PKI}/{NAME}/tls.crt -key {PKI}/{NAME}/tls.key\n"
        f"for try in $(seq 100); do ss -Hltn | grep -q ':{PORT} ' && exit; sleep 0.2; done; exit 1"
    )

    def accepted(option: str) -> bool:
        client = f"openssl s_client -connect 127.0.0.1:{PORT} -CAfile {PKI}/ca.crt -verify_return_error {option}"
        return host.shell(f"{client} </dev/null >/dev/null 2>&1 && echo yes || echo no").strip() == "yes"

    assert accepted(f"-verify_hostname {host.name}")
    assert accepted(f"-verify_ip {host.address}")
    assert not accepted("-verify_hostname another.example")


def test_it_renews_before_it_ends_and_tells_the_units_that_run(host: LabHost) -> None:
    host.shell(
        f"cp -p {PKI}/settings.json {PKI}/settings.json.kept\n"
        f"echo '{{\"certificate_days\": 0.0003}}' > {PKI}/settings.json\n"
        f"/usr/local/lib/erpops/issue-certificates {NAME}\n"
        f"systemd-run --quiet --collect --unit={NAME} -p ExecReload='/bin/sh -c \"echo x >> /run/{NAME}.reloads\"' "
        "sleep infinity"
    )
    first = serial(host)
    # Until a third of its 26 seconds (and what it was dated back) is left.
    host.shell(f"while openssl x509 -noout -checkend 10 -in {PKI}/{NAME}/tls.crt >/dev/null; do sleep 1; done")
    host.shell(f"mv {PKI}/settings.json.kept {PKI}/settings.json; systemctl start erpops-certificates.service")
    assert serial(host) != first
    host.shell(f"openssl x509 -noout -checkend 86400 -in {PKI}/{NAME}/tls.crt")
    host.shell(f"for try in $(seq 100); do test -s /run/{NAME}.reloads && exit; sleep 0.2; done; exit 1")
    renewed = serial(host)
    host.shell("systemctl start erpops-certificates.service")
    assert serial(host) == renewed


def test_the_timer_is_on(host: LabHost) -> None:
    assert host.shell(
        "systemctl is-active erpops-certificates.timer; systemctl is-enabled erpops-certificates.timer"
    ) == ("active\nenabled\n")


def test_the_root_s_key_is_on_no_host(host: LabHost) -> None:
    assert host.shell(f"ls {PKI}/ca.key 2>/dev/null || echo none").strip() == "none"
    assert host.shell(f"stat -c '%a %U' {PKI}/host-ca.key").strip() == "600 root"
