# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cutover or rollback as bars of its steps, drawn to scale. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

WIDTH = 900
LEAST = 2  # of a bar, so that a step of milliseconds is seen
WINDOW = ("fence", "drain", "carry", "files", "compare", "return_path", "open")  # while nobody serves


def drawn(fact: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Of the fact ``cutover`` or ``rollback`` in the store; None where nothing was measured.

    parts: step, seconds, x and width in pixels, tone (``moving`` while nobody serves). said: the numbers beside it.
    """
    timings = (fact or {}).get("timings") or ()
    total = sum(each["seconds"] for each in timings)
    if fact is None or not total:
        return None
    return {"parts": _parts(timings, total), "said": _said(fact), "at": str(fact.get("at") or "")}


def _parts(timings: Sequence[Mapping[str, Any]], total: float) -> list[dict[str, Any]]:
    parts, x, window = [], 0, False
    for each in timings:
        width = max(LEAST, round(WIDTH * each["seconds"] / total))
        window = window or each["step"] in WINDOW
        tone = "moving" if each["step"] in WINDOW else "target" if window else "source"
        parts.append({"step": each["step"], "seconds": each["seconds"], "x": x, "width": width, "tone": tone})
        x += width
    return parts


def _said(fact: Mapping[str, Any]) -> str:
    """What an operator asks first, as far as it was measured."""
    compared, files = fact.get("compared") or {}, fact.get("filestore") or {}
    parts = []
    if fact.get("seconds") is not None:
        parts.append(f"{fact['seconds']:.1f} s without a page")
    if fact.get("window_seconds") is not None:
        parts.append(f"{fact['window_seconds']:.2f} s in which nobody served")
    if compared.get("tables"):
        parts.append(f"{compared['rows']} rows of {compared['tables']} tables equal")
    if files.get("files"):
        missing = f", {files['missing_count']} missing before" if files.get("missing_count") else ""
        parts.append(f"{files['files']} files{missing}")
    if fact.get("updated"):
        seconds = f" in {fact['update_seconds']:.1f} s" if fact.get("update_seconds") is not None else ""
        parts.append(f"updated {', '.join(fact['updated'])}{seconds}")
    if fact.get("schema_changes"):
        parts.append("no way back: the update changed the schema")
    return "; ".join(parts)
