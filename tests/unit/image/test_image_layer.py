# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.image import layer
from ansible_collections.erpops.odoo.plugins.module_utils.image.model import Blob

pytestmark = pytest.mark.skipif(shutil.which("zstd") is None, reason="zstd is not installed")
EPOCH = 1_600_000_000


def entries(blob: Path) -> dict[str, tarfile.TarInfo]:
    plain = blob.with_suffix(".tar")
    subprocess.run(["zstd", "-q", "-d", "-f", str(blob), "-o", str(plain)], check=True)
    with tarfile.open(plain) as archive:
        return {entry.name: entry for entry in archive}


def made(root: Path, order: list[str]) -> Path:
    root.mkdir()
    for name in order:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
        os.utime(path, (1_500_000_000, 1_500_000_000))
    return root


def test_a_tree_gives_the_same_layer_whenever_it_was_made(tmp_path: Path) -> None:
    names = ["b/two", "a/one", "c"]
    one = layer.compress(layer.tree(made(tmp_path / "1", names), EPOCH), tmp_path / "1.zst")
    two = layer.compress(layer.tree(made(tmp_path / "2", names[::-1]), EPOCH), tmp_path / "2.zst")
    assert one == two
    found = entries(tmp_path / "1.zst")
    assert found["./a/one"].mtime == 1_500_000_000
    assert found["./a"].mtime == EPOCH


def test_the_digests_are_those_of_the_files(tmp_path: Path) -> None:
    blob = layer.compress(layer.tree(made(tmp_path / "1", ["a"]), EPOCH), tmp_path / "1.zst")
    data = (tmp_path / "1.zst").read_bytes()
    entries(tmp_path / "1.zst")
    plain = (tmp_path / "1.tar").read_bytes()
    expected = ["sha256:" + hashlib.sha256(content).hexdigest() for content in (data, plain)]
    assert blob == Blob(digest=expected[0], size=len(data), diff_id=expected[1])


def test_files_are_roots_and_readable(tmp_path: Path) -> None:
    contents = {"/opt/x/run": (b"#!", True), "/opt/x/data": (b"text", False)}
    layer.compress(layer.files(contents, EPOCH), tmp_path / "1.zst")
    found = entries(tmp_path / "1.zst")
    assert list(found) == ["opt", "opt/x", "opt/x/data", "opt/x/run"]
    assert [found[name].mode for name in found] == [0o755, 0o755, 0o644, 0o755]
    assert {(entry.uid, entry.gid) for entry in found.values()} == {(0, 0)}
    assert found["opt/x/data"].size == 4


def test_the_order_of_files_does_not_matter(tmp_path: Path) -> None:
    contents = {f"/opt/{number}": (bytes([number]), False) for number in range(5)}
    one = layer.compress(layer.files(contents, EPOCH), tmp_path / "1.zst")
    two = layer.compress(layer.files(dict(reversed(contents.items())), EPOCH), tmp_path / "2.zst")
    assert one == two


def test_a_files_date_follows_its_content(tmp_path: Path) -> None:
    moments = []
    for data in (b"one", b"two"):
        layer.compress(layer.files({"/x.js": (data, False)}, EPOCH), tmp_path / "1.zst")
        moments.append(entries(tmp_path / "1.zst")["x.js"].mtime)
    assert moments[0] != moments[1]
    assert all(EPOCH - layer.A_YEAR < moment <= EPOCH for moment in moments)


def test_the_newest_date_before_the_build(tmp_path: Path) -> None:
    root = made(tmp_path / "1", ["a", "b"])
    os.utime(root / "a", (1000, 1000))
    os.utime(root / "b", (3000, 3000))
    assert layer.newest_before(root, 2000) == 1000
    assert layer.newest_before(root, 4000) == 3000
