# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The map as lines and boxes: hosts, members and what they use, in three layers. Deterministic and pure.

Members of one group stand together; a layer's order follows the mean place of what its nodes are joined with (the
barycentre rule of Sugiyama's method), swept a fixed number of times. Numbers are pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.erpops.odoo.plugins.module_utils.planning.graph import Graph

SWEEPS = 4
ROW, TOP = 34, 30
WIDTHS = (150, 210, 480)
LEFTS = (10, 260, 580)
LONGEST = (18, 26, 62)


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    id: str
    kind: str
    text: str
    full: str
    x: int
    y: int
    width: int
    height: int = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    path: str
    binding: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    width: int
    height: int
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    groups: tuple[Box, ...]


def drawing_of(graph: Graph, every_thing: bool = False) -> Drawing:
    """Hosts to the left, members in the middle, to the right what they share; if asked, also what one alone uses."""
    shown = {(kind, thing): set[str]() for kind, thing, users in graph.things if every_thing or len(users) > 1}
    for kind, thing, users in graph.things:
        if (kind, thing) in shown:
            shown[kind, thing].update(users)
    uses = {f"{kind} {thing}": tuple(sorted(users)) for (kind, thing), users in shown.items()}
    kinds = {f"{kind} {thing}": kind for kind, thing in shown}
    host_of = {each.name: each.host for each in graph.members}
    members, things = _ordered(graph, uses)
    hosts = sorted(
        set(host_of.values()), key=lambda host: _mean([members.index(m) for m in members if host_of[m] == host])
    )
    rows = max(len(members), len(things), len(hosts), 1)
    boxes = {
        **_layer(0, {f"host {name}": ("host", name) for name in hosts}, rows),
        **_layer(1, {f"member {name}": ("member", name) for name in members}, rows),
        **_layer(2, {name: (kinds[name], name) for name in things}, rows),
    }
    binding = {(f"{tie.kind} {tie.thing}"): tie for tie in sorted(graph.ties, key=lambda tie: tie.together)}
    lines = [_line(boxes[f"host {host_of[name]}"], boxes[f"member {name}"], False, f"{name} is on {host_of[name]}")
             for name in members]  # fmt: skip
    for thing in things:
        tie = binding.get(thing)
        for name in uses[thing]:
            reason = tie.reason if tie else thing
            lines.append(_line(boxes[f"member {name}"], boxes[thing], bool(tie and tie.together), reason))
    return Drawing(
        width=LEFTS[2] + WIDTHS[2] + 10,
        height=TOP + rows * ROW + 10,
        boxes=tuple(boxes.values()),
        lines=tuple(lines),
        groups=_frames(graph, boxes),
    )


def _ordered(graph: Graph, uses: Mapping[str, tuple[str, ...]]) -> tuple[list[str], list[str]]:
    """Members with their groups together, and things, so that lines cross little."""
    host_of = {each.name: each.host for each in graph.members}
    block_of = {name: group.members for group in graph.groups for name in group.members}
    members = sorted(
        host_of, key=lambda name: (host_of[block_of.get(name, (name,))[0]], block_of.get(name, (name,)), name)
    )
    things = sorted(uses)
    for _turn in range(SWEEPS):
        place = {name: index for index, name in enumerate(members)}
        things.sort(key=lambda thing: (_mean([place[name] for name in uses[thing] if name in place]), thing))
        at = {thing: index for index, thing in enumerate(things)}
        pull = {name: [at[thing] for thing in things if name in uses[thing]] or [place[name]] for name in members}
        keys = {}
        for name in members:
            block = block_of.get(name, (name,))
            mean = _mean([each for other in block if other in pull for each in pull[other]])
            keys[name] = (host_of[block[0]], mean, block, _mean(pull[name]), name)
        members.sort(key=keys.__getitem__)
    return members, things


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _layer(layer: int, nodes: Mapping[str, tuple[str, str]], rows: int) -> dict[str, Box]:
    """The nodes of a layer, spread over its height."""
    gap = rows / max(len(nodes), 1)
    return {
        id_: Box(id=id_, kind=kind, text=_short(text, LONGEST[layer]), full=text, x=LEFTS[layer],
                 y=TOP + round((index + 0.5) * gap * ROW - ROW / 2) + 5, width=WIDTHS[layer])
        for index, (id_, (kind, text)) in enumerate(nodes.items())
    }  # fmt: skip


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _line(begin: Box, end: Box, binding: bool, why: str) -> Line:
    x, y = begin.x + begin.width, begin.y + begin.height // 2
    to_x, to_y = end.x, end.y + end.height // 2
    middle = (x + to_x) // 2
    return Line(path=f"M{x} {y} C{middle} {y} {middle} {to_y} {to_x} {to_y}", binding=binding, why=why)


def _frames(graph: Graph, boxes: Mapping[str, Box]) -> tuple[Box, ...]:
    frames = []
    for number, group in enumerate(graph.groups, 1):
        inside = [boxes[f"member {name}"] for name in group.members if f"member {name}" in boxes]
        top, bottom = min(box.y for box in inside), max(box.y + box.height for box in inside)
        frames.append(
            Box(id=group.id, kind="group", text=f"group {number}", full="; ".join(group.reasons), x=LEFTS[1] - 8,
                y=top - 4, width=WIDTHS[1] + 16, height=bottom - top + 8)
        )  # fmt: skip
    return tuple(frames)
