# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold before a member is cut over, or committed. Pure: facts of the store and choices of the operator."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Problem, Refused
from ansible_collections.erpops.odoo.plugins.module_utils.wave import budget as budgets
from ansible_collections.erpops.odoo.plugins.module_utils.wave import states
from ansible_collections.erpops.odoo.plugins.module_utils.wave.model import Member

SIGNATURES = {"acceptance": "the business owner accepts the rehearsal", "approval": "a second person approves"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """runner: who runs the verb. unsettled: open dispositions by member. preflight: findings that stop a member, by
    member; one that is not there was not looked at. rehearsal_hours, restore_point_hours: how old each may be.

    window_seconds: how long nobody may serve. window_hours: how long the planned window is. probes: results of module
    wave_probes; None if nobody asked. hostnames: the same of module wave_hostnames. updates: modules that the cutover
    updates, by member.
    """

    runner: str
    now: datetime
    unsettled: Mapping[str, Sequence[str]]
    preflight: Mapping[str, Sequence[str]]
    rehearsal_hours: float
    restore_point_hours: float
    window_hours: float
    window_seconds: float
    probes: Sequence[Mapping[str, Any]] | None = None
    hostnames: Sequence[Mapping[str, Any]] | None = None
    updates: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """A gate, or one rule of gate preflight, that need not hold for a member until a date, and why."""

    member: str
    gate: str
    reason: str
    until: date
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """cure: empty where the gate is passed. waived: the reason of a waiver that is not over."""

    member: str
    gate: str
    evidence: str
    cure: str = ""
    waived: str = ""

    @property
    def passed(self) -> bool:
        return not self.cure or bool(self.waived)

    def as_dict(self) -> dict[str, Any]:
        return {
            "member": self.member, "gate": self.gate, "passed": self.passed, "evidence": self.evidence,
            "cure": self.cure, "waived": self.waived,
        }  # fmt: skip


Verdict = tuple[str, str]  # evidence and cure


def preflight(member: Member, choices: Choices) -> Verdict:
    found = choices.preflight.get(member.name)
    if found is None:
        return "it was not run", "Hand in what wave_preflight says of the member."
    if not found:
        return "nothing stops it", ""
    return f"{len(found)} findings stop it: {_some(found)}", "Cure each, or waive it with rule, reason and date."


def dispositions(member: Member, choices: Choices) -> Verdict:
    found = choices.unsettled.get(member.name, ())
    if not found:
        return "every disposition is settled", ""
    return f"{len(found)} are not settled: {_some(found)}", f"Settle them in the dispositions of host {member.host}."


def _some(sentences: Sequence[str]) -> str:
    return "; ".join(sentences[:3]) + ("; …" if len(sentences) > 3 else "")


def probes(member: Member, choices: Choices) -> Verdict:
    """Every declared integration was asked just now, and answered."""
    if choices.probes is None:
        return "nobody asked", "Hand the results of wave_probes to this module, as wave_cutover does."
    own = [each for each in choices.probes if each["member"] == member.name]
    failing = [each for each in own if not each["ok"]]
    if not failing:
        return f"{len(own)} of {len(own)} passed" if own else "no integration is declared", ""
    what = "; ".join(f"{each['name']} ({each['target'] or 'no probe'}): {each['evidence']}" for each in failing)
    cure = f"Cure it, or change its probe or disposition in the dispositions of host {member.host}."
    return f"{len(own) - len(failing)} of {len(own)} passed; {what}", cure


def hostname(member: Member, choices: Choices) -> Verdict:
    """Whoever asks for a hostname now reaches the edge; else users would be left at a legacy host that is fenced."""
    own = [each for each in choices.hostnames or () if each["member"] == member.name]
    if not own:
        return "nobody asked", "Hand the results of wave_hostnames to this module, as wave_cutover does."
    wrong = [each for each in own if each["level"] != "ok"]
    evidence = f"{len(own) - len(wrong)} of {len(own)} reach the edge and their page"
    what = "; ".join(f"{each['hostname']}: {each['evidence']}" for each in wrong)
    return (f"{evidence}; {what}", " ".join(dict.fromkeys(each["cure"] for each in wrong))) if wrong else (evidence, "")


def rehearsal(member: Member, choices: Choices) -> Verdict:
    last = _last_rehearsal(member)
    if last is None:
        return "none", "Run wave_rehearse."
    age = choices.now - _time(last["at"])
    evidence = f"{last['at']}, {'passed' if last.get('ok') else 'failed'}"
    if not last.get("ok"):
        return evidence, "Cure what failed in it, and run wave_rehearse again."
    if age > timedelta(hours=choices.rehearsal_hours):
        return evidence, f"It is older than {choices.rehearsal_hours:g} hours; run wave_rehearse again."
    tried, wanted = sorted(last.get("updated") or ()), sorted(choices.updates.get(member.name) or ())
    if tried != wanted:
        evidence += f"; it updated {_modules(tried)}, the cutover would update {_modules(wanted)}"
        return evidence, "Give both the same wave_move_update: correct it, or run wave_rehearse again."
    return evidence, ""


def _modules(names: Sequence[str]) -> str:
    return ", ".join(names) or "nothing"


def update(member: Member, choices: Choices) -> Verdict:
    """Modules that are updated in the cutover are the way back's end, and somebody must want that."""
    wanted = choices.updates.get(member.name)
    if not wanted:
        return "no module is updated", ""
    cure = (
        "The way back ends with an update that changes the schema, and else brings the source rows of newer modules."
        " Update them on the source before seeding, or after wave_commit; or waive this gate."
    )
    return f"{_modules(wanted)} on the target, before users are led there", cure


def budget(member: Member, choices: Choices) -> Verdict:
    """What rehearsals make expect, against what the run may take."""
    rehearsals = member.facts.get("rehearsals") or ()
    expected = budgets.budget(rehearsals).budget_seconds
    if expected is None:
        return "unknown", "Run wave_rehearse, which measures it."
    updating = budgets.update_seconds(rehearsals) if choices.updates.get(member.name) else 0.0
    expected = round(expected + updating, 3)
    said = f", {updating:g} s of them for the update" if updating else ""
    evidence = f"{expected:g} s expected{said}, {choices.window_seconds:g} s allowed"
    if expected > choices.window_seconds:
        return evidence, "Allow a longer window (wave_move_window_seconds), or find what made the rehearsals slow."
    return evidence, ""


def window(member: Member, choices: Choices) -> Verdict:
    planned = (member.facts.get("plan") or {}).get("start")
    if not planned:
        return "it is not planned for a time", "Plan it with wave_plan, or waive this gate."
    start = _time(str(planned))
    end = start + timedelta(hours=choices.window_hours)
    if start <= choices.now <= end:
        return f"planned for {planned}", ""
    return f"planned for {planned}", f"It is {choices.now:%Y-%m-%d %H:%M} UTC; wait for the window, or plan it anew."


def restore_point(member: Member, choices: Choices) -> Verdict:
    """What the source could be brought back from, whatever becomes of both sides; somebody has made and named it."""
    named = member.facts.get("restore_point")
    if not named:
        return (
            "none",
            "Back the source up, then run wave_approve with wave_approval=restore_point and wave_restore_point.",
        )
    evidence = f"{named['where']} ({named['by']}, {named['at']})"
    if choices.now - _time(named["at"]) > timedelta(hours=choices.restore_point_hours):
        return evidence, f"It is older than {choices.restore_point_hours:g} hours; make and name a new one."
    return evidence, ""


def acceptance(member: Member, choices: Choices) -> Verdict:
    return _signed(member, "acceptance")


def approval(member: Member, choices: Choices) -> Verdict:
    evidence, cure = _signed(member, "approval")
    if cure:
        return evidence, cure
    by = member.facts["approval"]["by"]
    if by == choices.runner:
        return evidence, f"{by} runs this too: somebody else must approve."
    if by == (member.facts.get("acceptance") or {}).get("by"):
        return evidence, f"{by} has accepted too: somebody else must approve."
    return evidence, ""


def _signed(member: Member, kind: str) -> Verdict:
    signature = member.facts.get(kind)
    if not signature:
        return "none", f"Run wave_approve with wave_approval={kind}: {SIGNATURES[kind]}."
    evidence = f"{signature['by']}, {signature['at']}"
    last = _last_rehearsal(member)
    if last is not None and _time(signature["at"]) < _time(last["at"]):
        return evidence, f"It is older than the rehearsal of {last['at']}; run wave_approve again."
    return evidence, ""


GATES: Mapping[str, Callable[[Member, Choices], Verdict]] = {
    "preflight": preflight,
    "dispositions": dispositions,
    "probes": probes,
    "hostname": hostname,
    "rehearsal": rehearsal,
    "update": update,
    "budget": budget,
    "window": window,
    "restore_point": restore_point,
    "acceptance": acceptance,
    "approval": approval,
}


def found(
    members: Sequence[Member], gates: Sequence[str], waivers: Sequence[Waiver], choices: Choices
) -> tuple[Finding, ...]:
    """Every gate of every member, in the order of both."""
    findings = []
    for member in members:
        for gate in gates:
            begun = states.resumes("wave_cutover", member.state)  # it passed them, and nobody may serve now
            evidence, cure = ("its cutover has begun", "") if begun else GATES[gate](member, choices)
            own = [
                each for each in waivers if cure and (each.member, each.gate) == (member.name, gate) and not each.rule
            ]
            waived = next((each.reason for each in own if counts(each, choices.now.date())), "")
            if own and not waived:
                cure += f" Its waiver ended on {max(each.until for each in own)}."
            findings.append(Finding(member=member.name, gate=gate, evidence=evidence, cure=cure, waived=waived))
    return tuple(findings)


def counts(waiver: Waiver, today: date) -> bool:
    return waiver.until >= today


def refuse(findings: Sequence[Finding]) -> None:
    """Raises Refused with every gate that is not passed."""
    problems = [
        Problem(f"member {each.member}", f"gate {each.gate}", each.evidence, each.cure)
        for each in findings
        if not each.passed
    ]
    if problems:
        raise Refused("Not every gate is passed; nothing was changed.", problems)


def waivers_from(values: Sequence[Mapping[str, Any]]) -> tuple[Waiver, ...]:
    """Raises InputError with every problem."""
    problems = list(_waiver_problems(values))
    if problems:
        raise InputError("Waivers are not well given.", problems)
    return tuple(
        Waiver(
            member=each["member"],
            gate=each["gate"],
            reason=each["reason"],
            until=date.fromisoformat(each["until"]),
            rule=each.get("rule") or "",
        )
        for each in values
    )


def _waiver_problems(values: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    for index, each in enumerate(values):
        if not each["reason"].strip():
            yield Problem(f"waiver {index}", "reason", "", "Say why.")
        rule = each.get("rule") or ""
        if (each["gate"] == "preflight") != bool(rule):
            cure = "Gate preflight is waived rule by rule: name the rule with gate preflight, and with no other gate."
            yield Problem(f"waiver {index}", "rule", rule, cure)
        try:
            date.fromisoformat(each["until"])
        except ValueError:
            yield Problem(f"waiver {index}", "until", each["until"], "Give a date, such as 2027-01-31, in quotes.")


def _last_rehearsal(member: Member) -> Mapping[str, Any] | None:
    rehearsals = member.facts.get("rehearsals") or ()
    return rehearsals[-1] if rehearsals else None


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)
