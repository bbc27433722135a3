# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An Odoo image as declared, the releases of Odoo that we know how to install, and what a build yields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# Raise it when the way images are made changes: every key changes with it.
FORMAT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """Where a version of Odoo comes from."""

    version: str
    suite: str  # the Debian release that the image is
    package: str
    package_suite: str  # the release that the package comes from
    python: str
    packages: tuple[str, ...] = ()


RELEASES = {
    release.version: release
    for release in (
        Release(
            version="14.0",
            suite="bullseye",
            package="odoo-14",
            package_suite="bullseye",
            python="3.9",
        ),
        # Odoo 19 does not run on sid's Python 3.14; trixie has 3.13 but no Odoo.
        Release(
            version="19.0",
            suite="trixie",
            package="odoo-19",
            package_suite="sid",
            python="3.13",
            packages=("tzdata-legacy",),
        ),
    )
}

# What every image has beside Odoo: our session store's library, LDAP logins, and a client for health checks.
COMMON_PACKAGES = ("ca-certificates", "curl", "python3-ldap", "python3-redis", "tzdata")


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image as the operator declares it."""

    name: str
    version: str
    repository: str
    packages: tuple[str, ...] = ()
    languages: tuple[str, ...] | None = None  # None keeps all translations
    addons: tuple[str, ...] = ()  # "odoo-addon-queue-job==19.0.1.0.0"
    addon_folders: tuple[str, ...] = ()  # on the builder; each is one addon

    @property
    def release(self) -> Release:
        return RELEASES[self.version]


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """A layer: its digest as stored and, as OCI wants it, of the tar archive inside."""

    digest: str
    size: int
    diff_id: str

    def as_dict(self) -> dict[str, Any]:
        return {"digest": self.digest, "size": self.size, "diff_id": self.diff_id}


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A finished base layer: Debian with Odoo."""

    blob: Blob
    epoch: int  # the newest time stamp inside any of its packages; there is no other clock in an image
    packages: Mapping[str, str]
    distributions: tuple[str, ...]  # Python distributions, in normal form
    modules: Mapping[str, str]  # Odoo's own modules and their versions

    def as_dict(self) -> dict[str, Any]:
        return {
            "blob": self.blob.as_dict(),
            "epoch": self.epoch,
            "packages": dict(self.packages),
            "distributions": list(self.distributions),
            "modules": dict(self.modules),
        }


def base_from(value: Mapping[str, Any]) -> Base:
    return Base(
        blob=Blob(**value["blob"]),
        epoch=value["epoch"],
        packages=value["packages"],
        distributions=tuple(value["distributions"]),
        modules=value["modules"],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """An image that lies in the cache as an OCI layout."""

    digest: str
    labels: Mapping[str, str]


def images_from(values: Sequence[Mapping[str, Any]], common_addon_folders: Sequence[str]) -> tuple[Image, ...]:
    return tuple(
        Image(
            name=value["name"],
            version=value["version"],
            repository=value.get("repository") or value["name"],
            packages=tuple(sorted(set(value.get("packages") or ()))),
            languages=None if value.get("languages") is None else tuple(sorted(set(value["languages"]))),
            addons=tuple(sorted(set(value.get("addons") or ()))),
            addon_folders=tuple(sorted({*common_addon_folders, *(value.get("addon_folders") or ())})),
        )
        for value in values
    )
