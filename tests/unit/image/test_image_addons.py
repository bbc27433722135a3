# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError
from ansible_collections.erpops.odoo.plugins.module_utils.image import addons

METADATA = "Name: x\nRequires-Dist: requests\nRequires-Dist: odoo==19.0.*\n\nRequires-Dist: no"


def wheel(path: Path, files: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def test_addons_of_a_wheel_go_where_odoo_looks(tmp_path: Path) -> None:
    path = wheel(
        tmp_path / "x.whl",
        {
            "odoo/addons/queue_job/__manifest__.py": "{'version': '19.0.1.2.0'}",
            "odoo/addons/queue_job/static/a.js": "a",
            "odoo_addon_queue_job-1.dist-info/METADATA": METADATA,
            "library/__init__.py": "",
            "x-1.data/purelib/other.py": "",
        },
    )
    top = addons.Top()
    addons.add_wheel(top, path, "odoo-addon-queue-job", "19.0")
    assert sorted(top.contents) == [
        "/opt/erpops/addons/queue_job/__manifest__.py",
        "/opt/erpops/addons/queue_job/static/a.js",
        "/opt/erpops/site/library/__init__.py",
        "/opt/erpops/site/odoo_addon_queue_job-1.dist-info/METADATA",
        "/opt/erpops/site/other.py",
    ]
    assert top.modules == {"queue_job": "19.0.1.2.0"}
    assert top.requirements == {"odoo-addon-queue-job": ["requests", "odoo==19.0.*"]}


@pytest.mark.parametrize("name", ["../etc/passwd", "odoo/addons/../../../x", "/etc/passwd"])
def test_a_wheel_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError):
        addons.add_wheel(addons.Top(), wheel(tmp_path / "x.whl", {name: ""}), "x", "19.0")


def folder(path: Path) -> Path:
    path.mkdir(parents=True)
    (path / "__manifest__.py").write_text("# comment\n{'version': '2.1'}\n")
    (path / "models.py").write_text("x = 1\n")
    return path


def test_a_folder(tmp_path: Path) -> None:
    own = folder(tmp_path / "own")
    (own / "__pycache__").mkdir()
    (own / "__pycache__/models.cpython-313.pyc").write_bytes(b"x")
    top = addons.Top()
    addons.add_folder(top, own, "14.0")
    assert sorted(top.contents) == ["/opt/erpops/addons/own/__manifest__.py", "/opt/erpops/addons/own/models.py"]
    assert top.modules == {"own": "14.0.2.1"}


def test_a_folders_digest_follows_its_content_only(tmp_path: Path) -> None:
    one, two = folder(tmp_path / "1/own"), folder(tmp_path / "2/own")
    digest = addons.folder_digest(one)
    (two / "models.pyc").write_bytes(b"x")
    assert addons.folder_digest(two) == digest
    (two / "models.py").chmod(0o755)
    assert addons.folder_digest(two) != digest
    (one / "models.py").write_text("x = 2\n")
    assert addons.folder_digest(one) != digest


def test_a_folder_that_is_no_addon_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="__manifest__"):
        addons.folder_digest(tmp_path)


@pytest.mark.parametrize(
    ("manifest", "version"),
    [
        ("{}", "19.0.1.0"),
        ("{'version': '1.3'}", "19.0.1.3"),
        ("{'version': '19.0.1.3'}", "19.0.1.3"),
        ("{'version': '19.0'}", "19.0.19.0"),
        ("{'version': '19.01'}", "19.0.19.01"),
    ],
)
def test_versions_as_odoo_keeps_them(manifest: str, version: str) -> None:
    assert addons.manifest_version(manifest, "19.0") == version
