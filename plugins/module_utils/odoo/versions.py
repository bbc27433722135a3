# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module versions in a database against those in an image: whether the image's code may run on the database. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import Problem
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.desired import DesiredTenant
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.plan import Live, digest

SHOWN = 8  # modules named in an error


@dataclass(frozen=True, slots=True)
class Difference:
    """``image`` is empty for a module that the image does not have."""

    module: str
    database: str
    image: str

    def __str__(self) -> str:
        return f"{self.module} {self.database} -> {self.image or 'not in the image'}"


def differences(installed: Mapping[str, str], manifests: Mapping[str, str]) -> tuple[Difference, ...]:
    """Every installed module whose version is another one in the image, or that the image lacks."""
    return tuple(
        Difference(module, version, manifests.get(module, ""))
        for module, version in sorted(installed.items())
        if manifests.get(module, "") != version
    )


def image_line(content: bytes) -> str:
    """The image that a Quadlet file names."""
    lines = (line for line in content.decode(errors="replace").splitlines() if line.startswith("Image="))
    return next(lines, "Image=").partition("=")[2].strip()


def to_compare(tenants: Iterable[DesiredTenant], live: Live) -> tuple[DesiredTenant, ...]:
    """Tenants whose image changes: against what runs, else what their unit names, else what the registry remembers.

    While a legacy host serves a tenant, its database here is nobody's to read.
    """
    return tuple(
        tenant
        for tenant in tenants
        if tenant.resident
        and not tenant.resident.tenant.source_url
        and _known_digests(tenant, live) - {digest(tenant.image)}
    )


def can_be_compared(tenants: Iterable[DesiredTenant], live: Live) -> tuple[DesiredTenant, ...]:
    """In check mode: an image that is not here yet cannot be looked into, and before the first tenant none is."""
    return tuple(tenant for tenant in tenants if tenant.image in live.images) if live.residents else ()


def _known_digests(tenant: DesiredTenant, live: Live) -> set[str]:
    running = {live.containers.get(unit.container, "") for unit in tenant.units}
    named = {image_line(live.files.entries[unit.source].content) for unit in tenant.units}
    registered = {tenant.resident.allocation.image} if tenant.resident else set()
    known = running | named
    return {digest(image) for image in (known if any(known) else registered) if image}


def problem(tenant: str, image: str, found: Iterable[Difference]) -> Problem:
    modules = [str(difference) for difference in found]
    more = f" and {len(modules) - SHOWN} more" if len(modules) > SHOWN else ""
    return Problem(
        f"tenant {tenant}",
        "image",
        image,
        f"Other versions of modules than in its database: {', '.join(modules[:SHOWN])}{more}. "
        "Run the playbook 'release', which upgrades with a way back, or declare the former digest.",
    )
