# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages that open offline: one file, its style inside, no script, nothing loaded from anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

try:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
except ImportError:
    HAS_JINJA = False  # where sanity imports it; a controller has it, since Ansible itself needs it
else:
    HAS_JINJA = True

FOLDER = Path(__file__).resolve().parent / "templates"
UNITS = ("B", "kB", "MB", "GB", "TB")


def size(value: float | int | None) -> str:
    """Bytes for people, in powers of 1000: ``4.2 GB``."""
    if value is None:
        return "unknown"
    amount, unit = float(value), UNITS[0]
    for unit in UNITS:
        if abs(amount) < 1000 or unit == UNITS[-1]:
            break
        amount /= 1000
    return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"


def count(value: float | int | None) -> str:
    """A number with thin spaces between the thousands."""
    return "unknown" if value is None else f"{int(value):,}".replace(",", "\u202f")


def seconds(value: float | None) -> str:
    """A duration: ``35 ms``, ``2.30 s``, from two minutes on ``14 min``."""
    if value is None:
        return "unknown"
    if value < 1:
        return f"{value * 1000:.0f} ms"
    return f"{value:.2f} s" if value < 120 else f"{value / 60:.0f} min"


def render(template: str, **values: Any) -> str:
    """A page of ``templates/``. Whatever is put into it is escaped; a value that is missing is an error."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(size=size, count=count, seconds=seconds)
    return environment.get_template(template).render(**values)
