# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module with a real registry and real programs, on a base layer that is small enough to make in a moment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from . import live
from .live import ADDON, IMAGE, with_base

MODULE = "ansible_collections.erpops.odoo.plugins.modules.odoo_image"
COLLECTIONS = Path(__file__).resolve().parents[3] / "build" / "collections"

pytestmark = pytest.mark.skipif(bool(live.MISSING), reason=f"needs {', '.join(live.MISSING)}")


@dataclass
class Builder:
    cache: Path
    arguments: dict[str, Any]

    def run(self, *, check: bool = False, **more: Any) -> dict[str, Any]:
        arguments = {"images": [IMAGE], "cache": str(self.cache), **self.arguments, **more}
        given = {"ANSIBLE_MODULE_ARGS": {**arguments, "_ansible_check_mode": check, "_ansible_diff": True}}
        done = subprocess.run(
            [sys.executable, "-m", MODULE], input=json.dumps(given), text=True, capture_output=True, check=False,
            env={**os.environ, "PYTHONPATH": str(COLLECTIONS)}, timeout=300,
        )  # fmt: skip
        assert done.stdout, done.stderr
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    def layout(self, result: dict[str, Any]) -> Path:
        return Path(result["images"][0]["layout"])


@pytest.fixture
def builder(tmp_path: Path) -> Builder:
    with_base(tmp_path / "cache", tmp_path)
    return Builder(tmp_path / "cache", {"common_addon_folders": [str(ADDON)], "mirror": "http://mirror.invalid/debian"})


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    with live.registry(tmp_path) as address:
        yield address


def verbs(result: dict[str, Any]) -> list[str]:
    return [action["verb"] for action in result["actions"]]


def test_check_mode_predicts_and_writes_nothing(builder: Builder) -> None:
    before = sorted(builder.cache.rglob("*"))
    predicted = builder.run(check=True)
    assert sorted(builder.cache.rglob("*")) == before
    assert predicted["changed"]
    assert predicted["references"] == {}
    done = builder.run()
    assert done["actions"] == predicted["actions"]
    assert builder.run(check=True)["actions"] == []


def test_check_mode_on_an_empty_builder(builder: Builder, tmp_path: Path) -> None:
    """The play has installed and copied nothing yet."""
    cache = tmp_path / "empty"
    folder = str(cache / "addons/erpops_session_redis")
    done = builder.run(check=True, cache=str(cache), common_addon_folders=[folder], registry="127.0.0.1:9")
    assert verbs(done) == ["build", "push"]
    assert not cache.exists()
    assert builder.run(cache=str(cache), common_addon_folders=[folder])["failed"]


def test_a_second_run_changes_nothing(builder: Builder) -> None:
    first, second = builder.run(), builder.run()
    assert first["changed"]
    assert not second["changed"]
    assert second["references"] == first["references"]
    assert second["diff"]["before"] == second["diff"]["after"]


def test_the_same_inputs_give_the_same_digest(builder: Builder, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with_base(tmp_path / "other/cache", tmp_path / "other")
    other = Builder(tmp_path / "other/cache", builder.arguments)
    assert other.run()["references"] == builder.run()["references"]


def test_skopeo_reads_the_layout(builder: Builder) -> None:
    result = builder.run()
    layout = builder.layout(result)
    done = subprocess.run(["skopeo", "inspect", f"oci:{layout}"], check=True, capture_output=True, text=True)
    found = json.loads(done.stdout)
    assert found["Digest"] == result["images"][0]["digest"]
    assert found["Labels"] == result["images"][0]["labels"]
    assert found["Labels"]["erpops.addons"] == '{"erpops_session_redis": "19.0.1.0"}'


def upper(layout: Path, folder: Path) -> dict[str, bytes]:
    """The upper layer's files."""
    index = json.loads((layout / "index.json").read_bytes())
    blobs = layout / "blobs"
    manifest = json.loads((blobs / index["manifests"][0]["digest"].replace(":", "/")).read_bytes())
    blob = blobs / manifest["layers"][1]["digest"].replace(":", "/")
    subprocess.run(["zstd", "-q", "-d", "-f", str(blob), "-o", str(folder / "upper.tar")], check=True)
    with tarfile.open(folder / "upper.tar") as archive:
        return {entry.name: stream.read() for entry in archive if (stream := archive.extractfile(entry)) is not None}


def test_what_lies_on_top(builder: Builder, tmp_path: Path) -> None:
    found = upper(builder.layout(builder.run()), tmp_path)
    assert found["opt/erpops/addons/erpops_session_redis/store.py"] == (ADDON / "store.py").read_bytes()
    assert json.loads(found["opt/erpops/modules.json"]) == {"base": "19.0.1.3", "erpops_session_redis": "19.0.1.0"}
    assert b"erpops_session_redis" in found["etc/odoo/odoo.conf"]


def test_a_changed_addon_is_a_new_image_on_the_old_base(builder: Builder, tmp_path: Path) -> None:
    own = tmp_path / "addons" / "own"
    own.mkdir(parents=True)
    (own / "__manifest__.py").write_text("{'version': '1.0'}")
    images = [{**IMAGE, "addon_folders": [str(own)]}]
    first = builder.run(images=images)
    (own / "__manifest__.py").write_text("{'version': '1.1'}")
    second = builder.run(images=images)
    assert verbs(second) == ["build"]
    assert first["references"] != second["references"]
    assert json.loads(second["images"][0]["labels"]["erpops.addons"])["own"] == "19.0.1.1"


def test_a_killed_build_leaves_nothing_that_looks_finished(builder: Builder) -> None:
    result = builder.run()
    layout = builder.layout(result)
    shutil.rmtree(layout)
    remains = builder.cache / "work" / IMAGE["name"] / "layout"
    remains.mkdir(parents=True)
    (remains / "index.json").write_text("{")
    again = builder.run()
    assert again["references"] == result["references"]
    assert not remains.exists()


def test_push_and_read_back_by_digest(builder: Builder, registry: str) -> None:
    places = {"registry": registry, "registry_tls": False}
    predicted = builder.run(check=True, **places)
    assert verbs(predicted) == ["build", "push"]
    done = builder.run(**places)
    assert verbs(done) == ["build", "push"]
    reference = done["references"]["odoo19"]
    assert reference.startswith(f"{registry}/erp/odoo@sha256:")
    command = ["skopeo", "inspect", "--tls-verify=false", f"docker://{reference}"]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert found["Digest"] == done["images"][0]["digest"]
    assert builder.run(**places)["actions"] == []


def test_an_image_that_the_registry_lost_is_pushed_again(builder: Builder, registry: str, tmp_path: Path) -> None:
    places = {"registry": registry, "registry_tls": False}
    builder.run(**places)
    shutil.rmtree(tmp_path / "registry")
    assert verbs(builder.run(check=True, **places)) == ["push"]
    assert verbs(builder.run(**places)) == ["push"]


def test_a_registry_that_is_away_is_an_error(builder: Builder) -> None:
    builder.run()
    result = builder.run(registry="127.0.0.1:9", registry_tls=False)
    assert result["failed"]
    assert "127.0.0.1:9" in result["msg"]


def test_bad_images_change_nothing(builder: Builder) -> None:
    before = sorted(builder.cache.rglob("*"))
    result = builder.run(images=[{**IMAGE, "addons": ["queue_job"]}])
    assert result["failed"]
    assert result["problems"][0]["field"] == "addons"
    assert sorted(builder.cache.rglob("*")) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_unpack_into_a_store(builder: Builder, tmp_path: Path) -> None:
    store = tmp_path / "store"
    done = builder.run(store=str(store))
    assert verbs(done) == ["build", "load"]
    reference = done["references"]["odoo19"]
    name = f"containers-storage:[overlay@{store}+{tmp_path}/run]{reference}"
    found = json.loads(
        subprocess.run(
            ["unshare", "--mount", "skopeo", "inspect", name], check=True, capture_output=True, text=True
        ).stdout
    )
    assert found["Digest"] == done["images"][0]["digest"]
    assert (next(store.glob("overlay/*/diff/etc/debian_version"))).read_text() == "13\n"
    assert builder.run(store=str(store))["actions"] == []
    assert str(store) not in Path("/proc/mounts").read_text()
