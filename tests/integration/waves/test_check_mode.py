# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each verb of a move in check mode: it predicts what the run does then, and changes nothing on either side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from integration.waves.live import Waves
from integration.waves.test_moves import restart_source

Make = Callable[[str, str], str]
SERVER = (
    "SELECT slot_name FROM pg_replication_slots ORDER BY 1",
    "SELECT subname, subenabled FROM pg_subscription ORDER BY 1",
    "SELECT datname, datacl FROM pg_database ORDER BY 1",
    "SELECT rolname, rolcanlogin FROM pg_roles WHERE rolname !~ '^pg_' ORDER BY 1",
    "SELECT name, setting FROM pg_file_settings WHERE sourcefile ~ 'auto' ORDER BY 1",
)
DATABASE = (
    "SELECT pubname, obj_description(oid, 'pg_publication') FROM pg_publication ORDER BY 1",
    "SELECT relname, relreplident FROM pg_class WHERE relkind = 'r' ORDER BY 1",
    "SELECT proname, proconfig FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1",
    "SELECT * FROM x_acks ORDER BY id",
    "SELECT last_value FROM x_acks_id_seq",
)


def seen(waves: Waves, name: str) -> list[str]:
    """Who may connect where, what is published, followed and kept, what is set, and rows of both sides."""
    found = [run(query) for run in (waves.source_sql, waves.target_sql) for query in SERVER]
    found += [waves.source_sql(query, f"{name}_old") for query in DATABASE]
    if waves.target_sql(f"SELECT 1 FROM pg_database WHERE datname = '{name}'"):
        found += [waves.target_sql(query, name) for query in DATABASE]
    return found


def predicted(waves: Waves, verb: str, name: str, **more: Any) -> dict[str, Any]:
    """What the verb did, as its check mode said before."""
    before = seen(waves, name)
    said = waves.run(verb, name, check=True, **more)
    assert not said.get("failed"), said["msg"]
    assert seen(waves, name) == before, f"{verb} changed something in check mode"
    done = waves.done(verb, name, **more)
    assert said["actions"] == done["actions"], verb
    assert (said["before"], said["after"]) == (done["before"], done["after"]), verb
    again = waves.run(verb, name, check=True, **more)
    assert verb == "rehearse" or (again["actions"], again["after"]) == ([], done["after"]), verb
    return done


def test_every_verb_predicts_its_run_and_changes_nothing(waves: Waves, member: Make) -> None:
    name = member("foretold", "birch")
    if predicted(waves, "prepare", name)["restart_needed"]:
        restart_source(waves)
    waves.source_sql("INSERT INTO x_acks (text) VALUES ('one'), ('two')", f"{name}_old", "odoo")
    predicted(waves, "seed", name)
    predicted(waves, "rehearse", name)
    predicted(waves, "rehearse", name, state="absent")
    predicted(waves, "cutover", name, state="ready")
    predicted(waves, "cutover", name, state="following")
    predicted(waves, "cutover", name)
    predicted(waves, "rollback", name, state="ready")
    predicted(waves, "rollback", name, state="live")
    predicted(waves, "rollback", name)
    predicted(waves, "prepare", name)
    predicted(waves, "seed", name)
    predicted(waves, "cutover", name)
    assert predicted(waves, "commit", name)["state"] == "committed"


def test_a_refusal_is_the_same_in_check_mode(waves: Waves, member: Make) -> None:
    name = member("refused", "birch")
    for verb in ("seed", "rehearse", "cutover", "commit"):
        before = seen(waves, name)
        said, refused = waves.run(verb, name, check=True), waves.run(verb, name)
        assert said.get("failed") and refused.get("failed") and said["msg"] == refused["msg"], verb
        assert seen(waves, name) == before, verb
