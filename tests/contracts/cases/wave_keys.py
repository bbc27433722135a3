# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contracts.harness import Case, System, lab_host

FOLDER = "/srv/contract-keys"
BEGIN = f"rm -rf {FOLDER}; install -d -m 0700 {FOLDER}"


def arguments(_system: System) -> Mapping[str, Any]:
    return {"folder": FOLDER, "names": ["legacy1", "app1"], "owner": "daemon", "comment": "erpops:contract:db1"}


def probe(system: System) -> object:
    return system.shell(f"cd {FOLDER} && ls -l && cat *.pub 2>/dev/null || true")


CASES = (
    Case(
        name="keys of two places",
        system=lab_host(BEGIN, clean=f"rm -rf {FOLDER}"),
        arguments=arguments,
        probe=probe,
        secrets=("PRIVATE KEY",),
    ),
)
