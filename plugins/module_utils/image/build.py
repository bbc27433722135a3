# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Building one image in the cache.

``<cache>/base/<key>/`` holds a finished base layer and what is in it; ``<cache>/<key>/`` a finished image as an OCI
layout. Both appear by a rename, so a killed build leaves nothing that looks finished; its remains lie under
``<cache>/work`` and go with the next build.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Problem
from ansible_collections.erpops.odoo.plugins.module_utils.image import addons, client, layer, oci, plan
from ansible_collections.erpops.odoo.plugins.module_utils.image.model import Base, Built, Image, base_from

BASE_FILE = "base.json"
BASE_BLOB = "layer.tar.zst"


@contextmanager
def locked(cache: Path) -> Iterator[None]:
    """One build at a time in a cache; the lock goes with the process."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / ".lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        shutil.rmtree(cache / "work", ignore_errors=True)
        yield


def finished(cache: Path, key: str) -> Built | None:
    """The image of this key, if it lies in the cache."""
    try:
        index = json.loads((cache / key / "index.json").read_bytes())
        digest = index["manifests"][0]["digest"]
        manifest = json.loads(_blob(cache / key, digest).read_bytes())
        config = json.loads(_blob(cache / key, manifest["config"]["digest"]).read_bytes())
    except FileNotFoundError:
        return None
    return Built(digest=digest, labels=config["config"]["Labels"])


def _blob(layout: Path, digest: str) -> Path:
    return layout / "blobs" / digest.replace(":", "/")


def make_bases(images: Sequence[Image], cache: Path, *, mirror: str, architecture: str, refresh: bool) -> None:
    """The base layers that these images need and the cache lacks, at the same time: unpacking and compiling each keep
    only about one processor busy.
    """
    wanted = {plan.base_key(image, architecture): image for image in images}
    missing = {
        key: image for key, image in wanted.items() if refresh or not (cache / "base" / key / BASE_FILE).exists()
    }
    with ThreadPoolExecutor(max_workers=2) as pool:
        for done in [pool.submit(_make_base, image, cache, key, mirror) for key, image in missing.items()]:
            done.result()


def base_of(image: Image, cache: Path, architecture: str) -> Base:
    place = cache / "base" / plan.base_key(image, architecture)
    return base_from(json.loads((place / BASE_FILE).read_bytes()))


def _replace(new: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.exists():
        place.rename(new.with_name("old"))
    new.rename(place)


def _make_base(image: Image, cache: Path, key: str, mirror: str) -> None:
    work = cache / "work" / key
    made = work / "base"
    made.mkdir(parents=True)
    base = _install(image, work, made / BASE_BLOB, cache / f"{image.name}.log", mirror)
    (made / BASE_FILE).write_bytes(oci.encode(base.as_dict()))
    _replace(made, cache / "base" / key)
    shutil.rmtree(work, ignore_errors=True)


def _install(image: Image, work: Path, blob: Path, log: Path, mirror: str) -> Base:
    release, root = image.release, work / "root"
    pinning = None
    if text := plan.pinning(release):
        pinning = work / "pinning"
        pinning.write_text(text, encoding="utf-8")
    log.unlink(missing_ok=True)
    started = time.time()
    client.make_root(
        root,
        suite=release.suite,
        sources=plan.sources(release, mirror),
        packages=plan.wanted_packages(image),
        dpkg_options=plan.dpkg_options(image),
        pinning=pinning,
        log=log,
    )
    epoch = layer.newest_before(root, started)
    clean(root)
    client.byte_compile(root, ["/usr/lib/python3/dist-packages", f"/usr/lib/python{release.python}"])
    return Base(
        blob=layer.compress(layer.tree(root, epoch), blob),
        epoch=epoch,
        packages=client.installed_packages(root),
        distributions=_distributions(root / "usr/lib/python3/dist-packages"),
        modules=addons.modules_of(root / plan.ODOO_ADDONS.strip("/"), image.version),
    )


def _distributions(folder: Path) -> tuple[str, ...]:
    names = (
        path.name.split("-")[0].removesuffix(".egg")
        for ending in ("dist-info", "egg-info")
        for path in folder.glob(f"*.{ending}")
    )
    return tuple(sorted({plan.normal_name(name.removesuffix(".egg-info")) for name in names}))


def clean(root: Path) -> None:
    """Remove what is not wanted, or differs from build to build, and open Odoo's folders to any user."""
    for pattern in plan.REMOVED:
        for path in root.glob(pattern):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    for folder in ("etc/odoo", "var/lib/odoo"):
        path = root / folder
        path.mkdir(parents=True, exist_ok=True)
        os.chown(path, 0, 0)
        path.chmod(0o755)
    (root / "etc/odoo/odoo.conf").unlink(missing_ok=True)
    # Containers want it to exist, empty.
    (root / "etc/machine-id").write_bytes(b"")


def _top(image: Image, cache: Path, work: Path, base: Base, architecture: str) -> addons.Top:
    top = addons.Top()
    for requirement in image.addons:
        distribution, _version = plan.requirement_of(requirement)
        addons.add_wheel(top, _wheel(image, cache, work, requirement, architecture), distribution, image.version)
    _need_requirements(image, top, base)
    for folder in image.addon_folders:
        addons.add_folder(top, Path(folder), image.version)
    modules = oci.encode({**base.modules, **top.modules})
    top.contents[plan.MODULES_FILE] = (modules, False)
    top.contents[plan.CONFIGURATION] = (plan.configuration(image).encode(), False)
    return top


def _wheel(image: Image, cache: Path, work: Path, requirement: str, architecture: str) -> Path:
    place = cache / "wheels" / f"{image.release.python}-{architecture}" / requirement
    if not place.exists():
        new = work / "wheel"
        new.mkdir()
        client.download_wheel(requirement, image.release.python, architecture, new)
        _replace(new, place)
    return next(place.glob("*.whl"))


def _need_requirements(image: Image, top: addons.Top, base: Base) -> None:
    missing = plan.missing_requirements(top.requirements, list(top.requirements), base)
    if missing:
        cure = "Add it to the image's `addons`, pinned, or its Debian package to `packages`."
        raise InputError(
            "Addons need what the image lacks.",
            [Problem(f"image {image.name}", distribution, line, cure) for distribution, line in missing],
        )


def finish(image: Image, cache: Path, *, key: str, architecture: str) -> Built:
    """Lay the addons on the base, and write the image."""
    work = cache / "work" / image.name
    base = base_of(image, cache, architecture)
    layout = work / "layout"
    blobs = layout / "blobs/sha256"
    blobs.mkdir(parents=True)
    top = _top(image, cache, work, base, architecture)
    upper = layer.compress(layer.files(top.contents, base.epoch), work / "upper")
    (work / "upper").rename(_blob(layout, upper.digest))
    os.link(cache / "base" / plan.base_key(image, architecture) / BASE_BLOB, _blob(layout, base.blob.digest))
    labels = plan.labels(image, base, top.modules, key)
    layers = [(base.blob, f"Debian {image.release.suite} with {image.release.package}"), (upper, "addons")]
    config = oci.config(layers, labels, architecture, base.epoch)
    manifest = oci.manifest([base.blob, upper], config)
    for document in (config, manifest):
        _blob(layout, oci.digest(document)).write_bytes(document)
    (layout / "oci-layout").write_bytes(oci.LAYOUT)
    digest = oci.digest(manifest)
    (layout / "index.json").write_bytes(oci.index(manifest, plan.tag_of(digest)))
    _replace(layout, cache / key)
    return Built(digest=digest, labels=labels)
