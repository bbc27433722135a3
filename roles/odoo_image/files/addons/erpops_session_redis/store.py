# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The session store: what Odoo 14 and 19 call on theirs, kept in Redis."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterable
from typing import Any

from werkzeug.exceptions import ServiceUnavailable

from . import codec, keys
from .connection import Connections, Unavailable
from .settings import Settings

_logger = logging.getLogger(__name__)
_IDENTIFIER = re.compile(f"[A-Za-z0-9_-]{{{keys.IDENTIFIER_LENGTH}}}")
DELETION_TIMER_SECONDS = 120  # Odoo 19's SESSION_DELETION_TIMER


class SessionsUnavailable(ServiceUnavailable):
    """The answer to a request while Redis is away: no page, no new session, no cookie."""

    description = "Sessions are not available at the moment. Please try again shortly."


class RedisSessions:
    """To be mixed into Odoo's own store, which keeps making keys, checking them and rotating sessions."""

    # From Odoo's store
    session_class: Any
    is_valid_key: Callable[[str], bool]
    new: Callable[[], Any]

    connections: Connections
    prefix: str
    lifetime: int
    anonymous_lifetime: int

    def _run(self, work: Any) -> Any:
        try:
            return self.connections.run(work)
        except Unavailable as error:
            _logger.error("Sessions in Redis are not available: %s", error)
            raise SessionsUnavailable() from error

    def _session_key(self, sid: str) -> str:
        return keys.session(self.prefix, sid)

    def _device_key(self, identifier: str) -> str:
        return keys.device(self.prefix, identifier)

    def _checked(self, sid: str) -> str:
        if not self.is_valid_key(sid):
            raise ValueError("Invalid session id")
        return sid

    # What both versions call

    def save(self, session: Any) -> None:
        sid = self._checked(session.sid)
        text = codec.dumps(session)
        identifier = keys.identifier(sid)
        lifetime = self.lifetime if session.get("uid") else self.anonymous_lifetime

        def work(client: Any) -> None:
            pipeline = client.pipeline(transaction=False)
            if identifier is not None:
                # The index first: a session that cannot be found could not be revoked.
                pipeline.sadd(self._device_key(identifier), sid)
                pipeline.expire(self._device_key(identifier), lifetime)
            pipeline.set(self._session_key(sid), text, ex=lifetime)
            pipeline.execute()

        self._run(work)

    def get(self, sid: str) -> Any:
        """The session; a new one under a new sid where there is none."""
        if not self.is_valid_key(sid):
            return self.new()
        text: str | None = self._run(lambda client: client.get(self._session_key(sid)))
        if text is None:
            return self.new()
        try:
            data = codec.loads(text)
        except (ValueError, TypeError, ArithmeticError):
            _logger.warning("A stored session cannot be read; it is replaced by a new one.", exc_info=True)
            return self.new()
        return self.session_class(data, sid, False)

    def delete(self, session: Any) -> None:
        self._delete([self._checked(session.sid)])

    def _delete(self, sids: Iterable[str]) -> None:
        doomed = sorted(set(sids))

        def work(client: Any) -> None:
            pipeline = client.pipeline(transaction=False)
            for sid in doomed:
                pipeline.delete(self._session_key(sid))
                identifier = keys.identifier(sid)
                if identifier is not None:
                    pipeline.srem(self._device_key(identifier), sid)
            pipeline.execute()

        if doomed:
            self._run(work)

    # What only Odoo 19 calls

    def vacuum(self, max_lifetime: float = 0) -> None:
        """Nothing to do: Redis drops sessions by itself."""

    def delete_old_sessions(self, session: Any) -> None:
        """After a rotation's grace, drop the sessions that this one replaced, and never this one meanwhile."""
        if "gc_previous_sessions" not in session:
            return
        if session["create_time"] + DELETION_TIMER_SECONDS < time.time():
            identifier = keys.identifier(session.sid)
            if identifier is not None:
                self._delete(set(self._sids_of([identifier])) - {session.sid})
            del session["gc_previous_sessions"]
            self.save(session)

    def delete_from_identifiers(self, identifiers: Iterable[str]) -> None:
        """Revoke devices: all their sessions."""
        wanted = list(identifiers)
        for identifier in wanted:
            if not _IDENTIFIER.fullmatch(identifier):
                raise ValueError("Identifier format incorrect, did you pass in a string instead of a list?")
        self._delete(self._sids_of(wanted))

    def _sids_of(self, identifiers: list[str]) -> list[str]:
        def work(client: Any) -> list[set[str]]:
            pipeline = client.pipeline(transaction=False)
            for identifier in identifiers:
                pipeline.smembers(self._device_key(identifier))
            found: list[set[str]] = pipeline.execute()
            return found

        if not identifiers:
            return []
        found = self._run(work)
        # The sids come from the tenant's own keys, but only those of the device asked for may go.
        return [sid for number, sids in enumerate(found) for sid in sids if keys.identifier(sid) == identifiers[number]]

    def get_missing_session_identifiers(self, identifiers: Iterable[str]) -> set[str]:
        """Of these devices, those that have no session."""
        wanted = sorted(set(identifiers))

        def work(client: Any) -> list[int]:
            pipeline = client.pipeline(transaction=False)
            for identifier in wanted:
                pipeline.exists(self._device_key(identifier))
            found: list[int] = pipeline.execute()
            return found

        if not wanted:
            return set()
        found = self._run(work)
        return {identifier for number, identifier in enumerate(wanted) if not found[number]}


def make_store(base: type[Any], session_class: type[Any], path: str, settings: Settings) -> Any:
    """A store of Odoo's own class ``base`` whose sessions are in Redis; ``path`` stays for Odoo 14's uploads."""
    store_class = type("RedisSessionStore", (RedisSessions, base), {})
    store = store_class(path, session_class=session_class, renew_missing=True)
    store.connections = Connections(settings)
    store.prefix = settings.prefix
    store.lifetime = settings.lifetime_seconds
    store.anonymous_lifetime = settings.anonymous_lifetime_seconds
    return store
