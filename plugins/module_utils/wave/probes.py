# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probes of the declared integrations, as the dispositions give them: what is asked of whom, for which member. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Problem

NONE = "none"  # nothing is asked, for a reason that a person gave
PORTS: Mapping[str, int | None] = {
    "http": 80, "https": 443, "tls": None, "tcp": None, "smtp": 25, "imap": 143, "pop": 110,
}  # fmt: skip
IMPLICIT_PORTS = {"smtp": 465, "imap": 993, "pop": 995}
TLS = {"smtp": ("none", "starttls", "implicit"), "imap": ("none", "implicit"), "pop": ("none", "implicit")}
WEB = ("http", "https")
KEYS = {
    **{kind: ("kind", "host", "port", *(("tls", "verify") if kind in TLS else ())) for kind in PORTS},
    **{kind: ("kind", "host", "port", "path", "status", "verify") for kind in WEB},
    "tls": ("kind", "host", "port", "verify"),
    NONE: ("kind", "reason"),
}
HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
OWN = re.compile(r"localhost(\..*)?|127\..*|0\.0\.0\.0")
SERVER_ERROR = 500  # from here on a status says that the other side is broken


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What is asked of one endpoint. name: of the disposition. status: None is any below 500."""

    member: str
    name: str
    kind: str
    host: str
    port: int
    path: str = "/"
    status: int | None = None
    tls: str = "none"
    verify: bool = True

    @property
    def target(self) -> str:
        """As people are shown it: without what follows a question mark, which may be a secret."""
        path, asked, _query = self.path.partition("?")
        return f"{self.kind}://{self.host}:{self.port}{path + asked if self.kind in WEB else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of it. evidence: what was seen, or what is wrong and what to do about it. seconds: how long it took."""

    member: str
    name: str
    kind: str
    target: str
    ok: bool
    evidence: str
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def listed(
    members: Sequence[Mapping[str, Any]], dispositions: Callable[[str], Sequence[Mapping[str, Any]] | None]
) -> dict[str, Any]:
    """The probes of members, which have ``name``, ``host``, ``database`` and ``app_host``.

    dispositions: those of a legacy host, None where there are none. The answer: ``hosts``, the probes that each app
    host has to make, and ``decided``, results of all that nobody has to ask or that cannot be asked.
    """
    hosts: dict[str, list[dict[str, Any]]] = {}
    decided: list[dict[str, Any]] = []
    for member in members:
        items = dispositions(member["host"])
        if items is None:
            name, cure = f"dispositions of {member['host']}", "There are none; run wave_discover."
            decided.append(_decided(member, name, False, cure))
            continue
        for item in declared(items, member["database"]):
            _place(member, item, hosts, decided)
    return {"hosts": hosts, "decided": decided}


def declared(items: Sequence[Mapping[str, Any]], database: str) -> Iterator[Mapping[str, Any]]:
    """Integrations that go on to be used. One that no database is named for belongs to every member of the host."""
    for item in items:
        if item.get("kind") != "integration" or item.get("disposition") != "declared":
            continue
        if not item.get("databases") or database in item["databases"]:
            yield item


def _place(
    member: Mapping[str, Any],
    item: Mapping[str, Any],
    hosts: dict[str, list[dict[str, Any]]],
    decided: list[dict[str, Any]],
) -> None:
    name, probe = str(item["name"]), item.get("probe")
    wrong = list(problems(probe))
    if wrong or not isinstance(probe, Mapping):
        decided.append(_decided(member, name, False, " ".join(wrong)))
    elif probe["kind"] == NONE:
        decided.append(_decided(member, name, True, f"not asked: {str(probe['reason']).strip()}"))
    elif not member["app_host"]:
        decided.append(_decided(member, name, False, "The member has no app host to ask from; run wave_prepare."))
    else:
        found = probe_from({"member": member["name"], "name": name, **probe})
        hosts.setdefault(member["app_host"], []).append(asdict(found))


def _decided(member: Mapping[str, Any], name: str, ok: bool, evidence: str) -> dict[str, Any]:
    return Result(member=member["name"], name=name, kind=NONE, target="", ok=ok, evidence=evidence).as_dict()


def probe_from(value: Mapping[str, Any]) -> Probe:
    """``value``: a probe without problems, or a module's parameters. The port is the usual one where none is given."""
    given = {key: item for key, item in value.items() if item is not None}
    usual = IMPLICIT_PORTS.get(given["kind"]) if given.get("tls") == "implicit" else PORTS[given["kind"]]
    return Probe(**{"port": usual, **given})


def problems(probe: Any) -> Iterator[str]:
    """Everything that is wrong with a disposition's ``probe``, a sentence each with its cure."""
    if not isinstance(probe, Mapping):
        yield f"probe is {probe!r}; run wave_discover, which proposes one, or write one."
        return
    kind = probe.get("kind")
    if not isinstance(kind, str) or kind not in KEYS:
        yield f"probe.kind is {kind!r}; it is one of {', '.join(KEYS)}."
        return
    for key in probe:
        if key not in KEYS[kind]:
            yield f"probe.{key} is not of kind {kind}; that has {', '.join(KEYS[kind])}."
    if kind == NONE:
        if not str(probe.get("reason") or "").strip():
            yield "probe.reason is missing; say why nothing is asked, or name what can be asked."
        return
    if OWN.fullmatch(str(probe.get("host")).lower()):
        yield f"probe.host is {probe['host']!r}, the container itself on the target; name what takes its place."
    yield from _endpoint_problems(probe)


def _endpoint_problems(probe: Mapping[str, Any]) -> Iterator[str]:
    yield from _place_problems(probe)
    yield from _detail_problems(probe)


def well_given(values: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """A module's parameters as they are. Raises InputError with every problem."""
    found = [
        Problem(f"member {each['member']}", each["name"], "", problem)
        for each in values
        for problem in _endpoint_problems(each)
    ]
    if found:
        raise InputError("Probes are not well given.", found)
    return values


def _place_problems(probe: Mapping[str, Any]) -> Iterator[str]:
    host, port = probe.get("host"), probe.get("port")
    if not isinstance(host, str) or not HOST.fullmatch(host):
        yield f"probe.host is {host!r}; give a name or an IPv4 address, nothing else: containers have no IPv6."
    if port is None and PORTS[probe["kind"]] is None:
        yield f"probe.port is missing; kind {probe['kind']} has no usual one."
    elif port is not None and (not _integer(port) or not 1 <= port <= 65535):
        yield f"probe.port is {port!r}; it is a number from 1 to 65535."


def _detail_problems(probe: Mapping[str, Any]) -> Iterator[str]:
    kind, path, status = probe["kind"], probe.get("path", "/"), probe.get("status")
    if not isinstance(path, str) or not re.fullmatch(r"/[!-~]*", path):
        yield f"probe.path is {path!r}; it begins with / and has neither spaces nor letters beyond ASCII."
    if status is not None and (not _integer(status) or not 100 <= status <= 599):
        yield f"probe.status is {status!r}; it is a number such as 200, or is left out for any below {SERVER_ERROR}."
    if probe.get("tls", "none") not in TLS.get(kind, ("none",)):
        yield f"probe.tls is {probe['tls']!r}; kind {kind} knows {', '.join(TLS.get(kind, ()))}."
    if not isinstance(probe.get("verify", True), bool):
        yield f"probe.verify is {probe['verify']!r}; it is true, or false where its certificate cannot be checked."


def _integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def permitted(address: str, port: int, egress: Sequence[Mapping[str, Any]]) -> bool:
    """Whether containers may connect there, by ``baseline_container_egress``."""
    return any(
        each["protocol"] == "tcp"
        and each["port"] == port
        and ipaddress.ip_address(address) in ipaddress.ip_network(each["address"])
        for each in egress
    )


def answered(probe: Probe, status: int) -> bool:
    return status == probe.status if probe.status is not None else status < SERVER_ERROR
