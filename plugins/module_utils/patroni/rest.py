# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Patroni's REST API and etcd's, over verified TLS, with timeouts."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError, Refused, Unreachable
from ansible_collections.erpops.odoo.plugins.module_utils.estate.names import url_host
from ansible_collections.erpops.odoo.plugins.module_utils.patroni.evidence import Initialize

READ_SECONDS = 5
RESTART_SECONDS = 330  # Patroni itself gives up after primary_start_timeout, 300 s
SWITCHOVER_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """The REST API of one cluster's members."""

    addresses: Mapping[str, str]  # member -> address
    port: int
    ca_file: str
    user: str
    password: str = field(repr=False)

    def url(self, member: str, path: str) -> str:
        return f"https://{url_host(self.addresses[member])}:{self.port}{path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    body: str

    def json(self) -> dict[str, Any]:
        value = json.loads(self.body)
        if not isinstance(value, dict):
            raise ValueError("not an object")
        return value


def tls(ca_file: str, certificate: str | None = None, key: str | None = None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca_file)
        if certificate:
            context.load_cert_chain(certificate, key)
    except OSError as error:
        raise Unreachable(f"The certificates {ca_file} {certificate or ''} cannot be read: {error}") from error
    return context


def request(
    method: str,
    url: str,
    context: ssl.SSLContext,
    *,
    body: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    seconds: float = READ_SECONDS,
) -> Answer:
    """One call without proxies or redirects. Raises Unreachable; any HTTP status is an answer."""
    parts = urlsplit(url)
    connection = http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=seconds, context=context)
    text = None if body is None else json.dumps(body)
    try:
        connection.request(
            method, parts.path, body=text, headers={"Content-Type": "application/json", **(headers or {})}
        )
        response = connection.getresponse()
        return Answer(status=response.status, body=response.read().decode(errors="replace"))
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(f"{url}: {error or type(error).__name__}") from error
    finally:
        connection.close()


def status(api: Api, member: str) -> dict[str, Any]:
    """``GET /patroni`` of one member."""
    return _object(request("GET", api.url(member, "/patroni"), tls(api.ca_file)), member)


def cluster(api: Api, member: str) -> dict[str, Any]:
    """``GET /cluster``: members with role, state and lag, as this member knows it from etcd."""
    return _object(request("GET", api.url(member, "/cluster"), tls(api.ca_file)), member)


def configuration(api: Api, member: str) -> dict[str, Any]:
    return _object(request("GET", api.url(member, "/config"), tls(api.ca_file)), member)


def configure(api: Api, member: str, change: Mapping[str, Any]) -> None:
    _write(api, member, "PATCH", "/config", change, READ_SECONDS * 2)


def restart(api: Api, member: str) -> None:
    """Restart one member's PostgreSQL if it waits for that."""
    _write(api, member, "POST", "/restart", {"restart_pending": True}, RESTART_SECONDS)


def switchover(api: Api, leader: str, candidate: str) -> None:
    _write(api, leader, "POST", "/switchover", {"leader": leader, "candidate": candidate}, SWITCHOVER_SECONDS)


def _write(api: Api, member: str, method: str, path: str, body: Mapping[str, Any], seconds: float) -> None:
    token = base64.b64encode(f"{api.user}:{api.password}".encode()).decode()
    answer = request(
        method,
        api.url(member, path),
        tls(api.ca_file),
        body=body,
        headers={"Authorization": f"Basic {token}"},
        seconds=seconds,
    )
    # 503 to a restart: the member no longer waits for one, for instance since a failover restarted it.
    if answer.status == 503 and path == "/restart" and "condition" in answer.body:
        return
    if answer.status not in (200, 202):
        raise Refused(f"Patroni on {member} refused {method} {path}: {answer.status} {answer.body.strip()[:300]}")


def _object(answer: Answer, member: str) -> dict[str, Any]:
    try:
        return answer.json()
    except ValueError as error:
        text = answer.body.strip()[:200]
        raise ErpopsError(f"Patroni on {member} answered {answer.status} with no JSON: {text!r}") from error


def listens(url: str, seconds: float = 3) -> bool:
    """Whether anybody accepts connections there. A host that answers nothing at all is not known to be silent."""
    parts = urlsplit(url)
    try:
        with socket.create_connection((parts.hostname or "", parts.port or 443), timeout=seconds):
            return True
    except ConnectionRefusedError:
        return False
    except OSError:
        return True


def initialize_key(
    endpoints: Sequence[str], key: str, ca_file: str, certificate: str, private_key: str
) -> tuple[Initialize, str]:
    """Whether the cluster's key is in etcd (read linearly, from a quorum), and a word on how we know."""
    if not any(listens(endpoint) for endpoint in endpoints):
        return "unreachable", f"nobody listens on {', '.join(endpoints)}"
    reasons = []
    try:
        context = tls(ca_file, certificate, private_key)
    except Unreachable as error:
        return "unknown", str(error)
    body = {"key": base64.b64encode(key.encode()).decode()}
    for endpoint in endpoints:
        try:
            answer = request("POST", f"{endpoint}/v3/kv/range", context, body=body)
            if answer.status == 200:
                return ("present" if answer.json().get("kvs") else "absent"), f"{key} on {endpoint}"
            reasons.append(f"{endpoint}: {answer.status} {answer.body.strip()[:100]}")
        except (Unreachable, ValueError) as error:
            reasons.append(str(error))
    return "unknown", "; ".join(reasons)
