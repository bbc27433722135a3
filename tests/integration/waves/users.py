# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users of a tenant at work through the edge, from before a cutover until after it: what they saw, by the clock."""

from __future__ import annotations

import json
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise

from integration.estate.live import Browser

PAUSE_SECONDS = 0.2
SERVED = 200


@dataclass
class Users:
    """One user who looks and one who writes. Every write that Odoo acknowledged is noted, with its attachment.

    acknowledged: names of contacts that Odoo said it had made. answers: when, and the HTTP status; 0 for none.
    """

    looking: Browser
    writing: Browser
    login: str
    password: str
    acknowledged: list[str] = field(default_factory=list)
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
            try:
                made = self._create(name)
            except (OSError, ValueError, AssertionError):  # turned away, or answered by the plain page
                made = False
            if made:
                self.acknowledged.append(name)
                self.writes.append(time.monotonic())

    def _create(self, name: str) -> bool:
        """Odoo's word for a new contact with an attachment; False where it did not give it."""
        partner = self._call("res.partner", "create", [{"name": name}])
        if partner is None:
            self.writing.cookies.clear()
            self.writing.login(self.login, self.password)
            return False
        return True

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
