# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From declared images to images in the cache, the registry and the store."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import Action
from ansible_collections.erpops.odoo.plugins.module_utils.image import addons, build, client, plan
from ansible_collections.erpops.odoo.plugins.module_utils.image.model import Built, Image


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the module was asked for."""

    images: tuple[Image, ...]
    cache: Path
    mirror: str
    refresh: bool
    registry: str
    registry_tls: bool
    registry_username: str
    registry_password: str
    store: Path | None

    @classmethod
    def of(cls, images: tuple[Image, ...], given: Mapping[str, Any]) -> Wish:
        return cls(
            images=images,
            cache=Path(given["cache"]),
            mirror=given["mirror"] or "",
            refresh=given["refresh"],
            registry=given["registry"] or "",
            registry_tls=given["registry_tls"],
            registry_username=given["registry_username"] or "",
            registry_password=given["registry_password"] or "",
            store=Path(given["store"]) if given["store"] else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    actions: tuple[Action, ...]
    images: list[dict[str, Any]]
    references: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An image as it is: in the cache, and where else."""

    built: Built | None
    pushed: bool = False
    loaded: bool = False

    def snapshot(self, key: str, refresh: bool) -> dict[str, Any]:
        """As far as check mode can tell it in advance: a key is known before the image is built, a digest is not."""
        known = {"image": key if self.built else None, "pushed": self.pushed, "loaded": self.loaded}
        return {**known, "digest": self.built.digest if self.built else None} if refresh else known


def converge(wish: Wish, *, check_mode: bool) -> Outcome:
    plan.check(wish.images)
    if not check_mode:
        client.need("mmdebstrap", "skopeo", "tar", "zstd")
    architecture = client.architecture()
    keys = {image.name: _key(image, wish.cache, architecture, check_mode) for image in wish.images}
    lock = nullcontext() if check_mode else build.locked(wish.cache)
    with lock, _registry(wish) as registry:
        before = {image.name: _look(image, wish, keys[image.name], registry) for image in wish.images}
        built = {name: found.built for name, found in before.items()}
        if not check_mode:
            built = _build(wish, keys, before, architecture)
        found = {
            image.name: before[image.name]
            if built[image.name] == before[image.name].built
            else Found(built=built[image.name])
            for image in wish.images
        }
        steps = {image.name: _steps(image, wish, before[image.name], found[image.name]) for image in wish.images}
        if not check_mode:
            for image in wish.images:
                _deliver(image, wish, keys[image.name], found[image.name], registry)
    return _outcome(wish, keys, before, built, steps)


def _key(image: Image, cache: Path, architecture: str, check_mode: bool) -> str:
    """The image's key; empty where check mode cannot know it: the play has yet to copy an addon into the cache."""
    folders = [Path(folder) for folder in image.addon_folders]
    if check_mode and any(folder.is_relative_to(cache) and not folder.exists() for folder in folders):
        return ""
    return plan.image_key(image, architecture, {folder.name: addons.folder_digest(folder) for folder in folders})


@contextmanager
def _registry(wish: Wish) -> Iterator[client.Registry | None]:
    """The registry, with its password in a file that nobody else can read and that does not outlive the run."""
    if not wish.registry:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        authentication = None
        if wish.registry_username:
            authentication = Path(folder) / "auth.json"
            authentication.touch(mode=0o600)
            text = client.credentials(wish.registry, wish.registry_username, wish.registry_password)
            authentication.write_text(text, encoding="utf-8")
        yield client.Registry(address=wish.registry, tls=wish.registry_tls, authentication=authentication)


def _look(image: Image, wish: Wish, key: str, registry: client.Registry | None) -> Found:
    return _where(image, wish, build.finished(wish.cache, key) if key else None, registry)


def _where(image: Image, wish: Wish, built: Built | None, registry: client.Registry | None) -> Found:
    if built is None:
        return Found(built=None)
    reference = plan.reference(wish.registry, image.repository, built.digest)
    return Found(
        built=built,
        pushed=registry is not None and client.in_registry(registry, reference),
        loaded=wish.store is not None and client.in_store(wish.store, reference),
    )


def _build(
    wish: Wish, keys: Mapping[str, str], before: Mapping[str, Found], architecture: str
) -> dict[str, Built | None]:
    built = {name: found.built for name, found in before.items()}
    wanted = [image for image in wish.images if wish.refresh or built[image.name] is None]
    if wanted:
        mirror = wish.mirror or client.mirror()
        build.make_bases(wanted, wish.cache, mirror=mirror, architecture=architecture, refresh=wish.refresh)
    for image in wanted:
        built[image.name] = build.finish(image, wish.cache, key=keys[image.name], architecture=architecture)
    return built


def _steps(image: Image, wish: Wish, before: Found, found: Found) -> tuple[Action, ...]:
    unknown = found.built is None
    place = f"{wish.registry}/{image.repository}"
    return plan.actions(
        image,
        build=unknown or found.built != before.built,
        push_to=place if wish.registry and not found.pushed else "",
        store=str(wish.store) if wish.store is not None and not found.loaded else "",
    )


def _deliver(image: Image, wish: Wish, key: str, found: Found, registry: client.Registry | None) -> None:
    if found.built is None:
        raise ValueError(f"image {image.name} is not built yet, so there is nothing to deliver")
    name = plan.reference(wish.registry, image.repository, found.built.digest).partition("@")[0]
    target = f"{name}:{plan.tag_of(found.built.digest)}"
    if registry is not None and not found.pushed:
        client.push(wish.cache / key, registry, target)
    if wish.store is not None and not found.loaded:
        client.load(wish.cache / key, wish.store, target)


def _outcome(
    wish: Wish,
    keys: Mapping[str, str],
    before: Mapping[str, Found],
    built: Mapping[str, Built | None],
    steps: Mapping[str, tuple[Action, ...]],
) -> Outcome:
    images = [_row(image, wish, keys[image.name], built[image.name]) for image in wish.images]
    was = {name: found.snapshot(keys[name], wish.refresh) for name, found in before.items()}
    will_be = {"pushed": bool(wish.registry), "loaded": wish.store is not None}
    after = {}
    for name, found in was.items():
        one = built[name]
        digest = {"digest": one.digest} if wish.refresh and one else {}
        after[name] = {**found, "image": keys[name], **will_be, **digest}
    return Outcome(
        before=was,
        after=after,
        actions=tuple(step for image in wish.images for step in steps[image.name]),
        images=images,
        references={row["name"]: row["reference"] for row in images if row["reference"]},
    )


def _row(image: Image, wish: Wish, key: str, built: Built | None) -> dict[str, Any]:
    return {
        "name": image.name,
        "version": image.version,
        "digest": built.digest if built else "",
        "reference": plan.reference(wish.registry, image.repository, built.digest) if built else "",
        "labels": dict(built.labels) if built else {},
        "layout": str(wish.cache / key) if key else "",
    }
