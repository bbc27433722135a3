# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to the Redis that takes writes, through restarts and failovers, in bounded time.

Written against what redis-py 3.5 (Debian 11) and 6 (Debian 13) share.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import redis

from .settings import Address, Settings

_logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 2.0
# What another server, or the same one after its restart, may cure.
_CURABLE = (redis.ConnectionError, redis.TimeoutError, redis.exceptions.ReadOnlyError)

Result = TypeVar("Result")


class Unavailable(Exception):
    """No Redis that takes writes answers, or it refuses us."""


def _version_options() -> dict[str, Any]:
    """Newer versions retry by themselves, with seconds of back-off between."""
    options: dict[str, Any] = {}
    if int(redis.__version__.split(".")[0]) >= 5:
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        options["retry"] = Retry(NoBackoff(), 0)
    return options


class Connections:
    """Clients of the servers, each with its pool; the one that last took our work is asked first."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clients: dict[Address, Any] = {}
        self._current: Address | None = None

    def run(self, work: Callable[[Any], Result]) -> Result:
        """Do ``work`` with a client. It may be done twice, so it must be repeatable."""
        started = time.monotonic()
        errors: list[str] = []
        for address in self._candidates(errors):
            try:
                result = work(self._client(address))
            except redis.RedisError as error:
                if not isinstance(error, _CURABLE):
                    raise Unavailable(f"{address[0]}:{address[1]}: {error}") from error
                errors.append(f"{address[0]}:{address[1]}: {error}")
                self._current = None
            else:
                self._current = address
                return result
            if time.monotonic() - started >= TIMEOUT_SECONDS:
                break
        raise Unavailable("; ".join(errors) or "no server is known")

    def _candidates(self, errors: list[str]) -> Iterator[Address]:
        if self._current is not None:
            yield self._current
        if self._settings.sentinels:
            primary = self._primary(errors)
            if primary is not None:
                yield primary
            return
        yield from self._settings.servers

    def _primary(self, errors: list[str]) -> Address | None:
        """The primary as the first sentinel that answers knows it."""
        started = time.monotonic()
        for host, port in self._settings.sentinels:
            sentinel = self._connect(host, port, self._settings.sentinel_username, self._settings.sentinel_password)
            try:
                found = sentinel.sentinel_get_master_addr_by_name(self._settings.service)
            except redis.RedisError as error:
                errors.append(f"sentinel {host}:{port}: {error}")
                found = None
            finally:
                sentinel.connection_pool.disconnect()
            if found:
                return str(found[0]), int(found[1])
            if time.monotonic() - started >= TIMEOUT_SECONDS:
                break
        errors.append(f"no sentinel names a primary of {self._settings.service!r}")
        return None

    def _client(self, address: Address) -> Any:
        client = self._clients.get(address)
        if client is None:
            host, port = address
            client = self._connect(host, port, self._settings.username, self._settings.password)
            self._clients[address] = client
        return client

    def _connect(self, host: str, port: int, username: str | None, password: str | None) -> Any:
        options: dict[str, Any] = {
            "host": host,
            "port": port,
            "username": username,
            "password": password,
            "socket_timeout": TIMEOUT_SECONDS,
            "socket_connect_timeout": TIMEOUT_SECONDS,
            "decode_responses": True,
            **_version_options(),
        }
        if self._settings.ca_file:
            options.update(
                ssl=True, ssl_cert_reqs="required", ssl_ca_certs=self._settings.ca_file, ssl_check_hostname=True
            )
        return redis.Redis(**options)
