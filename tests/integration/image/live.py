# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small base layer and a real registry, for what is tested about images without installing an Odoo."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.image import build, client, layer, oci, plan
from ansible_collections.erpops.odoo.plugins.module_utils.image.model import Base, images_from

ADDON = Path(__file__).resolve().parents[3] / "roles/odoo_image/files/addons/erpops_session_redis"
PROGRAMS = ("mmdebstrap", "skopeo", "zstd", "docker-registry", "dpkg")
MISSING = [program for program in PROGRAMS if shutil.which(program) is None]
IMAGE: dict[str, Any] = {"name": "odoo19", "version": "19.0", "repository": "erp/odoo"}


def with_base(cache: Path, folder: Path) -> None:
    """A base layer in the cache, as if it had been built."""
    (image,) = images_from([IMAGE], [])
    place = cache / "base" / plan.base_key(image, client.architecture())
    place.mkdir(parents=True)
    root = folder / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc/debian_version").write_text("13\n")
    base = Base(
        blob=layer.compress(layer.tree(root, 1_700_000_000), place / build.BASE_BLOB),
        epoch=1_700_000_000,
        packages={"odoo-19": "19.0.0+dfsg-1"},
        distributions=("requests",),
        modules={"base": "19.0.1.3"},
    )
    (place / build.BASE_FILE).write_bytes(oci.encode(base.as_dict()))


@contextlib.contextmanager
def registry(folder: Path) -> Iterator[str]:
    """Its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    config = folder / "registry.yml"
    config.write_text(
        f"version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {folder}/registry\n"
        f"http:\n  addr: {address}\n"
    )
    with (folder / "registry.log").open("wb") as log:
        process = subprocess.Popen(["docker-registry", "serve", str(config)], stdout=log, stderr=log)
    deadline = time.monotonic() + 60
    while not answers(f"http://{address}/v2/"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    try:
        yield address
    finally:
        process.terminate()
        process.wait(30)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
