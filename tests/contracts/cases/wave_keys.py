# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contracts.harness import Case, System, lab_host

FOLDER = "/srv/contract-keys"
CLEAN = f"rm -rf {FOLDER}"
# One is whole, one has lost its public half, one its private half, and one is not there.
BEGIN = f"""{CLEAN}; mkdir -p {FOLDER}; cd {FOLDER}
for name in whole private public; do ssh-keygen -q -t ed25519 -N '' -C old -f $name.key; done
rm private.key.pub public.key"""


def arguments(names: list[str]) -> Mapping[str, Any]:
    return {"folder": FOLDER, "names": names, "owner": "daemon", "comment": "erpops:contract:host"}


def probe(system: System) -> object:
    return system.shell(f"cd {FOLDER}; find . -printf '%p %y %m %u\\n' | sort; sha256sum * | sort")


CASES = (
    Case(
        name="what is lacking is made",
        system=lab_host(BEGIN, clean=CLEAN),
        arguments=lambda _system: arguments(["whole", "private", "public", "none"]),
        probe=probe,
        secrets=("PRIVATE KEY",),
    ),
    Case(
        name="names that lead elsewhere are refused",
        system=lab_host(BEGIN, clean=CLEAN),
        arguments=lambda _system: arguments(["whole", "../other"]),
        probe=probe,
        refused="plain file name",
    ),
)
