# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cutover does once the target is open, by its playbook and while users work: it looks at the unit that serves,
and updates modules before anybody is led there. What fails brings the member back.

On the estate that `make demo-wave` leaves behind: birch is served by its legacy host, whatever it was before.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from integration.estate import runs
from integration.estate.live import Estate
from integration.wave_estate.test_faults import CHOSEN, MEMBER, SOURCE, WAIVERS, acknowledged, connections, state
from integration.waves.users import Users

REHEARSED = [waiver for waiver in WAIVERS if waiver["gate"] != "rehearsal"]
WANTED = [{**WAIVERS[0], "gate": "update"}]
LOOKED_AT = {"unit", "login page", "assets", "attachments", "registry", "modules", "crons", "ids", "log"}
LEAF = """
    SELECT name FROM ir_module_module AS m WHERE state = 'installed' AND name NOT IN ('base', 'web')
      AND NOT EXISTS (SELECT FROM ir_module_module_dependency AS d JOIN ir_module_module AS n ON n.id = d.module_id
                      WHERE n.state = 'installed' AND d.name = m.name)
    ORDER BY name LIMIT 1
"""
SEQUENCE = "res_country_id_seq"


def following(estate: Estate) -> None:
    if state(estate) == "live":
        runs.done(estate, "wave_rollback", **CHOSEN)
    if state(estate) != "following":
        runs.done(estate, "wave_prepare", **CHOSEN)
        runs.done(estate, "wave_seed", **CHOSEN)


@pytest.fixture(scope="module", autouse=True)
def served_by_its_source(estate: Estate) -> Iterator[None]:
    yield
    if state(estate) == "live":
        runs.done(estate, "wave_rollback", **CHOSEN)


def facts(estate: Estate) -> dict[str, Any]:
    query = f"SELECT facts FROM wave.member WHERE name = '{MEMBER}'"
    found: dict[str, Any] = json.loads(estate.psql(estate.primary(), query, "erpops")[0])
    return found


def is_back(estate: Estate, users: Users) -> None:
    assert state(estate) == "rolled_back"
    assert connections(estate, (estate.primary(), MEMBER)) == 0
    acknowledged(estate, users, SOURCE)


def module(estate: Estate, side: tuple[str, str], name: str) -> list[str]:
    query = f"SELECT state, latest_version, write_date FROM ir_module_module WHERE name = '{name}'"
    return estate.psql(side[0], query, side[1])


def test_a_probe_that_fails_brings_the_member_back(estate: Estate, users: Users) -> None:
    """The source's own fault, which no comparison finds, since both sides are equal: the next country would fail."""
    following(estate)
    highest = estate.psql(SOURCE[0], "SELECT max(id) FROM res_country", SOURCE[1])[0]
    estate.psql(SOURCE[0], f"SELECT setval('{SEQUENCE}', 1)", SOURCE[1])
    try:
        said = " ".join(runs.refused(estate, "wave_cutover", **CHOSEN, wave_waivers=WAIVERS).split())
        assert f"{SEQUENCE}: next 2, highest {highest}" in said and "1 of" in said, said[-4000:]
        assert "It was brought back to its source" in said
        is_back(estate, users)
        assert SEQUENCE in facts(estate)["failed_cutover"]["reason"]
        assert estate.browser(MEMBER).get("/web/login").status == 200
    finally:
        estate.psql(SOURCE[0], f"SELECT setval('{SEQUENCE}', {highest})", SOURCE[1])


def test_an_update_is_named_before_and_thrown_away_if_it_fails(estate: Estate, users: Users) -> None:
    following(estate)
    (leaf,) = estate.psql(SOURCE[0], LEAF, SOURCE[1])
    update: dict[str, Any] = {**CHOSEN, "wave_move_update": {MEMBER: [leaf]}}
    said = " ".join(runs.refused(estate, "wave_cutover", **update, wave_waivers=WAIVERS).split())
    assert "gate update" in said and leaf in said and "The way back ends" in said, said[-4000:]
    assert state(estate) == "following"
    before = module(estate, SOURCE, leaf)
    late = {**update, "wave_move_update_seconds": 1, "wave_waivers": WAIVERS + WANTED}
    said = " ".join(runs.refused(estate, "wave_cutover", **late).split())
    assert "It was brought back to its source" in said, said[-4000:]
    is_back(estate, users)
    assert module(estate, SOURCE, leaf) == before


def test_what_was_rehearsed_is_what_the_cutover_does(estate: Estate, users: Users) -> None:
    following(estate)
    (leaf,) = estate.psql(SOURCE[0], LEAF, SOURCE[1])
    update: dict[str, Any] = {**CHOSEN, "wave_move_update": {MEMBER: [leaf]}}
    said = runs.done(estate, "wave_rehearse", **update)
    assert "probes passed" in said
    rehearsal = facts(estate)["rehearsals"][-1]
    assert rehearsal["updated"] == [leaf] and rehearsal["crons"]["total"] >= rehearsal["crons"]["active"] > 0
    assert {probe["status"] for probe in rehearsal["probes"]} <= {"ok", "skipped"}
    said = " ".join(runs.refused(estate, "wave_cutover", **CHOSEN, wave_waivers=REHEARSED).split())
    assert "gate rehearsal" in said and f"it updated {leaf}" in said and "gate update" not in said, said[-4000:]

    runs.done(estate, "wave_cutover", **update, wave_waivers=REHEARSED + WANTED)
    assert state(estate) == "live" and connections(estate, SOURCE) == 0
    acknowledged(estate, users, (estate.primary(), MEMBER))
    cutover = facts(estate)["cutover"]
    assert cutover["updated"] == [leaf] and cutover["update_seconds"] > 0
    assert {probe["name"] for probe in cutover["probes"]} >= LOOKED_AT
    assert {probe["status"] for probe in cutover["probes"]} == {"ok"}, cutover["probes"]
    assert module(estate, (estate.primary(), MEMBER), leaf)[0].startswith("installed|")
    runs.done(estate, "wave_status", **CHOSEN)
    page = (Path(estate.variables["wave_status_folder"]) / "wave_status.html").read_text()
    assert "What was tried" in page and f"updated {leaf}" in page

    assert cutover["schema_changes"] == [], "control: the same version of a module has the same schema"
    runs.done(estate, "wave_rollback", **CHOSEN)
    is_back(estate, users)
