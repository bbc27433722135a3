# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one host can say about its cluster without PostgreSQL: data directory, DCS, memory, encryption of its device;
and what the hosts say together. "Absent" is a finding here, never a guess."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import Problem, Refused, Unreachable

# The cluster's key in etcd. unreachable: nobody listens there. unknown: somebody does, but we cannot ask.
Initialize = Literal["present", "absent", "unreachable", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The findings of one host."""

    member: str
    cluster: str
    data_directory: str
    data_directory_exists: bool
    installed: bool  # Patroni's configuration is there
    initialize: Initialize
    initialize_detail: str = ""
    memory_mb: int = 0
    cpus: int = 1
    device: str = ""
    device_encrypted: bool | None = None  # None: no block device of its own is to be seen

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def evidence_from(value: Mapping[str, Any]) -> Evidence:
    return Evidence(**{name: value[name] for name in Evidence.__dataclass_fields__ if name in value})


def of_cluster(cluster: str, findings: Sequence[Evidence]) -> tuple[Evidence, ...]:
    return tuple(finding for finding in findings if finding.cluster == cluster)


def absent(cluster: str, members: Sequence[str], findings: Sequence[Evidence]) -> bool:
    """Whether the cluster is proved not to exist: every member looked, none has data, and no key is in the DCS.

    A DCS where nobody listens has no key that anybody could follow; one that answers only others proves nothing.
    """
    found = of_cluster(cluster, findings)
    if {finding.member for finding in found} != set(members):
        return False
    if any(finding.data_directory_exists for finding in found):
        return False
    states = {finding.initialize for finding in found}
    if "present" in states or states == {"unknown"}:
        return False
    return "absent" in states or "unknown" not in states


def never_bootstrapped(members: Sequence[str], found: Sequence[Evidence]) -> bool:
    """For the report of a run that then waits for the cluster: as far as was seen before, it did not exist.

    Weaker than ``absent``: a host that gets its first certificate in this very run could not yet ask etcd.
    """
    if {finding.member for finding in found} != set(members):
        return False
    return not any(finding.data_directory_exists or finding.initialize == "present" for finding in found)


def why_not_absent(cluster: str, members: Sequence[str], findings: Sequence[Evidence]) -> Iterator[Problem]:
    """For the error of a caller that found nothing reachable and yet no proof of absence."""
    found = {finding.member: finding for finding in of_cluster(cluster, findings)}
    for member in members:
        if member not in found:
            cure = "It was not asked in this run: it is down, or --limit leaves it out. Bring it back or name it."
            yield Problem(f"host {member}", "", "", cure)
            continue
        finding = found[member]
        if finding.data_directory_exists:
            cure = "PostgreSQL's data is there but nothing answers: start patroni.service and look at its journal."
            yield Problem(f"host {member}", "data directory", finding.data_directory, cure)
        if finding.initialize == "present":
            cure = (
                f"The cluster was bootstrapped once: bring a member with its data back, or remove it with"
                f" `patronictl remove {cluster}` if its data is gone for good."
            )
            yield Problem(f"host {member}", "key in etcd", finding.initialize_detail, cure)
        if finding.initialize == "unknown":
            cure = (
                "etcd is there but does not answer this host; converge etcd and postgres, or mend it, then run again."
            )
            yield Problem(f"host {member}", "key in etcd", finding.initialize_detail, cure)


def unreachable(cluster: str, members: Sequence[str], findings: Sequence[Evidence]) -> Unreachable:
    return Unreachable(
        f"PostgreSQL cluster {cluster} answers on no member, and it is not proved that it does not exist.",
        why_not_absent(cluster, members, findings),
    )


def smallest(cluster: str, findings: Sequence[Evidence]) -> tuple[int, int] | None:
    """Memory in MB and processors of the smallest member that was asked; sizes must fit the one that takes over."""
    found = of_cluster(cluster, findings)
    return (min(one.memory_mb for one in found), min(one.cpus for one in found)) if found else None


def check_encryption(finding: Evidence, declared: bool | None) -> str | None:
    """Raise Refused where the declared encryption at rest is not there; a warning where it is and nobody said so."""
    if declared and not finding.device_encrypted:
        seen = f"{finding.device or 'no block device'} is not a dm-crypt device"
        cure = f"Put {finding.data_directory} on an encrypted volume ({seen}), or declare encrypted_at_rest: false."
        problem = Problem(f"host {finding.member}", "encrypted_at_rest", "true", cure)
        raise Refused(f"The data of PostgreSQL cluster {finding.cluster} would not be encrypted at rest.", [problem])
    if declared is False and finding.device_encrypted:
        return f"host {finding.member}: {finding.device} is encrypted, though encrypted_at_rest is false."
    return None
