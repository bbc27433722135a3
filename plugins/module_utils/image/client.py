# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs that images are made with, one function a call."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError, InputError, Unreachable

MINUTES = 60
COMPILE_SHARES = 8
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
# What the archive's packages do with a clock (the shadow file's dates, for one) they do with this one.
CONSTANT_EPOCH = 1_700_000_000


class BuildError(ErpopsError):
    """A program that makes images failed."""


def need(*programs: str) -> None:
    """Fail with the package to install where a program is missing."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        raise InputError(f"This host lacks {', '.join(missing)}; install the packages of the same names.")


def run(
    command: Sequence[str],
    *,
    seconds: float = 2 * MINUTES,
    log: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Run a program; its output goes to ``log`` where one is given, and is returned else."""
    full = {**os.environ, "LC_ALL": "C.UTF-8", **(environment or {})}
    try:
        if log is None:
            done = subprocess.run(command, env=full, timeout=seconds, check=False, text=True, capture_output=True)
            output, errors = done.stdout, done.stderr
        else:
            with log.open("a", encoding="utf-8") as stream:
                done = subprocess.run(
                    command,
                    env=full,
                    timeout=seconds,
                    check=False,
                    text=True,
                    stdout=stream,
                    stderr=stream,
                )
            output, errors = "", log.read_text(encoding="utf-8", errors="replace")
    except subprocess.TimeoutExpired as error:
        raise BuildError(f"{command[0]} did not end within {seconds:.0f} seconds.") from error
    if done.returncode:
        tail = "\n".join(errors.strip().splitlines()[-15:])
        raise BuildError(f"{command[0]} failed ({done.returncode}):\n{tail}")
    return output


def architecture() -> str:
    return run(["dpkg", "--print-architecture"]).strip()


def mirror() -> str:
    """The Debian mirror that this host's own apt uses."""
    listed = run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(SUITE)$(CODENAME)", "Created-By: Packages"])
    for line in listed.splitlines():
        address, _space, suite = line.partition(" ")
        if "security" not in suite and "security" not in address:
            return address.rstrip("/")
    raise InputError("This host's apt has no source of Debian packages. Give `mirror`, or run apt-get update.")


def make_root(
    root: Path,
    *,
    suite: str,
    sources: Sequence[str],
    packages: Sequence[str],
    dpkg_options: Sequence[str],
    pinning: Path | None,
    log: Path,
) -> None:
    """Install Debian with Odoo into a folder.

    Packages byte-compile nothing on the way: that is done once, for all, when the files are final.
    """
    command = ["mmdebstrap", "--variant=minbase", "--mode=root", "--format=directory", f"--keyring={KEYRING}"]
    command += ['--aptopt=Acquire::Languages "none"', '--aptopt=Acquire::Check-Valid-Until "false"']
    command += [f"--dpkgopt={option}" for option in dpkg_options]
    if pinning is not None:
        command.append(f'--setup-hook=install -D -m 0644 {pinning} "$1"/etc/apt/preferences.d/odoo.pref')
    divert = 'chroot "$1" dpkg-divert --quiet --local --rename --divert /usr/bin/py3compile.real'
    command.append(f"--essential-hook={divert} --add /usr/bin/py3compile")
    stub = 'printf \'#!/bin/sh\\n\' > "$1"/usr/bin/py3compile; chmod 0755 "$1"/usr/bin/py3compile'
    command.append(f"--essential-hook={stub}")
    command.append('--customize-hook=rm "$1"/usr/bin/py3compile')
    command.append(f"--customize-hook={divert} --remove /usr/bin/py3compile")
    command += [f"--include={','.join(packages)}", suite, str(root), *sources]
    run(command, seconds=30 * MINUTES, log=log, environment={"SOURCE_DATE_EPOCH": str(CONSTANT_EPOCH)})


def byte_compile(root: Path, folders: Sequence[str]) -> None:
    """Compile with the image's own Python, from nothing. The files carry no date and are never checked against their
    source: an image's file system is read-only, and start-up saves reading every source.

    The order of sets must not be random, and what Python writes may depend a little on what the same process compiled
    before: so the shares are fixed, whatever the number of processors.
    """
    places = [root / folder.strip("/") for folder in folders]
    for place in places:
        for path in place.rglob("__pycache__"):
            shutil.rmtree(path)
    sources = sorted(f"/{path.relative_to(root)}" for place in places for path in place.rglob("*.py"))
    command = ["chroot", str(root), "/usr/bin/python3", "-S", "-s", "-m", "compileall", "-q", "-i", "-"]
    command += ["--invalidation-mode", "unchecked-hash"]
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        shares = [sources[number::COMPILE_SHARES] for number in range(COMPILE_SHARES)]
        for done in [pool.submit(_compile_share, command, share) for share in shares]:
            done.result()
    compiled = sum(1 for place in places for _path in place.rglob("__pycache__/*.pyc"))
    if compiled < 0.9 * len(sources):
        raise BuildError(f"Only {compiled} of {len(sources)} Python files under {root} could be compiled.")


def _compile_share(command: Sequence[str], share: Sequence[str]) -> None:
    # Files that are templates of Python, or of another Python, do not compile: that is no failure.
    subprocess.run(
        command, input="\n".join(share), text=True, check=False, capture_output=True, timeout=20 * MINUTES,
        env={**os.environ, "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "0"},
    )  # fmt: skip


def installed_packages(root: Path) -> dict[str, str]:
    output = run(["dpkg-query", f"--admindir={root}/var/lib/dpkg", "-W", "-f", "${Package}\\t${Version}\\n"])
    return dict(line.split("\t", 1) for line in output.splitlines())


def download_wheel(requirement: str, python: str, architecture_name: str, folder: Path) -> Path:
    """One wheel for the image's Python, without what it depends on. The folder must be empty."""
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(architecture_name, architecture_name)
    command = ["python3", "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary=:all:", f"--python-version={python}", "--implementation=cp", f"--dest={folder}"]
    command += [f"--abi={abi}" for abi in (f"cp{python.replace('.', '')}", "abi3", "none")]
    command += [f"--platform={kind}_{machine}" for kind in ("manylinux2014", "manylinux_2_17", "manylinux_2_28")]
    run([*command, requirement], seconds=5 * MINUTES)
    wheels = list(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise BuildError(f"pip downloaded {len(wheels)} wheels for {requirement}, not one.")
    return wheels[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """An image registry; ``authentication`` is a file as ``skopeo login`` writes it."""

    address: str
    tls: bool
    authentication: Path | None

    def options(self, side: str) -> list[str]:
        """skopeo's, for ``src-``, ``dest-`` or, with an empty side, ``inspect``."""
        options = [f"--{side}tls-verify={str(self.tls).lower()}"]
        return [*options, f"--{side}authfile={self.authentication}"] if self.authentication else options


def credentials(address: str, username: str, password: str) -> str:
    """The text of an authentication file."""
    token = base64.b64encode(f"{username}:{password}".encode()).decode()
    return json.dumps({"auths": {address: {"auth": token}}})


def in_registry(registry: Registry, reference: str) -> bool:
    """Whether the registry has the image; that it does not answer is an error."""
    try:
        run(["skopeo", "inspect", "--raw", *registry.options(""), f"docker://{reference}"], seconds=MINUTES)
    except BuildError as error:
        if any(word in str(error).lower() for word in ("manifest unknown", "name unknown", "not found")):
            return False
        raise Unreachable(f"The registry {registry.address} cannot be asked for {reference}: {error}") from error
    return True


def push(layout: Path, registry: Registry, target: str) -> None:
    command = ["skopeo", "copy", "--quiet", "--preserve-digests", *registry.options("dest-")]
    run([*command, f"oci:{layout}", f"docker://{target}"], seconds=15 * MINUTES)


# skopeo mounts a store onto itself and leaves it so; in a namespace of its own the mount goes with it.
_PRIVATE = ("unshare", "--mount", "--propagation", "private")


def store_name(store: Path, name: str) -> str:
    return f"containers-storage:[overlay@{store}+/run/erpops-image-store]{name}"


def in_store(store: Path, name: str) -> bool:
    if not store.exists():
        return False
    try:
        run([*_PRIVATE, "skopeo", "inspect", "--raw", store_name(store, name)], seconds=MINUTES)
    except BuildError:
        return False
    return True


def load(layout: Path, store: Path, name: str) -> None:
    """Unpack an image into a container store (podman's ``graphroot``)."""
    store.mkdir(parents=True, exist_ok=True)
    command = [*_PRIVATE, "skopeo", "copy", "--quiet", "--preserve-digests", f"oci:{layout}", store_name(store, name)]
    run(command, seconds=15 * MINUTES)
