# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a tenant takes, database and filestore together, against the storage that it is granted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

GIGABYTE = 1024**3


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """Both parts of one tenant; None for one that nobody measured, or without a limit."""

    name: str
    database_bytes: int | None
    filestore_bytes: int | None
    limit_bytes: int | None

    @property
    def total_bytes(self) -> int:
        return (self.database_bytes or 0) + (self.filestore_bytes or 0)

    @property
    def over_limit(self) -> bool:
        """A part that was not measured can hide it, but never makes it up."""
        return self.limit_bytes is not None and self.total_bytes > self.limit_bytes

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "total_bytes": self.total_bytes, "over_limit": self.over_limit}


def added_up(databases: Sequence[Mapping[str, Any]], filestores: Sequence[Mapping[str, Any]]) -> tuple[Storage, ...]:
    """``databases``: as tenant_databases returns ``sizes``; ``filestores``: as tenant_units returns ``storage``."""
    database_of = {each["name"]: each for each in databases}
    filestore_of = {each["name"]: each for each in filestores}
    return tuple(
        Storage(
            name=name,
            database_bytes=database_of.get(name, {}).get("database_bytes"),
            filestore_bytes=filestore_of.get(name, {}).get("filestore_bytes"),
            limit_bytes=_limit(database_of.get(name, {}), filestore_of.get(name, {})),
        )
        for name in sorted({*database_of, *filestore_of})
    )


def _limit(database: Mapping[str, Any], filestore: Mapping[str, Any]) -> int | None:
    limit_gb = filestore.get("limit_gb")
    return database.get("limit_bytes") or (limit_gb and limit_gb * GIGABYTE)


def warnings(tenants: Sequence[Storage]) -> Iterator[str]:
    for tenant in tenants:
        if tenant.over_limit:
            yield (
                f"Tenant {tenant.name} takes {_gigabytes(tenant.total_bytes)} of the {_gigabytes(tenant.limit_bytes)} "
                f"that limits.storage_gb grants: database {_gigabytes(tenant.database_bytes)}, "
                f"filestore {_gigabytes(tenant.filestore_bytes)}. Raise it, or have the tenant tidy up."
            )


def _gigabytes(size: int | None) -> str:
    return "not measured" if size is None else f"{size / GIGABYTE:.1f} GB"
