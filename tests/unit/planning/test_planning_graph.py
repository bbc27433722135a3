# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the fixtures' legacy databases share, and each kind of tie by itself."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError
from ansible_collections.erpops.odoo.plugins.module_utils.planning import sources
from ansible_collections.erpops.odoo.plugins.module_utils.planning.drawing import Box, drawing_of
from ansible_collections.erpops.odoo.plugins.module_utils.planning.graph import Graph, Tie, graph_of, groups_of

FIXTURES = Path(__file__).parent / "fixtures" / "discovery"
HOSTS = {"acme": "legacy1", "birch": "legacy1", "cedar": "legacy1", "delta": "legacy1", "elm": "legacy2",
         "fir": "legacy2", "gum": "legacy2"}  # fmt: skip
MEMBERS = [{"name": name, "host": host, "database": f"{name}_prod"} for name, host in HOSTS.items()]
ADDRESSES = {"legacy1": "10.8.0.11", "legacy2": "10.8.0.12"}


def results() -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(FIXTURES.glob("*.json"))]


def graph(changed: list[dict[str, Any]] | None = None, **values: Any) -> Graph:
    return graph_of(sources.members_from(MEMBERS), changed or results(), addresses=ADDRESSES, **values)


def groups(given: Graph) -> list[tuple[str, ...]]:
    return [group.members for group in given.groups]


def bound(given: Graph, kind: str) -> list[tuple[str, ...]]:
    return [tie.members for tie in given.ties if tie.kind == kind and tie.together]


def test_the_fixtures_move_in_these_groups() -> None:
    given = graph()
    assert groups(given) == [("acme", "birch"), ("delta", "elm"), ("fir", "gum")]
    assert given.groups[0].reasons == ("cron /etc/cron.d/consolidate on legacy1 touches acme_prod and birch_prod",)
    assert given.groups[1].reasons == ("legacy2 reads delta_prod of legacy1 as role elm",)
    assert given.groups[2].reasons == ("client 10.8.9.9 reads fir_prod and gum_prod as role bi",)


def test_what_goes_by_a_hostname_does_not_bind() -> None:
    (tie,) = [tie for tie in graph().ties if tie.kind == "endpoint"]
    assert (tie.members, tie.together) == (("birch", "cedar"), False)


def test_a_role_that_owns_many_databases_is_shown_and_does_not_bind() -> None:
    ties = [tie for tie in graph().ties if tie.kind == "role"]
    assert [(tie.members, tie.together) for tie in ties] == [(("acme", "birch", "cedar"), False),
                                                             (("fir", "gum"), False)]  # fmt: skip


def host(number: int, change: Any) -> list[dict[str, Any]]:
    changed = copy.deepcopy(results())
    change(changed[number])
    return changed


def database(result: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in result["databases"] if each["name"] == name)
    return found


def test_one_hostname_leads_to_one_place() -> None:
    def same(result: dict[str, Any]) -> None:
        database(result, "cedar_prod")["parameters"]["web.base.url"] = "http://erp.acme.example:8069/web"

    assert bound(graph(host(0, same)), "hostname") == [("acme", "cedar")]


def test_one_filestore_within_another() -> None:
    def nested(result: dict[str, Any]) -> None:
        outer = database(result, "acme_prod")["filestore"]["path"]
        database(result, "delta_prod")["filestore"]["path"] = f"{outer}/old"
        database(result, "cedar_prod")["filestore"]["path"] = f"{outer}x"

    assert bound(graph(host(0, nested)), "filestore") == [("acme", "delta")]


def test_two_odoo_servers_with_one_data_dir() -> None:
    def second(result: dict[str, Any]) -> None:
        result["odoo"][0]["options"]["db_name"] = "acme_prod, cedar_prod"
        result["odoo"].append({**result["odoo"][0], "config": "/etc/odoo/2.conf", "options": {"db_name": "delta_prod"}})

    assert bound(graph(host(0, second)), "folder") == [("acme", "cedar", "delta")]
    assert bound(graph(), "folder") == []


def test_a_database_read_by_the_owner_of_another() -> None:
    def reads(result: dict[str, Any]) -> None:
        result["connections"].append(
            {"direction": "in", "peer": "127.0.0.1", "port": 5432, "process": "x", "database": "acme_prod",
             "role": "delta"}
        )  # fmt: skip

    given = graph(host(0, reads))
    assert bound(given, "role") == [("acme", "delta")]
    assert ("acme", "birch", "delta", "elm") in groups(given), "groups join where they share a member"


@pytest.mark.parametrize(
    ("command", "touched"),
    [
        ("x acme_prod cedar_prod", True),
        ("x acme_prod2 cedar_prod", False),
        ("x /backup/acme_prod.dump; psql cedar_prod", True),
        ("x my-acme_prod cedar_prod", False),
    ],
)
def test_a_cron_names_whole_databases(command: str, touched: bool) -> None:
    def cron(result: dict[str, Any]) -> None:
        result["crons"] = [{"path": "/etc/crontab", "user": "root", "schedule": "@daily", "command": command}]

    assert (bound(graph(host(0, cron)), "cron") == [("acme", "cedar")]) == touched


def test_people_bind_and_unbind() -> None:
    links = [
        {"members": ["acme", "birch", "gum"], "together": False, "reason": "the cron goes away first"},
        {"members": ["gum", "cedar"], "together": True, "reason": "one team tests both"},
    ]
    given = graph(links=links)
    assert groups(given) == [("cedar", "fir", "gum"), ("delta", "elm")]
    (cron,) = [tie for tie in given.ties if tie.kind == "cron"]
    assert not cron.together and cron.reason.endswith("declared not to bind: the cron goes away first")


def test_groups_join_whatever_the_order() -> None:
    ties = [Tie(kind="cron", thing=str(n), members=members, reason=str(n)) for n, members in
            enumerate([("a", "b"), ("c", "d"), ("b", "c"), ("e", "f")])]  # fmt: skip
    assert [group.members for group in groups_of(ties)] == [("a", "b", "c", "d"), ("e", "f")]
    assert groups_of(ties)[0].reasons == ("0", "1", "2")


def test_the_drawing_is_the_same_each_time_and_nothing_overlaps() -> None:
    first, second = drawing_of(graph()), drawing_of(graph_of(sources.members_from(MEMBERS[::-1]), results()[::-1],
                                                             addresses=ADDRESSES))  # fmt: skip
    assert first == second
    for left in first.boxes:
        for right in first.boxes:
            apart = left.x + left.width <= right.x or right.x + right.width <= left.x
            apart = apart or left.y + left.height <= right.y or right.y + right.height <= left.y
            assert left is right or apart, (left, right)
    for frame, group in zip(first.groups, graph().groups, strict=True):
        inside = [box for box in first.boxes if box.kind == "member" and frame.y <= box.y < frame.y + frame.height]
        assert {box.text for box in inside} == set(group.members), "a frame holds its group and nobody else"
    assert all(box.y + box.height <= first.height for box in first.boxes)


def overlapping(boxes: tuple[Box, ...]) -> list[tuple[str, str]]:
    return [
        (left.id, right.id)
        for number, left in enumerate(boxes)
        for right in boxes[number + 1 :]
        if left.x < right.x + right.width and right.x < left.x + left.width
        and left.y < right.y + right.height and right.y < left.y + left.height
    ]  # fmt: skip


def many(count: int) -> Graph:
    """Members with a filestore and an integration of their own each, and one integration that all have."""
    names = [f"member{number:02}" for number in range(count)]
    members = [{"name": name, "host": f"legacy{number % 4}", "database": f"{name}_prod"}
               for number, name in enumerate(names)]  # fmt: skip
    hosts = []
    for number in range(4):
        own = [each["database"] for each in members if each["host"] == f"legacy{number}"]
        hosts.append({"host": f"legacy{number}", "databases": [
            {"name": name, "owner": name, "filestore": {"path": f"/var/lib/odoo/filestore/{name}"},
             "endpoints": [{"target": f"https://{name.replace('_', '-')}.example"}, {"target": "https://all.example"}]}
            for name in own
        ]})  # fmt: skip
    return graph_of(sources.members_from(members), hosts)


def test_what_one_member_alone_uses_is_drawn() -> None:
    drawn = drawing_of(many(3))
    kinds = [box.kind for box in drawn.boxes]
    assert (kinds.count("filestore"), kinds.count("endpoint"), kinds.count("member")) == (3, 4, 3)
    (shared,) = [box for box in drawn.boxes if box.full == "endpoint all.example"]
    to_shared = [line for line in drawn.lines if line.path.endswith(f"{shared.x} {shared.y + shared.height // 2}")]
    assert len(to_shared) == 3, "one box for all that speak with it"
    assert "role" not in kinds, "what one role alone owns is nothing to look at"
    assert {box.note for box in drawn.boxes if box.kind == "member"} == {f"member0{n}_prod" for n in range(3)}


def test_a_filestore_stands_beside_its_member() -> None:
    drawn = drawing_of(many(30))
    row = {box.full.split()[-1]: box.y for box in drawn.boxes if box.kind == "member"}
    stores = {box.full.rpartition("/")[2]: box for box in drawn.boxes if box.kind == "filestore"}
    assert {name: box.y for name, box in stores.items()} == row
    assert all(box.text.startswith("…") and box.text.endswith(name) for name, box in stores.items())


@pytest.mark.parametrize("count", [1, 4, 30])
def test_many_members_fit_on_a_page(count: int) -> None:
    drawn = drawing_of(many(count))
    assert overlapping(drawn.boxes) == []
    assert drawn.width <= 1272 and all(box.y + box.height <= drawn.height for box in drawn.boxes)
    assert min(box.y for box in drawn.boxes) > 24, "the titles are above"


def test_filestores_in_one_folder_are_joined_with_each_of_their_members() -> None:
    def one_folder(result: dict[str, Any]) -> None:
        for name in ("elm_prod", "fir_prod"):
            database(result, name)["filestore"]["path"] = "/srv/one"

    drawn = drawing_of(graph(host(1, one_folder)))
    (store,) = [box for box in drawn.boxes if box.full.endswith("/srv/one")]
    begins = f"M{store.x + store.width} {store.y + store.height // 2} "
    assert [line.binding for line in drawn.lines if line.path.startswith(begins)] == [True, True]


def test_members_are_read_with_everything_that_is_wrong() -> None:
    twice = [*MEMBERS, {**MEMBERS[0], "host": "legacy2"}, {**MEMBERS[1], "name": "twin"}]
    with pytest.raises(InputError) as caught:
        sources.members_from(twice)
    assert [problem.subject for problem in caught.value.problems] == ["member acme", "members birch, twin"]


def test_results_are_read_with_everything_that_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{")
    (tmp_path / "b.json").write_text('{"host": "x"}')
    (tmp_path / "c.json").write_text('{"host": "y", "databases": []}')
    (tmp_path / "d.json").write_text('{"host": "y", "databases": []}')
    with pytest.raises(InputError) as caught:
        sources.read(tmp_path)
    assert [Path(problem.subject.split()[1]).name for problem in caught.value.problems] == [
        "a.json",
        "b.json",
        "d.json",
    ]
    with pytest.raises(InputError, match="Run wave_discover first"):
        sources.read(tmp_path / "none")


def test_a_member_that_nobody_discovered() -> None:
    members = sources.members_from([{"name": "x", "host": "legacy9", "database": "x"},
                                    {"name": "y", "host": "legacy2", "database": "y"}])  # fmt: skip
    first, second = sources.undiscovered(members, results())
    assert "run wave_discover" in first.cure and "elm_prod, fir_prod, gum_prod" in second.cure
