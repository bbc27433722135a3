# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The map as lines and boxes: hosts, filestores, members and what these use, in four layers. Deterministic and pure.

Members of one group stand together; a layer's order follows the mean place of what its nodes are joined with (the
barycentre rule of Sugiyama's method), swept a fixed number of times. A filestore stands beside its member. Numbers are
pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.erpops.odoo.plugins.module_utils.planning.graph import Graph

SWEEPS = 4
ROW, TOP, HEIGHT = 34, 44, 24
HOSTS, FILES, MEMBERS, THINGS = range(4)
TITLES = ("Hosts", "Filestores", "Members and their databases", "Integrations, and what else is shared")
WIDTHS = (120, 230, 270, 440)
LEFTS = (10, 180, 460, 800)
LONGEST = (14, 29, 20, 56)
NOTE = 34  # letters of a member's name and its database
FOLDERS = ("filestore", "folder")
ALONE = ("filestore", "endpoint")  # kinds that are drawn though one member alone uses them


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    id: str
    kind: str
    text: str
    full: str
    x: int
    y: int
    width: int
    height: int = HEIGHT
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    path: str
    binding: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Title:
    text: str
    x: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    width: int
    height: int
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    groups: tuple[Box, ...]
    titles: tuple[Title, ...]


def drawing_of(graph: Graph) -> Drawing:
    """From the left: hosts, filestores, members, and what members speak with or share."""
    uses, kinds = _uses(graph)
    host_of = {each.name: each.host for each in graph.members}
    members, things = _ordered(graph, {name: users for name, users in uses.items() if kinds[name] not in FOLDERS})
    hosts = sorted(
        set(host_of.values()), key=lambda host: _mean([members.index(m) for m in members if host_of[m] == host])
    )
    rows = max(len(members), len(things), len(hosts), 1)
    boxes = {
        **_layer(HOSTS, {f"host {name}": ("host", name) for name in hosts}, rows),
        **_layer(MEMBERS, {f"member {name}": ("member", name) for name in members}, rows, _databases(graph)),
        **_layer(THINGS, {name: (kinds[name], name) for name in things}, rows),
    }
    boxes |= _beside({name: users for name, users in uses.items() if kinds[name] in FOLDERS}, kinds, boxes)
    return Drawing(
        width=LEFTS[THINGS] + WIDTHS[THINGS] + 10,
        height=max([TOP + rows * ROW, *(box.y + box.height for box in boxes.values())]) + 10,
        boxes=tuple(boxes.values()),
        lines=tuple(_lines(graph, boxes, uses, kinds)),
        groups=_frames(graph, boxes),
        titles=tuple(Title(text=text, x=x) for text, x in zip(TITLES, LEFTS, strict=True)),
    )


def _uses(graph: Graph) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
    """Of each thing that is drawn its members, of whichever tie they were said; and its kind."""
    users: dict[tuple[str, str], set[str]] = {}
    for kind, thing, names in graph.things:
        users.setdefault((kind, thing), set()).update(names)
    drawn = {(kind, thing): names for (kind, thing), names in users.items() if kind in ALONE or len(names) > 1}
    return (
        {f"{kind} {thing}": tuple(sorted(names)) for (kind, thing), names in drawn.items()},
        {f"{kind} {thing}": kind for kind, thing in drawn},
    )


def _databases(graph: Graph) -> dict[str, str]:
    return {f"member {each.name}": each.database for each in graph.members}


def _lines(
    graph: Graph, boxes: Mapping[str, Box], uses: Mapping[str, Sequence[str]], kinds: Mapping[str, str]
) -> Iterable[Line]:
    tie_of = {f"{tie.kind} {tie.thing}": tie for tie in sorted(graph.ties, key=lambda tie: tie.together)}
    stored = {name: thing for thing, users in uses.items() if kinds[thing] in FOLDERS for name in users}
    for each in graph.members:
        if each.name not in stored:
            why = f"{each.name} is on {each.host}"
            yield _line(boxes[f"host {each.host}"], boxes[f"member {each.name}"], False, why)
    for thing, users in uses.items():
        tie = tie_of.get(thing)
        why, binds = tie.reason if tie else thing, bool(tie and tie.together)
        for name in users:
            begin, end = boxes[f"member {name}"], boxes[thing]
            if kinds[thing] in FOLDERS:
                begin, end = end, begin
            yield _line(begin, end, binds, why)
    for host, thing in sorted({(each.host, stored[each.name]) for each in graph.members if each.name in stored}):
        yield _line(boxes[f"host {host}"], boxes[thing], False, f"{thing} is on {host}")


def _beside(uses: Mapping[str, Sequence[str]], kinds: Mapping[str, str], boxes: Mapping[str, Box]) -> dict[str, Box]:
    """Folders at the height of their members, one below the other."""
    height = {name: _mean([boxes[f"member {user}"].y for user in users]) for name, users in uses.items()}
    found: dict[str, Box] = {}
    least = 0
    for name in sorted(uses, key=lambda name: (height[name], name)):
        y = max(least, round(height[name]))
        path = name.partition(":")[2]
        text = path if len(path) <= LONGEST[FILES] else f"…{path[1 - LONGEST[FILES] :]}"  # its end says whose it is
        found[name] = Box(id=name, kind=kinds[name], text=text, full=name, x=LEFTS[FILES], y=y, width=WIDTHS[FILES])
        least = y + HEIGHT + 4
    return found


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


def _layer(
    layer: int, nodes: Mapping[str, tuple[str, str]], rows: int, notes: Mapping[str, str] | None = None
) -> dict[str, Box]:
    """The nodes of a layer, spread over its height."""
    gap = rows / max(len(nodes), 1)
    found = {}
    for index, (id_, (kind, full)) in enumerate(nodes.items()):
        text, note = _short(full, LONGEST[layer]), (notes or {}).get(id_, "")
        y = TOP + round((index + 0.5) * gap * ROW - ROW / 2) + 5
        found[id_] = Box(id=id_, kind=kind, text=text, full=f"{full} {note}".rstrip(), x=LEFTS[layer], y=y,
                         width=WIDTHS[layer], note=_short(note, NOTE - len(text)) if note else "")  # fmt: skip
    return found


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
            Box(id=group.id, kind="group", text=f"group {number}", full="; ".join(group.reasons), x=LEFTS[MEMBERS] - 8,
                y=top - 4, width=WIDTHS[MEMBERS] + 16, height=bottom - top + 8)
        )  # fmt: skip
    return tuple(frames)
