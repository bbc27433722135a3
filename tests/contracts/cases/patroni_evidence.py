# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from contracts.harness import Case, lab_host


def arguments(system: object) -> dict[str, object]:
    return {
        "member": "one",
        "cluster": "main",
        "data_directory": "/srv/contract-evidence/17/main",
        "etcd_urls": ["https://127.0.0.1:9"],
    }


CASES = (
    Case(
        name="only looks",
        system=lab_host("rm -rf /srv/contract-evidence"),
        arguments=arguments,
        probe=lambda system: system.shell("ls -d /srv/contract-evidence 2>/dev/null || echo none"),
        changes=False,
    ),
    Case(
        name="refuses encryption that is only declared",
        system=lab_host("rm -rf /srv/contract-evidence"),
        arguments=lambda system: {**arguments(system), "encrypted_at_rest": True},
        probe=lambda system: system.shell("ls -d /srv/contract-evidence 2>/dev/null || echo none"),
        changes=False,
        refused="would not be encrypted at rest",
    ),
)
