# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether visitors of a hostname reach the edge, and there their legacy host: what answers mean. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Problem
from ansible_collections.erpops.odoo.plugins.module_utils.estate.model import hostname_form
from ansible_collections.erpops.odoo.plugins.module_utils.estate.names import url_host

OK, WARNING, FAILED = "ok", "warning", "failed"
LEVELS = (OK, WARNING, FAILED)
# What the estate's or an ACME authority issues is renewed by itself, long before; one that a customer gave is not.
OWN_DAYS, RENEWED_DAYS = 30, 5
MARKS = (b"oe_login_form", b'name="csrf_token"', b"web.assets_", b"odoo")
SERVER_ERRORS = (502, 503, 504)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A hostname that shall be asked for. others: the member's, itself among them.

    own_certificate: the tenant declares its certificate. awaits_dns: it is issued only once DNS leads to the edge.
    """

    member: str
    hostname: str
    source_url: str
    others: tuple[str, ...] = ()
    own_certificate: bool = False
    awaits_dns: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came over one address. refused: why its certificate is not trusted. error: why there was no answer.

    urls: what was asked, in order, and at last where the last answer leads. looped: the last was asked before, in vain.
    unasked: this host has no way to such an address, so that nothing is known.
    """

    address: str
    status: int = 0
    urls: tuple[str, ...] = ()
    looped: bool = False
    odoo: bool = False
    refused: str = ""
    days: float | None = None
    error: str = ""
    unasked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    level: str
    evidence: str
    cure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A hostname's finding. addresses: what its name resolves to. declared: so said, not asked. leads: to the edge."""

    member: str
    hostname: str
    addresses: tuple[str, ...]
    declared: bool
    leads: bool
    level: str
    evidence: str
    cure: str
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "addresses": list(self.addresses)}


def wanted(members: Sequence[Mapping[str, Any]], own: Sequence[str], tls_mode: str) -> list[dict[str, Any]]:
    """What module wave_hostnames asks for, of members as filter wave_chosen gives them. own: tenants that bring their
    certificate."""
    return [
        {
            "member": member["name"],
            "hostname": hostname,
            "source_url": member["source_url"],
            "own_certificate": member["name"] in own,
            "awaits_dns": tls_mode == "acme" and member["name"] not in own,
        }
        for member in members
        for hostname in member["hostnames"]
    ]


def wanted_from(values: Sequence[Mapping[str, Any]]) -> tuple[Wanted, ...]:
    others = {
        each["member"]: tuple(other["hostname"] for other in values if other["member"] == each["member"])
        for each in values
    }
    return tuple(Wanted(**each, others=others[each["member"]]) for each in values)


def addresses_from(edge: Sequence[str], declared: Mapping[str, Any]) -> tuple[tuple[str, ...], dict[str, list[str]]]:
    """The edge's addresses, and those of hostnames that are told. Raises InputError with every problem."""
    problems = list(_address_problems("edge_addresses", edge))
    told: dict[str, list[str]] = {}
    for name, values in declared.items():
        given = [values] if isinstance(values, str) else list(values) if isinstance(values, (list, tuple)) else []
        told[hostname_form(str(name))] = [str(each) for each in given]
        problems += _address_problems(f"addresses of {name}", given)
    if not edge:
        cure = "Give at least one: by default those of group edge (estate_address), else estate_edge_addresses."
        problems.append(Problem("run", "edge_addresses", "", cure))
    if problems:
        raise InputError("Hostnames cannot be asked for.", problems)
    return tuple(map(plain, edge)), {name: [plain(each) for each in values] for name, values in told.items()}


def _address_problems(field: str, values: Iterable[Any]) -> Iterator[Problem]:
    for value in values:
        try:
            ipaddress.ip_address(str(value))
        except ValueError:
            yield Problem("run", field, str(value), "Give IP addresses; DNS is what shall be found out.")


def plain(address: str) -> str:
    """One form for each address, so that texts can be compared."""
    return str(ipaddress.ip_address(address))


def leads(addresses: Sequence[str], edge: Sequence[str]) -> bool:
    """Every address, since visitors take any of them; one family that still leads elsewhere is enough to be lost."""
    return bool(addresses) and set(addresses) <= set(edge)


def judged(
    want: Wanted, addresses: Sequence[str], edge: Sequence[str], answers: Sequence[Answer], *, unresolved: str = ""
) -> Verdict:
    """What is to be said of a hostname: the worst of all, first of all how the edge answers."""
    there = leads(addresses, edge)
    at_edge = [each for each in answers if each.address in edge]
    verdicts = [_answered(want, each, there) for each in at_edge if not each.unasked]
    if not verdicts:
        cure = "Ask from a host that has a way there (wave_hostnames_from)."
        verdicts = [Verdict(level=FAILED, evidence="this host has no way to the edge's addresses", cure=cure)]
    if not there:
        elsewhere = [each for each in answers if each.address not in edge]
        verdicts.insert(0, _elsewhere(addresses, edge, elsewhere, unresolved))
    return Verdict(
        level=max((each.level for each in verdicts), key=LEVELS.index),
        evidence="; ".join(dict.fromkeys(each.evidence for each in verdicts)),
        cure=" ".join(dict.fromkeys(each.cure for each in verdicts if each.cure)),
    )


def _elsewhere(addresses: Sequence[str], edge: Sequence[str], answers: Sequence[Answer], unresolved: str) -> Verdict:
    """DNS does not lead to the edge, or not with every address. Who answers there instead is worth a word."""
    cure = f"Have DNS lead it to {_listed(edge)} and nowhere else, well before the cutover."
    if not addresses:
        return Verdict(level=WARNING, evidence=f"DNS: {unresolved or 'no address'}", cure=cure)
    strangers = [address for address in addresses if address not in edge]
    said = {each.address: each for each in answers}
    shown = ", ".join(f"{address} ({_seen(said.get(address))})" for address in strangers)
    also = ", beside the edge" if len(strangers) < len(addresses) else ""
    return Verdict(
        level=WARNING,
        evidence=f"DNS leads to {shown}{also}",
        cure=f"{cure} If that is the edge too (a proxy before it), name it in estate_edge_addresses.",
    )


def _seen(answer: Answer | None) -> str:
    if answer is None or answer.unasked:
        return "not asked"
    return answer.error or f"HTTP {answer.status}" + (f", certificate refused: {answer.refused}" * bool(answer.refused))


def _answered(want: Wanted, answer: Answer, there: bool) -> Verdict:
    """How the edge answers at one address."""
    at = f"the edge at {answer.address}"
    if answer.error:
        cure = "Traefik listens on port 443 of the edge: run site, and see what is in between."
        return Verdict(level=FAILED, evidence=f"{at}: {answer.error}", cure=cure)
    page, trust = _page(want, answer), _trust(want, answer, there)
    return Verdict(
        level=max((page.level, trust.level), key=LEVELS.index),
        evidence=f"{at}: {page.evidence}, {trust.evidence}",
        cure=" ".join(each for each in (trust.cure, page.cure) if each),
    )


def _trust(want: Wanted, answer: Answer, there: bool) -> Verdict:
    if answer.refused:
        evidence = f"certificate refused: {answer.refused}"
        if want.awaits_dns and not there:
            cure = (
                "ACME issues it only once DNS leads here, and until then visitors meet a wrong one: give the tenant its"
                " own certificate (tenant_certificates), which it has on its legacy host."
            )
            return Verdict(level=WARNING, evidence=evidence, cure=cure)
        cure = (
            "Give the tenant a certificate that its visitors trust (tenant_certificates), or, where they trust the"
            " estate's authority, name that in wave_hostnames_authorities."
        )
        return Verdict(level=FAILED, evidence=evidence, cure=cure)
    days = answer.days if answer.days is not None else 0.0
    evidence = f"certificate good for {days:.0f} days"
    if days >= (OWN_DAYS if want.own_certificate else RENEWED_DAYS):
        return Verdict(level=OK, evidence=evidence)
    cure = (
        "Renew it: give the tenant's new certificate and key (tenant_certificates), and run tenant."
        if want.own_certificate
        else "It should have been renewed by itself: see the edge's journal."
    )
    return Verdict(level=WARNING, evidence=evidence, cure=cure)


def _page(want: Wanted, answer: Answer) -> Verdict:
    last = answer.urls[-1] if answer.urls else ""
    if answer.looped:
        return Verdict(level=FAILED, evidence=f"it redirects to {last} for ever", cure=_loop_cure(want))
    if 300 <= answer.status < 400:
        target = (urlsplit(last).hostname or "").lower()
        if target in want.others:
            return Verdict(level=OK, evidence=f"HTTP {answer.status} to {target}")
        cure = f"Visitors are sent past the edge: name {target} among the tenant's hostnames, or end that redirect."
        return Verdict(level=FAILED, evidence=f"HTTP {answer.status} to {last}", cure=cure)
    if answer.odoo and answer.status == 200:
        return Verdict(level=OK, evidence="HTTP 200, Odoo")
    evidence = f"HTTP {answer.status}" + ("" if answer.status != 200 else ", and nothing of Odoo in it")
    if answer.status in SERVER_ERRORS:
        cure = f"The edge gets no answer from {want.source_url}: see whether it does, or give the member another url."
    elif answer.status == 401:
        cure = "Who asks for a password here hides whether Odoo answers: see for yourself, and waive gate hostname."
        return Verdict(level=WARNING, evidence=evidence, cure=cure)
    elif answer.status == 404:
        cure = f"Either the edge has no route of this name (run tenant), or {want.source_url} is another site."
    else:
        cure = f"It is not what Odoo answers: see what {want.source_url} serves under this name, or give another url."
    return Verdict(level=FAILED, evidence=evidence, cure=cure)


def _loop_cure(want: Wanted) -> str:
    """The edge speaks https to visitors and what ``url`` says to the legacy host, which does not believe it."""
    parts = urlsplit(want.source_url)
    if parts.scheme == "https":
        return f"{want.source_url} redirects to itself: see its web server's configuration, or name Odoo's own port."
    return (
        f"{want.source_url} redirects to https: give the member url https://{url_host(parts.hostname or '')} (its"
        f" certificate must be valid for {want.others[0] if want.others else want.hostname}), or where Odoo itself"
        " listens, such as port 8069."
    )


def _listed(values: Sequence[str]) -> str:
    return ", ".join(values)


def facts(found: Sequence[Found], at: str) -> dict[str, dict[str, Any]]:
    """What the store keeps of each member: when, and how each of its hostnames was found."""
    kept: dict[str, dict[str, Any]] = {}
    for each in found:
        value = {key: item for key, item in each.as_dict().items() if key != "member"}
        kept.setdefault(each.member, {"at": at, "found": []})["found"].append(value)
    return kept
