# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of a proved dump after the run that made it."""

from __future__ import annotations

import json
from pathlib import Path

from ansible_collections.erpops.odoo.plugins.module_utils.replication import proof


def kept(folder: Path, name: str, *, with_file: bool = True) -> dict[str, object]:
    path = folder / name
    if with_file:
        path.write_bytes(b"dump")
    record: dict[str, object] = {"path": str(path), "sha256": "0f1e", "bytes": 4}
    path.with_name(name + proof.RECORD).write_text(json.dumps(record))
    return record


def test_the_last_dump_of_the_member_whose_file_is_there(tmp_path: Path) -> None:
    kept(tmp_path, "acme.20261101T000000Z.dump")
    newest = kept(tmp_path, "acme.20261102T000000Z.dump")
    kept(tmp_path, "acme.20261103T000000Z.dump", with_file=False)
    kept(tmp_path, "acme-two.20261104T000000Z.dump")
    assert proof.last("acme", str(tmp_path)) == newest


def test_a_host_without_one(tmp_path: Path) -> None:
    assert proof.last("acme", str(tmp_path / "none")) == {}
