# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A target that is gone with all that it had: its legacy host opens with what was pushed back, sequences included."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager

from contracts.harness import ROOT

from integration.waves.live import PG_CTL, Waves
from integration.waves.test_moves import Make, following, nothing_lost, serves

SCRIPT = ROOT / "roles" / "wave_access" / "files" / "open-source"
NUMBERED = "CREATE SEQUENCE ir_sequence_777; SELECT nextval('ir_sequence_777') FROM generate_series(1, {count})"


def opened(waves: Waves, name: str, mode: str = "apply", *, may_fail: bool = False) -> str:
    """What the script says, over SSH and with a shell, as the playbook runs it."""
    words = shlex.join(["sh", "-s", "--", mode, name, f"{name}_old"])
    words = f"({words} 2>&1 || true)" if may_fail else words
    return waves.legacy.shell(f"{words} <<'SCRIPT'\n{SCRIPT.read_text()}\nSCRIPT").strip()


@contextmanager
def target_gone(waves: Waves) -> Iterator[None]:
    waves.target.shell(f"{PG_CTL} -m immediate stop")
    try:
        yield
    finally:
        waves.target.shell(f"{PG_CTL} start")


def test_a_source_opens_without_its_target_and_a_target_that_returns_is_closed(waves: Waves, member: Make) -> None:
    name = member("orphan", "birch")
    following(waves, name)
    assert "no cutover has closed" in opened(waves, name, may_fail=True) and serves(waves, name) == {"source"}
    waves.done("cutover", name)
    waves.target_sql(NUMBERED.format(count=41), name)
    with waves.writing(name, "target"):
        waves.target.shell("sleep 1")
    files = waves.filestores()
    kept = waves.done("rollback", name, state="ready", filestore=files)
    assert waves.done("rollback", name, state="live")["state"] == kept["state"] == "live"
    waves.target_sql("SELECT nextval('ir_sequence_777')", name)  # since it was kept: nobody brings that
    with target_gone(waves):
        assert opened(waves, name, "check").startswith("opened: ") and serves_source(waves, name) is False
        assert opened(waves, name) == f"opened: database {name}_old of member {name}"
        assert opened(waves, name).startswith("open: "), "again it changes nothing"
        assert serves_source(waves, name)
        with waves.writing(name, "source"):
            waves.legacy.shell("sleep 1")
        assert waves.source_sql("SELECT last_value FROM ir_sequence_777", f"{name}_old") == "41"
        nothing_lost(waves, name, on_source=True)
    assert serves(waves, name) == {"source", "target"}, "control: the target came back as it was"
    refused = waves.run("commit", name)
    assert refused["failed"], "an old copy is never committed"
    assert waves.run("rollback", name, check=True)["state"] == "rolled_back"
    assert waves.done("rollback", name)["state"] == "rolled_back"
    assert serves(waves, name) == {"source"}
    following(waves, name)
    assert waves.done("cutover", name)["state"] == "live", "and it can move again"


def serves_source(waves: Waves, name: str) -> bool:
    query = f"SELECT has_database_privilege('odoo', '{name}_old', 'CONNECT')"
    return waves.source_sql(query) == "t"
