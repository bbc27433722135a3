# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each module of a move keeps the result contract, in check mode too, where it runs: between a real legacy host and a
real database host. tests/contracts has no cases of these: two versions of PostgreSQL and their tools are wanted.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from contracts.harness import Case, System, prove

from integration.waves.live import ADMIN_PASSWORD, LOGIN_PASSWORD, TENANT_PASSWORD, WAVE_PASSWORD, Waves
from integration.waves.test_moves import following, prepared, restart_source

Make = Callable[[str, str], str]
SECRETS = (ADMIN_PASSWORD, LOGIN_PASSWORD, TENANT_PASSWORD, WAVE_PASSWORD, "SCRAM-SHA", "pbkdf2")
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


def at_once(queries: tuple[str, ...]) -> str:
    """One query for all of them, each as one value: a question over SSH takes longer than its answer."""
    values = (f"(SELECT string_agg(f::text, ' ') FROM ({query}) AS f)" for query in queries)
    return f"SELECT {', '.join(values)}"


def seen(waves: Waves, name: str) -> list[str]:
    """Who may connect where, what is published, followed and kept, what is set, and rows of both sides."""
    server, database = at_once(SERVER), at_once(DATABASE)
    found = [run(server) for run in (waves.source_sql, waves.target_sql)]
    found.append(waves.source_sql(database, f"{name}_old"))
    if waves.target_sql(f"SELECT 1 FROM pg_database WHERE datname = '{name}'"):
        found.append(waves.target_sql(database, name))
    return found


def keeps(waves: Waves, verb: str, name: str, *, repeats: bool = False, **more: Any) -> None:
    """The module itself, on the database host; what it does stays, and the next verb goes on from there."""
    system = System(run=waves.module, shell=waves.target.shell)
    given = {key: value for key, value in waves.parameters(verb, name, **more).items() if value is not None}
    case = Case(
        name=verb, system=lambda: nullcontext(system), arguments=lambda _system: given,
        probe=lambda _system: seen(waves, name), repeats=repeats, secrets=SECRETS,
    )  # fmt: skip
    prove(f"wave_{verb}", case)


def test_every_verb_predicts_its_run_and_changes_nothing(waves: Waves, member: Make) -> None:
    name = member("foretold", "birch")
    keeps(waves, "prepare", name)
    if waves.done("prepare", name)["restart_needed"]:
        restart_source(waves)
    waves.source_sql("INSERT INTO x_acks (text) VALUES ('one'), ('two')", f"{name}_old", "odoo")
    keeps(waves, "seed", name)
    keeps(waves, "rehearse", name, repeats=True)
    keeps(waves, "rehearse", name, state="absent")
    keeps(waves, "cutover", name, state="ready")
    keeps(waves, "cutover", name, state="following")
    keeps(waves, "cutover", name)
    keeps(waves, "rollback", name, state="ready")
    keeps(waves, "rollback", name, state="live")
    keeps(waves, "rollback", name)
    prepared(waves, name)
    keeps(waves, "rollback", name, withdraw=True)
    following(waves, name)
    waves.done("cutover", name)
    keeps(waves, "commit", name)


def test_a_refusal_is_the_same_in_check_mode(waves: Waves, member: Make) -> None:
    name = member("refused", "birch")
    for verb in ("seed", "rehearse", "cutover", "commit"):
        before = seen(waves, name)
        said, refused = waves.run(verb, name, check=True), waves.run(verb, name)
        assert said.get("failed") and refused.get("failed") and said["msg"] == refused["msg"], verb
        assert seen(waves, name) == before, verb
