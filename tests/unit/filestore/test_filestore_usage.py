# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The size of filestores."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.erpops.odoo.plugins.module_utils.filestore import usage


def test_files_count_and_links_do_not(tmp_path: Path) -> None:
    (tmp_path / "ab").mkdir()
    (tmp_path / "ab" / "one").write_bytes(b"x" * 10)
    (tmp_path / "two").write_bytes(b"x" * 5)
    (tmp_path / "link").symlink_to(tmp_path / "two")
    (tmp_path / "around").symlink_to(tmp_path)
    assert usage.tree_size(str(tmp_path)) == (15, 2)


def test_what_is_not_there_is_empty(tmp_path: Path) -> None:
    assert usage.measure("acme", str(tmp_path / "none"), 1).as_dict() == {
        "name": "acme",
        "filestore_bytes": 0,
        "files": 0,
        "limit_gb": 1,
    }
