# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings an example inventory's lab up: images, hosts, and the second inventory that makes it converge there."""

from __future__ import annotations

import argparse
import os
import sys

import estate_files
import images
from progress import Progress, StepError, fail

LAB = str(estate_files.ROOT / "tests" / "lab" / "lab")


def bring_up(progress: Progress, name: str) -> None:
    lab = estate_files.ROOT / "tests" / "lab"
    topology, own_images = lab / "topologies" / f"{name}.yml", lab / f"images_{name}.yml"
    environment = {**os.environ, "LAB_NAME": name}
    with progress.step("Odoo images"):
        built = images.ensure(progress, [own_images] if own_images.exists() else [])
        progress.run([LAB, "images", *images.store_arguments(built)], environment=environment)
    with progress.step("Lab hosts"):
        progress.run([LAB, "up", str(topology)], environment=environment)
        estate_files.ensure_secrets(name)
        estate_files.write_hosts(name)
        estate_files.write_lab(name)
        estate_files.write_images(name, images.variables(built))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="of the inventory, which is also the topology's and the lab's")
    name = parser.parse_args().name
    try:
        bring_up(Progress(estate_files.folder(name) / "hosts.log"), name)
    except (StepError, OSError) as error:
        return fail(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
