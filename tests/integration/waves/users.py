# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users of a tenant at work through the edge, from before a cutover until after it: what they saw, by the clock."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise

from integration.estate.live import Browser

PAUSE_SECONDS = 0.2
SERVED = 200
ATTACHED_EVERY = 3  # acknowledged contacts: files are among all writes, and pages are not slower for them
ATTACHED_BYTES = 2000


@dataclass
class Users:
    """One user who looks and one who writes contacts, some with an attachment. What Odoo acknowledged is noted.

    acknowledged: names of contacts that Odoo said it had made. attached: of files that it said it had taken, by name,
    the SHA-1 of what was sent. answers: when, and the HTTP status; 0 for none.
    """

    looking: Browser
    writing: Browser
    login: str
    password: str
    acknowledged: list[str] = field(default_factory=list)
    attached: dict[str, str] = field(default_factory=dict)
    answers: list[tuple[float, int]] = field(default_factory=list)
    writes: list[float] = field(default_factory=list)
    resting: threading.Event = field(default_factory=threading.Event)  # set: nobody writes, somebody looks
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def begin(self) -> None:
        self._stop.clear()
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._look, self._write)]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=120)

    def _look(self) -> None:
        while not self._stop.wait(PAUSE_SECONDS):
            status = 0
            with suppress(OSError):
                status = self.looking.get("/web/login").status
            self.answers.append((time.monotonic(), status))

    def _write(self) -> None:
        count = 0
        while not self._stop.wait(PAUSE_SECONDS):
            if self.resting.is_set():
                continue
            count += 1
            name = f"user at work {id(self) % 10_000}-{count}"
            with suppress(OSError, ValueError, AssertionError):  # turned away, or answered by the plain page
                self._create(name)

    def _create(self, name: str) -> None:
        """A contact, and with some a file; each is noted once Odoo has given its word for it."""
        partner = self._call("res.partner", "create", [{"name": name}])
        if partner is None:
            self.writing.cookies.clear()
            self.writing.login(self.login, self.password)
            return
        self.acknowledged.append(name)
        self.writes.append(time.monotonic())
        if len(self.acknowledged) % ATTACHED_EVERY == 0:
            self._attach(name, partner)

    def _attach(self, name: str, partner: object) -> None:
        """Content that is nobody else's, so that it is a file of its own in the filestore."""
        content = secrets.token_bytes(ATTACHED_BYTES)
        values = {"name": name, "res_model": "res.partner", "res_id": partner}
        values["datas"] = base64.b64encode(content).decode()
        if self._call("ir.attachment", "create", [values]) is not None:
            self.attached[name] = hashlib.sha1(content).hexdigest()

    def _call(self, model: str, method: str, arguments: list[object]) -> object:
        params = {"model": model, "method": method, "args": arguments, "kwargs": {}}
        value = {"jsonrpc": "2.0", "method": "call", "params": params}
        answer = self.writing.post_json(f"/web/dataset/call_kw/{model}/{method}", value)
        return json.loads(answer.body).get("result")

    def unavailable(self) -> dict[int, float]:
        """The longest time without a page: its seconds by the HTTP status that users saw, 0 for none."""
        spans: list[dict[int, float]] = [{}]
        for (before, _status), (at, status) in pairwise(self.answers):
            if status == SERVED:
                spans.append({})
            else:
                spans[-1][status] = spans[-1].get(status, 0.0) + at - before
        return max(spans, key=lambda span: sum(span.values()))

    def unavailable_seconds(self) -> float:
        return round(sum(self.unavailable().values()), 2)

    def write_pause_seconds(self) -> float:
        """The longest time between two acknowledged writes, log-ins of the users included."""
        return round(max((after - before for before, after in pairwise(self.writes)), default=0.0), 2)
