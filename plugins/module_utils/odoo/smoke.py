# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What probes of an Odoo server found, and what of it is a failure. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import Action
from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Problem, Refused
from ansible_collections.erpops.odoo.plugins.module_utils.estate.allocation import Allocation
from ansible_collections.erpops.odoo.plugins.module_utils.estate.model import ResolvedTenant
from ansible_collections.erpops.odoo.plugins.module_utils.odoo import versions
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.model import Resident

OK, FAILED, SKIPPED = "ok", "failed", "skipped"
COPY_SUFFIX = "__rehearsal"
SHOWN = 12
CURES = {
    "network": "It must have none; see the container's network.",
    "modules": "Add them to the image, or uninstall them on the source (wave_map knows what each is).",
    "update": "See Odoo's log in the evidence; correct the module, or the order of the update.",
    "boot": "See Odoo's log in the evidence.",
    "log": "Correct what the log names; Odoo goes on without modules that it cannot load.",
    "attachments": "See what the filestore's copy reported as missing (filestore of wave_seed).",
    "crons": "Neutralize it again (wave_rehearse) before anything runs.",
    "mail": "Something sends mail from this copy: find the module before the cutover.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One thing that was tried. ``evidence`` says what was seen, or why it was skipped."""

    name: str
    status: str
    seconds: float
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Of the database, read beside Odoo. installed: module -> version. mails: by state."""

    neutralized: bool
    installed: Mapping[str, str]
    crons: int
    mails: Mapping[str, int]


def probes_from(found: Iterable[Mapping[str, Any]]) -> list[Probe]:
    return [Probe(**one) for one in found]


def modules(installed: Mapping[str, str], manifests: Mapping[str, str], dropped: Sequence[str] = ()) -> Probe:
    """Every module that the database has is in the image, in the version that the database is of.

    dropped: modules that somebody decided to go without.
    """
    kept = {name: version for name, version in installed.items() if name not in dropped}
    different = versions.differences({name: version for name, version in kept.items() if version}, manifests)
    missing = [name for name in sorted(kept) if name not in manifests]
    other = [str(one) for one in different if one.module not in missing]
    said = [f"{len(installed)} installed"]
    if missing:
        said.append(f"not in the image: {listed(missing)}")
    if other:
        said.append(f"of other versions: {listed(other)}; update them")
    status = FAILED if missing or other else OK
    return Probe(name="modules", status=status, seconds=0, evidence="; ".join(said))


def without(dropped: Sequence[str], probes: Sequence[Probe]) -> list[Probe]:
    """A log that names nothing but dropped modules is as expected."""
    return [replace(probe, status=OK) if _expected(probe, dropped) else probe for probe in probes]


def _expected(probe: Probe, dropped: Sequence[str]) -> bool:
    if probe.name != "log" or probe.status != FAILED or not dropped:
        return False
    name = re.compile(rf"\b({'|'.join(map(re.escape, dropped))})\b")
    return all(name.search(line) for line in probe.evidence.split(" | "))


def listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def crons(active: int, *, copy: bool) -> Probe:
    """A copy has the one that cleans up; a tenant that serves has what it has."""
    status = FAILED if copy and active > 1 else OK
    return Probe(name="crons", status=status, seconds=0, evidence=f"{active} active")


def mail(before: Mapping[str, int], after: Mapping[str, int]) -> Probe:
    """Nothing left while it was tried, and nothing waits to."""
    waiting, sent = after.get("outgoing", 0), after.get("sent", 0) - before.get("sent", 0)
    status = FAILED if waiting or sent > 0 else OK
    return Probe(name="mail", status=status, seconds=0, evidence=f"{waiting} waiting, {max(sent, 0)} sent meanwhile")


def problems(subject: str, probes: Iterable[Probe]) -> list[Problem]:
    return [
        Problem(subject, probe.name, probe.evidence, CURES.get(probe.name.split(" ")[0], "See the evidence."))
        for probe in probes
        if probe.status == FAILED
    ]


def resident(name: str, tenants: Iterable[ResolvedTenant], allocations: Iterable[Allocation], host: str) -> Resident:
    """The tenant at its place on this host. Raises InputError."""
    tenant = next((each for each in tenants if each.name == name), None)
    place = next((each for each in allocations if each.name == name), None)
    if tenant is None:
        problem = Problem(f"tenant {name}", "name", "", "Declare it in odoo_tenants, or correct the name.")
    elif place is None or place.app_host != host:
        value = place.app_host if place else "nowhere"
        problem = Problem(f"tenant {name}", "app_host", value, f"Run it on the app host that owns it, not on {host}.")
    else:
        return Resident(tenant=tenant, allocation=place)
    raise InputError("There is nothing to try here. Nothing was changed.", [problem])


def not_a_copy(name: str) -> Refused:
    cure = "Only a copy that wave_rehearse made harmless is tried so; a tenant that serves with mode=running."
    return Refused("The database is not a neutralized copy.", [Problem(f"database {name}", "neutralized", "no", cure)])


def check_name(tenant: str, name: str) -> None:
    """Raises Refused for the tenant's own database, whatever it says of itself."""
    if name == tenant:
        raise not_a_copy(name)


def database(tenant: str, mode: str, given: str | None) -> str:
    return given or (tenant if mode == "running" else tenant + COPY_SUFFIX)


def outcome(name: str, mode: str, image: str) -> tuple[dict[str, str], dict[str, str], tuple[Action, ...]]:
    """Before, after and actions: a unit that serves is only looked at."""
    if mode == "running":
        return {name: "serves"}, {name: "serves"}, ()
    return {name: "not tried"}, {name: f"tried with {image}"}, (Action("try", f"database {name}", f"image {image}"),)


def listing(probes: Iterable[Probe]) -> list[dict[str, Any]]:
    return [asdict(probe) for probe in probes]
