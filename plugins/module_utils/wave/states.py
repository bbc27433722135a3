# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The transitions of a member, as one table. Pure: docs/waves.md shows the same to people.

A verb brings a member from one state to another. While it runs the member is in the verb's running state, so that a
run that died can be told from one that never began: the same verb starts there again. An outcome may depend on where
the run came from (``wave_rollback`` of a live member ends otherwise than that of a prepared one), so that the store
keeps the state before the running one (``origin``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

NONE = ""  # a member that the store does not know yet

STATES = (
    "discovered",
    "planned",
    "preparing",
    "prepared",
    "seeding",
    "following",
    "diverged",
    "cutting_over",
    "live",
    "rolling_back",
    "rolled_back",
    "withdrawn",
    "committing",
    "committed",
)


@dataclass(frozen=True, slots=True)
class Transition:
    """What one verb does. ``running`` is empty for a verb that is one step; ``outcomes``: the usual one first.

    again: from where it may be run again, to finish what stands around it; no way on, so nobody is told to.
    """

    verb: str
    sources: tuple[str, ...]
    running: str
    outcomes: tuple[str, ...]
    again: tuple[str, ...] = ()


TABLE = (
    Transition("wave_discover", (NONE, "discovered"), "", ("discovered",)),
    Transition("wave_plan", ("discovered", "planned"), "", ("planned",)),
    Transition("wave_prepare", ("planned", "prepared", "withdrawn", "rolled_back"), "preparing", ("prepared",)),
    Transition("wave_seed", ("prepared", "following", "diverged"), "seeding", ("following",)),
    Transition("wave_rehearse", ("following",), "", ("following", "diverged")),
    Transition("wave_cutover", ("following",), "cutting_over", ("live", "following", "diverged", "rolled_back")),
    Transition("wave_keep", ("live",), "", ("live",)),
    Transition("wave_rollback", ("live",), "rolling_back", ("rolled_back", "live")),
    Transition(
        "wave_rollback", ("preparing", "prepared", "seeding", "following", "diverged"), "rolling_back", ("withdrawn",)
    ),
    Transition("wave_commit", ("live",), "committing", ("committed", "live"), again=("committed",)),
)

VERBS = tuple(dict.fromkeys(row.verb for row in TABLE))
RUNNING = tuple(dict.fromkeys(row.running for row in TABLE if row.running))
ON_TARGET = ("live", "committing", "committed")
BY_NOBODY = ("cutting_over", "rolling_back")


def row_of(verb: str, origin: str) -> Transition | None:
    """The row by which a verb leaves a state that is not a running one of its own."""
    return next((row for row in TABLE if row.verb == verb and origin in (*row.sources, *row.again)), None)


def resumes(verb: str, state: str) -> bool:
    """Whether the state is what a run of this verb leaves when it dies."""
    return bool(state) and any(row.verb == verb and row.running == state for row in TABLE)


def starts_from(verb: str) -> tuple[str, ...]:
    """Every state that a verb may start from, its own running one included."""
    rows = [row for row in TABLE if row.verb == verb]
    running = [row.running for row in rows if row.running]
    return tuple(dict.fromkeys([*(state for row in rows for state in row.sources), *running]))


def next_verbs(state: str) -> tuple[str, ...]:
    """The verbs that a member in this state may be given, in the order of the table."""
    ways = {row.verb for row in TABLE if state in row.sources}
    return tuple(verb for verb in VERBS if verb in ways or resumes(verb, state))


def outcomes(verb: str, origin: str) -> tuple[str, ...]:
    """Where a verb may end that started from ``origin``; empty where it may not start."""
    row = row_of(verb, origin)
    return row.outcomes if row else ()


def may(verb: str, state: str) -> str:
    """Empty where the verb may start; else the refusal: what is possible from here, and where the verb starts."""
    if verb not in VERBS:
        return f"There is no verb {verb}. Verbs: {', '.join(VERBS)}."
    if row_of(verb, state) or resumes(verb, state):
        return ""
    possible = next_verbs(state)
    here = f"From here {listed(possible)} may run" if possible else "No verb leads on from here"
    return f"{here}; {verb} starts from {listed([shown(each) for each in starts_from(verb)])}."


def may_end(verb: str, origin: str, state: str, outcome: str) -> str:
    """Empty where a run of the verb, begun from ``origin`` and now in ``state``, may end as ``outcome``."""
    row = row_of(verb, origin)
    if row is None or (row.running or origin) != state:
        return f"No run of {verb} is under way in state {shown(state)}; begin it first."
    if outcome in row.outcomes:
        return ""
    return f"{verb} ends from {shown(origin)} as {listed(row.outcomes)}."


def who_serves(state: str, origin: str = NONE) -> str:
    """``source``, ``target`` or ``nobody``. A rollback that began before the cutover never took the source away."""
    if state in ON_TARGET:
        return "target"
    if state == "rolling_back" and origin and origin != "live":
        return "source"
    return "nobody" if state in BY_NOBODY else "source"


def shown(state: str) -> str:
    return state or "(none)"


def listed(words: Iterable[str]) -> str:
    """``a, b or c``."""
    texts = list(words)
    return " or ".join([", ".join(texts[:-1]), texts[-1]]) if len(texts) > 1 else "".join(texts)
