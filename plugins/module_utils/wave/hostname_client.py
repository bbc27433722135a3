# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resolves hostnames and asks for their pages, as a visitor's browser does, over addresses that are chosen here.

A page is asked for with the hostname in SNI and in ``Host`` whatever the address, so that it can be seen on the edge
before DNS leads there. Cookies are kept for the redirects that Odoo sends before its login page; nothing is written.
"""

from __future__ import annotations

import errno
import http.client
import ipaddress
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urljoin, urlsplit

from ansible_collections.erpops.odoo.plugins.module_utils.wave import hostnames
from ansible_collections.erpops.odoo.plugins.module_utils.wave.hostnames import Answer, Found, Wanted
from ansible_collections.erpops.odoo.plugins.module_utils.wave.probe_client import AGENT, connected, plain, reason
from ansible_collections.erpops.odoo.plugins.module_utils.wave.probes import SERVER_ERROR, Probe

HTTPS = 443
HOPS = 8
TRIES = 4
READ_BYTES = 256 * 1024
DAY = 24 * 3600
NO_WAY = (errno.ENETUNREACH, errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How to ask. edge: its addresses. declared: hostnames that are not asked of DNS. authorities: PEM, beside the
    system's."""

    edge: Sequence[str]
    declared: Mapping[str, Sequence[str]]
    authorities: str
    path: str
    seconds: float
    port: int = HTTPS
    pause: float = 2.0  # before a page that failed on the server is asked for again


@dataclass(slots=True)
class Visit:
    """One visitor on the way to a page. seen: urls with the cookies that they were asked with."""

    cookies: dict[str, str] = field(default_factory=dict)
    seen: list[tuple[str, str]] = field(default_factory=list)

    @property
    def cookie(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in sorted(self.cookies.items()))

    def keep(self, headers: http.client.HTTPMessage) -> None:
        for header in headers.get_all("Set-Cookie") or []:
            try:
                self.cookies.update({name: morsel.value for name, morsel in SimpleCookie(header).items()})
            except CookieError:  # a browser passes over it, too
                continue


def found(wanted: Sequence[Wanted], asking: Asking, parallel: int) -> list[Found]:
    """Every hostname's finding, in their order."""
    with ThreadPoolExecutor(max_workers=parallel) as pool:
        return list(pool.map(lambda want: one(want, asking), wanted))


def one(want: Wanted, asking: Asking) -> Found:
    begun = time.monotonic()
    addresses, declared, unresolved = resolved(want.hostname, asking)
    leads = hostnames.leads(addresses, asking.edge)
    targets = dict.fromkeys([*addresses, *(() if leads else asking.edge)])
    answers = [patiently(want, address, asking) for address in targets]
    verdict = hostnames.judged(want, addresses, asking.edge, answers, unresolved=unresolved)
    return Found(
        member=want.member, hostname=want.hostname, addresses=tuple(addresses), declared=declared, leads=leads,
        level=verdict.level, evidence=verdict.evidence, cure=verdict.cure, seconds=round(time.monotonic() - begun, 3),
    )  # fmt: skip


def resolved(hostname: str, asking: Asking) -> tuple[list[str], bool, str]:
    """Its addresses of both families, whether they are only declared, and why there are none."""
    if hostname in asking.declared:
        return list(asking.declared[hostname]), True, ""
    try:
        answers = socket.getaddrinfo(hostname, asking.port, type=socket.SOCK_STREAM)
    except OSError as error:
        return [], False, reason(error)
    found_there = (str(address[0]).partition("%")[0] for *_kind, address in answers)
    return [hostnames.plain(each) for each in dict.fromkeys(found_there)], False, ""


def patiently(want: Wanted, address: str, asking: Asking) -> Answer:
    """An Odoo whose PostgreSQL was just restarted fails once for each connection that it kept."""
    for _again in range(TRIES - 1):
        answer = asked(want, address, asking)
        if answer.status < SERVER_ERROR:
            return answer
        time.sleep(asking.pause)
    return asked(want, address, asking)


def asked(want: Wanted, address: str, asking: Asking) -> Answer:
    """The page over one address; once more without a look at the certificate where that is not trusted."""
    try:
        return _visited(want, address, asking, verify=True)
    except ssl.SSLCertVerificationError as error:
        refused = error.verify_message
    except (OSError, ValueError, http.client.HTTPException) as error:
        return _failed(address, error)
    try:
        return replace(_visited(want, address, asking, verify=False), refused=refused)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return _failed(address, error)


def _failed(address: str, error: Exception) -> Answer:
    no_way = isinstance(error, OSError) and error.errno in NO_WAY and ipaddress.ip_address(address).version == 6
    return Answer(address=address, error=reason(error), unasked=no_way)


def _visited(want: Wanted, address: str, asking: Asking, *, verify: bool) -> Answer:
    """Follows redirects as long as they stay with the hostname. Plain http of it is what the edge turns into https."""
    visit, url = Visit(), f"https://{want.hostname}{asking.path}"
    for _hop in range(HOPS):
        visit.seen.append((url, visit.cookie))
        status, location, odoo, days = _get(want.hostname, address, url, visit, asking, verify=verify)
        answer = Answer(address=address, status=status, odoo=odoo, days=days, urls=_urls(visit))
        if not (300 <= status < 400 and location):
            return answer
        url = _followed(url, location)
        answer = replace(answer, urls=(*_urls(visit), url))
        if urlsplit(url).hostname != want.hostname:
            return answer
        if (url, visit.cookie) in visit.seen:
            return replace(answer, looped=True)
    return replace(answer, looped=True)


def _urls(visit: Visit) -> tuple[str, ...]:
    return tuple(url for url, _cookie in visit.seen)


def _followed(url: str, location: str) -> str:
    parts = urlsplit(urljoin(url, location))
    host = parts.hostname or ""
    port = f":{parts.port}" if parts.port not in (None, 80, HTTPS) else ""
    return plain(parts._replace(scheme="https", netloc=f"{host}{port}", fragment="").geturl(), most=500)


def _get(
    hostname: str, address: str, url: str, visit: Visit, asking: Asking, *, verify: bool
) -> tuple[int, str, bool, float | None]:
    """Status, where it leads, whether it is Odoo's, and how many days the certificate is good for."""
    probe = Probe(member="", name=hostname, kind="https", host=hostname, port=asking.port)
    parts = urlsplit(url)
    with connected(probe, [address], asking.seconds) as wire:
        secured = context_of(asking.authorities, verify=verify).wrap_socket(wire.sock, server_hostname=hostname)
        wire.sock, days = secured, _days(secured)
        connection = http.client.HTTPConnection(hostname, asking.port)
        connection.sock = secured
        headers = {"Host": hostname, **AGENT, **({"Cookie": visit.cookie} if visit.cookies else {})}
        connection.request("GET", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), headers=headers)
        with connection.getresponse() as response:
            body = response.read(READ_BYTES)
            visit.keep(response.headers)
            odoo = "session_id" in visit.cookies and any(mark in body.lower() for mark in hostnames.MARKS)
            return response.status, response.headers.get("Location") or "", odoo, days


def _days(secured: ssl.SSLSocket) -> float | None:
    until = dict(secured.getpeercert() or {}).get("notAfter")
    return (ssl.cert_time_to_seconds(str(until)) - time.time()) / DAY if until else None


def context_of(authorities: str, *, verify: bool) -> ssl.SSLContext:
    """The trust of this host's system, and of whom else visitors trust."""
    context = ssl.create_default_context()
    if authorities.strip():
        context.load_verify_locations(cadata=authorities)
    if not verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
