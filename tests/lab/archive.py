# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection as its users get it: the archive, installed into an empty environment, converges the quickstart.

It wants the quickstart's lab up; nothing of the checkout is used but the addresses and secrets that an operator would
bring. By default the hosts are those that the checkout converged, of which nothing may change; with ``empty`` they are
emptied first.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import estate_files
import quickstart
from progress import Progress, StepError, fail, shown_of_ansible

ROOT = estate_files.ROOT


def build(folder: Path) -> Path:
    """The archive, of what git tracks: a working folder may hold more."""
    tracked = folder / "tracked"
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        (tracked / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tracked / name, follow_symlinks=False)
    command = ["ansible-galaxy", "collection", "build", "--output-path", str(folder)]
    subprocess.run(command, cwd=tracked, check=True, stdout=subprocess.DEVNULL)
    (archive,) = folder.glob("erpops-odoo-*.tar.gz")
    return archive


def environment(folder: Path) -> dict[str, str]:
    """An empty environment's variables: nothing of this checkout or its settings."""
    kept = {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ}
    return {
        **kept,
        "PATH": f"{folder}/venv/bin:/usr/bin:/bin",
        "ANSIBLE_COLLECTIONS_PATH": str(folder / "collections"),
        "ANSIBLE_HOST_KEY_CHECKING": "false",
        "ANSIBLE_NOCOLOR": "1",
    }


def install(progress: Progress, archive: Path, folder: Path) -> Path:
    """The collection's folder in a virtual environment that has nothing but what its requirements.txt names."""
    progress.run([sys.executable, "-m", "venv", str(folder / "venv")])
    pip, requirements = str(folder / "venv" / "bin" / "pip"), str(folder / "tracked" / "requirements.txt")
    progress.run([pip, "install", "--quiet", "--disable-pip-version-check", "-r", requirements])
    galaxy = [str(folder / "venv" / "bin" / "ansible-galaxy"), "collection", "install", "--offline", str(archive)]
    progress.run([*galaxy, "-p", str(folder / "collections")], environment=environment(folder))
    return folder / "collections" / "ansible_collections" / "erpops" / "odoo"


def converge(progress: Progress, folder: Path, installed: Path) -> quickstart.Recap:
    inventories = ["-i", str(installed / "inventories" / "quickstart"), "-i", str(estate_files.inventory("quickstart"))]
    command = [str(folder / "venv" / "bin" / "ansible-playbook"), "erpops.odoo.site", *inventories]
    return quickstart.recap_of(progress.run(command, shown=shown_of_ansible, environment=environment(folder)))


def try_archive(progress: Progress, folder: Path, empty: bool) -> None:
    with progress.step("Build the archive and install it into an empty environment"):
        os.chdir(folder)
        installed = install(progress, build(folder), folder)
    if empty:
        with progress.step("Empty the lab's hosts"):
            progress.run([str(ROOT / "tests/lab/lab"), "reset"], environment={**os.environ, "LAB_NAME": "quickstart"})
    with progress.step("Converge the archive's inventories/quickstart"):
        recap = converge(progress, folder, installed)
        if empty and recap.changed < 30:
            raise StepError(f"the hosts were not empty: only {recap.changed} changes")
        if not empty and recap.changed:
            raise StepError(f"the archive is not what the checkout is: it changed {recap.changed} things")
    os.chdir(ROOT)
    with progress.step("Log in to every tenant, through the edge"):
        quickstart.prove(progress)


def main() -> int:
    os.environ["LAB_NAME"] = "quickstart"
    folder = Path(tempfile.mkdtemp(prefix="erpops-archive-"))
    try:
        try_archive(Progress(ROOT / "build" / "quickstart-archive.log"), folder, empty=sys.argv[1:] == ["empty"])
    except (StepError, OSError, subprocess.CalledProcessError) as error:
        return fail(error)
    finally:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
