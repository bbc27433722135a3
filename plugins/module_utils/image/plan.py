# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure decisions about images: what goes in, what stays out, under which key, with which labels."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import PurePosixPath
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import Action
from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Problem
from ansible_collections.erpops.odoo.plugins.module_utils.image.model import (
    COMMON_PACKAGES,
    FORMAT,
    Base,
    Image,
    Release,
)

ADDONS = "/opt/erpops/addons"
SITE = "/opt/erpops/site"
MODULES_FILE = "/opt/erpops/modules.json"
ODOO_ADDONS = "/usr/lib/python3/dist-packages/odoo/addons"
CONFIGURATION = "/etc/odoo/odoo.conf"

# Left out while packages are unpacked. Copyright files stay: licences want them.
_EXCLUDED = (
    "/usr/share/man/*",
    "/usr/share/locale/*",
    "/usr/share/info/*",
    "/usr/share/lintian/*",
    "/usr/share/doc/*",
)
_INCLUDED = ("/usr/share/doc/*/copyright",)

# Removed afterwards: tests of scripts (those in Python stay, since modules import them), Debian's accidental second
# copy of the addons' Python files, and what differs from build to build or tells about the builder.
REMOVED = (
    "usr/lib/python3/dist-packages/addons",
    "usr/lib/python3/dist-packages/odoo/addons/*/static/tests",
    "usr/local/share/fonts/.uuid",
    "usr/share/fonts/**/.uuid",
    "var/cache/apt/*",
    "var/cache/debconf/*-old",
    "var/cache/fontconfig/*",
    "var/cache/ldconfig/*",
    "var/lib/apt/lists/*",
    "var/lib/dbus/machine-id",
    "var/lib/dpkg/*-old",
    "var/lib/systemd/*",
    "var/log/*",
    "etc/*-",
    "etc/apt/sources.list",
    "etc/apt/sources.list.d/*",
    "etc/apt/preferences.d/*",
    "etc/hostname",
    "etc/machine-id",
    "etc/resolv.conf",
    "root/.*",
    "dev/*",
    "run/*",
    "tmp/*",
    "var/tmp/*",
)

_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)==(?P<version>[A-Za-z0-9.!+_-]+)")
_NAME = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?")


def normal_name(distribution: str) -> str:
    """The form in which Python distributions' names are compared."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def requirement_of(addon: str) -> tuple[str, str]:
    match = _REQUIREMENT.fullmatch(addon)
    if match is None:
        raise ValueError(addon)
    return match["name"], match["version"]


def check(images: Sequence[Image]) -> None:
    """Raise with everything that is wrong with the declared images."""
    problems = [problem for image in images for problem in _problems_of(image)]
    names = [image.name for image in images]
    problems += [
        Problem(f"image {name}", "name", name, "Give every image a name of its own.")
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
    if problems:
        raise InputError("The declared images cannot be built.", problems)


def _problems_of(image: Image) -> list[Problem]:
    subject = f"image {image.name}"
    problems = [
        Problem(subject, field, value, "Use lower-case letters, digits, and . _ - between them.")
        for field, value in (("name", image.name), *(("repository", part) for part in image.repository.split("/")))
        if not _NAME.fullmatch(value)
    ]
    problems += [
        Problem(subject, "addons", addon, "Pin it as NAME==VERSION, so that the same declaration gives the same image.")
        for addon in image.addons
        if not _REQUIREMENT.fullmatch(addon)
    ]
    folders = [PurePosixPath(folder).name for folder in image.addon_folders]
    problems += [
        Problem(subject, "addon_folders", name, "Two folders hold an addon of this name; keep one.")
        for name in sorted({name for name in folders if folders.count(name) > 1})
    ]
    return problems


def wanted_packages(image: Image) -> tuple[str, ...]:
    release = image.release
    return tuple(sorted({release.package, *COMMON_PACKAGES, *release.packages, *image.packages}))


def sources(release: Release, mirror: str) -> tuple[str, ...]:
    suites = dict.fromkeys((release.suite, release.package_suite))
    return tuple(f"deb {mirror} {suite} main" for suite in suites)


def pinning(release: Release) -> str:
    """Apt preferences that take Odoo, and nothing else, from the foreign suite; empty where there is none."""
    if release.package_suite == release.suite:
        return ""
    foreign = f"Pin: release n={release.package_suite}\n"
    return f"Package: *\n{foreign}Pin-Priority: -10\n\nPackage: {release.package}\n{foreign}Pin-Priority: 990\n"


def dpkg_options(image: Image) -> tuple[str, ...]:
    translations = f"{ODOO_ADDONS}/*/i18n*/*.po"
    excluded = (*_EXCLUDED, *((translations,) if image.languages is not None else ()))
    included = (
        *_INCLUDED,
        *(
            f"{ODOO_ADDONS}/*/i18n*/{language}{ending}.po"
            for language in image.languages or ()
            for ending in ("", "_*", "@*")
        ),
    )
    return (
        *(f"path-exclude={pattern}" for pattern in excluded),
        *(f"path-include={pattern}" for pattern in included),
        "force-unsafe-io",
    )


def digest_of(value: Any) -> str:
    """A digest of plain data."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def base_key(image: Image, architecture: str) -> str:
    """What the base layer is made of, as declared. The mirror's state is no part of it: see ``refresh``."""
    return digest_of(
        {
            "format": FORMAT,
            "architecture": architecture,
            "release": asdict(image.release),
            "packages": wanted_packages(image),
            "pinning": pinning(image.release),
            "dpkg": dpkg_options(image),
            "removed": REMOVED,
        }
    )


def image_key(image: Image, architecture: str, folders: Mapping[str, str]) -> str:
    """The whole image; ``folders`` are its addon folders' names with the digests of their contents."""
    return digest_of(
        {
            "format": FORMAT,
            "base": base_key(image, architecture),
            "name": image.name,
            "addons": image.addons,
            "folders": dict(folders),
        }
    )


def labels(image: Image, base: Base, addons: Mapping[str, str], key: str) -> dict[str, str]:
    """Where the image comes from. ``addons``: names and versions of what lies in ``ADDONS``."""
    release = image.release
    version = base.packages[release.package]
    origin = f"Debian {release.suite} main"
    if release.package_suite != release.suite:
        origin += f", {release.package} from {release.package_suite} main"
    modules = {**base.modules, **addons}
    return {
        "org.opencontainers.image.title": image.name,
        "org.opencontainers.image.description": f"Odoo {image.version} on Debian {release.suite}",
        "org.opencontainers.image.version": version,
        "org.opencontainers.image.base.name": f"debian:{release.suite}",
        "erpops.odoo.version": image.version,
        "erpops.odoo.package": f"{release.package}={version}",
        "erpops.source": origin,
        "erpops.addons": json.dumps(dict(addons), sort_keys=True),
        "erpops.requirements": " ".join(image.addons),
        "erpops.packages.digest": "sha256:" + digest_of(dict(base.packages)),
        "erpops.modules.digest": "sha256:" + digest_of(modules),
        "erpops.key": key,
    }


def configuration(image: Image) -> str:
    """The image's own odoo.conf, for runs without a mounted one."""
    server_wide = "base,web" if image.version == "14.0" else "base,rpc,web"
    return (
        "[options]\n"
        f"addons_path = {ODOO_ADDONS},{ADDONS}\n"
        "data_dir = /var/lib/odoo\n"
        "list_db = False\n"
        f"server_wide_modules = {server_wide},erpops_session_redis\n"
    )


def reference(registry: str, repository: str, digest: str) -> str:
    return f"{registry or 'localhost'}/{repository}@{digest}"


def tag_of(digest: str) -> str:
    """A tag that never moves; a registry drops manifests without one when it collects garbage."""
    return digest.removeprefix("sha256:")[:12]


def missing_requirements(
    requirements: Mapping[str, Sequence[str]], given: Sequence[str], base: Base
) -> list[tuple[str, str]]:
    """Pairs of an addon's distribution and a distribution that it needs and nobody provides."""
    provided = {normal_name(name) for name in (*given, *base.distributions)} | {"odoo"}
    missing = []
    for distribution, lines in sorted(requirements.items()):
        for line in lines:
            # A marker narrows a requirement to other platforms or extras.
            name = re.match(r"[A-Za-z0-9._-]+", line)
            if name is not None and ";" not in line and normal_name(name[0]) not in provided:
                missing.append((distribution, line))
    return missing


def actions(image: Image, *, build: bool, push_to: str, store: str) -> tuple[Action, ...]:
    """``push_to`` and ``store`` are empty where nothing is to be done."""
    steps = []
    if build:
        steps.append(Action("build", f"image {image.name}", f"Odoo {image.version}"))
    if push_to:
        steps.append(Action("push", f"image {image.name}", push_to))
    if store:
        steps.append(Action("load", f"image {image.name}", store))
    return tuple(steps)
