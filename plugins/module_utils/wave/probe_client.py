# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks endpoints whether they are there, over one connection each. No credentials, no mail, nothing that writes.

Containers have no IPv6, so names are resolved to IPv4 only. HTTP goes over the same connection as everything else: a
client that follows redirects or a proxy would not say who answered.
"""

from __future__ import annotations

import http.client
import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.wave.probes import Probe, Result, answered, permitted

Egress = Sequence[Mapping[str, Any]]
GREETING = 220
OK = 250
AGENT = {"User-Agent": "erpops.odoo", "Accept": "*/*", "Connection": "close"}
EGRESS_CURE = "containers may not connect there: declare it in baseline_container_egress and run site"


class Unfit(Exception):
    """The endpoint answers, but not what it should."""


@dataclass(slots=True)
class Wire:
    """The connection to an endpoint; ``secure`` lays TLS over it."""

    probe: Probe
    sock: socket.socket

    def secure(self) -> str:
        context = ssl.create_default_context()
        if not self.probe.verify:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.sock = sock = context.wrap_socket(self.sock, server_hostname=self.probe.host)
        until = dict(sock.getpeercert() or {}).get("notAfter")
        return f"{sock.version()}, certificate " + (f"good until {until}" if until else "not verified")


def probed(probes: Sequence[Probe], seconds: float, parallel: int, egress: Egress | None) -> list[Result]:
    """Every probe's result, in their order. seconds: for one, without the resolver's. egress: None is not looked at."""
    with ThreadPoolExecutor(max_workers=parallel) as pool:
        return list(pool.map(lambda probe: one(probe, seconds, egress), probes))


def one(probe: Probe, seconds: float, egress: Egress | None) -> Result:
    begun = time.monotonic()
    evidence, ok, addresses = "", False, []
    try:
        addresses = resolved(probe)
        begun = time.monotonic()
        with connected(probe, addresses, seconds) as wire:
            addresses = [wire.sock.getpeername()[0]]
            evidence, ok = SPEAK[probe.kind](wire), True
    except (OSError, ValueError, Unfit, http.client.HTTPException, smtplib.SMTPException) as error:
        # The watchdog's end looks like the other side's
        late = time.monotonic() - begun >= seconds and not isinstance(error, Unfit)
        evidence = f"no answer within {seconds:g} s" if late else reason(error)
    forbidden = [each for each in addresses if egress is not None and not permitted(each, probe.port, egress)]
    if forbidden:
        ok, evidence = False, f"{evidence}; {', '.join(forbidden)} port {probe.port}: {EGRESS_CURE}"
    return Result(
        member=probe.member, name=probe.name, kind=probe.kind, target=probe.target, ok=ok, evidence=evidence,
        seconds=round(time.monotonic() - begun, 3),
    )  # fmt: skip


def resolved(probe: Probe) -> list[str]:
    found = socket.getaddrinfo(probe.host, probe.port, socket.AF_INET, socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_kind, address in found))


@contextmanager
def connected(probe: Probe, addresses: Sequence[str], seconds: float) -> Iterator[Wire]:
    """To the first address that answers, for as long as the context and at most ``seconds``, whoever drips bytes."""
    sock = _first(addresses, probe.port, time.monotonic() + seconds)
    wire = Wire(probe, sock)
    watched = sock.dup()  # TLS takes the socket over; what is shut down is the connection
    watchdog = threading.Timer(sock.gettimeout() or 0, _shut, [watched])
    watchdog.daemon = True
    watchdog.start()
    try:
        yield wire
    finally:
        watchdog.cancel()
        wire.sock.close()
        sock.close()
        watched.close()


def _first(addresses: Sequence[str], port: int, deadline: float) -> socket.socket:
    error: OSError = TimeoutError()
    for address in addresses:
        try:
            sock = socket.create_connection((address, port), max(deadline - time.monotonic(), 0.001))
        except OSError as failed:
            error = failed
        else:
            sock.settimeout(max(deadline - time.monotonic(), 0.001))
            return sock
    raise error


def _shut(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate refused: {error.verify_message}"
    if isinstance(error, socket.gaierror):
        return f"its name is not resolved: {error.strerror}"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    return plain(str(error) or type(error).__name__)


def plain(text: str | bytes, most: int = 120) -> str:
    """What a stranger said, as one short line."""
    said = text.decode("ascii", "replace") if isinstance(text, bytes) else text
    return "".join(letter if letter.isprintable() else " " for letter in said).strip()[:most]


def tcp(_wire: Wire) -> str:
    return "connected"


def tls(wire: Wire) -> str:
    return wire.secure()


def web(wire: Wire) -> str:
    probe = wire.probe
    secured = f", {wire.secure()}" if probe.kind == "https" else ""
    usual = 443 if probe.kind == "https" else 80
    host = probe.host if probe.port == usual else f"{probe.host}:{probe.port}"
    connection = http.client.HTTPConnection(probe.host, probe.port)
    connection.sock = wire.sock
    connection.request("GET", probe.path, headers={"Host": host, **AGENT})
    with connection.getresponse() as response:
        status = response.status
    if not answered(probe, status):
        wanted = probe.status if probe.status is not None else "anything below 500"
        raise Unfit(f"HTTP {status}, not {wanted}")
    return f"HTTP {status}{secured}"


def smtp(wire: Wire) -> str:
    secured = f", {wire.secure()}" if wire.probe.tls == "implicit" else ""
    mail = _mail(wire)
    code, said = mail.getreply()
    _expect(code, GREETING, said)
    _expect(*_hello(mail))
    if wire.probe.tls == "starttls":
        code, refused = mail.docmd("STARTTLS")
        _expect(code, GREETING, refused)
        secured = f", STARTTLS, {wire.secure()}"
        mail = _mail(wire)
        _expect(*_hello(mail))
    with suppress(smtplib.SMTPException, OSError):
        mail.docmd("QUIT")
    return f"{plain(said)}{secured}"


def _mail(wire: Wire) -> smtplib.SMTP:
    mail = smtplib.SMTP(local_hostname=socket.gethostname())  # without a host it connects nowhere
    mail.sock = wire.sock
    return mail


def _hello(mail: smtplib.SMTP) -> tuple[int, int, bytes]:
    code, said = mail.ehlo()
    return code, OK, said


def _expect(code: int, wanted: int, said: bytes) -> None:
    if code != wanted:
        raise Unfit(f"SMTP answers {code} {plain(said)}, not {wanted}")


def banner(wire: Wire) -> str:
    secured = f", {wire.secure()}" if wire.probe.tls == "implicit" else ""
    with wire.sock.makefile("rb") as lines:
        said = lines.readline(1000)
    if not said:
        raise ConnectionError("the connection ended without a greeting")
    if not said.startswith((b"* OK", b"* PREAUTH") if wire.probe.kind == "imap" else b"+OK"):
        raise Unfit(f"its greeting is none of {wire.probe.kind}: {plain(said)}")
    return f"{plain(said)}{secured}"


SPEAK: Mapping[str, Callable[[Wire], str]] = {
    "http": web, "https": web, "tls": tls, "tcp": tcp, "smtp": smtp, "imap": banner, "pop": banner,
}  # fmt: skip
