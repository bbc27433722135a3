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

OK, FAILED, SKIPPED, EXCUSED = "ok", "failed", "skipped", "excused"
COPY_SUFFIX = "__rehearsal"
SHOWN = 12
CURES = {
    "network": "It must have none; see the container's network.",
    "modules": "Add them to the image, or uninstall them on the source (wave_map knows what each is).",
    "update": "See Odoo's log in the evidence; correct the module, or the order of the update.",
    "boot": "See Odoo's log in the evidence.",
    "log": "Correct what the log names; Odoo goes on without modules that it cannot load.",
    "attachments": "Bring the files into the filestore, on the source and then by wave_seed; it says what is missing.",
    "registry": "Finish on the source what its module list has begun, and let it be copied.",
    "crons": "On a copy, neutralize it again (wave_rehearse); on the target, look who switched them off.",
    "ids": "The next insert fails: set the sequence beyond the highest value, and find out who set the value.",
    "invoice": "Add what is missing to the image (wkhtmltopdf), or sample somebody who may (wave_move_sampled_users).",
    "projects": "Sample somebody who may see them (wave_move_sampled_users).",
    "timesheets": "Sample somebody who may see them (wave_move_sampled_users).",
    "sequence": "Sample somebody who may read them (wave_move_sampled_users).",
    "mail": "Something sends mail from this copy: find the module before the cutover.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One thing that was tried. ``evidence`` says what was seen, why it was skipped, or why it need not pass."""

    name: str
    status: str
    seconds: float
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Of the database, read beside Odoo. installed: module -> version. pending: modules with something left to do.
    crons: those that are active, of all_crons. mails: by state. there: the probes whose rows the database has.
    """

    neutralized: bool
    installed: Mapping[str, str]
    pending: Sequence[str]
    crons: int
    all_crons: int
    mails: Mapping[str, int]
    there: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Crons:
    """What the source had, when the member was rehearsed."""

    active: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """name: of its file in the filestore."""

    name: str
    checksum: str


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


def registry(pending: Sequence[str]) -> Probe:
    """Nothing waits for an installation, an update or a removal that somebody began."""
    said = f"waiting: {listed(pending)}" if pending else "no module waits for anything"
    return Probe(name="registry", status=FAILED if pending else OK, seconds=0, evidence=said)


def crons(found: Facts, source: Crons | None, *, copy: bool) -> Probe:
    """All are there that the source had. At most the one that cleans up is active on a copy; on the target they are."""
    said = f"{found.crons} of {found.all_crons} active"
    if source is not None:
        said += f", {source.active} of {source.total} on the source when it was rehearsed"
    lost = source is not None and (found.all_crons < source.total if copy else bool(source.active) and not found.crons)
    status = FAILED if lost or (copy and found.crons > 1) else OK
    return Probe(name="crons", status=status, seconds=0, evidence=said)


def ids(sequences: int, behind: Sequence[str]) -> Probe:
    """No sequence gives a number that its table has already."""
    said = f"behind their tables: {listed(behind)}" if behind else f"{sequences} sequences, none behind its table"
    return Probe(name="ids", status=FAILED if behind else OK, seconds=0, evidence=said)


def attachments(sampled: Sequence[Attachment], sums: Mapping[str, str], known: Sequence[str]) -> tuple[str, str]:
    """Every sampled file has its content, but those that the source lacks as well.

    sums: of what was read, by name; a file that cannot be read has none. known: names that the source lacks.
    """
    if not sampled:
        return SKIPPED, "there is none in the filestore"
    wanted = [each for each in sampled if each.name not in known]
    wrong = [each.name for each in wanted if sums.get(each.name) != each.checksum]
    said = f"{len(wanted) - len(wrong)} of {len(wanted)} have their checksum"
    said += f", not {listed(wrong)}" if wrong else ""
    said += f"; {len(sampled) - len(wanted)} are missing on the source as well" if len(sampled) > len(wanted) else ""
    return FAILED if wrong else OK, said


def mail(before: Mapping[str, int], after: Mapping[str, int]) -> Probe:
    """Nothing left while it was tried, and nothing waits to."""
    waiting, sent = after.get("outgoing", 0), after.get("sent", 0) - before.get("sent", 0)
    status = FAILED if waiting or sent > 0 else OK
    return Probe(name="mail", status=status, seconds=0, evidence=f"{waiting} waiting, {max(sent, 0)} sent meanwhile")


def excused(probes: Iterable[Probe], reasons: Mapping[str, str]) -> list[Probe]:
    """A probe that failed, and that somebody has said need not pass, stays in sight with the reason."""
    return [
        replace(probe, status=EXCUSED, evidence=f"{probe.evidence}; excused: {reasons[probe.name]}")
        if probe.status == FAILED and reasons.get(probe.name)
        else probe
        for probe in probes
    ]


def summary(probes: Sequence[Probe]) -> str:
    """What passed, as a number, and everything that did not, with the reason."""
    if not probes:
        return ""
    passed = sum(probe.status == OK for probe in probes)
    others = [f"{probe.name} {probe.status}: {probe.evidence}" for probe in probes if probe.status != OK]
    return "; ".join([f"{passed} of {len(probes)} probes passed", *others])


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
