# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Speaks to podman: images, running containers, networks, and containers that do one thing and end."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import (
    ErpopsError,
    InputError,
    Problem,
    Unreachable,
)
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.plan import NetworkLive, digest

CALL_SECONDS = 60
PULL_SECONDS = 1800
MANIFEST_CACHE = Path("/var/lib/erpops/manifests")
MANIFESTS = """
import json, odoo
from odoo.modules import module
from odoo.tools import config
config.parse_config(["--addons-path=/opt/erpops/addons"])
module.initialize_sys_path()
if hasattr(module, "Manifest"):
    versions = {item.name: item.version for item in module.Manifest.all_addon_manifests()}
else:
    versions = module.get_modules_with_version()
print(json.dumps(versions))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class OneShot:
    """A container that runs one command to its end and is removed."""

    name: str
    image: str
    command: tuple[str, ...]
    user: int
    network: str = "none"
    volumes: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    seconds: float = 1800


def _run(arguments: Sequence[str], seconds: float, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["podman", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except FileNotFoundError as error:
        raise Unreachable("This host has no podman: run the role 'app' first.") from error
    except subprocess.TimeoutExpired as error:
        raise Unreachable(f"podman {arguments[0]} did not end within {seconds:.0f} seconds.") from error


def _checked(arguments: Sequence[str], seconds: float = CALL_SECONDS) -> str:
    done = _run(arguments, seconds)
    if done.returncode:
        raise ErpopsError(f"podman {arguments[0]} failed: {done.stderr.strip()[-2000:]}")
    return done.stdout


def installed() -> bool:
    return shutil.which("podman") is not None


def images_present(references: Iterable[str]) -> frozenset[str]:
    return frozenset(
        reference for reference in references if _run(["image", "exists", reference], CALL_SECONDS).returncode == 0
    )


def pull(reference: str) -> None:
    done = _run(["pull", "--quiet", reference], PULL_SECONDS)
    if done.returncode:
        cure = "See that the registry answers this host and holds the digest."
        raise Unreachable(
            "An image cannot be pulled. Nothing was changed.",
            [Problem(f"image {reference}", "", "", f"{done.stderr.strip()[-1000:]}. {cure}")],
        )


def ensure_images(references: Iterable[str], pull_policy: str) -> None:
    """Every image is here afterwards, pulled where that is allowed; else nothing has happened."""
    wanted = set(references)
    missing = sorted(wanted - images_present(wanted))
    if missing and pull_policy == "never":
        cure = "Bring it to the host's image store, or set app_pull to 'missing' to take it from its registry."
        raise InputError(
            "Images are not on this host. Nothing was changed.",
            [Problem(f"image {reference}", "", "", cure) for reference in missing],
        )
    for reference in missing:
        pull(reference)


def running_containers() -> dict[str, str]:
    """Every running container and its image as it was asked for; by digest where the reference has none."""
    text = _checked(["ps", "--format", "json"])
    names = [item["Names"][0] for item in json.loads(text or "[]")]
    if not names:
        return {}
    # One that ends between the two calls is not running any more.
    found = _run(["container", "inspect", *names], CALL_SECONDS).stdout
    return {item["Name"]: _reference(item) for item in json.loads(found or "[]") if item["State"]["Running"]}


def _reference(item: Mapping[str, str]) -> str:
    name = item["ImageName"]
    return name if "@" in name else f"{name}@{item['ImageDigest']}"


def networks() -> dict[str, NetworkLive]:
    return {
        item["name"]: NetworkLive(
            subnet=", ".join(subnet["subnet"] for subnet in item.get("subnets") or ()),
            options=item.get("options") or {},
            dns=bool(item.get("dns_enabled")),
        )
        for item in json.loads(_checked(["network", "ls", "--format", "json"]) or "[]")
    }


def remove_network(name: str) -> None:
    _checked(["network", "rm", "--force", name])


def remove_container(name: str) -> None:
    _checked(["container", "rm", "--force", "--ignore", "--time", "5", name])


def inside(name: str, command: Sequence[str], stdin: str, seconds: float) -> str:
    """What a command said that ran in a container that is up, as that container's user."""
    done = _run(["exec", "--interactive", name, *command], seconds, stdin)
    if done.returncode:
        raise ErpopsError(f"podman exec in {name} failed: {done.stderr.strip()[-2000:]}")
    return done.stdout


def run(shot: OneShot, stdin: str | None = None) -> str:
    """What the command wrote to its standard output. A container of this name that a killed run left goes first."""
    remove_container(shot.name)
    arguments = [
        "run",
        "--rm",
        "--pull=never",
        "--read-only",
        "--cap-drop=all",
        "--security-opt=no-new-privileges",
        "--log-driver=none",
        f"--name={shot.name}",
        f"--network={shot.network}",
        f"--user={shot.user}:{shot.user}",
        *(f"--volume={volume}" for volume in shot.volumes),
        *(f"--env={key}={value}" for key, value in shot.environment),
        *(["--interactive"] if stdin is not None else []),
        "--entrypoint",
        shot.command[0],
        shot.image,
        *shot.command[1:],
    ]
    try:
        done = _run(arguments, shot.seconds, stdin)
    except Unreachable:
        remove_container(shot.name)
        raise
    if done.returncode:
        said = "\n".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-25:])
        raise ErpopsError(f"Container {shot.name} ended with {done.returncode}:\n{said}")
    return done.stdout


def manifests(image: str, cache: Path = MANIFEST_CACHE) -> dict[str, str]:
    """Every module of an image and its version as a database has it. Kept: a digest's content never changes."""
    key = digest(image).removeprefix("sha256:")
    kept = cache / f"{key}.json"
    if "@" in image and kept.is_file():
        known: dict[str, str] = json.loads(kept.read_text())
        return known
    shot = OneShot(
        name=f"erpops-manifests-{key[:12]}",
        image=image,
        command=("python3", "-c", MANIFESTS),
        user=65534,
        environment=(("HOME", "/tmp"),),
        seconds=300,
    )
    versions: dict[str, str] = json.loads(run(shot).splitlines()[-1])
    if "@" in image:
        cache.mkdir(mode=0o755, parents=True, exist_ok=True)
        aside = kept.with_suffix(".new")
        aside.write_text(json.dumps(versions))
        aside.replace(kept)
    return versions
