# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificates that tenants bring: two files each, named after their content. Pure.

Traefik follows its directory, not the files that are named there. A renewed certificate has another name, so the routes
change with it and are seen to be loaded; the former file stays until they are, for the way back.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

FOLDER = "certificates"  # beside the dynamic directory, since that is read as a whole
FINGERPRINT = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """A tenant's own certificate, with its chain, and the key: PEM texts."""

    tenant: str
    certificate: str
    key: str = field(repr=False)

    @property
    def stem(self) -> str:
        return f"{self.tenant}-{hashlib.sha256(self.certificate.encode()).hexdigest()[:FINGERPRINT]}"

    def paths(self, folder: str) -> dict[str, str]:
        """As Traefik's configuration names them."""
        return {"certFile": f"{folder}/{self.stem}.crt", "keyFile": f"{folder}/{self.stem}.key"}

    def files(self, folder: str) -> dict[str, str]:
        """The text of each file by its path."""
        paths = self.paths(folder)
        return {paths["certFile"]: _whole(self.certificate), paths["keyFile"]: _whole(self.key)}


def _whole(text: str) -> str:
    return text.strip() + "\n"


def own_from(values: Iterable[Mapping[str, Any]]) -> dict[str, Own]:
    """By tenant."""
    return {each["tenant"]: Own(**each) for each in values}


def belongs(item: Mapping[str, Any], tenant: str) -> bool:
    """Whether a certificate of Traefik's configuration is one that the tenant brought."""
    name = PurePosixPath(str(item.get("certFile")))
    pattern = rf"{re.escape(tenant)}-[0-9a-f]{{{FINGERPRINT}}}\.crt"
    return name.parent.name == FOLDER and bool(re.fullmatch(pattern, name.name))
