# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from integration.image import live

from contracts.harness import Case, System, local


@contextlib.contextmanager
def builder() -> Iterator[System]:
    """A cache with a base layer, and a registry beside it."""
    if live.MISSING:
        pytest.skip(f"needs {', '.join(live.MISSING)}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        live.with_base(folder / "cache", folder)
        with live.registry(folder) as address:
            yield local(cache=str(folder / "cache"), registry=address, storage=str(folder / "registry"))


def arguments(system: System) -> Mapping[str, Any]:
    return {
        "images": [live.IMAGE],
        "common_addon_folders": [str(live.ADDON)],
        "cache": system.facts["cache"],
        "mirror": "http://mirror.invalid/debian",
        "registry": system.facts["registry"],
        "registry_tls": False,
    }


def unpinned(system: System) -> Mapping[str, Any]:
    return {**arguments(system), "images": [{**live.IMAGE, "addons": ["odoo-addon-queue-job"]}]}


def probe(system: System) -> object:
    """Everything in the cache and in the registry's storage."""
    folders = f"{system.facts['cache']} {system.facts['storage']}"
    return system.shell(f"find {folders} -type f -not -name .lock -printf '%p %s %T@\\n' 2>/dev/null | sort || true")


CASES = (
    Case(name="builds and pushes an image", system=builder, arguments=arguments, probe=probe),
    Case(
        name="an addon without a version is refused",
        system=builder,
        arguments=unpinned,
        probe=probe,
        refused="NAME==VERSION",
    ),
)
