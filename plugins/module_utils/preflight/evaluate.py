# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue against every member: what was found, what settles it, what a person waived. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Problem, Refused
from ansible_collections.erpops.odoo.plugins.module_utils.discovery.installation import remote_servers
from ansible_collections.erpops.odoo.plugins.module_utils.estate.model import (
    instances_from,
    resolve,
    tenants_from,
    tiers_from,
)
from ansible_collections.erpops.odoo.plugins.module_utils.planning.sources import Declared, Discovered, undiscovered
from ansible_collections.erpops.odoo.plugins.module_utils.preflight.catalogue import BY_ID, RULES
from ansible_collections.erpops.odoo.plugins.module_utils.preflight.model import (
    SEVERITIES,
    Facts,
    Finding,
    Rule,
    Subject,
    Target,
)
from ansible_collections.erpops.odoo.plugins.module_utils.preflight.rules_record import NOT_DISCOVERED
from ansible_collections.erpops.odoo.plugins.module_utils.wave.gates import Waiver, counts


def targets_from(parameters: Mapping[str, Any]) -> dict[str, Target]:
    """What is declared of each tenant, by its name; ``parameters`` of module wave_preflight."""
    resolved = resolve(
        tenants_from(parameters["tenants"]),
        instances_from(parameters["instances"]),
        tiers_from(parameters["tiers"]),
    )
    clusters = {each["name"]: each for each in parameters["clusters"]}
    return {
        tenant.name: Target(
            tenant=tenant,
            allow=parameters["allow"],
            roles=tuple(parameters["roles"]),
            dropped_modules=parameters["dropped_modules"].get(tenant.name) or (),
            shared_roles=parameters["allow_shared_roles"],
            cluster=clusters.get(tenant.cluster),
            ports={host: int(port) for host, port in (parameters.get("source_ports") or {}).items()},
        )
        for tenant in resolved
    }


def chosen(names: Sequence[str] | None, declared: Sequence[Declared]) -> list[str]:
    """The members to look at: all of them without ``names``. Raises InputError for names that name nobody."""
    if names is None:
        return [each.name for each in declared]
    found = list(dict.fromkeys(name.strip() for name in names if name.strip()))
    if declared and not found:
        cure = "It is empty: name members. If wave_number chose them, no member is planned for it; see wave_status."
        raise InputError("No member is chosen.", [Problem("run", "names", "[]", cure)])
    return found


def findings(
    names: Sequence[str],
    declared: Sequence[Declared],
    results: Sequence[Discovered],
    targets: Mapping[str, Target],
    waivers: Sequence[Waiver],
    today: date,
) -> tuple[Finding, ...]:
    """Of the members with these names, the gravest first within each. Raises InputError for what is not declared."""
    members = {each.name: each for each in declared}
    check(names, members, targets, waivers)
    found: list[Finding] = []
    for name in names:
        own = [
            finding(rule, name, evidence, targets[name], waivers, today)
            for rule, evidence in _found(members[name], declared, results, targets[name], today)
        ]
        found += sorted(own, key=lambda each: (not each.stops, SEVERITIES.index(each.rule.severity)))
    return tuple(found)


def _found(
    member: Declared, declared: Sequence[Declared], results: Sequence[Discovered], target: Target, today: date
) -> Iterator[tuple[Rule, str]]:
    missing = undiscovered([member], results)
    if missing:
        yield NOT_DISCOVERED, f"{missing[0].field} is {missing[0].value}: {missing[0].cure}"
        return
    its = subject(member, declared, results, target, today)
    for rule in RULES:
        if evidence := rule.check(its):
            yield rule, evidence


def subject(
    member: Declared, declared: Sequence[Declared], results: Sequence[Discovered], target: Target, today: date
) -> Subject:
    host = next(each for each in results if each["host"] == member.host)
    database: Facts = next(each for each in host["databases"] if each["name"] == member.database)
    servers = [host["postgres"], *host["other_postgres"]]
    server = next((each for each in servers if each["port"] == database["port"]), host["postgres"])
    known = {each.database for each in declared if each.host == member.host}
    twins = [
        f"{each['name']} on {result['host']}"
        for result in results
        for each in result["databases"]
        if database["uuid"] and each["uuid"] == database["uuid"] and each is not database
    ]
    return Subject(
        database=database,
        server=server,
        host={**host, "remote_servers": remote_servers(host["odoo"], host["system"].get("names") or ())},
        target=target,
        url=member.url,
        today=today,
        twins=twins,
        left=[each["name"] for each in host["databases"] if each["name"] not in known],
    )


def finding(rule: Rule, member: str, evidence: str, target: Target, waivers: Sequence[Waiver], today: date) -> Finding:
    own = [each for each in waivers if (each.member, each.gate, each.rule) == (member, "preflight", rule.id)]
    waiver = next((each for each in own if counts(each, today)), None)
    ended = max((each.until for each in own), default=None) if waiver is None else None
    allowed = rule.allow and rule.allow in target.allow
    return Finding(
        rule=rule,
        member=member,
        evidence=evidence,
        settled=f"wave_prepare sees to it: {rule.allow} is allowed" if allowed else "",
        waived=waiver.reason if waiver else "",
        until=str(waiver.until) if waiver else "",
        expired=str(ended) if ended else "",
    )


def check(
    names: Sequence[str], members: Mapping[str, Declared], targets: Mapping[str, Target], waivers: Sequence[Waiver]
) -> None:
    """Raises InputError with every name that nobody declared, and every waiver of a rule that is not there."""
    problems = [
        Problem(f"member {name}", "names", name, "wave_members does not declare it; name one that it does.")
        for name in names
        if name not in members
    ]
    problems += [
        Problem(f"member {name}", "name", name, "odoo_tenants declares no tenant of this name; declare it.")
        for name in names
        if name in members and name not in targets
    ]
    problems += [
        Problem(f"waiver of member {each.member}", "rule", each.rule, "No rule has this id; see docs/preflight.md.")
        for each in waivers
        if each.gate == "preflight" and each.rule not in BY_ID
    ]
    if problems:
        raise InputError("The preflight cannot be run as it is declared.", problems)


def problems_of(found: Sequence[Finding]) -> list[Problem]:
    """What stops a wave, each as the operator reads it."""
    return [
        Problem(f"member {each.member}", f"rule {each.rule.id}", each.evidence, cure_of(each))
        for each in found
        if each.stops
    ]


def cure_of(found: Finding) -> str:
    allowed = f" Or allow it: {found.rule.allow} in wave_move_allow." if found.rule.allow else ""
    ended = f" Its waiver ended on {found.expired}." if found.expired else ""
    return found.rule.cure + allowed + ended


def refuse(found: Sequence[Finding]) -> None:
    """Raises Refused with all findings of all members that stop a wave."""
    problems = problems_of(found)
    if problems:
        raise Refused("The preflight found what stops these members; nothing was changed.", problems)


def shown(found: Sequence[Finding], names: Sequence[str]) -> dict[str, Any]:
    """findings; said: as sentences; stopping: by member, for gate ``preflight``; facts: by member, for the store."""
    return {
        "findings": [each.as_dict() for each in found],
        "said": [sentence(each) for each in found],
        "stopping": {
            name: [f"{each.rule.id}: {each.evidence}" for each in found if each.member == name and each.stops]
            for name in names
        },
        "facts": {name: facts([each for each in found if each.member == name]) for name in names},
    }


def sentence(found: Finding) -> str:
    how = found.settled or (f"waived until {found.until}: {found.waived}" if found.waived else "")
    return f"{found.member}: {found.rule.severity} {found.rule.id}: {found.evidence}" + (f" ({how})" if how else "")


def facts(own: Sequence[Finding]) -> dict[str, Any]:
    """What the store keeps of one member: rules by severity, and what was waived with its reason."""
    return {
        **{level: sorted(each.rule.id for each in own if each.rule.severity == level) for level in SEVERITIES},
        "settled": sorted(each.rule.id for each in own if each.settled),
        "waived": [{"rule": each.rule.id, "reason": each.waived, "until": each.until} for each in own if each.waived],
    }
