# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to the primary, against real servers."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import PASSWORD, USER, Server, Start, free_port, wait_for
from erpops_session_redis.connection import Connections, Unavailable
from erpops_session_redis.settings import Settings, parse


def settings(*servers: Server | int, **more: Any) -> Settings:
    ports = [server if isinstance(server, int) else server.port for server in servers]
    addresses = [["127.0.0.1", port] for port in ports]
    return parse({"servers": addresses, "username": USER, "password": PASSWORD, **more})


def save(client: Any) -> None:
    client.set(f"{USER}:session:x", "text", ex=60)


def test_it_works_with_no_more_than_the_tenants_commands(start: Start) -> None:
    server = start()
    connections = Connections(settings(server))
    connections.run(save)
    assert server.admin().get(f"{USER}:session:x") == "text"
    assert connections.run(lambda client: client.get(f"{USER}:session:x")) == "text"


def test_another_tenants_keys_are_refused(start: Start) -> None:
    server = start()
    server.admin().set("birch:session:x", "theirs")
    connections = Connections(settings(server))
    for work in (lambda client: client.get("birch:session:x"), lambda client: client.keys("*")):
        with pytest.raises(Unavailable):
            connections.run(work)


def test_a_wrong_password_is_unavailable_not_anonymous(start: Start) -> None:
    server = start()
    with pytest.raises(Unavailable):
        Connections(settings(server, password="wrong")).run(save)


def test_a_restart_is_survived(start: Start) -> None:
    server = start()
    connections = Connections(settings(server))
    connections.run(save)
    server.stop()
    with pytest.raises(Unavailable):
        connections.run(save)
    again = start(port=server.port)
    connections.run(save)
    assert again.admin().get(f"{USER}:session:x") == "text"


def test_of_several_servers_the_one_that_takes_writes(start: Start) -> None:
    primary = start()
    replica = start("--replicaof", "127.0.0.1", str(primary.port))
    wait_for(lambda: replica.admin().info("replication")["master_link_status"] == "up")
    gone = free_port()
    Connections(settings(gone, replica, primary)).run(save)
    assert primary.admin().get(f"{USER}:session:x") == "text"


def test_a_server_that_hangs_costs_bounded_time(start: Start) -> None:
    server = start()
    connections = Connections(settings(server))
    connections.run(save)
    server.process.send_signal(signal.SIGSTOP)
    started = time.monotonic()
    with pytest.raises(Unavailable):
        connections.run(save)
    assert time.monotonic() - started < 15
    server.process.send_signal(signal.SIGCONT)
    connections.run(save)


def sentinel(folder: Path, primary: Server) -> tuple[int, subprocess.Popen[bytes]]:
    port = free_port()
    path = folder / "sentinel.conf"
    path.write_text(
        f"bind 127.0.0.1\nport {port}\ndir {folder}\n"
        f"sentinel monitor sessions 127.0.0.1 {primary.port} 1\n"
        "sentinel down-after-milliseconds sessions 500\nsentinel failover-timeout sessions 2000\n"
        "user default on nopass resetchannels -@all +ping +sentinel|get-master-addr-by-name\n"
    )
    with (folder / "sentinel.log").open("wb") as log:
        return port, subprocess.Popen(["redis-server", str(path), "--sentinel"], stdout=log, stderr=log)


def test_sentinels_lead_to_the_primary_and_to_its_successor(start: Start, tmp_path: Path) -> None:
    first = start()
    second = start("--replicaof", "127.0.0.1", str(first.port))
    wait_for(lambda: second.admin().info("replication")["master_link_status"] == "up")
    port, process = sentinel(tmp_path, first)
    try:
        sentinels = [["127.0.0.1", free_port()], ["127.0.0.1", port]]
        connections = Connections(settings(second, sentinels=sentinels))

        def saved() -> bool:
            try:
                connections.run(save)
            except Unavailable:
                return False
            return True

        wait_for(saved)
        assert first.admin().get(f"{USER}:session:x") == "text"
        # The sentinel learns of the replica from its primary, every ten seconds.
        wait_for(lambda: "known-replica sessions" in (tmp_path / "sentinel.conf").read_text(), 60)
        first.stop()
        wait_for(saved, 60)
        assert second.admin().info("replication")["role"] == "master"
        assert second.admin().get(f"{USER}:session:x") == "text"
    finally:
        process.terminate()
        process.wait(10)


def openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def certificates(folder: Path, name: str) -> None:
    """An authority, and a certificate for the subject alternative name."""
    ca = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    openssl("req", *ca, "-subj", "/CN=ca", "-keyout", f"{folder}/ca.key", "-out", f"{folder}/ca.crt")
    openssl(
        *("req", *ca, "-subj", "/CN=redis", "-addext", f"subjectAltName={name}", "-CA", f"{folder}/ca.crt"),
        *("-addext", "basicConstraints=critical,CA:FALSE", "-CAkey", f"{folder}/ca.key"),
        *("-keyout", f"{folder}/tls.key", "-out", f"{folder}/tls.crt"),
    )


def tls(start: Start, folder: Path) -> int:
    port = free_port()
    files = ["--tls-cert-file", f"{folder}/tls.crt", "--tls-key-file", f"{folder}/tls.key"]
    start(*files, "--tls-ca-cert-file", f"{folder}/ca.crt", "--tls-auth-clients", "no", "--tls-port", str(port))
    return port


def test_tls_with_the_right_address(start: Start, tmp_path: Path) -> None:
    certificates(tmp_path, "IP:127.0.0.1")
    connections = Connections(settings(tls(start, tmp_path), ca_file=f"{tmp_path}/ca.crt"))

    def saved() -> bool:
        try:
            connections.run(save)
        except Unavailable:
            return False
        return True

    wait_for(saved)


def test_tls_refuses_a_certificate_for_somebody_else(start: Start, tmp_path: Path) -> None:
    certificates(tmp_path, "IP:127.0.0.9,DNS:localhost")
    port = tls(start, tmp_path)
    right = Connections(
        parse(
            {"servers": [["localhost", port]], "username": USER, "password": PASSWORD, "ca_file": f"{tmp_path}/ca.crt"}
        )
    )

    def reachable() -> bool:
        try:
            right.run(save)
        except Unavailable:
            return False
        return True

    wait_for(reachable)
    with pytest.raises(Unavailable, match=r"(?i)certificate"):
        Connections(settings(port, ca_file=f"{tmp_path}/ca.crt")).run(save)
