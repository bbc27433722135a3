# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's files of a discovery: results as JSON, dispositions as YAML that people write into."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Problem
from ansible_collections.erpops.odoo.plugins.module_utils.discovery.dispositions import unsettled

try:
    import yaml
except ImportError:
    HAS_YAML = False  # where sanity imports it; a controller has it, since Ansible itself needs it
else:
    HAS_YAML = True

HEADER = """\
# What becomes of each thing that discovery found on {host}. The tool proposes, a person settles: write `disposition`
# (declared, replaced or dropped), `settled: true` and your name into `by`; further keys, such as `note`, are kept.
# `probe` is how a declared integration is tried before a cutover, and yours to change: docs/playbooks/wave_discover.md.
# The next run adds what is new, marks what vanished, and opens again what is not any more what it was when settled.
# Comments are not kept.
"""


def write(path: Path, text: str, mode: int = 0o600) -> None:
    """Write a file whole, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def result_text(result: Mapping[str, Any]) -> str:
    return json.dumps(result, indent=2, sort_keys=True) + "\n"


def dispositions_text(host: str, items: Sequence[Mapping[str, Any]]) -> str:
    body = {"host": host, "dispositions": [dict(each) for each in items]}
    return HEADER.format(host=host) + yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=110)


def dispositions(path: Path) -> list[dict[str, Any]]:
    """What people and earlier runs wrote; nothing where there is no file yet.

    :raises InputError: it is not the YAML that it should be, with the place.
    """
    if not path.exists():
        return []
    try:
        value = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise wrong(path, "", str(error).replace("\n", " "), "Mend its YAML; nothing was written.") from error
    items = value.get("dispositions") if isinstance(value, dict) else None
    if not isinstance(items, list):
        raise wrong(path, "dispositions", type(items).__name__, "It must be a list; nothing was written.")
    for number, each in enumerate(items):
        if not isinstance(each, dict) or not isinstance(each.get("kind"), str) or not isinstance(each.get("name"), str):
            raise wrong(
                path,
                f"dispositions[{number}]",
                str(each)[:80],
                "Each has a kind and a name, both text; nothing was written.",
            )
    return items


def earlier(folder: Path, dispositions_folder: Path, host: str) -> dict[str, Any] | None:
    """What an earlier run returned of a host; nothing where there is none that can be read."""
    try:
        discovery = json.loads((folder / f"{host}.json").read_text(encoding="utf-8"))
        items = dispositions(dispositions_folder / f"{host}.yml")
    except (OSError, ValueError, InputError):
        return None
    return {"discovery": discovery, "dispositions": items, "unsettled": unsettled(items), "earlier": True}


def wrong(path: Path, field: str, value: str, cure: str) -> InputError:
    return InputError("The dispositions cannot be read.", [Problem(f"file {path}", field, value, cure)])
