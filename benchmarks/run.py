# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the benchmarks: every ``bench_*.py`` beside this file, or those that are named (``run.py tenants``).

Each has a function ``comparisons()`` that yields ``Comparison``. They end as a table and as ``build/bench.json``, a
list of ``{"work", "ours_seconds", "reference", "reference_seconds"}``; the others of that file stay as they are.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from dataclasses import asdict
from pathlib import Path

from comparison import ROOT, Comparison, table

HERE = Path(__file__).resolve().parent
RESULTS = ROOT / "build" / "bench.json"


def names() -> list[str]:
    return sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))


def kept(measured: list[Comparison]) -> list[Comparison]:
    """Earlier results, without what was measured anew."""
    if not RESULTS.exists():
        return []
    works = {(each.work, each.reference) for each in measured}
    earlier = [Comparison(**value) for value in json.loads(RESULTS.read_text(encoding="utf-8"))]
    return [each for each in earlier if (each.work, each.reference) not in works]


def write(measured: list[Comparison]) -> None:
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        {**asdict(each), "ours_seconds": round(each.ours_seconds, 3),
         "reference_seconds": round(each.reference_seconds, 3)}
        for each in sorted([*kept(measured), *measured], key=lambda each: (each.work, each.reference))
    ]  # fmt: skip
    passing = RESULTS.with_suffix(".new")
    passing.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    passing.replace(RESULTS)


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare with other ways to do the same.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(names())} (default: all)")
    chosen = parser.parse_args().names or names()
    unknown = sorted(set(chosen) - set(names()))
    if unknown:
        parser.error(f"no such benchmark: {', '.join(unknown)}; there are: {', '.join(names())}")
    sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "build" / "collections")]
    measured: list[Comparison] = []
    for name in chosen:
        print(f"======== {name}", flush=True)
        for comparison in importlib.import_module(f"bench_{name}").comparisons():
            measured.append(comparison)
            write(measured)
            print(table([comparison]).splitlines()[-1], flush=True)
    print(f"\n{table(measured)}\n\nkept in {RESULTS.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
