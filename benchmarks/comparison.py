# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a benchmark yields, and what all of them share."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CACHE = Path(os.environ.get("ERPOPS_CACHE", "/var/cache/erpops"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One piece of work, done our way and another way, in the same run on the same machine."""

    work: str
    ours_seconds: float
    reference: str
    reference_seconds: float

    @property
    def ratio(self) -> float:
        """How many times longer the reference takes."""
        return self.reference_seconds / self.ours_seconds


def seconds(work: Callable[[], object]) -> float:
    begin = time.monotonic()
    work()
    return time.monotonic() - begin


def best(work: Callable[[], object], times: int) -> float:
    """The shortest of several: what the work costs where nothing else disturbs it."""
    return min(seconds(work) for turn in range(times))


def command(*words: str, stdin: str = "", limit: int = 3600, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        words, input=stdin, text=True, capture_output=True, check=False, timeout=limit, cwd=ROOT,
        env={**os.environ, **(environment or {})},
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{' '.join(words[:3])} … failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done.stdout


def reference_environment() -> Path:
    """The virtual environment with what we compare with, made once; its folder of commands."""
    requirements = ROOT / "benchmarks" / "requirements.txt"
    place = CACHE / "bench-venv"
    stamp = place / "requirements.txt"
    if not stamp.exists() or stamp.read_text() != requirements.read_text():
        command("python3", "-m", "venv", "--clear", str(place))
        command(str(place / "bin" / "pip"), "install", "--quiet", "--requirement", str(requirements))
        stamp.write_text(requirements.read_text())
    return place / "bin"


def table(rows: Sequence[Comparison]) -> str:
    head = ("work", "ours s", "reference", "reference s", "ratio")
    lines = [
        (row.work, f"{row.ours_seconds:.2f}", row.reference, f"{row.reference_seconds:.2f}", f"{row.ratio:.1f}")
        for row in rows
    ]
    widths = [max(len(line[column]) for line in [head, *lines]) for column in range(len(head))]
    rule = tuple("-" * width for width in widths)
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
                     for line in [head, rule, *lines])  # fmt: skip
