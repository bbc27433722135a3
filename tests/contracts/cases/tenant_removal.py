# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from contracts.app_system import NAME, own_tenant
from contracts.harness import Case, System

DATA = f"/var/lib/erpops/tenants/{NAME}"
STORE = "/srv/contract-store"
CONTENT = "the dump"
PROOF = {NAME: {"dump": "store:/elm.dump", "filestore": "store:/elm.tar", "restored": True}}


def data(system: System) -> None:
    system.shell(f"mkdir -p {DATA}/filestore/{NAME}/ab && echo x > {DATA}/filestore/{NAME}/ab/abcd")


def arrived(system: System) -> None:
    system.shell(f"mkdir -p {STORE}/incoming && printf %s '{CONTENT}' > {STORE}/incoming/{NAME}.dump")


def step(name: str, **more: Any) -> Any:
    def made(_system: System) -> Mapping[str, Any]:
        return {"step": name, "declared_absent": [NAME], "confirm_removal": [NAME], **more}

    return made


def sent(content: str) -> dict[str, Any]:
    checksum = hashlib.sha256(content.encode()).hexdigest()
    path = f"/var/lib/erpops/removal/{NAME}.dump"
    return {"tenant": NAME, "kind": "dump", "path": path, "sha256": checksum, "size": len(content), "rows": 1}


def probe(system: System) -> object:
    return system.shell(f"find {DATA} {STORE} /var/lib/erpops/removal -name '*' 2>/dev/null | sort || true")


CASES = (
    Case(
        name="keeps what arrived",
        system=own_tenant(arrived, database=False),
        arguments=step("keep", files=[sent(CONTENT)], store=STORE, host="store"),
        probe=probe,
    ),
    Case(
        name="refuses a damaged copy",
        system=own_tenant(arrived, database=False),
        arguments=step("keep", files=[sent("another dump")], store=STORE, host="store"),
        probe=probe,
        refused="did not arrive as it was sent",
    ),
    Case(
        name="deletes files whose copies are proved",
        system=own_tenant(data, database=False),
        arguments=step("forget", removal_proof=PROOF),
        probe=probe,
    ),
    Case(
        name="deletes nothing without a proof",
        system=own_tenant(data, database=False),
        arguments=step("forget"),
        probe=probe,
        refused="nothing proves a way back",
    ),
    Case(
        name="refuses a tenant that is not declared absent",
        system=own_tenant(data, database=False),
        arguments=step("filestore", declared_absent=[]),
        probe=probe,
        refused="not declared absent",
    ),
)
