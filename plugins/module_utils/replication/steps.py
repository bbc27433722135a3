# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Named, timed steps of a verb, and the window that the steps without service must fit in."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError

POLL_SECONDS = 0.02


class Overrun(ErpopsError):
    """The window is over before the target could open."""


class Steps:
    """Collects how long each step took; ``budget`` seconds from ``start_window`` on, None for no limit."""

    def __init__(self, budget: float | None = None) -> None:
        self.budget = budget
        self.timings: list[dict[str, Any]] = []
        self._window: float | None = None
        self._window_seconds: float | None = None

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        self.begin(name)
        started = time.monotonic()
        try:
            yield
        finally:
            self.timings.append({"step": name, "seconds": round(time.monotonic() - started, 3)})

    def begin(self, name: str) -> None:
        """Between two steps: the window is looked at, and a test may end the process here."""
        self.remaining()

    def begun(self, name: str) -> bool:
        """Whether something of the step may have been done."""
        return any(timing["step"] == name for timing in self.timings)

    def start_window(self) -> None:
        self._window = time.monotonic()

    def end_window(self) -> None:
        """The point of opening: from here on nothing turns back."""
        if self._window is not None:
            self._window_seconds = round(time.monotonic() - self._window, 3)
        self._window = None

    @property
    def window_seconds(self) -> float | None:
        """How long nobody served."""
        return self._window_seconds

    def remaining(self) -> float | None:
        """Seconds that the window has left. Raises Overrun."""
        if self._window is None or self.budget is None:
            return None
        left = self.budget - (time.monotonic() - self._window)
        if left <= 0:
            raise Overrun(f"The window of {self.budget:g} seconds is over.")
        return left


def wait_until(what: str, seconds: float, steps: Steps, done: Callable[[], bool]) -> None:
    """Ask until it is so. Raises Overrun, or ErpopsError after the seconds."""
    end = time.monotonic() + seconds
    while not done():
        steps.remaining()
        if time.monotonic() > end:
            raise ErpopsError(f"{what}: not within {seconds:g} seconds.")
        time.sleep(POLL_SECONDS)
