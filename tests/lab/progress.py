# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows a long run's steps as they happen, with the seconds since its start, and keeps everything in a log."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

LAST_LINES = 25


class StepError(Exception):
    """A step failed; the text says which, and what was last seen of it."""


class Progress:
    """One run. Lines go to the terminal with the time; commands' whole output only to the log."""

    def __init__(self, log: Path) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self._path = log
        self._log: TextIO = log.open("w", encoding="utf-8")
        self._begin = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._begin

    def say(self, text: str) -> None:
        line = f"{self.seconds:6.0f} s  {text}"
        print(line, flush=True)
        self._write(line)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        self.say(f"== {name}")
        begin = time.monotonic()
        yield
        self.say(f"   {name}: done in {time.monotonic() - begin:.0f} s")

    def run(
        self,
        command: Sequence[str],
        *,
        shown: Callable[[str], str | None] = lambda line: line,
        environment: Mapping[str, str] | None = None,
    ) -> list[str]:
        """A command's output lines. ``shown`` picks what the terminal gets to see of each line, None for nothing."""
        self._write(f"$ {' '.join(command)}")
        lines: list[str] = []
        with subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            env=environment,
        ) as process:
            assert process.stdout
            for line in process.stdout:
                lines.append(line.rstrip("\n"))
                self._write(lines[-1])
                text = shown(lines[-1])
                if text:
                    self.say(f"   {text}")
        if process.returncode:
            last = "\n".join(trouble_in(lines))
            raise StepError(
                f"{last}\n\n{' '.join(command)} ended with {process.returncode}; everything is in {self._path}"
            )
        return lines

    def _write(self, line: str) -> None:
        self._log.write(line + "\n")
        self._log.flush()


def trouble_in(lines: Sequence[str]) -> Sequence[str]:
    """The lines that tell why a command failed: Ansible's last error up to its recap, else the last lines."""
    errors = [number for number, line in enumerate(lines) if line.startswith(("fatal:", "[ERROR]", "ERROR!"))]
    if not errors:
        return lines[-LAST_LINES:]
    ends = [number for number, line in enumerate(lines) if line.startswith("PLAY RECAP")]
    return lines[errors[-1] : ends[-1] if ends else None][-2 * LAST_LINES :]


def shown_of_ansible(line: str) -> str | None:
    """Plays, tasks, changes and trouble; the rest stands in the log."""
    if match := re.match(r"(PLAY|TASK|RUNNING HANDLER) \[(.*?)\] \**$", line):
        return match[2].removeprefix("erpops.odoo.") if match[1] == "TASK" else f"-- {match[2]}"
    return line if re.match(r"(fatal|ERROR|\[ERROR\])", line) else None


def fail(error: Exception) -> int:
    print(f"\nFAILED\n{error}", file=sys.stderr)
    return 1
