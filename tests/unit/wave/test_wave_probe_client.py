# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of endpoints, which listen on this machine: some answer, some do not, some never end."""

from __future__ import annotations

import socket
import socketserver
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.wave.probe_client import one, probed
from ansible_collections.erpops.odoo.plugins.module_utils.wave.probes import Probe, Result, probe_from

HERE = "127.0.0.1"
Said = list[bytes]
Talk = Callable[[socket.socket, Said], None]
SECONDS = 0.5  # of servers that never answer
PATIENT = 10.0  # of those that do


@pytest.fixture
def serve() -> Iterator[Callable[[Talk], tuple[int, Said]]]:
    """Starts servers; of each the port, and the lines that it was sent."""
    with ExitStack() as stack:
        yield lambda talk: started(stack, talk)


def started(stack: ExitStack, talk: Talk) -> tuple[int, Said]:
    said: Said = []

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):  # the client has what it wanted
                talk(self.request, said)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    server = stack.enter_context(Server((HERE, 0), Handler))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    stack.callback(thread.join)
    stack.callback(server.shutdown)
    return int(server.server_address[1]), said


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Self-signed, of localhost, with its key in one file."""
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", str(path), "-out", str(path.with_name("cert.pem")), "-days", "2", "-subj", "/CN=localhost"]
    subprocess.run([*command, "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True, timeout=60)
    path.write_text(path.read_text() + path.with_name("cert.pem").read_text())
    return path


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_name("cert.pem")))


def lines(sock: socket.socket, said: Said) -> Iterator[bytes]:
    with sock.makefile("rb") as file:
        for line in file:
            said.append(line.strip())
            yield line.strip()


def http(status: int) -> Talk:
    def talk(sock: socket.socket, said: Said) -> None:
        for line in lines(sock, said):
            if not line:
                break
        sock.sendall(b"HTTP/1.1 %d Answer\r\nContent-Length: 1000000\r\nLocation: /elsewhere\r\n\r\n" % status)

    return talk


def secured(certificate: Path, talk: Talk) -> Talk:
    def wrapped(sock: socket.socket, said: Said) -> None:
        with lock(sock, certificate) as inner:
            talk(inner, said)

    return wrapped


def lock(sock: socket.socket, certificate: Path) -> ssl.SSLSocket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context.wrap_socket(sock, server_side=True)


def smtp(certificate: Path | None = None, greeting: bytes = b"220 relay ESMTP") -> Talk:
    def talk(sock: socket.socket, said: Said) -> None:
        sock.sendall(greeting + b"\r\n")
        for line in lines(sock, said):
            if line.upper() == b"STARTTLS" and certificate:
                sock.sendall(b"220 go ahead\r\n")
                with lock(sock, certificate) as inner:
                    answer(inner, said)
                return
            sock.sendall(b"250 relay\r\n" if line.startswith(b"ehlo") else b"221 bye\r\n")

    def answer(sock: socket.socket, said: Said) -> None:
        for line in lines(sock, said):
            sock.sendall(b"250 relay\r\n" if line.startswith(b"ehlo") else b"221 bye\r\n")

    return talk


def silent(sock: socket.socket, _said: Said) -> None:
    sock.recv(1)
    time.sleep(40 * SECONDS)


def dripping(sock: socket.socket, _said: Said) -> None:
    """Each byte comes in time; the end never does."""
    for _time in range(200):
        sock.sendall(b"2")
        time.sleep(SECONDS / 5)


def ask(
    port: int, kind: str = "tcp", host: str = HERE, seconds: float = PATIENT, egress: Any = None, **more: Any
) -> Result:
    return one(wanted(port, kind, host, **more), seconds, egress)


def wanted(port: int, kind: str = "tcp", host: str = HERE, **more: Any) -> Probe:
    return probe_from({"member": "acme", "name": "n", "kind": kind, "host": host, "port": port, **more})


@pytest.mark.parametrize(
    ("status", "expected", "ok"),
    [(200, None, True), (302, None, True), (404, None, True), (503, None, False), (503, 503, True), (200, 401, False)],
)
def test_http_answers_below_500_or_as_expected(serve: Any, status: int, expected: int | None, ok: bool) -> None:
    port, said = serve(http(status))
    found = ask(port, "http", path="/base", status=expected)
    assert found.ok is ok
    assert found.evidence.startswith(f"HTTP {status}")
    assert said[0] == b"GET /base HTTP/1.1" and f"Host: {HERE}:{port}".encode() in said
    assert sum(line.startswith(b"GET") for line in said) == 1, "no redirect is followed"
    assert not any(line.lower().startswith((b"authorization", b"cookie")) for line in said)


def test_a_certificate_is_refused_with_the_reason(serve: Any, certificate: Path) -> None:
    port, said = serve(secured(certificate, http(200)))
    for kind in ("https", "tls"):
        found = ask(port, kind, "localhost")
        assert (found.ok, found.evidence) == (False, "certificate refused: self-signed certificate")
    assert said == []


@pytest.mark.usefixtures("trusted")
def test_a_certificate_of_another_name_is_refused(serve: Any, certificate: Path) -> None:
    port, _said = serve(secured(certificate, http(200)))
    found = ask(port, "https", HERE)
    assert not found.ok
    assert "certificate refused" in found.evidence and HERE in found.evidence


@pytest.mark.usefixtures("trusted")
def test_a_good_certificate_is_said_with_its_end(serve: Any, certificate: Path) -> None:
    port, _said = serve(secured(certificate, http(404)))
    found = ask(port, "https", "localhost")
    assert found.ok, found
    assert "HTTP 404, TLSv1.3, certificate good until" in found.evidence


def test_a_certificate_may_go_unverified_which_is_said(serve: Any, certificate: Path) -> None:
    port, _said = serve(secured(certificate, http(200)))
    found = ask(port, "https", verify=False)
    assert (found.ok, found.evidence) == (True, "HTTP 200, TLSv1.3, certificate not verified")


def test_no_tls_where_it_should_be(serve: Any) -> None:
    port, _said = serve(http(200))
    assert not ask(port, "https", seconds=2).ok


def test_mail_is_greeted_and_nothing_more(serve: Any) -> None:
    port, said = serve(smtp())
    found = ask(port, "smtp")
    assert (found.ok, found.evidence) == (True, "relay ESMTP")
    assert [line.split()[0].lower() for line in said] == [b"ehlo", b"quit"]


@pytest.mark.usefixtures("trusted")
def test_mail_goes_over_to_tls(serve: Any, certificate: Path) -> None:
    port, said = serve(smtp(certificate))
    found = ask(port, "smtp", "localhost", tls="starttls")
    assert found.ok, found
    assert found.evidence.startswith("relay ESMTP, STARTTLS, TLSv1.3, certificate good until")
    assert [line.split()[0].lower() for line in said] == [b"ehlo", b"starttls", b"ehlo", b"quit"]


@pytest.mark.usefixtures("trusted")
def test_mail_that_begins_with_tls(serve: Any, certificate: Path) -> None:
    port, _said = serve(secured(certificate, smtp()))
    assert ask(port, "smtp", "localhost", tls="implicit").ok
    port, _said = serve(secured(certificate, lambda sock, _said: sock.sendall(b"* OK ready\r\n")))
    assert ask(port, "imap", "localhost", tls="implicit").ok


def test_starttls_that_is_not_there_or_not_trusted(serve: Any, certificate: Path) -> None:
    port, _said = serve(smtp())
    assert ask(port, "smtp", tls="starttls").evidence == "SMTP answers 221 bye, not 220"
    port, said = serve(smtp(certificate))
    found = ask(port, "smtp", "localhost", tls="starttls")
    assert (found.ok, found.evidence) == (False, "certificate refused: self-signed certificate")
    assert [line.split()[0].lower() for line in said] == [b"ehlo", b"starttls"]


def test_a_relay_that_turns_everybody_away(serve: Any) -> None:
    port, _said = serve(smtp(greeting=b"554 not you"))
    assert ask(port, "smtp").evidence == "SMTP answers 554 not you, not 220"


@pytest.mark.parametrize(
    ("kind", "greeting", "ok"),
    [
        ("imap", b"* OK ready", True),
        ("imap", b"* PREAUTH ready", True),
        ("imap", b"* BYE busy", False),
        ("imap", b"+OK ready", False),
        ("pop", b"+OK ready", True),
        ("pop", b"-ERR \x1b[31mbusy", False),
    ],
)
def test_mailboxes_greet(serve: Any, kind: str, greeting: bytes, ok: bool) -> None:
    port, _said = serve(lambda sock, _said: sock.sendall(greeting + b"\r\n"))
    found = ask(port, kind)
    assert found.ok is ok
    assert found.evidence.isprintable()


def test_an_end_without_a_word(serve: Any) -> None:
    port, _said = serve(lambda sock, _said: None)
    assert ask(port).ok, "it is open"
    for kind in ("http", "smtp", "imap", "pop"):
        found = ask(port, kind)
        assert not found.ok and found.evidence, kind


def test_a_closed_port_and_a_name_that_is_none() -> None:
    with socket.socket() as closed:  # bound, and nobody listens
        closed.bind((HERE, 0))
        assert ask(closed.getsockname()[1]).evidence == "connection refused"
    found = ask(9, host="nobody.invalid")
    assert (found.ok, found.evidence[:24]) == (False, "its name is not resolved")


@pytest.mark.parametrize("talk", [silent, dripping])
@pytest.mark.parametrize("kind", ["http", "https", "smtp", "imap", "pop"])
def test_whoever_never_answers_is_left_in_time(serve: Any, talk: Talk, kind: str) -> None:
    port, _said = serve(talk)
    begun = time.monotonic()
    found = ask(port, kind, seconds=SECONDS)
    assert time.monotonic() - begun < 10 * SECONDS
    assert not found.ok
    if talk is silent:
        assert found.evidence == f"no answer within {SECONDS:g} s"


def test_many_are_asked_at_once_and_answered_in_their_order(serve: Any) -> None:
    port, _said = serve(silent)
    begun = time.monotonic()
    found = probed(
        [wanted(port, "imap"), *(wanted(port, "http") for _each in range(7)), wanted(port)], SECONDS, 4, None
    )
    assert [each.kind for each in found] == ["imap", *["http"] * 7, "tcp"]
    assert [each.ok for each in found] == [False] * 8 + [True]
    assert SECONDS < time.monotonic() - begun < 8 * SECONDS  # one after the other takes longer


def test_what_containers_may_not_reach_fails_although_it_answers(serve: Any) -> None:
    port, _said = serve(http(200))
    allowed = [{"address": "127.0.0.0/8", "port": port, "protocol": "tcp"}]
    assert ask(port, "http", egress=allowed).ok
    found = ask(port, "http", egress=[])
    assert not found.ok
    assert found.evidence.startswith(f"HTTP 200; {HERE} port {port}: containers may not connect there")
    assert "baseline_container_egress" in found.evidence
