# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of a move in check mode, as playbooks: each where it is the next, and held against the run behind it.

On the estate that `make demo-wave` leaves behind: birch is served by its legacy host, and moves there and back.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from integration.estate import runs
from integration.estate.live import Estate
from integration.wave_estate.test_faults import CHOSEN, MEMBER, SOURCE, WAIVERS, state

HOST, DATABASE = SOURCE
CATALOGUE = (
    "SELECT slot_name FROM pg_replication_slots WHERE slot_name ~ '^erpops' ORDER BY 1",
    "SELECT subname, subenabled FROM pg_subscription ORDER BY 1",
    "SELECT datname, datacl FROM pg_database ORDER BY 1",
    "SELECT rolname, rolcanlogin, rolconnlimit FROM pg_roles WHERE rolname !~ '^pg_' ORDER BY 1",
    "SELECT name, setting FROM pg_file_settings WHERE sourcefile ~ 'auto' ORDER BY 1",
)
OF_DATABASE = (
    "SELECT pubname, obj_description(oid, 'pg_publication') FROM pg_publication ORDER BY 1",
    "SELECT relname, relreplident FROM pg_class WHERE relkind = 'r' ORDER BY 1",
    "SELECT key, value FROM ir_config_parameter ORDER BY 1",
)
STORE = f"SELECT state, origin, facts FROM wave.member WHERE name = '{MEMBER}'"
EDGE = "find /etc/traefik /etc/erpops/pki/requests.d -type f ! -name '*.lock' | sort | xargs sha256sum"
WAYS = "find /var/lib/erpops/sources /etc/systemd/system -name '*legacy*' | sort | xargs -r sha256sum"
KEYS = "cat /root/.ssh/authorized_keys /var/lib/postgresql/.ssh/authorized_keys 2>/dev/null || true"
# What has no part in check mode: it notes what the run has really done.
NOT_FORETOLD = (
    "Record what became of it", "Record what was seen", "Take the members' steps", "Restart the source's PostgreSQL",
    "The source is ready", "The target is open", "The edge leads there",
)  # fmt: skip
# What goes on by itself in a run, and the task that waits for it and knows what it did.
WAITED_FOR = {"The member follows": "Copy the member and go on following it"}
Key = tuple[str, str, int]


def seen(estate: Estate) -> dict[str, Any]:
    """Both databases, the store, the edge and the ways between the hosts, read without the collection."""
    primary = estate.primary()
    found: dict[str, Any] = {
        f"{host}: {query}": estate.psql(host, query) for host in (HOST, primary) for query in CATALOGUE
    }
    found |= {f"{HOST}: {query}": estate.psql(HOST, query, DATABASE) for query in OF_DATABASE}
    if estate.psql(primary, f"SELECT 1 FROM pg_database WHERE datname = '{MEMBER}'"):
        found |= {f"{primary}: {query}": estate.psql(primary, query, MEMBER) for query in OF_DATABASE}
    found["store"] = estate.psql(primary, STORE, "erpops")
    found["edge"] = estate.run("edge1", "sh", "-c", EDGE).stdout
    found["keys"] = estate.run(HOST, "sh", "-c", KEYS).stdout
    found |= {f"ways of {host}": estate.run(host, "sh", "-c", WAYS).stdout for host in estate.groups["postgres"]}
    return found


def recorded(estate: Estate, playbook: str, *options: str, **variables: Any) -> dict[Key, tuple[bool, list[str]]]:
    """What each task of a run said that it changed; by host, task, and how often that host had one of this name."""
    with tempfile.TemporaryDirectory(prefix="erpops-") as folder:
        environment = {
            "ANSIBLE_CALLBACK_PLUGINS": str(estate.root / "tests" / "lab" / "callbacks"),
            "ANSIBLE_CALLBACKS_ENABLED": "recorder", "ERPOPS_RECORDS": folder, "ERPOPS_RECORDED": playbook,
        }  # fmt: skip
        done = subprocess.run(
            runs.command(estate, playbook, {**CHOSEN, **variables}, Path(folder), *options), cwd=estate.root,
            env={**os.environ, **runs.PLAIN, **environment}, capture_output=True, text=True, timeout=1200, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{playbook} {options}: {done.stdout[-6000:]}{done.stderr[-2000:]}"
        (path,) = Path(folder).glob("*-1.json")
        results = json.loads(path.read_text(encoding="utf-8"))
    seen_before: Counter[tuple[str, str]] = Counter()
    found = {}
    for result in results:
        at = result["host"], result["task"].rpartition(" : ")[2]
        said = [f"{action.get('verb')} {action.get('subject')}" for action in result["actions"]]
        if at[1] in WAITED_FOR:
            found[(at[0], WAITED_FOR[at[1]], 0)] = result["changed"], said
            continue
        found[(*at, seen_before[at])] = result["changed"], said
        seen_before[at] += 1
    return found


def foretold(estate: Estate, verb: str, **variables: Any) -> dict[Key, tuple[bool, list[str]]]:
    """What check mode said of the verb; it changed nothing."""
    before = seen(estate)
    said = recorded(estate, verb, "--check", **variables)
    after = seen(estate)
    assert {name for name in before if before[name] != after.get(name)} == set(), f"{verb} --check changed something"
    return said


def held(estate: Estate, verb: str, **variables: Any) -> None:
    """The verb does what its check mode said, task by task."""
    said = foretold(estate, verb, **variables)
    happened = recorded(estate, verb, **variables)
    assert sum(changed for changed, _actions in happened.values()) > 0, "control: the run changed something"
    wrong = [
        f"{at}: foretold {said.get(at)}, happened {happened.get(at)}"
        for at in sorted({*said, *happened})
        if at[1] not in NOT_FORETOLD and said.get(at, (False, [])) != happened.get(at, (False, []))
    ]
    assert wrong == [], f"{verb}:\n" + "\n".join(wrong)


def test_a_source_that_was_never_reached_is_not_guessed_at(estate: Estate) -> None:
    """The ways to it are taken away, so that wave_prepare would make them first."""
    ways = {"wave_access_hosts": [HOST]}
    runs.done(estate, "wave_access", **ways, wave_access_take_away=True)
    try:
        said = foretold(estate, "wave_prepare")
        predicted = next(value for at, value in said.items() if at[1] == "Make the source ready to be followed")
        assert predicted == (True, [f"prepare member {MEMBER}"])
    finally:
        runs.done(estate, "wave_access", **ways)


def test_prepare_and_seed(estate: Estate) -> None:
    held(estate, "wave_prepare")
    assert state(estate) == "prepared"
    held(estate, "wave_seed")
    assert state(estate) == "following"


def test_rehearse(estate: Estate) -> None:
    said = foretold(estate, "wave_rehearse")
    assert any(changed for changed, _actions in said.values())
    runs.done(estate, "wave_rehearse", **CHOSEN)


def test_a_cutover_is_foretold_up_to_the_tenants_adoption(estate: Estate) -> None:
    """Behind it, tenants are still seen with their sources in check mode: docs/playbooks/wave_cutover.md says so."""
    said = foretold(estate, "wave_cutover", wave_waivers=WAIVERS)
    runs.done(estate, "wave_cutover", **CHOSEN, wave_waivers=WAIVERS)
    assert state(estate) == "live"
    assert any(at[1] == "Fence the source, compare, open the target" and value[0] for at, value in said.items())


def test_a_commit_is_foretold_and_a_rollback_still_possible(estate: Estate) -> None:
    foretold(estate, "wave_commit")
    foretold(estate, "wave_rollback")
    runs.done(estate, "wave_rollback", **CHOSEN)
    assert state(estate) == "rolled_back"
