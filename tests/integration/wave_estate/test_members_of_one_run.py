# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Of two members in one run one fails: the other goes through, and the run says at its end who did not.

On the estate that `make demo-wave` leaves behind: birch is served by its legacy host again. fir is a copy of it there,
with another uuid, and comes for these tests alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from integration.estate import runs
from integration.estate.live import Estate
from integration.wave_estate.test_faults import MEMBER, SOURCE, WAIVERS, connections
from integration.waves.independent import LEGACY

OTHER, HOST = "fir", SOURCE[0]
BOTH = f"{MEMBER},{OTHER}"
COPY = f"""
    runuser -u postgres -- createdb --owner=odoo {OTHER}
    runuser -u postgres -- pg_dump {MEMBER} | runuser -u postgres -- psql -Xq -o /dev/null -d {OTHER}
    rm -rf {LEGACY}/{OTHER}; cp -a {LEGACY}/{MEMBER} {LEGACY}/{OTHER}
"""
GONE = f"runuser -u postgres -- dropdb --if-exists {OTHER}; rm -rf {LEGACY}/{OTHER}"
LATER = "ALTER TABLE res_partner ADD COLUMN {} int"


def stands(estate: Estate) -> dict[str, str]:
    query = f"SELECT name || ' ' || state FROM wave.member WHERE name IN ('{MEMBER}', '{OTHER}')"
    return dict(line.split() for line in estate.psql(estate.primary(), query, "erpops"))


def facts(estate: Estate, member: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        estate.psql(estate.primary(), f"SELECT facts FROM wave.member WHERE name = '{member}'", "erpops")[0]
    )
    return found


def in_the_end(said: str) -> str:
    """What a run says when all parts are over, from its last task on."""
    return said.rpartition("Each member's part is done")[2]


@pytest.fixture(scope="module")
def declared(estate: Estate) -> Iterator[dict[str, Any]]:
    """What is declared with fir; in the end it is withdrawn, and nobody has heard of it."""
    tenant = {"instance": "shared14", "hostnames": [f"{OTHER}.legacy.example"], "tier": "bronze"}
    url = f"http://{estate.address(HOST)}:8069"  # nginx there knows no such name
    values: dict[str, Any] = {
        "odoo_tenants": runs.with_tenant(estate, OTHER, **tenant),
        "wave_members": [
            *estate.variables["wave_members"],
            {"name": OTHER, "host": HOST, "database": OTHER, "url": url},
        ],
        "wave_waivers": [*WAIVERS, *({**waiver, "member": OTHER} for waiver in WAIVERS)],
    }
    estate.run(HOST, "sh", "-c", GONE)
    copied = estate.run(HOST, "bash", "-ec", COPY)
    assert copied.returncode == 0, copied.stderr
    estate.psql(HOST, "UPDATE ir_config_parameter SET value = gen_random_uuid() WHERE key = 'database.uuid'", OTHER)
    yield values
    for member, state in stands(estate).items():
        if state not in ("withdrawn", "rolled_back", "discovered", "planned"):
            runs.done(estate, "wave_rollback", **values, wave_names=member)
    estate.psql(estate.primary(), f"DELETE FROM wave.member WHERE name = '{OTHER}'", "erpops")
    estate.run(HOST, "sh", "-c", GONE)


@pytest.fixture(scope="module")
def following(estate: Estate, declared: dict[str, Any]) -> dict[str, Any]:
    runs.done(estate, "wave_discover", **declared)
    planned = f"UPDATE wave.member SET state = 'planned' WHERE name = '{OTHER}' AND state = 'discovered'"
    estate.psql(estate.primary(), planned, "erpops")  # the demonstration's plan stays as it is
    for verb in ("wave_prepare", "wave_seed"):
        names = MEMBER if stands(estate)[MEMBER] != "following" else ""
        runs.done(estate, verb, **declared, wave_names=",".join(filter(None, (names, OTHER))))
    assert stands(estate) == {MEMBER: "following", OTHER: "following"}
    return declared


def test_a_rehearsal_of_which_one_fails(estate: Estate, following: dict[str, Any]) -> None:
    before = len(facts(estate, MEMBER).get("rehearsals", []))
    estate.psql(HOST, LATER.format("x_beside"), OTHER)
    said = runs.refused(estate, "wave_rehearse", **following, wave_names=BOTH)
    assert stands(estate) == {MEMBER: "following", OTHER: "diverged"}
    rehearsals = facts(estate, MEMBER)["rehearsals"]
    assert len(rehearsals) > before and rehearsals[-1]["ok"], rehearsals
    assert f"member {OTHER}:" in in_the_end(said) and "x_beside" in in_the_end(said), said[-4000:]
    assert f"member {MEMBER}:" not in in_the_end(said)


def test_a_seed_copies_only_the_one_anew(estate: Estate, following: dict[str, Any]) -> None:
    oid = f"SELECT oid FROM pg_database WHERE datname = '{MEMBER}'"
    before = estate.psql(estate.primary(), oid)
    runs.done(estate, "wave_seed", **following, wave_names=BOTH)
    assert stands(estate) == {MEMBER: "following", OTHER: "following"}
    assert estate.psql(estate.primary(), oid) == before


def test_a_cutover_of_which_one_fails(estate: Estate, following: dict[str, Any]) -> None:
    """Nobody is turned away for the one that fails; the other goes live in the same run."""
    estate.psql(HOST, LATER.format("x_again"), OTHER)
    said = runs.refused(estate, "wave_cutover", **following, wave_names=BOTH)
    assert stands(estate) == {MEMBER: "live", OTHER: "diverged"}
    assert f"member {OTHER}:" in in_the_end(said) and "x_again" in in_the_end(said), said[-4000:]
    assert f"member {MEMBER}:" not in in_the_end(said)
    primary = estate.primary()
    assert estate.browser(MEMBER).get("/web/login").status == 200
    assert connections(estate, SOURCE) == 0 and connections(estate, (primary, OTHER)) == 0
    may_connect = f"SELECT has_database_privilege('odoo', '{OTHER}', 'CONNECT')"
    assert estate.psql(HOST, may_connect) == ["t"], "the source of the one that failed serves"
    left = f"SELECT slot_name FROM pg_replication_slots WHERE slot_name IN ('erpops_back_{OTHER}')"
    assert estate.psql(primary, left) == []
